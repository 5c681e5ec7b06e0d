"""The block operator against dense algebra, definitions, and extended precision near a vertex."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.jacobian.block import factor_block, power_of_four
from tests.helpers import graded_plan
from tests.naive import derivatives as naive

SHAPES = [(1, 1), (1, 4), (5, 1), (2, 2), (6, 6), (7, 5), (4, 9)]


def positive_plan(n, m, seed=0):
    return np.random.default_rng(seed).random((n, m)) + 0.01


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_residual_and_solve_match_a_pseudo_inverse(n, m):
    plan = positive_plan(n, m)
    operator = factor_block(plan)
    values = np.random.default_rng(1).standard_normal((n, m))
    np.testing.assert_allclose(
        operator.residual(values), values - naive.fit(plan, values), atol=1e-11
    )
    rows, cols = operator.forward(values)
    a, b = operator.solve(rows, cols)
    z = np.linalg.pinv(naive.block(plan)) @ np.concatenate([rows, cols])
    np.testing.assert_allclose(np.concatenate([a, b]), z, atol=1e-11)
    np.testing.assert_allclose(np.concatenate(operator.product(a, b)), [*rows, *cols], atol=1e-12)
    np.testing.assert_allclose(operator.potentials(values)[0], a, atol=1e-11)
    np.testing.assert_allclose(operator.spread(rows, cols), a[:, None] + b, atol=1e-11)


def test_forward_and_adjoint_are_adjoint():
    plan = positive_plan(5, 7)
    operator = factor_block(plan)
    rng = np.random.default_rng(0)
    values, a, b = rng.standard_normal((5, 7)), rng.standard_normal(5), rng.standard_normal(7)
    rows, cols = operator.forward(values)
    assert rows @ a + cols @ b == pytest.approx(np.vdot(values, operator.adjoint(a, b)), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), m=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_residual_ignores_gauges_and_follows_permutation_and_transposition(n, m, seed):
    rng = np.random.default_rng(seed)
    plan, values = positive_plan(n, m, seed), rng.standard_normal((n, m))
    residual = factor_block(plan).residual(values)
    shifted = values + 10 * rng.standard_normal((n, 1)) + 10 * rng.standard_normal(m)
    np.testing.assert_allclose(factor_block(plan).residual(shifted), residual, atol=1e-11)
    np.testing.assert_allclose(
        factor_block(plan.T.copy()).residual(values.T).T, residual, atol=1e-11
    )
    i, j = rng.permutation(n), rng.permutation(m)
    moved = factor_block(plan[i][:, j]).residual(values[i][:, j])
    np.testing.assert_allclose(moved, residual[i][:, j], atol=1e-11)


@pytest.mark.parametrize("decades", [30, 120])
@pytest.mark.parametrize("seed", range(4))
def test_moves_near_a_permutation_keep_their_accuracy(seed, decades):
    plan = graded_plan(8, seed, decades)
    values = np.random.default_rng(seed).standard_normal((8, 8))
    with mpmath.workdps(100 + 2 * decades):
        exact = naive.exact_residual(plan, values)
        moved = np.array([[float(p * x) for p, x in zip(*r)] for r in zip(plan, exact)])
    got = factor_block(plan).move(values)
    # Rounding error relative to the whole, with a factor for sums along the tree.
    assert np.abs(got - moved).max() <= 1e-13 * np.abs(moved).max()


def test_a_pseudo_inverse_would_not_do():
    plan = graded_plan(8, 0)
    values = np.random.default_rng(0).standard_normal((8, 8))
    dense = plan * (values - naive.fit(plan, values))
    got = factor_block(plan).move(values)
    assert np.abs(dense - got).max() > 1e-6 * np.abs(got).max()


def test_a_plan_that_underflows_into_pieces_is_refused():
    assert factor_block(np.eye(3)) is None


@pytest.mark.parametrize("size", [1.0, 3.999, 4.0, 0.25, 0.2499, 1e-289, 5e-324, 1e300])
def test_powers_of_four_lie_at_most_a_factor_four_below(size):
    found = power_of_four(size)
    assert found <= size
    assert size / found < 4
    assert np.log2(found) % 2 == 0


def test_nothing_has_the_unit_one():
    assert power_of_four(0.0) == 1.0


@pytest.mark.parametrize("q", [0.1, 1e-40, 1e-200, 1e-289])
def test_free_units_change_no_digit(q):
    """Next to a vertex the heaviest pair off the tree is q; there it is of order one."""
    plan = np.array([[1.0, q], [3 * q, 2.0]])
    operator = factor_block(plan)
    unit = operator.in_free_units
    assert 1 <= unit.off.max() < 4
    values = np.random.default_rng(0).standard_normal((2, 2))
    np.testing.assert_array_equal(unit.residual(values), operator.residual(values))
    np.testing.assert_array_equal(unit.move(values) * operator.free, operator.move(values))
