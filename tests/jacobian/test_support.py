"""The active support: its threshold, its components, and where it changes along eps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag import solve
from sinkdiag.jacobian.support import active_schur, bifurcations, support_of
from tests.naive import jacobian as naive


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_components_match_a_flood_fill_and_no_line_is_empty(n, m, seed):
    plan = np.exp(-25 * np.random.default_rng(seed).random((n, m)))
    found = support_of(plan)
    assert found.components == naive.components(found.mask.tolist())
    assert found.mask.any(axis=0).all()
    assert found.mask.any(axis=1).all()
    for i, j in np.argwhere(found.mask):
        assert found.row_labels[i] == found.col_labels[j]
    labels = np.concatenate([found.row_labels, found.col_labels])
    assert set(labels.tolist()) == set(range(found.components))


def test_threshold_is_relative_to_the_smaller_of_both_maxima():
    plan = np.array([[1.0, 1e-2], [1e-9, 1e-5]])
    # Row 2 and column 2 have maxima 1e-5 and 1e-2: entry (2, 2) counts, (2, 1) does not.
    found = support_of(plan, 1e-3)
    assert found.mask.tolist() == [[True, True], [False, True]]
    assert found.size == 3
    assert support_of(1e-200 * plan, 1e-3).mask.tolist() == found.mask.tolist()


@pytest.mark.parametrize("theta", [0.0, -1.0, 1.5, float("nan")])
def test_bad_thresholds_are_refused(theta):
    with pytest.raises(ValueError, match="theta"):
        support_of(np.ones((2, 2)), theta)


def test_uniform_rectangular_support_falls_into_gcd_components():
    """8×4 with unit rows and columns of 2: four groups of two rows at low temperature."""
    cost = np.random.default_rng(5).random((8, 4))
    warm, cold = (support_of(solve(cost, eps).plan) for eps in (1.0, 0.005))
    assert warm.components == 1
    assert cold.components == 4
    assert bifurcations([warm, warm, cold]) == [False, False, True]
    assert bifurcations([]) == []


def test_active_schur_has_one_null_direction_for_each_component():
    cost = np.random.default_rng(5).random((8, 4))
    plan = solve(cost, 0.005).plan
    support = support_of(plan)
    schur = active_schur(plan, support.mask)
    assert np.array_equal(schur, schur.T)
    for label in range(support.components):
        assert np.abs(schur @ (support.col_labels == label)).max() == 0.0
    whole = active_schur(plan, np.ones_like(support.mask))
    direct = np.diag(plan.sum(axis=0)) - plan.T @ (plan / plan.sum(axis=1)[:, None])
    assert np.allclose(whole, direct, atol=1e-14)
