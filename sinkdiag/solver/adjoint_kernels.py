"""K sweeps with their history and the exact adjoint, as products with one stored kernel.

With E_ij = exp((a_i + b_j - C_ij)/eps) every iterate is diag(U_t) E diag(V_t), so the adjoint of K
sweeps is 2K + 1 products with E and a gradient E∘(matrix of rank 2K + 1) - W: no exponential but
those of E. A sweep needs E v and then E'u: both are made in one pass, row by row.
"""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import AnyArray
from sinkdiag.numerics.jit import njit
from sinkdiag.numerics.products import (
    add_four_rows,
    add_row,
    column_products,
    four_rows,
    one_row,
    row_products,
)


@njit
def exponents(
    cost: AnyArray,
    noise: AnyArray,
    g: AnyArray,
    scale: AnyArray,
    a: AnyArray,
    b: AnyArray,
    reduced: AnyArray,
) -> None:
    """(a_i + b_j - X_ij)/eps into ``reduced``, of X = C + xi, and -inf where that is too low.

    a_i = min_j (X_ij - g_j) and b_j = min_i (X_ij - a_i) are overwritten; ``noise`` xi may be
    empty. ``scale`` holds -1/eps, the lowest exponent and -inf, in the precision of the costs.
    """
    n, m = cost.shape
    noisy = noise.size > 0
    factor, lowest, none = scale[0], scale[1], scale[2]
    for j in range(m):
        b[j] = np.inf
    for i in range(n):
        for j in range(m):
            reduced[i, j] = cost[i, j]
        if noisy:
            for j in range(m):
                reduced[i, j] += noise[i, j]
        least = least_difference(reduced[i], g)
        a[i] = least
        for j in range(m):
            value = reduced[i, j] - least
            reduced[i, j] = value
            b[j] = min(b[j], value)
    for i in range(n):
        for j in range(m):
            value = (reduced[i, j] - b[j]) * factor
            reduced[i, j] = value if value > lowest else none


@njit
def least_difference(x: AnyArray, y: AnyArray) -> float:
    """Min_j (x_j - y_j), in four chains, which do not wait for each other."""
    m = len(x)
    first = x[0] - y[0]
    second, third, fourth = first, first, first
    j = 0
    while j + 4 <= m:
        first = min(first, x[j] - y[j])
        second = min(second, x[j + 1] - y[j + 1])
        third = min(third, x[j + 2] - y[j + 2])
        fourth = min(fourth, x[j + 3] - y[j + 3])
        j += 4
    while j < m:
        first = min(first, x[j] - y[j])
        j += 1
    return min(min(first, second), min(third, fourth))


@njit
def below(x: AnyArray, limits: AnyArray) -> bool:
    """Whether |x_j| <= limits_j for all j; not so for NaN."""
    count = 0  # which vectorises: a maximum does not
    for j in range(len(x)):
        count += abs(x[j]) <= limits[j]
    return count == len(x)


@njit
def swept_rows(kernel: AnyArray, row: AnyArray, v: AnyArray, u: AnyArray, sums: AnyArray) -> None:
    """One pass: u = r/(E v), and E'u into ``sums``."""
    n, m = kernel.shape
    for j in range(m):
        sums[j] = 0.0
    i = 0
    while i + 4 <= n:
        total0, total1, total2, total3 = four_rows(kernel, i, v)
        u0, u1 = row[i] / total0, row[i + 1] / total1
        u2, u3 = row[i + 2] / total2, row[i + 3] / total3
        u[i], u[i + 1], u[i + 2], u[i + 3] = u0, u1, u2, u3
        add_four_rows(kernel, i, u0, u1, u2, u3, sums)
        i += 4
    while i < n:
        (total0,) = one_row(kernel, i, v)
        u[i] = row[i] / total0
        add_row(kernel, i, u[i], sums)
        i += 1


@njit
def swept(
    kernel: AnyArray,
    row: AnyArray,
    col: AnyArray,
    count: int,
    u: AnyArray,
    v: AnyArray,
    safe: float,
    still: float,
) -> int:
    """K = ``count`` sweeps u_t = r/(E v_t), v_{t+1} = c/(E'u_t) from v_0, and a last u.

    Returns the number of sweeps after which they repeat themselves, moving by at most ``still``
    (at most ``count``): u and v are filled up to that index. -1 when a factor is above ``safe``.
    """
    moved, still_of = np.empty_like(col), np.empty_like(col)
    top_u, top_v = np.full_like(row, safe), np.full_like(col, safe)
    for t in range(count):
        swept_rows(kernel, row, v[t], u[t], v[t + 1])
        for j in range(len(col)):
            v[t + 1, j] = col[j] / v[t + 1, j]
            moved[j] = v[t + 1, j] - v[t, j]
            still_of[j] = still * v[t + 1, j]
        if not (below(u[t], top_u) and below(v[t + 1], top_v)):
            return -1
        if below(moved, still_of):
            count = t + 1
            break
    row_products(kernel, v[count], u[count])
    for i in range(len(row)):
        u[count, i] = row[i] / u[count, i]
    return count if below(u[count], top_u) else -1


