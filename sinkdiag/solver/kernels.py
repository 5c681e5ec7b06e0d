"""Sinkhorn half-sweeps in the log domain, and K sweeps with increments absorbed on demand.

Peyré & Cuturi, *Computational Optimal Transport* (2019), section 4.4, equations (4.43)-(4.44);
absorption after Schmitzer, *Stabilized sparse scaling algorithms* (2019), section 3.
"""

from __future__ import annotations

import numba
import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.exponential import exp
from sinkdiag.numerics.jit import njit, njit_parallel
from sinkdiag.numerics.products import column_products, row_products

# A linear-domain factor outside [1/BOUND, BOUND] is absorbed into the potentials: entries of the
# kernel that underflowed (below 1e-308 of their row's largest) then stay below 1e-200 of any sum.
ABSORB_BOUND = 1e50
# Rows that are made together.
ROWS = 4


@njit
def row_update(
    cost: FloatArray, g: FloatArray, log_row: FloatArray, eps: float, f: FloatArray
) -> None:
    """f_i = eps (log r_i - LSE_j((g_j - C_ij)/eps)), in place."""
    n, m = cost.shape
    line = np.empty(m)
    for i in range(n):
        top = -np.inf
        for j in range(m):
            line[j] = g[j] - cost[i, j]
            top = max(top, line[j])
        for j in range(m):
            line[j] = exp((line[j] - top) / eps)
        total = 0.0
        for j in range(m):
            total += line[j]
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
            total[j] += exp((f[i] - cost[i, j] - top[j]) / eps)
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
            plan[i, j] = exp((f[i] + g[j] - cost[i, j]) / eps)
        for j in range(m):
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
    for first in range(0, len(row), ROWS):
        build_rows(cost, g, row, eps, f, plan, first)


@njit_parallel
def build_parallel(
    cost: FloatArray, g: FloatArray, row: FloatArray, eps: float, f: FloatArray, plan: FloatArray
) -> None:
    """`build` with the rows shared among threads; each row keeps its order of operations."""
    for block in numba.prange((len(row) + ROWS - 1) // ROWS):
        build_rows(cost, g, row, eps, f, plan, block * ROWS)


@njit
def build_rows(
    cost: FloatArray,
    g: FloatArray,
    row: FloatArray,
    eps: float,
    f: FloatArray,
    plan: FloatArray,
    first: int,
) -> None:
    """`ROWS` rows of `build` from ``first`` on, or those that are left."""
    m = len(g)
    i = first
    if i + ROWS > len(row):
        for late in range(i, len(row)):
            top = -np.inf
            for j in range(m):
                top = max(top, g[j] - cost[late, j])
            exponentials(cost, g, top, eps, plan, late)
            total = 0.0
            for j in range(m):
                total += plan[late, j]
            normalise(row, top, total, eps, f, plan, late)
        return
    # Four chains of comparisons and of additions that do not wait for each other.
    a = b = c = d = -np.inf
    for j in range(m):
        a = max(a, g[j] - cost[i, j])
        b = max(b, g[j] - cost[i + 1, j])
        c = max(c, g[j] - cost[i + 2, j])
        d = max(d, g[j] - cost[i + 3, j])
    tops = (a, b, c, d)
    for k in range(ROWS):
        exponentials(cost, g, tops[k], eps, plan, i + k)
    p = q = s = t = 0.0
    for j in range(m):
        p += plan[i, j]
        q += plan[i + 1, j]
        s += plan[i + 2, j]
        t += plan[i + 3, j]
    totals = (p, q, s, t)
    for k in range(ROWS):
        normalise(row, tops[k], totals[k], eps, f, plan, i + k)


@njit
def exponentials(
    cost: FloatArray, g: FloatArray, top: float, eps: float, plan: FloatArray, i: int
) -> None:
    """Row i of the plan is exp((g_j - C_ij - top)/eps)."""
    for j in range(len(g)):
        plan[i, j] = exp((g[j] - cost[i, j] - top) / eps)


@njit
def normalise(
    row: FloatArray,
    top: float,
    total: float,
    eps: float,
    f: FloatArray,
    plan: FloatArray,
    i: int,
) -> None:
    """Row i of the plan, whose sum is ``total``, and f_i with it, so that it sums to r_i."""
    scale = row[i] / total
    for j in range(plan.shape[1]):
        plan[i, j] *= scale
    f[i] = eps * np.log(scale) - top


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
    """`carry`, then a last f update; f, g, plan in place."""
    carry(cost, row, col, eps, count, f, g, plan)
    fill_plan(cost, f, g, row, eps, plan)


@njit
def carry(
    cost: FloatArray,
    row: FloatArray,
    col: FloatArray,
    eps: float,
    count: int,
    f: FloatArray,
    g: FloatArray,
    plan: FloatArray,
) -> None:
    """Run ``count`` sweeps (f from g, g from f); f, g in place, ``plan`` is room for the kernel.

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
        if linear_sweep(plan, row, col, u, v, total):
            done += 1
            continue
        absorb(f, g, u, v, eps)
        col_update(cost, f, log_col, eps, g)
        build(cost, g, row, eps, f, plan)
        done += 1
    absorb(f, g, u, v, eps)


@njit
def linear_sweep(
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
    column_products(plan, u, total)
    for j in range(m):
        total[j] = col[j] / total[j] if total[j] > 0.0 else np.inf
        if not 1.0 / ABSORB_BOUND <= total[j] <= ABSORB_BOUND:
            return False
    for j in range(m):
        v[j] = total[j]
    row_products(plan, v, u)
    for i in range(n):
        u[i] = row[i] / u[i]
    return True


@njit
def absorb(f: FloatArray, g: FloatArray, u: FloatArray, v: FloatArray, eps: float) -> None:
    """Take the factors u, v up into the potentials, f += eps log u and g += eps log v, in place."""
    for i in range(len(u)):
        f[i] += eps * np.log(u[i])
        u[i] = 1.0
    for j in range(len(v)):
        g[j] += eps * np.log(v[j])
        v[j] = 1.0


@njit_parallel
def sweep_all(
    costs: FloatArray,
    row: FloatArray,
    col: FloatArray,
    eps: FloatArray,
    count: int,
    f: FloatArray,
    g: FloatArray,
    plan: FloatArray,
) -> None:
    """`sweeps` for each matrix of a stack; f, g, plan in place."""
    for b in numba.prange(len(eps)):
        sweeps(costs[b], row, col, eps[b], count, f[b], g[b], plan[b])
