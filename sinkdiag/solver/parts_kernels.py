"""Compiled loops on the parts of a plan: their components, their masses, their elimination."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.exponential import LOWEST
from sinkdiag.numerics.gth import SMALLEST_PIVOT
from sinkdiag.numerics.jit import njit
from sinkdiag.numerics.kernels import LabelArray, join, number_sets


@njit
def label_parts(
    kernel: FloatArray,
    u: FloatArray,
    v: FloatArray,
    row: FloatArray,
    col: FloatArray,
    link: float,
    label: LabelArray,
) -> int:
    """Number the components of {u_i K_ij v_j >= link min(r_i, c_j)}: rows, then columns, (n + m,).

    Returns their number. Once all columns hang together a row needs one link only.
    """
    # Not `label_components` on a mask: to write one of a plan that is never stored would cost more
    # than the search, which mostly ends at the first link of a row.
    n, m = kernel.shape
    for k in range(n + m):
        label[k] = k
    joined = 0
    for i in range(n):
        one_is_enough = joined == i + m - 1
        for j in range(m):
            if u[i] * kernel[i, j] * v[j] >= link * min(row[i], col[j]):
                joined += join(label, i, n + j)
                if one_is_enough:
                    break
    return number_sets(label)


@njit
def log_aggregate(
    cost: FloatArray,
    f: FloatArray,
    g: FloatArray,
    eps: float,
    row_part: LabelArray,
    col_part: LabelArray,
    log_total: FloatArray,
) -> None:
    """Log of the sum of exp((f_i + g_j - C_ij)/eps) over each pair of parts, -inf for none.

    No sum underflows, however small its terms are. ``log_total`` is (p, p), its content ignored.
    """
    n, m = cost.shape
    log_total[:] = -np.inf
    for i in range(n):
        top = log_total[row_part[i]]
        for j in range(m):
            top[col_part[j]] = max(top[col_part[j]], f[i] + g[j] - cost[i, j])
    total = np.zeros(log_total.shape)
    for i in range(n):
        top, own = log_total[row_part[i]], total[row_part[i]]
        for j in range(m):
            excess = f[i] + g[j] - cost[i, j] - top[col_part[j]]
            # Of -inf - -inf, both forbidden, nothing comes.
            if excess / eps > LOWEST:
                own[col_part[j]] += np.exp(excess / eps)
    for a in range(len(total)):
        for b in range(len(total)):
            if total[a, b] > 0.0:
                log_total[a, b] = log_total[a, b] / eps + np.log(total[a, b])


@njit
def eliminate_block(
    shares: FloatArray, flux: FloatArray, pivots: FloatArray, net: FloatArray, low: int, high: int
) -> None:
    """Take nodes high - 1 … low (but never 0) out, in place, up to the columns below the block.

    ``shares`` are the weights, and row k becomes node k's shares; ``pivots`` and ``net`` take its
    pivot and its net flux.
    """
    for k in range(high - 1, max(low, 1) - 1, -1):
        pivot = 0.0
        for j in range(k):
            pivot += shares[k, j]
        if pivot < SMALLEST_PIVOT:
            shares[k, :k] = 0.0
            pivots[k] = 0.0
            net[k] = 0.0
            continue
        own = 0.0
        for j in range(k):
            shares[k, j] /= pivot
            own += flux[k, j]
        pivots[k] = pivot
        net[k] = own
        for i in range(low, k):
            share, leaving = shares[k, i], flux[k, i]
            for j in range(k):
                shares[i, j] += pivot * share * shares[k, j]
                flux[i, j] += share * flux[k, j] - leaving * shares[k, j]
