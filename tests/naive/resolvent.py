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


def sweep_jacobian_norms(cost, row, col, eps, iters, norm, digits=80):
    """(‖J_K‖, spectral radius) in a norm at P_K, in ``digits`` decimal digits.

    J_K is the product of the K sweeps' Jacobians D_c^{-1} Q2' D_r^{-1} Q1 on potentials whose last
    entry is 0, and ‖J_K‖² the largest eigenvalue of G^{-1} J' G J for the Gram matrix G there.
    """
    import mpmath as mp

    with mp.workdps(digits):
        m = len(col)
        product, plan, r, c = _sweeps(cost, row, col, eps, iters)
        reduced, gram = mp.matrix(m - 1, m - 1), mp.matrix(m - 1, m - 1)
        for j in range(m - 1):
            for k in range(m - 1):
                reduced[j, k] = product[j, k] - product[m - 1, k]
                gram[j, k] = _gram_entry(plan, r, c, norm, j, k)
        radius = max(abs(x) for x in mp.eig(reduced)[0])
        squares = mp.eig(mp.inverse(gram) * reduced.T * gram * reduced)[0]
        return float(mp.sqrt(max(mp.re(x) for x in squares))), float(radius)


def _sweeps(cost, row, col, eps, iters):
    """J_K on all potentials, P_K and the marginals, in mpmath's precision."""
    import mpmath as mp

    n, m = len(row), len(col)
    r, c = [mp.mpf(float(x)) for x in row], [mp.mpf(float(x)) for x in col]
    kernel = mp.matrix(
        [[mp.exp(-mp.mpf(float(x)) / mp.mpf(float(eps))) for x in line] for line in cost]
    )
    v, product = mp.matrix([1] * m), mp.eye(m)
    for step in range(iters + 1):
        image = kernel * v
        u = mp.matrix([r[i] / image[i] for i in range(n)])
        plan = mp.diag(u) * kernel * mp.diag(v)
        if step < iters:
            image = kernel.T * u
            v = mp.matrix([c[j] / image[j] for j in range(m)])
            second = mp.diag(u) * kernel * mp.diag(v)
            first = mp.diag([1 / x for x in r]) * plan
            product = mp.diag([1 / x for x in c]) * second.T * first * product
    return product, plan, r, c


def _gram_entry(plan, r, c, norm, j, k):
    """<e_j, e_k> modulo constants."""
    n, m = len(r), len(c)
    if norm == "potential":
        return (j == k) - 1 / (c[0] * m / c[0])
    if norm == "natural":
        return (c[j] if j == k else 0) - c[j] * c[k] / sum(c)
    total = 0
    for i in range(n):
        for col in range(m):
            first = (col == j) - plan[i, j] / r[i]
            second = (col == k) - plan[i, k] / r[i]
            total += plan[i, col] ** 2 * first * second
    return total
