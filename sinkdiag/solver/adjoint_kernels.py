"""K sweeps with their history and the exact adjoint, as products with one stored kernel.

With E_ij = exp((a_i + b_j - C_ij)/eps) every iterate is diag(U_t) E diag(V_t), so the adjoint of K
sweeps is 2K + 1 products with E and a gradient E∘(matrix of rank 2K + 1) - W: no exponential but
those of E. A product reads E row by row and adds into a vector, hence E is held both ways round.
"""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import AnyArray
from sinkdiag.numerics.jit import njit


@njit
def exponents(reduced: AnyArray, b: AnyArray, scale: float, lowest: float) -> None:
    """Scale (X_ij - b_j) in place, -inf where that is below ``lowest``."""
    n, m = reduced.shape
    for i in range(n):
        for j in range(m):
            value = (reduced[i, j] - b[j]) * scale
            reduced[i, j] = value if value > lowest else -np.inf


@njit
def product(matrix: AnyArray, x: AnyArray, out: AnyArray) -> None:
    """Out = matrix' x, four rows at a time; inner loops run over columns without a reduction."""
    n, m = matrix.shape
    for j in range(m):
        out[j] = 0.0
    i = 0
    while i + 4 <= n:
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(m):
            out[j] += (matrix[i, j] * x0 + matrix[i + 1, j] * x1) + (
                matrix[i + 2, j] * x2 + matrix[i + 3, j] * x3
            )
        i += 4
    while i < n:
        x0 = x[i]
        for j in range(m):
            out[j] += matrix[i, j] * x0
        i += 1


@njit
def swept(
    kernel: AnyArray,
    across: AnyArray,
    row: AnyArray,
    col: AnyArray,
    count: int,
    u: AnyArray,
    v: AnyArray,
    safe: float,
    still: float,
) -> int:
    """K = ``count`` sweeps u_t = r/(E v_t), v_{t+1} = c/(E'u_t) from v_0, and a last u.

    ``across`` is E'. Returns the number of sweeps after which they repeat themselves, moving by at
    most ``still`` (at most ``count``): u and v are filled up to that index. -1 when a factor is not
    below ``safe``.
    """
    n, m = kernel.shape
    for t in range(count):
        product(across, v[t], u[t])
        for i in range(n):
            u[t, i] = row[i] / u[t, i]
            if not u[t, i] < safe:
                return -1
        product(kernel, u[t], v[t + 1])
        moved = 0.0
        for j in range(m):
            v[t + 1, j] = col[j] / v[t + 1, j]
            if not v[t + 1, j] < safe:
                return -1
            moved = max(moved, abs(v[t + 1, j] - v[t, j]) / v[t + 1, j])
        if moved <= still:
            count = t + 1
            break
    product(across, v[count], u[count])
    for i in range(n):
        u[count, i] = row[i] / u[count, i]
        if not u[count, i] < safe:
            return -1
    return count


@njit
def scaled(kernel: AnyArray, u: AnyArray, v: AnyArray, plan: AnyArray) -> None:
    """P = diag(u) E diag(v)."""
    n, m = kernel.shape
    for i in range(n):
        for j in range(m):
            plan[i, j] = u[i] * kernel[i, j] * v[j]


@njit
def pulled_back(
    kernel: AnyArray,
    across: AnyArray,
    row: AnyArray,
    col: AnyArray,
    count: int,
    done: int,
    u: AnyArray,
    v: AnyArray,
    f: AnyArray,
    g: AnyArray,
    spent: float,
    left: AnyArray,
    right: AnyArray,
) -> None:
    """The factors of the gradient: E∘Σ_t (left_t v_t' + u_t right_t').

    ``f`` and ``g`` are the row and column sums of W (destroyed); sweeps from ``done`` on repeat the
    state at ``done``; what falls below ``spent`` of its start is left. ``left`` (done + 1, n) and
    ``right`` (done + 1, m) are overwritten.
    """
    n, m = kernel.shape
    left[: done + 1, :] = 0.0
    right[: done + 1, :] = 0.0
    share_n, share_m = np.empty_like(f), np.empty_like(g)
    mass_n, mass_m = np.empty_like(f), np.empty_like(g)
    start = 0.0
    for i in range(n):
        start = max(start, abs(f[i]))
    for j in range(m):
        start = max(start, abs(g[j]))
    for i in range(n):
        left[done, i] = f[i] * u[done, i] / row[i]
    product(kernel, left[done], mass_m)
    for j in range(m):
        g[j] -= v[done, j] * mass_m[j]
    for t in range(count - 1, -1, -1):
        before, after = min(t, done), min(t + 1, done)
        most = 0.0
        for j in range(m):
            most = max(most, abs(g[j]))
            share_m[j] = g[j] * v[after, j] / col[j]
            right[before, j] += share_m[j]
        if most <= spent * start:
            break
        product(across, share_m, mass_n)
        for i in range(n):
            share_n[i] = -u[before, i] * mass_n[i] * u[before, i] / row[i]
            left[before, i] += share_n[i]
        product(kernel, share_n, mass_m)
        for j in range(m):
            g[j] = -v[before, j] * mass_m[j]


@njit
def gathered(
    kernel: AnyArray,
    u: AnyArray,
    v: AnyArray,
    left: AnyArray,
    right: AnyArray,
    weighted: AnyArray,
    gradient: AnyArray,
) -> None:
    """Gradient = E∘Σ_t (left_t v_t' + u_t right_t') - W, a row at a time."""
    n, m = kernel.shape
    terms = len(left)
    sums = np.empty_like(v[0])
    for i in range(n):
        for j in range(m):
            sums[j] = 0.0
        t = 0
        while t + 2 <= terms:
            l0, l1, u0, u1 = left[t, i], left[t + 1, i], u[t, i], u[t + 1, i]
            for j in range(m):
                sums[j] += (l0 * v[t, j] + u0 * right[t, j]) + (
                    l1 * v[t + 1, j] + u1 * right[t + 1, j]
                )
            t += 2
        while t < terms:
            l0, u0 = left[t, i], u[t, i]
            for j in range(m):
                sums[j] += l0 * v[t, j] + u0 * right[t, j]
            t += 1
        for j in range(m):
            gradient[i, j] = kernel[i, j] * sums[j] - weighted[i, j]
