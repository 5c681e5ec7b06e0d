"""The public `solve`: continuation in eps, sweeps, and a damped Newton finish on the semi-dual."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.errors import InputError
from sinkdiag.problem import FloatArray, Problem, make_problem
from sinkdiag.results import Solution, Status
from sinkdiag.solver import kernels
from sinkdiag.solver.newton import newton_step

DEFAULT_TOL = 1e-12
DEFAULT_MAX_ITER = 10_000
# Ratio of successive temperatures: one Newton run at each stays in its quadratic basin.
COOLING = 0.4
SWEEPS_PER_ROUND = 4


def solve(
    cost: ArrayLike,
    eps: float,
    *,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    tol: float = DEFAULT_TOL,
    max_iter: int = DEFAULT_MAX_ITER,
    iters: int | None = None,
    init: ArrayLike | None = None,
) -> Solution:
    """Solve min <C, P> + eps KL(P) subject to P1 = row, P'1 = col.

    P_ij = exp((f_i + g_j - C_ij)/eps); f is updated last.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; +inf forbids a pair.
    eps:
        Temperature, cost units.
    row, col:
        Positive marginals of equal totals; default 1 and n/m.
    tol:
        Largest relative marginal error accepted as ``converged``.
    max_iter:
        Limit on sweeps and Newton steps together.
    iters:
        Run exactly this many sweeps from ``init`` instead (status ``truncated``).
    init:
        Warm start: the potential g, shape (m,), cost units; default 0.

    Raises
    ------
    InputError
        When the cost, eps or the marginals cannot be used.

    Source: Peyré & Cuturi (2019), sections 4.2 and 4.4; Newton on the semi-dual as in 2401.12253.
    """
    problem = make_problem(cost, row=row, col=col)
    return solve_problem(problem, eps, tol=tol, max_iter=max_iter, iters=iters, init=init)


def solve_problem(
    problem: Problem,
    eps: float,
    *,
    tol: float = DEFAULT_TOL,
    max_iter: int = DEFAULT_MAX_ITER,
    iters: int | None = None,
    init: ArrayLike | None = None,
) -> Solution:
    """`solve` for a checked problem."""
    if not (math.isfinite(eps) and eps > 0):
        raise InputError(problem.name, f"eps is {eps}", "give a positive finite temperature")
    start = _initial(problem, init)
    if iters is not None:
        if iters < 0:
            raise InputError(problem.name, f"iters is {iters}", "give 0 or more sweeps")
        return run_sweeps(problem, eps, iters, start)
    spent = 0
    state = _State(problem, start)
    for rung in _ladder(problem, eps, warm=init is not None):
        spent += state.relax(rung, tol if rung == eps else 1e-2, max_iter - spent)
    error = marginal_error(state.plan, problem.row, problem.col)
    if error <= tol:
        status = Status.CONVERGED
    else:
        status = Status.MAX_ITER if spent >= max_iter else Status.STALLED
    return Solution(
        state.f, state.g, state.plan, problem.row, problem.col, eps, spent, error, status
    )


def run_sweeps(problem: Problem, eps: float, iters: int, start: FloatArray) -> Solution:
    """Exactly ``iters`` sweeps from the potential ``start``, then a last update of f."""
    state = _State(problem, start)
    state.sweep(eps, iters)
    error = marginal_error(state.plan, problem.row, problem.col)
    return Solution(
        state.f,
        state.g,
        state.plan,
        problem.row,
        problem.col,
        eps,
        iters,
        error,
        Status.TRUNCATED,
    )


def marginal_error(plan: FloatArray, row: FloatArray, col: FloatArray) -> float:
    """Max over both sides of |P's marginal - the asked one|, relative to the asked one."""
    row_error = np.abs(plan.sum(axis=1) / row - 1.0).max()
    col_error = np.abs(plan.sum(axis=0) / col - 1.0).max()
    return float(max(row_error, col_error))


class _State:
    """Potentials and plan while they are being improved."""

    def __init__(self, problem: Problem, start: FloatArray) -> None:
        self.problem = problem
        self.f = np.zeros(len(problem.row))
        self.g = start.copy()
        self.plan = np.empty_like(problem.cost)

    def sweep(self, eps: float, count: int) -> None:
        p = self.problem
        kernels.sweeps(p.cost, p.row, p.col, eps, count, self.f, self.g, self.plan)

    def residual(self) -> float:
        return float(np.abs(self.plan.sum(axis=0) / self.problem.col - 1.0).max())

    def relax(self, eps: float, tol: float, budget: int) -> int:
        """Sweeps and Newton steps at one temperature, to ``tol`` or while the residual falls."""
        spent, best, rounds_without_gain = 0, math.inf, 0
        while spent < budget:
            self.sweep(eps, SWEEPS_PER_ROUND)
            spent += SWEEPS_PER_ROUND
            while spent < budget and newton_step(self.problem, eps, self.f, self.g, self.plan):
                spent += 1
                if self.residual() <= 0.1 * tol:
                    return spent
            error = self.residual()
            rounds_without_gain = 0 if error < 0.9 * best else rounds_without_gain + 1
            best = min(best, error)
            if best <= 0.1 * tol or rounds_without_gain > 2:
                break
        return spent


def _initial(problem: Problem, init: ArrayLike | None) -> FloatArray:
    size = len(problem.col)
    if init is None:
        return np.zeros(size)
    start = np.asarray(init, dtype=np.float64)
    if start.shape != (size,) or not np.all(np.isfinite(start)):
        raise InputError(
            problem.name,
            f"init has shape {start.shape} or entries that are not finite",
            f"give the potential g of a solution, shape ({size},)",
        )
    return start


def _ladder(problem: Problem, eps: float, *, warm: bool) -> list[float]:
    top = problem.cost_range
    if warm or eps >= top:
        return [eps]
    count = math.ceil(math.log(eps / top) / math.log(COOLING))
    return [top * (eps / top) ** (k / count) for k in range(count)] + [eps]
