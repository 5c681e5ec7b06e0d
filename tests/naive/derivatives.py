"""Slow twins for the sensitivities: definitions and loops, nothing shared with the package."""

from __future__ import annotations

import math

import mpmath
import numpy as np


def block(plan):
    """A = [[diag(r), P], [P', diag(c)]] with the plan's own sums."""
    return np.block([[np.diag(plan.sum(axis=1)), plan], [plan.T, np.diag(plan.sum(axis=0))]])


def fit(plan, values):
    """a⊕b with (a, b) = A^+ B(X), by a pseudo-inverse."""
    moved = plan * values
    right = np.concatenate([moved.sum(axis=1), moved.sum(axis=0)])
    z = np.linalg.pinv(block(plan)) @ right
    n = len(plan)
    return z[:n, None] + z[n:]


def derivative_matrix(plan):
    """-eps DS as an (nm, nm) matrix, column by column."""
    n, m = plan.shape
    matrix = np.zeros((n * m, n * m))
    for k in range(n * m):
        unit = np.zeros((n, m))
        unit.flat[k] = 1.0
        matrix[:, k] = (plan * (unit - fit(plan, unit))).ravel()
    return matrix


def largest_cubic(plan, starts, steps=400, seed=0):
    """max |<P, K(X)³>| over unit X, by plain shifted power iteration on the dense projector."""
    rng = np.random.default_rng(seed)
    n, m = plan.shape
    p = plan.ravel()
    project = np.eye(n * m) - _fit_matrix(plan)
    best = 0.0
    for k in range(starts):
        x = rng.standard_normal(n * m) if k >= n * m else np.eye(n * m)[k]
        x /= np.linalg.norm(x)
        for _ in range(steps):
            gradient = project.T @ (p * (project @ x) ** 2)
            value = gradient @ x
            x = gradient + math.copysign(np.linalg.norm(gradient), value) * x
            if not np.linalg.norm(x) > 0:
                break
            x /= np.linalg.norm(x)
        best = max(best, abs(p @ (project @ x) ** 3))
    return best


def _fit_matrix(plan):
    n, m = plan.shape
    columns = []
    for k in range(n * m):
        unit = np.zeros((n, m))
        unit.flat[k] = 1.0
        columns.append(fit(plan, unit).ravel())
    return np.array(columns).T


def forcing(plan, mask):
    """(value, row, col) of the largest ‖A^+ P_kl (e_k; e_l)‖ over the mask, by a pseudo-inverse."""
    inverse = np.linalg.pinv(block(plan))
    n, m = plan.shape
    best = (-1.0, 0, 0)
    for k in range(n):
        for l in range(m):  # noqa: E741
            if mask[k, l]:
                size = plan[k, l] * np.linalg.norm(inverse[:, k] + inverse[:, n + l])
                best = max(best, (size, k, l))
    return best


def exact_block(plan):
    """A in extended precision; the floats of the plan are taken as exact."""
    n, m = plan.shape
    matrix = mpmath.zeros(n + m)
    for i in range(n):
        for j in range(m):
            p = mpmath.mpf(float(plan[i, j]))
            matrix[i, n + j] = matrix[n + j, i] = p
            matrix[i, i] += p
            matrix[n + j, n + j] += p
    return matrix


def exact_inverse(plan):
    """A^+ in extended precision: (A + vv'/(n+m))^{-1} - vv'/(n+m), v = (1, -1)."""
    n, m = plan.shape
    size = n + m
    matrix = exact_block(plan)
    gauge = [1] * n + [-1] * m
    for i in range(size):
        for j in range(size):
            matrix[i, j] += mpmath.mpf(gauge[i] * gauge[j]) / size
    inverse = mpmath.inverse(matrix)
    for i in range(size):
        for j in range(size):
            inverse[i, j] -= mpmath.mpf(gauge[i] * gauge[j]) / size
    return inverse


def exact_residual(plan, values):
    """X - A^+B(X) in extended precision, as an array of mpf."""
    n, m = plan.shape
    right = mpmath.zeros(n + m, 1)
    for i in range(n):
        for j in range(m):
            moved = mpmath.mpf(float(plan[i, j])) * mpmath.mpf(float(values[i, j]))
            right[i] += moved
            right[n + j] += moved
    z = exact_inverse(plan) * right
    return np.array(
        [[mpmath.mpf(float(values[i, j])) - z[i] - z[n + j] for j in range(m)] for i in range(n)]
    )


def prim(plan):
    """Total log mass of a maximum spanning tree, by Kruskal with a naive union."""
    n, m = plan.shape
    group = list(range(n + m))
    edges = sorted(((plan[i, j], i, n + j) for i in range(n) for j in range(m)), reverse=True)
    total = 0.0
    for mass, i, j in edges:
        if group[i] != group[j]:
            old, new = group[i], group[j]
            group = [new if label == old else label for label in group]
            total += math.log(mass)
    return total


def circle_coefficients(plan, kx, kd):
    n, m = plan.shape
    pairs = [(plan[i, j], kx[i, j], kd[i, j]) for i in range(n) for j in range(m)]
    return [sum(p * a ** (3 - k) * b**k for p, a, b in pairs) for k in range(4)]


def tangent_slope(plan, kk, x, before):
    """P∘kk less its part along x, and [<P∘kk, x>, |slope|², <slope, before>, |before|²]."""
    n, m = plan.shape
    cells = [(i, j) for i in range(n) for j in range(m)]
    value = sum(plan[i, j] * kk[i, j] * x[i, j] for i, j in cells)
    slope = [[plan[i, j] * kk[i, j] - value * x[i, j] for j in range(m)] for i in range(n)]
    size = sum(slope[i][j] ** 2 for i, j in cells)
    mixed = sum(slope[i][j] * before[i, j] for i, j in cells)
    return slope, [value, size, mixed, sum(before[i, j] ** 2 for i, j in cells)]


def conjugate(slope, along, x, share):
    """Unit vector of slope + share·along less its part along x."""
    n, m = slope.shape
    cells = [(i, j) for i in range(n) for j in range(m)]
    way = {cell: slope[cell] + share * along[cell] for cell in cells}
    inner = sum(way[cell] * x[cell] for cell in cells)
    rest = {cell: way[cell] - inner * x[cell] for cell in cells}
    length = math.sqrt(sum(value**2 for value in rest.values()))
    return [[rest[i, j] / length for j in range(m)] for i in range(n)]


def turn(x, kx, d, kd, cosine, sine):
    """X, K(x) and the tangent after a turn by (cos, sin) towards d, as lists of rows."""
    n, m = x.shape

    def mix(first, second, a, b):
        return [[a * first[i, j] + b * second[i, j] for j in range(m)] for i in range(n)]

    return mix(x, d, cosine, sine), mix(kx, kd, cosine, sine), mix(d, x, cosine, -sine)


def rank_one_norm(plan, starts, steps=300, seed=0):
    """max ‖H[uv']‖ over unit u, v, by alternating with dense singular vectors from each start."""
    rng = np.random.default_rng(seed)
    n, m = plan.shape
    matrix = derivative_matrix(plan)
    best = 0.0
    for k in range(starts):
        x = np.outer(rng.standard_normal(n), rng.standard_normal(m))
        if k < n * m:
            x = np.eye(n * m)[k].reshape(n, m)
        for _ in range(steps):
            image = (matrix @ x.ravel() / np.linalg.norm(x)).reshape(n, m)
            left, _, right = np.linalg.svd((matrix @ image.ravel()).reshape(n, m))
            x = np.outer(left[:, 0], right[0])
        best = max(best, np.linalg.norm(matrix @ x.ravel()))
    return best
