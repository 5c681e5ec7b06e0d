"""The parts of a plan that nearly falls apart, and the mass that passes between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit
from sinkdiag.solver.kernels import LOWEST_EXPONENT, IntArray
from sinkdiag.solver.scaling import Scaling

# Entries below this share of their marginals do not tie two parts together.
LINK = 1e-6
LOWEST_LINK = 1e-14
# Marginals of a part agree if they do to this accuracy, relative to the whole mass.
EQUAL_MASS = 1e-14


@dataclass(frozen=True, eq=False)
class Parts:
    """Components of the plan's strong entries: a label for each row and each column."""

    row: IntArray
    col: IntArray
    count: int


def find_parts(state: Scaling) -> Parts:
    """Parts joined by less than LINK whose two marginals carry the same mass.

    Where the masses differ some flux must pass, however weak the ties are; the bar is then
    lowered until only balanced parts remain.
    """
    link, row, col = LINK, state.row, state.col
    n = len(row)
    label = np.empty(n + len(col), dtype=np.int32)
    while True:
        count = label_parts(state.kernel, state.u, state.v, row, col, link, label)
        parts = Parts(label[:n], label[n:], count)
        if count == 1:
            return parts
        surplus = np.bincount(parts.row, row, parts.count)
        surplus -= np.bincount(parts.col, col, parts.count)
        if float(np.abs(surplus).max()) <= EQUAL_MASS * float(row.sum()):
            return parts
        link *= 1e-2
        if link < LOWEST_LINK:
            return Parts(np.zeros_like(parts.row), np.zeros_like(parts.col), 1)


@njit
def _join(label: IntArray, a: int, b: int) -> int:
    """Unite the sets of nodes a and b; 0 where they were one already, otherwise 1."""
    while label[a] != a:
        label[a] = label[label[a]]
        a = label[a]
    while label[b] != b:
        label[b] = label[label[b]]
        b = label[b]
    label[max(a, b)] = min(a, b)
    return 1 if a != b else 0


@njit
def label_parts(
    kernel: FloatArray,
    u: FloatArray,
    v: FloatArray,
    row: FloatArray,
    col: FloatArray,
    link: float,
    label: IntArray,
) -> int:
    """Number the components of {u_i K_ij v_j >= link min(r_i, c_j)}: rows, then columns, (n + m,).

    Returns their number. Union by the smaller root, with path halving; once all columns hang
    together a row needs one link only.
    """
    n, m = kernel.shape
    for k in range(n + m):
        label[k] = k
    joined = 0
    for i in range(n):
        one_is_enough = joined == i + m - 1
        for j in range(m):
            if u[i] * kernel[i, j] * v[j] >= link * min(row[i], col[j]):
                joined += _join(label, i, n + j)
                if one_is_enough:
                    break
    count = 0
    for k in range(n + m):
        # A root comes before its members, which then read its number.
        if label[k] == k:
            label[k] = count
            count += 1
        else:
            label[k] = label[label[k]]
    return count


@njit
def log_aggregate(
    cost: FloatArray,
    f: FloatArray,
    g: FloatArray,
    eps: float,
    row_part: IntArray,
    col_part: IntArray,
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
            if excess / eps > LOWEST_EXPONENT:
                own[col_part[j]] += np.exp(excess / eps)
    for a in range(len(total)):
        for b in range(len(total)):
            if total[a, b] > 0.0:
                log_total[a, b] = log_total[a, b] / eps + np.log(total[a, b])
