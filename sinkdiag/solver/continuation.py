"""The fixed point at a small temperature, reached through a ladder of larger ones."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status
from sinkdiag.solver import kernels
from sinkdiag.solver.certify import marginal_error
from sinkdiag.solver.relax import RUNG_ERROR, relax
from sinkdiag.solver.scaling import Scaling

# The ladder's first rung, as a share of the cost's range: sweeps from zero potentials converge
# there within a few steps. Each further rung is at least COOLING times the one before.
TOP = 0.1
COOLING = 0.25
# The last rung aims below the tolerance by this much, so that the certificate does not miss it by
# rounding, but not below what sums of n terms resolve.
MARGIN = 0.1
FLOOR = 1e-15


def fixed_point(
    problem: Problem, eps: float, tol: float, max_iter: int, start: FloatArray | None
) -> Solution:
    """Solve P1 = r, P'1 = c at ``eps``, from the potential ``start`` or down a ladder.

    The shorter side holds the potential that Newton works on; the other is updated last, and the
    rows of the returned plan are made exact at the end.
    """
    turned = len(problem.col) > len(problem.row)
    cost, row_base, col_base = reduce_cost(problem.cost)
    start = None if start is None else start - col_base
    if start is not None and turned:
        start = _row_potential(cost, start, problem.row, eps)
    if turned:
        state = Scaling(np.ascontiguousarray(cost.T), problem.col, problem.row)
    else:
        state = Scaling(cost, problem.row, problem.col)
    goal = max(MARGIN * tol, FLOOR)
    highest = float(state.cost.max())
    if math.isinf(highest):
        highest = float(state.cost[np.isfinite(state.cost)].max())
    span = highest or 1.0
    spent, settled = _descend(state, eps, span, goal, max_iter, start)
    if start is not None and spent < max_iter and not (settled and state.residual() <= tol):
        # The warm start was too far off for one temperature.
        more, settled = _descend(state, eps, span, goal, max_iter - spent, None)
        spent += more
    f, g, plan = _finish(state, problem.row, turned)
    error = marginal_error(plan, problem.row, problem.col)
    if error <= tol and settled:
        status = Status.CONVERGED
    else:
        status = Status.MAX_ITER if spent >= max_iter else Status.STALLED
    f, g = f + row_base, g + col_base
    return Solution(f, g, plan, problem.row, problem.col, eps, spent, error, status)


def reduce_cost(cost: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The cost without its row minima and then its column minima, and these.

    Potentials take them up exactly: the plan does not depend on them, and an exponent of their
    size would carry their rounding.
    """
    rows = cost.min(axis=1)
    reduced = cost - rows[:, None]
    cols = reduced.min(axis=0)
    reduced -= cols
    return reduced, rows, cols


def ladder(eps: float, span: float) -> list[float]:
    """Temperatures from TOP * span down to ``eps``, geometric, ``eps`` itself last."""
    top = TOP * span
    if eps >= top:
        return [eps]
    count = math.ceil(math.log(eps / top) / math.log(COOLING) - 1e-9)
    return [top * (eps / top) ** (k / count) for k in range(count)] + [eps]


def _descend(
    state: Scaling, eps: float, span: float, goal: float, max_iter: int, start: FloatArray | None
) -> tuple[int, bool]:
    """Relax rung by rung; each starts from the last two, extrapolated in eps."""
    spent, settled = 0, False
    known: list[tuple[float, FloatArray]] = []
    for rung in ladder(eps, span) if start is None else [eps]:
        last = rung == eps
        if spent >= max_iter and not last:
            continue
        if start is None:
            start = _extrapolate(known, rung) if known else np.zeros(len(state.col))
        state.build(rung, start)
        start = None
        wanted = goal if last else RUNG_ERROR
        steps, settled = relax(state, wanted, max_iter - spent, span, last=last)
        spent += steps
        known = [*known[-1:], (rung, state.potentials()[1])]
    return spent, settled


def _extrapolate(known: list[tuple[float, FloatArray]], eps: float) -> FloatArray:
    if len(known) == 1:
        return known[0][1]
    (warm, before), (cool, now) = known
    return now + (now - before) * ((eps - cool) / (cool - warm))


def _row_potential(cost: FloatArray, g: FloatArray, row: FloatArray, eps: float) -> FloatArray:
    f = np.empty(len(row))
    kernels.row_update(cost, g, np.log(row), eps, f)
    return f


def _finish(
    state: Scaling, row: FloatArray, turned: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(f, g, plan) of the problem as it was given, its rows exact."""
    f, g = state.potentials()
    if not turned:
        return f, g, state.take_plan()
    plan = np.ascontiguousarray(state.take_plan().T)
    scale = row / plan.sum(axis=1)
    plan *= scale[:, None]
    return g + state.eps * np.log(scale), f, plan
