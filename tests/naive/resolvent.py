"""Slow twins of the pseudospectrum's kernels and searches: loops and definitions only."""

from __future__ import annotations

import math

import numpy as np


def substitute_up(strict, diagonal, right):
    """x with (d - N) x = b, one column and one entry at a time."""
    n = len(right)
    x = [0j] * n
    for i in range(n - 1, -1, -1):
        total = right[i]
        for k in range(i + 1, n):
            total += strict[i][k] * x[k]
        x[i] = total / diagonal[i]
    return x


def substitute_down(strict, diagonal, right):
    """x with (d - N)* x = b."""
    n = len(right)
    x = [0j] * n
    for i in range(n):
        total = right[i]
        for k in range(i):
            total += strict[k][i].conjugate() * x[k]
        x[i] = total / diagonal[i].conjugate()
    return x


def resolvent_norm(matrix, z):
    sigma = np.linalg.svd(z * np.eye(len(matrix)) - matrix, compute_uv=False)[-1]
    return 1.0 / sigma


def kreiss_search(matrix, rounds=5):
    """sup (|z|-1)‖(z-A)^{-1}‖ by brute force: a polar grid, refined around its best point."""
    low, high, first, last = math.log(1e-4), math.log(100.0), -math.pi, math.pi
    best = 1.0
    for _ in range(rounds):
        steps, angles = np.linspace(low, high, 61), np.linspace(first, last, 61)
        values = np.array(
            [
                [
                    math.exp(s) * resolvent_norm(matrix, (1 + math.exp(s)) * np.exp(1j * t))
                    for t in angles
                ]
                for s in steps
            ]
        )
        i, j = np.unravel_index(values.argmax(), values.shape)
        best = max(best, float(values[i, j]))
        ds, dt = steps[1] - steps[0], angles[1] - angles[0]
        low, high = steps[i] - 2 * ds, steps[i] + 2 * ds
        first, last = angles[j] - 2 * dt, angles[j] + 2 * dt
    return best


def grcar(size):
    upper = sum(np.diag(np.ones(size - j), j) for j in (0, 1, 2, 3))
    return upper - np.diag(np.ones(size - 1), -1)
