"""Sinkhorn half-sweeps in the log domain, and K sweeps with increments absorbed on demand.

Peyré & Cuturi, *Computational Optimal Transport* (2019), section 4.4, equations (4.43)-(4.44);
absorption after Schmitzer, *Stabilized sparse scaling algorithms* (2019), section 3.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sinkdiag.jit import njit, njit_parallel
from sinkdiag.problem import FloatArray

IntArray = NDArray[np.int32]

# A linear-domain factor outside [1/BOUND, BOUND] is absorbed into the potentials: entries of the
# kernel that underflowed (below 1e-308 of their row's largest) then stay below 1e-200 of any sum.
ABSORB_BOUND = 1e50
# exp of less than this is denormal: an entry that far below its row's largest is 0.
LOWEST_EXPONENT = -708.0


@njit
def row_update(
    cost: FloatArray, g: FloatArray, log_row: FloatArray, eps: float, f: FloatArray
) -> None:
    """f_i = eps (log r_i - LSE_j((g_j - C_ij)/eps)), in place."""
    n, m = cost.shape
    for i in range(n):
        top = -np.inf
        for j in range(m):
            top = max(top, g[j] - cost[i, j])
        total = 0.0
        for j in range(m):
            total += np.exp((g[j] - cost[i, j] - top) / eps)
        f[i] = eps * (log_row[i] - np.log(total)) - top


@njit
def col_update(
    cost: FloatArray, f: FloatArray, log_col: FloatArray, eps: float, g: FloatArray
) -> None:
    """g_j = eps (log c_j - LSE_i((f_i - C_ij)/eps)), in place, reading the cost row by row."""
    n, m = cost.shape
    top = np.full(m, -np.inf)
    for i in range(n):
        for j in range(m):
            top[j] = max(top[j], f[i] - cost[i, j])
    total = np.zeros(m)
    for i in range(n):
        for j in range(m):
            total[j] += np.exp((f[i] - cost[i, j] - top[j]) / eps)
    for j in range(m):
        g[j] = eps * (log_col[j] - np.log(total[j])) - top[j]


@njit
def fill_plan(
    cost: FloatArray, f: FloatArray, g: FloatArray, row: FloatArray, eps: float, plan: FloatArray
) -> None:
    """P_ij = exp((f_i + g_j - C_ij)/eps), then f and the row scaled so that it sums to r_i."""
    n, m = cost.shape
    for i in range(n):
        total = 0.0
        for j in range(m):
            plan[i, j] = np.exp((f[i] + g[j] - cost[i, j]) / eps)
            total += plan[i, j]
        scale = row[i] / total
        f[i] += eps * np.log(scale)
        for j in range(m):
            plan[i, j] *= scale


@njit
def build(
    cost: FloatArray, g: FloatArray, row: FloatArray, eps: float, f: FloatArray, plan: FloatArray
) -> None:
    """`row_update` and `fill_plan` with one exponential an entry: the rows sum to r."""
    for i in range(len(row)):
        _build_row(cost, g, row, eps, f, plan, i)


@njit_parallel
def build_parallel(
    cost: FloatArray, g: FloatArray, row: FloatArray, eps: float, f: FloatArray, plan: FloatArray
) -> None:
    """`build` with the rows shared among threads; each row keeps its order of operations."""
    for i in numba.prange(len(row)):
        _build_row(cost, g, row, eps, f, plan, i)


@njit
def _build_row(
    cost: FloatArray,
    g: FloatArray,
    row: FloatArray,
    eps: float,
    f: FloatArray,
    plan: FloatArray,
    i: int,
) -> None:
    top, total = -np.inf, 0.0
    for j in range(len(g)):
        top = max(top, g[j] - cost[i, j])
    for j in range(len(g)):
        exponent = (g[j] - cost[i, j] - top) / eps
        plan[i, j] = np.exp(exponent) if exponent > LOWEST_EXPONENT else 0.0
        total += plan[i, j]
    scale = row[i] / total
    for j in range(len(g)):
        plan[i, j] *= scale
    f[i] = eps * np.log(scale) - top


@njit
def count_above(
    kernel: FloatArray, u: FloatArray, v: FloatArray, floor: FloatArray, starts: IntArray
) -> None:
    """Number of entries u_i K_ij v_j >= floor_j of each row, as running sums (n + 1,)."""
    n, m = kernel.shape
    starts[0] = 0
    for i in range(n):
        count = 0
        for j in range(m):
            count += u[i] * kernel[i, j] * v[j] >= floor[j]
        starts[i + 1] = starts[i] + count


@njit
def take_above(
    kernel: FloatArray,
    u: FloatArray,
    v: FloatArray,
    floor: FloatArray,
    columns: IntArray,
    values: FloatArray,
) -> None:
    """The entries that `count_above` counted, row by row, with their columns."""
    n, m = kernel.shape
    place = 0
    for i in range(n):
        for j in range(m):
            entry = u[i] * kernel[i, j] * v[j]
            if entry >= floor[j]:
                columns[place] = j
                values[place] = entry
                place += 1


@njit
def subtract_product(
    starts: IntArray,
    columns: IntArray,
    values: FloatArray,
    row: FloatArray,
    x: FloatArray,
    image: FloatArray,
) -> None:
    """Image -= P' diag(1/r) P x for P in compressed rows, in place and in one pass over P."""
    for i in range(len(row)):
        mass = 0.0
        for k in range(starts[i], starts[i + 1]):
            mass += values[k] * x[columns[k]]
        mass /= row[i]
        for k in range(starts[i], starts[i + 1]):
            image[columns[k]] -= values[k] * mass


