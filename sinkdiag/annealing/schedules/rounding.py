"""Any nonnegative matrix onto the transport polytope."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem

# Mass below this is denormal, or about to be.
SMALLEST = 1e-300


def round_plan(plan: FloatArray, problem: Problem) -> FloatArray:
    """A plan (n, m) with exact marginals near ``plan``.

    Rows are scaled by a_i = min(r_i/row_i, 1), then columns by b_j = min(c_j/col_j, 1), and the
    mass that is missing is added as the product of what the rows and the columns lack, over its
    sum; nothing is added where nothing is missing.

    Source: Altschuler, Weed & Rigollet, NeurIPS 2017, Algorithm 2.
    """
    row, col = problem.row, problem.col
    with np.errstate(divide="ignore", over="ignore"):
        scaled = plan * np.minimum(row / plan.sum(axis=1), 1.0)[:, None]
        scaled *= np.minimum(col / scaled.sum(axis=0), 1.0)
    lacking_row = np.maximum(row - scaled.sum(axis=1), 0.0)
    lacking_col = np.maximum(col - scaled.sum(axis=0), 0.0)
    missing = float(lacking_col.sum())
    if missing > 0.0:
        scaled += np.outer(lacking_row, lacking_col / missing)
    # Sums over denormal numbers take twenty times as long, and hold no mass.
    scaled[scaled < SMALLEST] = 0.0
    return scaled
