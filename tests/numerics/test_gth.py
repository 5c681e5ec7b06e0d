"""The graph Laplacian of a plan: GTH factor, solves, and gaps of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.numerics.gth import column_weights, factor_laplacian
from tests.naive import numerics as naive

U = np.finfo(float).eps


def graded_plan(n, m, spread, seed):
    """A positive plan whose entries span ``spread`` decades, with its own marginals."""
    rng = np.random.default_rng(seed)
    plan = 10.0 ** (-spread * rng.random((n, m)))
    plan[np.arange(max(n, m)) % n, np.arange(max(n, m)) % m] = 1.0
    return plan, plan.sum(axis=1), plan.sum(axis=0)


@given(st.integers(2, 130), st.integers(2, 130), st.floats(0, 60), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_factor_matches_the_loops_entry_by_entry(n, m, spread, seed):
    plan, row, _ = graded_plan(n, m, spread, seed)
    weights = column_weights(plan, row)
    np.testing.assert_allclose(
        weights, naive.column_weights(plan.tolist(), row.tolist()), rtol=4 * n * U
    )
    factor = factor_laplacian(weights)
    lower, pivots = naive.gth(weights.tolist())
    # Both are GTH: each entry is off by at most about 3 m rounding units, whatever its size.
    np.testing.assert_allclose(factor.lower, lower, rtol=6 * m * U)
    np.testing.assert_allclose(factor.pivots, pivots, rtol=6 * m * U)
    assert factor.components == 1


def test_solve_inverts_the_laplacian():
    plan, row, col = graded_plan(70, 55, 3.0, 0)
    weights = column_weights(plan, row)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    rhs = np.random.default_rng(1).standard_normal((55, 3))
    rhs -= rhs.mean(axis=0)
    factor = factor_laplacian(weights)
    for weight in (None, col):
        x = factor.solve(rhs, weight)
        assert np.abs(laplacian @ x - rhs).max() < 1e-12 * np.abs(x).max() * laplacian.max()
        assert (
            np.abs((np.ones(55) if weight is None else weight) @ x).max() < 1e-12 * np.abs(x).sum()
        )
        one = factor.solve(rhs[:, 0], weight)
        np.testing.assert_allclose(one, x[:, 0], atol=1e-13 * np.abs(x).max())


def test_components_are_solved_apart():
    block = np.array([[0.0, 2.0], [2.0, 0.0]])
    weights = np.block([[block, np.zeros((2, 2))], [np.zeros((2, 2)), 3 * block]])
    x = factor_laplacian(weights).solve(np.array([1.0, -1.0, 1.0, -1.0]))
    assert x[0] - x[1] == pytest.approx(0.5)
    assert x[2] - x[3] == pytest.approx(1 / 6)
