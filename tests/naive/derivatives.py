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
