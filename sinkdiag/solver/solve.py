"""The public `solve`: the fixed point, or a set number of sweeps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.problem import Problem, make_problem
from sinkdiag.results import Solution, Status
from sinkdiag.solver import kernels
from sinkdiag.solver.certify import marginal_error
from sinkdiag.solver.continuation import fixed_point
from sinkdiag.solver.feasible import check_feasible

DEFAULT_TOL = 1e-12
DEFAULT_MAX_ITER = 10_000


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
        When the cost, eps or the marginals cannot be used; when forbidden pairs leave no plan, or
        no finite fixed point.

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
    start = None if init is None else check_init(problem, init)
    if iters is not None:
        if iters < 0:
            raise InputError(problem.name, f"iters is {iters}", "give 0 or more sweeps")
        zero = np.zeros(len(problem.col))
        return run_sweeps(problem, eps, iters, zero if start is None else start)
    check_feasible(problem)
    return fixed_point(problem, eps, tol, max_iter, start)


def run_sweeps(problem: Problem, eps: float, iters: int, start: FloatArray) -> Solution:
    """Exactly ``iters`` sweeps from the potential ``start``, then a last update of f."""
    row, col = problem.row, problem.col
    f, g, plan = np.zeros(len(row)), start.copy(), np.empty_like(problem.cost)
    kernels.sweeps(problem.cost, row, col, eps, iters, f, g, plan)
    error = marginal_error(plan, row, col)
    return Solution(f, g, plan, row, col, eps, iters, error, Status.TRUNCATED)


def check_init(problem: Problem, init: ArrayLike) -> FloatArray:
    """A finite potential g of the right length, or an `InputError`."""
    size = len(problem.col)
    start = np.asarray(init, dtype=np.float64)
    if start.shape != (size,) or not np.all(np.isfinite(start)):
        raise InputError(
            problem.name,
            f"init has shape {start.shape} or entries that are not finite",
            f"give the potential g of a solution, shape ({size},)",
        )
    return start
