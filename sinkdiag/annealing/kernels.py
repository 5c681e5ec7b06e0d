"""The inner loop of a tracked run."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit
from sinkdiag.solver.kernels import sweeps


@njit
def track_step(
    cost: FloatArray,
    row: FloatArray,
    col: FloatArray,
    eps: float,
    iters: int,
    f: FloatArray,
    g: FloatArray,
    plan: FloatArray,
    previous: FloatArray,
) -> float:
    """``iters`` sweeps from g, in place; returns the drift ‖plan - previous‖_F."""
    sweeps(cost, row, col, eps, iters, f, g, plan)
    total = 0.0
    n, m = cost.shape
    for i in range(n):
        for j in range(m):
            total += (plan[i, j] - previous[i, j]) ** 2
    return float(np.sqrt(total))
