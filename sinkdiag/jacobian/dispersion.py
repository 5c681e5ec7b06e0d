"""Small gaps without subtraction: 1 - λ as a variance under the plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit

# A dense plan, or a scipy sparse array (csr) for one that was truncated before it was stored.
StoredPlan = Any


def is_sparse(plan: StoredPlan) -> bool:
    """Whether a stored plan is a scipy sparse array."""
    return bool(scipy.sparse.issparse(plan))


@njit
def dispersion(plan: FloatArray, x: FloatArray, mean: FloatArray, total: FloatArray) -> None:
    """total_p = Σ_ij P_ij (x_jp - mean_ip)², in place; x (m, k), mean (n, k), total (k,).

    With mean = diag(1/r) P x this is x'(diag(c) - P' diag(1/r) P)x, as a sum of squares.
    """
    n, m = plan.shape
    count = x.shape[1]
    total[:] = 0.0
    part = np.empty(count)
    for i in range(n):
        part[:] = 0.0
        for j in range(m):
            weight = plan[i, j]
            if weight == 0.0:
                continue
            for p in range(count):
                away = x[j, p] - mean[i, p]
                part[p] += weight * away * away
        total += part


def quotient_gaps(plan: StoredPlan, row: FloatArray, col: FloatArray, x: FloatArray) -> FloatArray:
    """Rayleigh quotients x'Lx / x'D_c x of the columns of x (m, k), L = D_c - P'D_r^{-1}P.

    For a vector with an error δ the quotient is right to δ², and rounding adds about 1e-32. At
    most 1, as every gap is.
    """
    x = np.ascontiguousarray(x)
    mean = np.ascontiguousarray((plan @ x) / row[:, None])
    if is_sparse(plan):
        total = _sparse_dispersion(plan.tocsr(), x, mean)
    else:
        total = np.empty(x.shape[1])
        dispersion(np.ascontiguousarray(plan), x, mean, total)
    return np.minimum(total / (col @ (x * x)), 1.0)


def _sparse_dispersion(plan: Any, x: FloatArray, mean: FloatArray) -> FloatArray:
    rows = np.repeat(np.arange(plan.shape[0]), np.diff(plan.indptr))
    away = [x[plan.indices, p] - mean[rows, p] for p in range(x.shape[1])]
    return np.array([float(plan.data @ (part * part)) for part in away])
