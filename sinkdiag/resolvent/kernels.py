"""Compiled loops of the batched resolvent: substitution with many shifts, and Lanczos columns.

A batch of p complex vectors of length n is one real array (n, 2p): real parts in the first p
columns, imaginary parts in the last p, so that the loops over columns run at full vector width.
"""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit

# How long these kernels take to compile, about.
COMPILE_SECONDS = 8


@njit
def substitute_up(
    strict_re: FloatArray,
    strict_im: FloatArray,
    inv_re: FloatArray,
    inv_im: FloatArray,
    first: int,
    last: int,
    x: FloatArray,
) -> None:
    """Rows first..last of (d_j - N) x_j = b_j, last row first, in place.

    N is strictly upper triangular, 1/d_j = inv[:, j] is the diagonal's inverse for column j.
    ``strict_im`` is empty when N is real.
    """
    p = inv_re.shape[1]
    dense = strict_im.shape[0] > 0
    for i in range(last - 1, first - 1, -1):
        for k in range(i + 1, last):
            a = strict_re[i, k]
            for j in range(2 * p):
                x[i, j] += a * x[k, j]
            if dense:
                b = strict_im[i, k]
                for j in range(p):
                    x[i, j] -= b * x[k, p + j]
                for j in range(p):
                    x[i, p + j] += b * x[k, j]
        for j in range(p):
            real = x[i, j]
            imag = x[i, p + j]
            x[i, j] = real * inv_re[i, j] - imag * inv_im[i, j]
            x[i, p + j] = real * inv_im[i, j] + imag * inv_re[i, j]


@njit
def substitute_down(
    strict_re: FloatArray,
    strict_im: FloatArray,
    inv_re: FloatArray,
    inv_im: FloatArray,
    first: int,
    last: int,
    x: FloatArray,
) -> None:
    """Rows first..last of (d_j - N)* x_j = b_j (conjugate transpose), first row first, in place."""
    p = inv_re.shape[1]
    dense = strict_im.shape[0] > 0
    for i in range(first, last):
        for k in range(first, i):
            a = strict_re[k, i]
            for j in range(2 * p):
                x[i, j] += a * x[k, j]
            if dense:
                b = strict_im[k, i]
                for j in range(p):
                    x[i, j] += b * x[k, p + j]
                for j in range(p):
                    x[i, p + j] -= b * x[k, j]
        for j in range(p):
            real = x[i, j]
            imag = x[i, p + j]
            x[i, j] = real * inv_re[i, j] + imag * inv_im[i, j]
            x[i, p + j] = imag * inv_re[i, j] - real * inv_im[i, j]


@njit
def lanczos_step(
    image: FloatArray,
    current: FloatArray,
    previous: FloatArray,
    alpha: FloatArray,
    beta: FloatArray,
) -> None:
    """One three-term recurrence H v = beta_old v_old + alpha v + beta_new v_new, per column.

    ``image`` holds H v and is overwritten by v_new; ``beta`` goes from beta_old to beta_new; alpha
    is returned in place. A column whose beta_new vanishes keeps a zero vector.
    """
    n, width = current.shape
    p = width // 2
    alpha[:] = 0.0
    for i in range(n):
        for j in range(p):
            alpha[j] += current[i, j] * image[i, j] + current[i, p + j] * image[i, p + j]
    norm = np.zeros(p)
    for i in range(n):
        for j in range(p):
            re = image[i, j] - alpha[j] * current[i, j] - beta[j] * previous[i, j]
            im = image[i, p + j] - alpha[j] * current[i, p + j] - beta[j] * previous[i, p + j]
            image[i, j] = re
            image[i, p + j] = im
            norm[j] += re * re + im * im
    for j in range(p):
        beta[j] = np.sqrt(norm[j])
        norm[j] = 1.0 / beta[j] if beta[j] > 0.0 else 0.0
    for i in range(n):
        for j in range(p):
            image[i, j] *= norm[j]
            image[i, p + j] *= norm[j]


@njit
def pivot(alpha: FloatArray, beta: FloatArray, k: int, theta: float) -> tuple[float, float, int]:
    """Last pivot of T_k - theta, its derivative in theta, and how many pivots are not negative.

    T_k is symmetric tridiagonal with diagonal alpha[:k] and off-diagonal beta[:k-1]; the count is
    that of the eigenvalues at or above theta (Sylvester's law of inertia).
    """
    value = alpha[0] - theta
    slope = -1.0
    above = 1 if value >= 0.0 else 0
    for i in range(1, k):
        if value == 0.0:
            value = 1e-300 + 1e-16 * abs(theta)
        ratio = beta[i - 1] / value
        slope = -1.0 + ratio * ratio * slope
        value = alpha[i] - theta - beta[i - 1] * ratio
        if value >= 0.0:
            above += 1
    return value, slope, above


@njit
def top_ritz(
    alpha: FloatArray, beta: FloatArray, k: int, old: float, weight: float
) -> tuple[float, float]:
    """Largest eigenvalue of T_k and the last entry of its unit eigenvector, in absolute value.

    ``old`` and ``weight`` are the same two numbers for T_{k-1}. The start is the Rayleigh-Ritz
    value on the old Ritz vector and the new Lanczos vector; from there (left of the root, where
    the last pivot is convex and decreasing) Newton's method is monotone.
    """
    if k == 1:
        return alpha[0], 1.0
    coupling = beta[k - 2] * weight
    half = 0.5 * (old - alpha[k - 1])
    radius = np.hypot(half, coupling)
    if half >= 0.0:
        theta = old + (coupling * coupling / (half + radius) if coupling > 0.0 else 0.0)
    else:
        theta = alpha[k - 1] + coupling * coupling / (radius - half)
    slope = -1.0
    for attempt in range(12):
        for _ in range(60):
            value, slope, _ = pivot(alpha, beta, k, theta)
            step = -value / slope
            if not abs(step) > 1e-15 * abs(theta):
                break
            # Rounding of ``weight`` can put the start right of the root; the pole at ``old``
            # bounds it.
            theta = max(theta + step, 0.5 * (old + theta))
        # Next to the pole Newton crawls: an eigenvalue that is left above says so.
        probe = theta + 1e-14 * 10.0**attempt * abs(theta)
        if pivot(alpha, beta, k, probe)[2] == 0:
            break
        theta = probe
    return theta, 1.0 / np.sqrt(-slope) if slope < 0.0 else 0.0


@njit
def judge(
    alpha: FloatArray,
    beta: FloatArray,
    steps: np.ndarray,
    theta: FloatArray,
    weight: FloatArray,
    tol: float,
    loose: float,
    done: np.ndarray,
) -> None:
    """Update every column's top Ritz value and say which columns are done.

    A column is done when its residual r meets r <= ``loose`` theta and r²/gap <= ``tol`` theta,
    the gap being that to the second Ritz value (one Sturm count decides), or r <= tol theta.
    """
    for j in range(len(steps)):
        k = steps[j]
        value, last = top_ritz(alpha[j], beta[j], k, theta[j], weight[j])
        theta[j] = value
        weight[j] = last
        residual = beta[j, k - 1] * last
        done[j] = residual <= tol * value
        if not done[j] and residual <= loose * value:
            needed = residual * residual / (tol * value)
            if needed < value:
                done[j] = pivot(alpha[j], beta[j], k, value - needed)[2] <= 1
