"""The two settings of arXiv 2408.11620: points of the plane, and random costs and weights."""

from __future__ import annotations

import numpy as np

from sinkdiag.problem import make_problem


def _polar(angle, radius):
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _box(random, count, low, high):
    return random.uniform(low, high, (count, 2))


def geometric(seed=0, n=300):
    """Squared distances over their range, between an arc with a disc and two crossed bars."""
    random = np.random.default_rng(seed)
    h = n // 2
    arc = _polar(random.uniform(0, np.pi, h), 0.3 + 0.2 * random.random(h))
    disc = _polar(random.uniform(0, 2 * np.pi, h), 0.1 * random.random(h)) + np.array([-0.3, 0.4])
    x = np.concatenate([arc, disc])
    y = np.concatenate(
        [_box(random, h, (-0.5, 0.0), (0.5, 0.15)), _box(random, h, (-0.075, 0.0), (0.075, 0.6))]
    )
    cost = ((x[:, None] - y) ** 2).sum(axis=2)
    return make_problem(cost / np.ptp(cost), marginals="probability")


def random_setting(seed=0, n=75):
    """Normal costs over their range, uniform random weights."""
    random = np.random.default_rng(seed)
    cost = random.standard_normal((n, n))
    row, col = random.random(n), random.random(n)
    return make_problem(cost / np.ptp(cost), row=row / row.sum(), col=col / col.sum())
