"""The derivatives of a plan in extended precision: A is inverted with as many digits as it takes.

Nothing is shared with the package. Norms are taken in double precision of matrices whose entries
are right one by one, and of order one.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np

from tests.naive.derivatives import exact_inverse


def digits(plan) -> int:
    """Enough for sums and inverses of the plan's masses, whatever they range over."""
    return 50 + int(3 * abs(math.log10(plan[plan > 0].min())))


def scaled(matrix) -> tuple[np.ndarray, float]:
    """A matrix of mpf over its largest entry, as floats, and that entry."""
    size = max(abs(x) for x in matrix.ravel()) or mpmath.mpf(1)
    return np.array([[float(x / size) for x in line] for line in matrix]), size


class Exact:
    """What can be asked of the plan (n, m), whose floats are taken as exact."""

    def __init__(self, plan):
        self.plan = plan
        self.n, self.m = plan.shape
        self.mass = np.array([[mpmath.mpf(float(p)) for p in line] for line in plan])
        inverse = exact_inverse(plan)
        size = self.n + self.m
        self.inverse = np.array([[inverse[i, j] for j in range(size)] for i in range(size)])

    def derivative(self):
        """-eps DS/s as an (nm, nm) matrix of floats, and s."""
        n, m, g = self.n, self.m, self.inverse
        reach = (
            g[:n, None, :n, None] + g[:n, None, None, n:]
            + g[None, n:, :n, None] + g[None, n:, None, n:]
        )  # fmt: skip
        p = self.mass.ravel()
        matrix = -reach.reshape(n * m, n * m) * p * p[:, None]
        matrix[np.diag_indices(n * m)] += p
        return scaled(matrix)

    def motion(self, cost):
        """P∘K(C)/s as floats, and s; the cost's floats are taken as exact, forbidden ones as 0."""
        n = self.n
        values = np.array(
            [[mpmath.mpf(float(x)) if np.isfinite(x) else 0 for x in r] for r in cost]
        )
        moved = self.mass * values
        z = self.inverse @ np.concatenate([moved.sum(axis=1), moved.sum(axis=0)])
        return scaled(self.mass * (values - z[:n, None] - z[n:]))

    def lowest(self):
        """The smallest eigenvalue of A off its null vector."""
        matrix, size = scaled(self.inverse)
        return 1 / (np.linalg.eigvalsh(matrix)[-1] * size)

    def gap(self):
        """1 - rho: the inverse of the largest eigenvalue of D_c^{1/2} L^+ D_c^{1/2}."""
        answer = self.inverse[self.n :, self.n :]
        col = self.mass.sum(axis=0)
        away = np.identity(self.m, dtype=object) - np.outer(
            np.ones(self.m, dtype=object), col
        ) / sum(col)
        matrix, size = scaled(away @ answer @ away.T)
        half = np.sqrt(self.plan.sum(axis=0))
        return 1 / (np.linalg.eigvalsh(matrix * half * half[:, None])[-1] * size)

    def forcing(self, mask):
        """sup over the mask of ‖A^+ P_kl (e_k; e_l)‖."""
        found = mpmath.mpf(0)
        for k, l in zip(*np.nonzero(mask), strict=True):  # noqa: E741
            z = self.inverse[:, k] + self.inverse[:, self.n + l]
            found = max(found, self.mass[k, l] * mpmath.sqrt(sum(x * x for x in z)))
        return found


def largest_cubic(plan, derivative, size, steps=400, random=12, seed=0):
    """max |<P, K(X)³>|/s over unit X by shifted power iteration; ``derivative`` is P∘K over s."""
    p = plan.ravel() / size
    project = derivative / np.where(p > 0, p, 1.0)[:, None]
    x = np.vstack([np.eye(p.size), np.random.default_rng(seed).standard_normal((random, p.size))])
    x /= np.linalg.norm(x, axis=1)[:, None]
    for _ in range(steps):
        gradient = (p * (x @ project.T) ** 2) @ project
        value = np.einsum("ki,ki->k", gradient, x)
        x = gradient + np.copysign(np.linalg.norm(gradient, axis=1), value)[:, None] * x
        norm = np.linalg.norm(x, axis=1)[:, None]
        x = x / np.where(norm > 0, norm, 1.0)
    return np.abs((x @ project.T) ** 3 @ p).max()


def largest_rank_one(derivative, shape, steps=200, random=12, seed=0):
    """max ‖H[uv']‖/s by alternating from every pair and random ones, on full matrices."""
    n, m = shape
    x = np.vstack([np.eye(n * m), np.random.default_rng(seed).standard_normal((random, n * m))])
    for _ in range(steps):
        x /= np.linalg.norm(x, axis=1)[:, None]
        image = (x @ derivative) @ derivative
        left, _, right = np.linalg.svd(image.reshape(-1, n, m), full_matrices=False)
        x = (left[:, :, 0, None] * right[:, 0, None, :]).reshape(len(x), -1)
    return np.linalg.norm(x @ derivative, axis=1).max()
