"""Depth of a stack of layers, against powers taken one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag import solve
from sinkdiag.jacobian.depth import mixing_depth


def slow_depth(plan, row):
    """Powers one by one until all rows are within 1 % of the stationary distribution."""
    step = plan / row[:, None]
    values, vectors = np.linalg.eig(step.T)
    limit = np.real(vectors[:, np.argmax(np.real(values))])
    limit = limit / limit.sum()
    power, depth = step.copy(), 1
    while 0.5 * np.abs(power - limit).sum(axis=1).max() > 0.01:
        power, depth = power @ step, depth + 1
    return depth


@pytest.mark.parametrize("eps", [1.0, 0.1, 0.03, 0.02])
def test_depth_is_counted(eps):
    found = solve(np.random.default_rng(0).random((6, 6)), eps)
    assert mixing_depth(found.plan, found.row) == slow_depth(found.plan, found.row)


def test_depth_with_unequal_marginals():
    rng = np.random.default_rng(1)
    row, col = rng.random(5) + 0.2, rng.random(5) + 0.2
    found = solve(rng.random((5, 5)), 0.1, row=row, col=col * row.sum() / col.sum())
    assert mixing_depth(found.plan, found.row) == slow_depth(found.plan, found.row)


def test_depth_is_below_the_singular_value_bound():
    """Counted, a near cycle takes fewer layers than 2 ln(100)/-ln(σ_2) would allow."""
    plan = 0.9 * np.roll(np.eye(8), 1, axis=1) + 0.1 * np.eye(8)
    found = mixing_depth(plan, np.ones(8))
    sigma = np.linalg.svd(plan, compute_uv=False)[1]
    assert found == slow_depth(plan, np.ones(8))
    assert found < math.log(100) / -math.log(sigma) * 2


@pytest.mark.parametrize(
    "plan", [np.roll(np.eye(3), 1, axis=1), np.eye(3), np.full((3, 2), 0.5), np.eye(2) + 1e-12]
)
def test_stacks_without_a_depth(plan):
    """A permutation comes round for ever; a rectangle has no powers; 1e-12 takes 1e12 layers."""
    assert math.isnan(mixing_depth(plan, plan.sum(axis=1)))


def test_one_layer_is_enough_for_a_product():
    assert mixing_depth(np.full((4, 4), 0.25), np.ones(4)) == 1.0
    assert mixing_depth(np.ones((1, 1)), np.ones(1)) == 1.0
