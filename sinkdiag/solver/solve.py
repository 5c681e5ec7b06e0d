"""The public `solve`: the fixed point, or a set number of sweeps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.checks import check_count, check_share, check_size
from sinkdiag.errors import InputError
from sinkdiag.problem import Problem, make_problem
from sinkdiag.results import Solution
from sinkdiag.solver.continuation import fixed_point
from sinkdiag.solver.feasible import check_feasible
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.settings import DEFAULT, SolverSettings

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
    settings: SolverSettings = DEFAULT,
) -> Solution:
    """`solve` for a checked problem; ``settings`` are the solver's tuning constants."""
    check_size("eps", eps)
    check_share("tol", tol)
    check_count("max_iter", max_iter, 0)
    potential = None if init is None else check_init(problem, init)
    if iters is not None:
        check_count("iters", iters, 0)
        return run_sweeps(problem, eps, iters, potential)
    check_feasible(problem)
    return fixed_point(problem, eps, tol=tol, max_iter=max_iter, init=potential, settings=settings)


def check_init(problem: Problem, init: ArrayLike) -> FloatArray:
    """A finite potential g of the right length, or an `InputError`."""
    size = len(problem.col)
    potential = np.asarray(init, dtype=np.float64)
    if potential.shape != (size,) or not np.all(np.isfinite(potential)):
        raise InputError(
            problem.name,
            f"init has shape {potential.shape} or entries that are not finite",
            f"give the potential g of a solution, shape ({size},)",
        )
    return potential
