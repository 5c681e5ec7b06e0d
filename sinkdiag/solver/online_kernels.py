"""Column residuals of successive sweeps, measured on the way."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit
from sinkdiag.numerics.products import column_products
from sinkdiag.solver.kernels import absorb, build, col_update, fill_plan, linear_sweep


@njit
def column_residual(
    plan: FloatArray, u: FloatArray, v: FloatArray, col: FloatArray, total: FloatArray
) -> float:
    """Return chi = sqrt(Σ (v_j Σ_i u_i P_ij - c_j)²/c_j); ``total`` is room for m numbers."""
    column_products(plan, u, total)
    chi = 0.0
    for j in range(len(total)):
        chi += (v[j] * total[j] - col[j]) ** 2 / col[j]
    return float(np.sqrt(chi))


@njit
def sweep_residuals(
    cost: FloatArray,
    row: FloatArray,
    col: FloatArray,
    eps: float,
    f: FloatArray,
    g: FloatArray,
    plan: FloatArray,
    chi: FloatArray,
) -> None:
    """len(chi) - 1 sweeps from g as `kernels.sweeps` runs them; f, g, plan and chi in place.

    ``chi[t]`` is `column_residual` after t sweeps and an exact row update.
    """
    n, m = cost.shape
    build(cost, g, row, eps, f, plan)
    u, v, total, log_col = np.ones(n), np.ones(m), np.empty(m), np.empty(m)
    for j in range(m):
        log_col[j] = np.log(col[j])
    chi[0] = column_residual(plan, u, v, col, total)
    for t in range(1, len(chi)):
        if not linear_sweep(plan, row, col, u, v, total):
            absorb(f, g, u, v, eps)
            col_update(cost, f, log_col, eps, g)
            build(cost, g, row, eps, f, plan)
        chi[t] = column_residual(plan, u, v, col, total)
    absorb(f, g, u, v, eps)
    fill_plan(cost, f, g, row, eps, plan)


@njit
def plan_residuals(plan: FloatArray, row: FloatArray, col: FloatArray, chi: FloatArray) -> None:
    """The same from a plan alone: rows made exact, then len(chi) - 1 sweeps with it as kernel.

    From where a factor leaves the safe range on ``chi`` is nan.
    """
    n, m = plan.shape
    u, v, total = np.ones(n), np.ones(m), np.empty(m)
    for i in range(n):
        mass = 0.0
        for j in range(m):
            mass += plan[i, j]
        u[i] = row[i] / mass
    for t in range(len(chi)):
        chi[t] = np.nan
    chi[0] = column_residual(plan, u, v, col, total)
    for t in range(1, len(chi)):
        if not linear_sweep(plan, row, col, u, v, total):
            return
        chi[t] = column_residual(plan, u, v, col, total)
