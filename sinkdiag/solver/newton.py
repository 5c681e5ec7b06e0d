"""One damped Newton step on the semi-dual, whose Hessian is the Laplacian L over eps."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from sinkdiag.problem import FloatArray, Problem
from sinkdiag.solver import kernels

HALVINGS = 12


def newton_step(
    problem: Problem, eps: float, f: FloatArray, g: FloatArray, plan: FloatArray
) -> bool:
    """Solve L d = c - P'1 and move g by eps d, halved until the residual falls; in place.

    Returns False, with everything as it was, when no step along d lowers the residual.
    """
    col_sum = plan.sum(axis=0)
    residual = problem.col - col_sum
    size = float(np.abs(residual / problem.col).max())
    direction = _direction(plan, problem.row, col_sum, residual)
    if direction is None or size == 0.0:
        return False
    old_g = g.copy()
    step = min(1.0, 5.0 / max(float(np.ptp(direction)), 1e-300))
    for _ in range(HALVINGS):
        g[:] = old_g + (eps * step) * direction
        _refresh(problem, eps, f, g, plan)
        if float(np.abs(plan.sum(axis=0) / problem.col - 1.0).max()) < (1 - 0.1 * step) * size:
            return True
        step *= 0.5
    g[:] = old_g
    _refresh(problem, eps, f, g, plan)
    return False


def _direction(
    plan: FloatArray, row: FloatArray, col_sum: FloatArray, residual: FloatArray
) -> FloatArray | None:
    laplacian = np.diag(col_sum) - plan.T @ (plan / row[:, None])
    direction = np.zeros(len(col_sum))
    if len(col_sum) == 1:
        return None
    try:
        factor = scipy.linalg.cho_factor(laplacian[:-1, :-1], lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    direction[:-1] = scipy.linalg.cho_solve(factor, residual[:-1], check_finite=False)
    return direction - direction.mean() if np.all(np.isfinite(direction)) else None


def _refresh(problem: Problem, eps: float, f: FloatArray, g: FloatArray, plan: FloatArray) -> None:
    kernels.row_update(problem.cost, g, np.log(problem.row), eps, f)
    kernels.fill_plan(problem.cost, f, g, problem.row, eps, plan)