@njit
def solve_definite(matrix: FloatArray, rhs: FloatArray) -> bool:
    """Solve A x = b for a symmetric positive definite A, both overwritten, x in ``rhs``.

    Right-looking Cholesky on the upper triangle, by rows. False where a pivot is not positive.
    """
    size = len(rhs)
    for k in range(size):
        pivot = matrix[k, k]
        if not pivot > 0.0:
            return False
        root = np.sqrt(pivot)
        for j in range(k, size):
            matrix[k, j] /= root
        rhs[k] /= root
        for i in range(k + 1, size):
            factor = matrix[k, i]
            for j in range(i, size):
                matrix[i, j] -= factor * matrix[k, j]
            rhs[i] -= factor * rhs[k]
    for k in range(size - 1, -1, -1):
        for j in range(k + 1, size):
            rhs[k] -= matrix[k, j] * rhs[j]
        rhs[k] /= matrix[k, k]
    return True


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


@njit
def sweeps(
    cost: FloatArray,
    row: FloatArray,
    col: FloatArray,
    eps: float,
    count: int,
    f: FloatArray,
    g: FloatArray,
    plan: FloatArray,
) -> None:
    """Run ``count`` sweeps (f from g, g from f), then a last f update; f, g, plan in place.

    Between absorptions a sweep is two products with the current plan as kernel; where a factor
    leaves [1/ABSORB_BOUND, ABSORB_BOUND] the half-sweep is done again in the log domain.
    """
    n, m = cost.shape
    build(cost, g, row, eps, f, plan)
    u, v, total, log_col = np.ones(n), np.ones(m), np.empty(m), np.empty(m)
    for j in range(m):
        log_col[j] = np.log(col[j])
    done = 0
    while done < count:
        if _linear_sweep(plan, row, col, u, v, total):
            done += 1
            continue
        _absorb(f, g, u, v, eps)
        col_update(cost, f, log_col, eps, g)
        build(cost, g, row, eps, f, plan)
        done += 1
    _absorb(f, g, u, v, eps)
    fill_plan(cost, f, g, row, eps, plan)


@njit
def _linear_sweep(
    plan: FloatArray,
    row: FloatArray,
    col: FloatArray,
    u: FloatArray,
    v: FloatArray,
    total: FloatArray,
) -> bool:
    """One sweep, v = c/(P'u) and u = r/(Pv); False, with both as before, if it is unsafe.

    ``total`` is room for m numbers.
    """
    n, m = plan.shape
    for j in range(m):
        total[j] = 0.0
    for i in range(n):
        for j in range(m):
            total[j] += plan[i, j] * u[i]
    for j in range(m):
        total[j] = col[j] / total[j] if total[j] > 0.0 else np.inf
        if not 1.0 / ABSORB_BOUND <= total[j] <= ABSORB_BOUND:
            return False
    for j in range(m):
        v[j] = total[j]
    for i in range(n):
        mass = 0.0
        for j in range(m):
            mass += plan[i, j] * v[j]
        u[i] = row[i] / mass
    return True


@njit
def _absorb(f: FloatArray, g: FloatArray, u: FloatArray, v: FloatArray, eps: float) -> None:
    for i in range(len(u)):
        f[i] += eps * np.log(u[i])
        u[i] = 1.0
    for j in range(len(v)):
        g[j] += eps * np.log(v[j])
        v[j] = 1.0
