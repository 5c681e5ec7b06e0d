"""What K sweeps leave out: their plan beside the fixed point's, in total variation.

A layer that starts from zero at every call, as nearly every layer does, is wrong by
TV = ‖P_K - P*‖_1 / (2N), whatever schedule brought its temperature down: K, eps and the cost
decide. `lowest_eps` reads that at fixed K along eps, `iters_needed` at fixed eps along K.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checks import MOST_ITERS, check_count, check_size
from sinkdiag.problem import Problem
from sinkdiag.results import Solution
from sinkdiag.solver.layer import carry, run_sweeps
from sinkdiag.solver.path import WarmPath
from sinkdiag.solver.solve import solve_problem

# A plan with at most this share of its mass in the wrong place is right.
RIGHT = 0.01
# Where the scan ends, in units of the cost's range, and the ratio of its looks.
LOWEST, RATIO = 1e-4, 1.6
# Where it begins with forbidden pairs, on which no bound rules a wrong plan out.
WARMEST = 10.0
# Relative accuracy of the temperature, and marginal error of the fixed points.
EPS_TOL, POINT_TOL = 1e-3, 1e-10
# Cooling factor a call of a layer that carries its potentials.
COOLING = 0.8
# Entries that the sweeps of one search may read.
_READS = 400_000_000

# The potential g (m,) from which the layer starts at a temperature; None: from zero.
Start = Callable[[float], FloatArray | None]


def cold(eps: float) -> FloatArray | None:
    """From zero at every call."""
    del eps
    return None


def carried(problem: Problem, iters: int) -> Start:
    """From the g that the calls before left behind, in cost units.

    Those were at eps/0.8, eps/0.8², ... up to the cost's range, the warmest first and from zero,
    K sweeps each: the layer has come down to eps by the factor `COOLING` a call.
    """

    def start(eps: float) -> FloatArray | None:
        calls = math.floor(math.log(eps / problem.cost_range) / math.log(COOLING) + 1e-9)
        g = None
        for call in range(calls, 0, -1):
            g = carry(problem, eps / COOLING**call, iters, g)
        return g

    return start


def truncation_error(plan: FloatArray, solution: Solution) -> float:
    """TV = ‖P_K - P*‖_1 / (2N) between a plan (n, m) and a fixed point; nan without one."""
    if solution.status.failed:
        return math.nan
    total = float(solution.row.sum())
    return float(np.abs(plan - solution.plan).sum()) / (2.0 * total)


def lowest_eps(problem: Problem, iters: int, *, start: Start = cold) -> float:
    """The temperature down to which K sweeps are right to 1 % in total variation, cost units.

    The layer is right at every temperature that was looked at from the warmest down to this one,
    and wrong just below it (to a relative 1e-3), unless it is `LOWEST` of the cost's range: there
    the scan ends. It ends earlier where a fixed point cannot be found. The scan starts where the
    contraction of a sweep rules a wrong plan out (`_warmest`; with forbidden pairs at ten times the
    range), and goes down by a factor of 1.6. inf: wrong even there.

    Parameters
    ----------
    problem, iters:
        Cost and marginals; K.
    start:
        The potential that the layer starts from at a temperature.

    Raises
    ------
    InputError
        When K is no whole number from 1 to 100,000.
    """
    check_count("iters", iters, 1, MOST_ITERS)
    path = WarmPath(problem, tol=POINT_TOL)

    def is_right(eps: float) -> bool:
        plan = run_sweeps(problem, eps, iters, start(eps)).plan
        # A nan, where there is no fixed point, ends the scan.
        return truncation_error(plan, path.at(eps)) <= RIGHT

    right, end = _warmest(problem, iters), LOWEST * problem.cost_range
    if not is_right(right):
        return math.inf
    while right > end:
        wrong = max(right / RATIO, end)
        if is_right(wrong):
            right = wrong
            continue
        while right > wrong * (1.0 + EPS_TOL):
            middle = math.sqrt(right * wrong)
            right, wrong = (middle, wrong) if is_right(middle) else (right, middle)
        break
    return right


def iters_needed(
    problem: Problem, eps: float, *, init: FloatArray | None = None, most: int = MOST_ITERS
) -> float:
    """K: sweeps after which the plan is right to 1 % in total variation, from g = ``init`` (or 0).

    Found by doubling K until the plan is right and bisecting the last doubling. nan where there is
    no fixed point, and beyond `searched_iters`.

    Raises
    ------
    InputError
        When eps is not positive and finite.
    """
    check_size("eps", eps)
    solution = solve_problem(problem, eps, tol=POINT_TOL)
    if solution.status.failed:
        return math.nan
    done, step, limit, g = 0, 1, min(most, searched_iters(problem)), init
    while True:
        run = run_sweeps(problem, eps, step, g)
        if truncation_error(run.plan, solution) <= RIGHT:
            break
        done, g = done + step, run.g
        step = min(done, limit - done)
        if step < 1:
            return math.nan
    while step > 1:
        half = step // 2
        run = run_sweeps(problem, eps, half, g)
        if truncation_error(run.plan, solution) <= RIGHT:
            step = half
        else:
            done, step, g = done + half, step - half, run.g
    return float(done + step)


def searched_iters(problem: Problem) -> int:
    """How many sweeps `iters_needed` tries at most: 100,000, fewer on large matrices."""
    return min(MOST_ITERS, max(100, _READS // problem.cost.size))


def _warmest(problem: Problem, iters: int) -> float:
    """A temperature at which K sweeps from zero are certainly right, or `WARMEST` ranges.

    A sweep shrinks the oscillation of (g - g*)/eps by tanh²(range/(2 eps)) (Franklin & Lorenz,
    *Linear Algebra Appl.* 114/115, 1989), which is at most range/eps + osc(log c) at first; with
    rows exact on both sides TV <= (exp(oscillation) - 1)/2.
    """
    span = problem.cost_range
    if not np.isfinite(problem.cost).all():
        return WARMEST * span
    masses = float(np.log(problem.col.max() / problem.col.min()))
    eps = span
    while math.tanh(0.5 * span / eps) ** (2 * iters) * (span / eps + masses) > RIGHT:
        eps *= RATIO
    return eps
