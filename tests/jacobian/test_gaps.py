"""Gaps of any size, to full relative accuracy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.jacobian.gaps import graded_modes, plan_gap, small_gaps
from sinkdiag.numerics.gth import column_weights, factor_laplacian
from sinkdiag.results import Status
from tests.naive import numerics as naive
from tests.numerics.test_gth import graded_plan

U = np.finfo(float).eps


@pytest.mark.parametrize(("n", "m"), [(9, 9), (9, 6), (6, 9), (2, 2), (2, 7)])
@pytest.mark.parametrize("spread", [0.5, 12.0, 40.0, 90.0])
def test_gaps_agree_with_200_digits(n, m, spread):
    plan, row, col = graded_plan(n, m, spread, seed=n + m)
    exact = naive.gaps(plan, row, col)
    gap, status = plan_gap(plan, row, col)
    assert abs(gap / exact[0] - 1) < 1e-12
    assert status is (Status.FROZEN if gap < 1e-14 else Status.CONVERGED)
    gaps, vectors, _ = graded_modes(plan, row, col)
    assert max(abs(g / e - 1) for g, e in zip(gaps, exact, strict=True)) < 1e-11
    weight = col if m <= n else row
    np.testing.assert_allclose((vectors.T * weight) @ vectors, np.eye(len(gaps)), atol=1e-12)


def test_two_by_two_closed_form_over_all_magnitudes():
    for exponent in range(1, 280, 9):
        q = 10.0**-exponent
        plan = np.array([[1.0 - q, q], [q, 1.0 - q]])
        gap, status = plan_gap(plan, np.ones(2), np.ones(2))
        assert gap == pytest.approx(4 * q * (1 - q), rel=1e-14)
        assert status is (Status.FROZEN if gap < 1e-14 else Status.CONVERGED)


def test_moderate_gaps_are_one_minus_squared_singular_values():
    plan, row, col = graded_plan(60, 60, 2.0, 4)
    sigma = np.linalg.svd(plan / np.sqrt(row)[:, None] / np.sqrt(col), compute_uv=False)
    np.testing.assert_allclose(small_gaps(plan, row, col, 5)[0], 1 - sigma[1:6] ** 2, rtol=1e-12)


@given(st.integers(3, 40), st.floats(0, 50), st.integers(0, 99), st.floats(-90, 90))
@settings(max_examples=25, deadline=None)
def test_gap_ignores_order_orientation_and_mass(n, spread, seed, decades):
    plan, row, col = graded_plan(n, n - 1, spread, seed)
    gap, status = plan_gap(plan, row, col)
    rng = np.random.default_rng(seed)
    p, q = rng.permutation(n), rng.permutation(n - 1)
    unit = 10.0**decades
    for other in (
        plan_gap(plan[p][:, q], row[p], col[q]),
        plan_gap(plan.T, col, row),
        plan_gap(plan * unit, row * unit, col * unit),
    ):
        assert other[0] == pytest.approx(gap, rel=1e-11)
        assert other[1] is status


def test_equal_gaps_are_found():
    # K_m: every mode of the complete graph has the same gap.
    plan = np.full((50, 50), 1e-40)
    np.fill_diagonal(plan, 1.0)
    gap, status = plan_gap(plan, np.ones(50), np.ones(50))
    assert gap == pytest.approx(1e-38, rel=1e-13)
    assert status is Status.FROZEN
    np.testing.assert_allclose(small_gaps(plan, np.ones(50), np.ones(50))[0], 1e-38, rtol=1e-12)


@pytest.mark.parametrize("off", [0.0, 1e-300])
def test_underflow_is_said(off):
    plan = np.array([[1.0, 0.5, off], [0.5, 1.0, off], [off, off, 1.0]])
    row = plan.sum(axis=1)
    factor = factor_laplacian(column_weights(plan, row))
    assert factor.components == 2
    gap, status = plan_gap(plan, row, row)
    assert np.isnan(gap)
    assert status is Status.BELOW_RESOLUTION
    gaps, vectors, status = graded_modes(plan, row, row)
    assert np.isnan(gaps).all()
    assert vectors.shape == (3, 2)
    assert status is Status.BELOW_RESOLUTION


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1)])
def test_one_row_or_column_has_no_mode(shape):
    plan = np.ones(shape)
    assert plan_gap(plan, plan.sum(1), plan.sum(0)) == (1.0, Status.CONVERGED)
    assert small_gaps(plan, plan.sum(1), plan.sum(0))[0].size == 0
