"""Compiled loops of the ground floor: Lanczos columns, and union-find on a bipartite graph.

A batch of p complex vectors of length n is one real array (n, 2p): real parts in the first p
columns, imaginary parts in the last p, so that the loops over columns run at full vector width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sinkdiag.arrays import BoolArray, FloatArray, IntArray
from sinkdiag.numerics.jit import njit

# Nodes are numbered in 32 bits, as SciPy numbers them.
LabelArray = NDArray[np.int32]


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
    steps: IntArray,
    theta: FloatArray,
    weight: FloatArray,
    tol: float,
    loose: float,
    done: BoolArray,
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


@njit
def join(label: LabelArray, a: int, b: int) -> int:
    """Unite the sets of nodes a and b; 0 where they were one already, otherwise 1.

    Union by the smaller root, with path halving: a root comes before its members.
    """
    while label[a] != a:
        label[a] = label[label[a]]
        a = label[a]
    while label[b] != b:
        label[b] = label[label[b]]
        b = label[b]
    label[max(a, b)] = min(a, b)
    return 1 if a != b else 0


@njit
def number_sets(label: LabelArray) -> int:
    """Replace every node's parent by the number of its set, in the order of the first members.

    Returns how many sets there are.
    """
    count = 0
    for k in range(len(label)):
        # A root comes before its members, which then read its number.
        if label[k] == k:
            label[k] = count
            count += 1
        else:
            label[k] = label[label[k]]
    return count


@njit
def label_components(mask: BoolArray, label: LabelArray) -> int:
    """Number the components of the bipartite graph of ``mask``: rows, then columns, (n + m,).

    Returns their number. Once all columns hang together a row needs one link only.
    """
    n, m = mask.shape
    for k in range(n + m):
        label[k] = k
    joined = 0
    for i in range(n):
        one_is_enough = joined == i + m - 1
        for j in range(m):
            if mask[i, j]:
                joined += join(label, i, n + j)
                if one_is_enough:
                    break
    return number_sets(label)