@njit
def scaled(kernel: AnyArray, u: AnyArray, v: AnyArray, plan: AnyArray) -> None:
    """P = diag(u) E diag(v)."""
    n, m = kernel.shape
    for i in range(n):
        for j in range(m):
            plan[i, j] = u[i] * kernel[i, j] * v[j]


@njit
def pulled_rows(
    kernel: AnyArray, share: AnyArray, scale: AnyArray, x: AnyArray, mass: AnyArray
) -> None:
    """One pass: x = -scale∘(E share), and E'x into ``mass``."""
    n, m = kernel.shape
    for j in range(m):
        mass[j] = 0.0
    i = 0
    while i + 4 <= n:
        x0, x1, x2, x3 = four_rows(kernel, i, share)
        x0, x1 = -scale[i] * x0, -scale[i + 1] * x1
        x2, x3 = -scale[i + 2] * x2, -scale[i + 3] * x3
        x[i], x[i + 1], x[i + 2], x[i + 3] = x0, x1, x2, x3
        add_four_rows(kernel, i, x0, x1, x2, x3, mass)
        i += 4
    while i < n:
        (x0,) = one_row(kernel, i, share)
        x[i] = -scale[i] * x0
        add_row(kernel, i, x[i], mass)
        i += 1


@njit
def pulled_back(
    kernel: AnyArray,
    row: AnyArray,
    col: AnyArray,
    count: int,
    done: int,
    u: AnyArray,
    v: AnyArray,
    weighted: AnyArray,
    spent: float,
    left: AnyArray,
    right: AnyArray,
) -> int:
    """The factors of the gradient: E∘Σ_t (left_t v_t' + u_t right_t').

    Sweeps from ``done`` on repeat the state at ``done``; what falls below ``spent`` of its start is
    left. ``left`` and ``right`` are overwritten up to the index ``done``; returns the first t with
    factors that are not 0.
    """
    n, m = kernel.shape
    left[: done + 1, :] = 0.0
    right[: done + 1, :] = 0.0
    share, mass = np.empty_like(col), np.empty_like(col)
    f, g, x, scale = (
        np.empty_like(row),
        np.empty_like(col),
        np.empty_like(row),
        np.empty_like(row),
    )
    row_products(weighted, np.ones_like(col), f)
    column_products(weighted, np.ones_like(row), g)
    for i in range(n):
        left[done, i] = f[i] * u[done, i] / row[i]
    least = np.full_like(col, spent * max(np.abs(f).max(), np.abs(g).max()))
    column_products(kernel, left[done], mass)
    for j in range(m):
        g[j] -= v[done, j] * mass[j]
    first = done
    for t in range(count - 1, -1, -1):
        before, after = min(t, done), min(t + 1, done)
        first = before
        for j in range(m):
            share[j] = g[j] * v[after, j] / col[j]
            right[before, j] += share[j]
        if below(g, least):
            break
        for i in range(n):
            scale[i] = u[before, i] / row[i] * u[before, i]
        pulled_rows(kernel, share, scale, x, mass)
        for i in range(n):
            left[before, i] += x[i]
        for j in range(m):
            g[j] = -v[before, j] * mass[j]
    return first


@njit
def gathered(
    kernel: AnyArray,
    first: int,
    last: int,
    u: AnyArray,
    v: AnyArray,
    left: AnyArray,
    right: AnyArray,
    weighted: AnyArray,
    gradient: AnyArray,
) -> None:
    """Gradient = E∘Σ_t (left_t v_t' + u_t right_t') - W, t from ``first`` to ``last``."""
    n, m = kernel.shape
    sums, others = np.empty_like(v[0]), np.empty_like(v[0])
    for i in range(0, n, 2):
        k = min(i + 1, n - 1)
        for j in range(m):
            sums[j] = 0.0
            others[j] = 0.0
        t = first
        while t < last:
            l0, l1, u0, u1 = left[t, i], left[t + 1, i], u[t, i], u[t + 1, i]
            p0, p1, q0, q1 = left[t, k], left[t + 1, k], u[t, k], u[t + 1, k]
            for j in range(m):
                v0, v1, r0, r1 = v[t, j], v[t + 1, j], right[t, j], right[t + 1, j]
                sums[j] += (l0 * v0 + u0 * r0) + (l1 * v1 + u1 * r1)
                others[j] += (p0 * v0 + q0 * r0) + (p1 * v1 + q1 * r1)
            t += 2
        if t == last:
            l0, u0, p0, q0 = left[t, i], u[t, i], left[t, k], u[t, k]
            for j in range(m):
                sums[j] += l0 * v[t, j] + u0 * right[t, j]
                others[j] += p0 * v[t, j] + q0 * right[t, j]
        for j in range(m):
            gradient[k, j] = kernel[k, j] * others[j] - weighted[k, j]
            gradient[i, j] = kernel[i, j] * sums[j] - weighted[i, j]
