"""The fixed point at a small temperature, reached through a ladder of larger ones."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status
from sinkdiag.solver import kernels
from sinkdiag.solver.certify import marginal_error
from sinkdiag.solver.relax import relax
from sinkdiag.solver.scaling import Scaling
from sinkdiag.solver.settings import DEFAULT, SolverSettings


def fixed_point(
    problem: Problem,
    eps: float,
    *,
    tol: float,
    max_iter: int,
    init: FloatArray | None = None,
    settings: SolverSettings = DEFAULT,
) -> Solution:
    """Solve P1 = r, P'1 = c at ``eps``, from the potential ``init`` or down a ladder.

    The shorter side holds the potential that Newton works on; the other is updated last, and the
    rows of the returned plan are made exact at the end.
    """
    turned = len(problem.col) > len(problem.row)
    cost, row_base, col_base = reduce_cost(problem.cost)
    init = None if init is None else init - col_base
    if init is not None and turned:
        init = _row_potential(cost, init, problem.row, eps)
    if turned:
        state = Scaling(np.ascontiguousarray(cost.T), problem.col, problem.row, settings)
    else:
        state = Scaling(cost, problem.row, problem.col, settings)
    goal = max(settings.margin * tol, settings.floor)
    spent, settled = _descend(state, eps, goal, max_iter, init)
    if init is not None and spent < max_iter and not (settled and state.residual() <= tol):
        # The warm start was too far off for one temperature.
        more, settled = _descend(state, eps, goal, max_iter - spent, None)
        spent += more
    f, g, plan = _finish(state, problem.row, turned)
    error = marginal_error(plan, problem.row, problem.col)
    status = Status.MAX_ITER if spent >= max_iter else Status.STALLED
    return Solution(
        f=f + row_base,
        g=g + col_base,
        plan=plan,
        row=problem.row,
        col=problem.col,
        eps=eps,
        iters=spent,
        marginal_error=error,
        status=Status.CONVERGED if error <= tol and settled else status,
    )


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


def ladder(eps: float, span: float, settings: SolverSettings = DEFAULT) -> list[float]:
    """Temperatures from ``top`` * span down to ``eps``, geometric, ``eps`` itself last."""
    top = settings.top * span
    if eps >= top:
        return [eps]
    count = math.ceil(math.log(eps / top) / math.log(settings.cooling) - 1e-9)
    return [top * (eps / top) ** (k / count) for k in range(count)] + [eps]


def _descend(
    state: Scaling, eps: float, goal: float, max_iter: int, init: FloatArray | None
) -> tuple[int, bool]:
    """Relax rung by rung; each starts from the last two, extrapolated in eps."""
    span = _largest_finite(state.cost) or 1.0
    spent, settled = 0, False
    known: list[tuple[float, FloatArray]] = []
    for rung in ladder(eps, span, state.settings) if init is None else [eps]:
        last = rung == eps
        if spent >= max_iter and not last:
            continue
        if init is None:
            init = _extrapolate(known, rung) if known else np.zeros(len(state.col))
        state.build(rung, init)
        init = None
        wanted = goal if last else state.settings.rung_error
        steps, settled = relax(state, wanted, max_iter - spent, span, last=last)
        spent += steps
        known = [*known[-1:], (rung, state.potentials()[1])]
    return spent, settled


def _largest_finite(cost: FloatArray) -> float:
    """The range of a reduced cost, whose smallest entry is 0."""
    largest = float(cost.max())
    return largest if math.isfinite(largest) else float(cost[np.isfinite(cost)].max())


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
