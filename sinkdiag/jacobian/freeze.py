"""The temperature below which K sweeps no longer move the plan towards its fixed point."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.solver import solve_problem
from sinkdiag.temperature import geometric

# K sweeps that shrink the error by less than this factor leave the layer frozen.
SHRINK = 10.0
GRID = 16
REFINEMENTS = 8
POINT_TOL = 1e-9


def freeze_temperature(problem: Problem, highest: float, lowest: float, iters: int) -> float:
    """The largest eps in [lowest, highest] with rho^K > 1/10; nan when there is none.

    rho = sigma_2², the contraction of one sweep at the fixed point; eps in cost units, refined to
    a ratio of about 1.001.
    """
    limit = SHRINK ** (-1.0 / iters)
    start: FloatArray | None = None
    warm = math.nan
    for eps in geometric(highest, lowest, GRID):
        rho, start = _contraction(problem, eps, start)
        if rho > limit:
            return eps if math.isnan(warm) else _refine(problem, warm, eps, limit, start)
        warm = eps
    return math.nan


def _refine(
    problem: Problem, warm: float, cold: float, limit: float, start: FloatArray | None
) -> float:
    for _ in range(REFINEMENTS):
        middle = math.sqrt(warm * cold)
        rho, start = _contraction(problem, middle, start)
        if rho > limit:
            cold = middle
        else:
            warm = middle
    return cold


def _contraction(
    problem: Problem, eps: float, start: FloatArray | None
) -> tuple[float, FloatArray | None]:
    """Rho at the fixed point; nan when that was not found."""
    solution = solve_problem(problem, eps, tol=POINT_TOL, init=start)
    if solution.status.failed:
        solution = solve_problem(problem, eps, tol=POINT_TOL)
    if solution.status.failed:
        return math.nan, None
    scaled = solution.plan / np.sqrt(np.outer(problem.row, problem.col))
    sigma = np.linalg.svd(scaled, compute_uv=False)
    return float(sigma[1] ** 2) if len(sigma) > 1 else 0.0, solution.g
