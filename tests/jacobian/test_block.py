"""The block operator against dense algebra, definitions, and extended precision near a vertex."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sinkdiag
from sinkdiag.derivatives.forcing import largest_forcing, smallest_eigenvalue, smallest_on_support
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.support import support_of
from sinkdiag.jacobian.tree import accumulate_down, accumulate_up, cut_matrix, heaviest_tree
from tests.naive import derivatives as naive

SHAPES = [(1, 1), (1, 4), (5, 1), (2, 2), (6, 6), (7, 5), (4, 9)]


def positive_plan(n, m, seed=0):
    return np.random.default_rng(seed).random((n, m)) + 0.01


def graded_plan(n, seed=0, decades=30):
    """Near a permutation: a heavy pair in each row, the rest spread over many decades."""
    rng = np.random.default_rng(seed)
    plan = 10.0 ** (-3 - decades * rng.random((n, n)))
    plan[np.arange(n), rng.permutation(n)] = 1.0
    return plan


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_the_tree_is_heaviest_and_in_preorder(n, m):
    plan = positive_plan(n, m)
    tree = heaviest_tree(plan)
    mass = np.log(plan[tree.row[1:], tree.col[1:]]).sum()
    assert mass == pytest.approx(naive.prim(plan), rel=1e-12, abs=1e-12)
    assert sorted(tree.node) == list(range(n + m))
    for k in range(1, n + m):
        assert tree.parent[k] < k < tree.end[tree.parent[k]]


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_the_cut_matrix_is_the_laplacian_in_tree_differences(n, m):
    plan = positive_plan(n, m)
    tree = heaviest_tree(plan)
    size = n + m
    signed = naive.block(plan)
    signed[:n, n:] *= -1
    signed[n:, :n] *= -1
    below = np.zeros((size, size))
    for k in range(size):
        below[tree.node[k : tree.end[k]], k] = 1.0
    expected = (below.T @ signed @ below)[1:, 1:]
    # The dense product cancels sums of at most n + m masses of up to their total.
    np.testing.assert_allclose(cut_matrix(plan, tree), expected, atol=1e-14 * size * plan.sum())


def test_accumulation_along_the_tree():
    plan = positive_plan(4, 3)
    tree = heaviest_tree(plan)
    values = np.arange(1.0, 8.0)
    up, down = values.copy(), values.copy()
    accumulate_up(up, tree.parent)
    accumulate_down(down, tree.parent)
    for k in range(7):
        assert up[k] == values[k : tree.end[k]].sum()
        above = [a for a in range(k + 1) if a <= k < tree.end[a]]
        assert down[k] == values[above].sum() - (values[0] if k and 0 not in above else 0)


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


@pytest.mark.parametrize("seed", range(4))
def test_moves_near_a_permutation_keep_their_accuracy(seed):
    plan = graded_plan(8, seed)
    values = np.random.default_rng(seed).standard_normal((8, 8))
    with mpmath.workdps(100):
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


@pytest.mark.parametrize("seed", range(3))
def test_smallest_eigenvalue_and_forcing_in_extended_precision(seed):
    plan = graded_plan(6, seed)
    operator, support = factor_block(plan), support_of(plan)
    with mpmath.workdps(120):
        values = mpmath.eigsy(naive.exact_block(plan), eigvals_only=True)
        second = float(sorted(values)[1])
        inverse = naive.exact_inverse(plan)
        sizes = {
            (k, l): float(
                mpmath.mpf(float(plan[k, l]))
                * mpmath.norm([inverse[i, k] + inverse[i, 6 + l] for i in range(12)])
            )
            for k, l in zip(*np.nonzero(support.mask))  # noqa: E741
        }
    assert smallest_eigenvalue(operator).value == pytest.approx(second, rel=1e-9)
    found = largest_forcing(operator, support)
    assert found.value == pytest.approx(max(sizes.values()), rel=1e-11)
    assert sizes[found.row, found.col] == pytest.approx(found.value, rel=1e-11)


@pytest.mark.parametrize(("n", "m", "eps"), [(6, 6, 0.1), (5, 8, 0.05), (8, 4, 0.03)])
def test_forcing_and_eigenvalues_match_dense_algebra(n, m, eps):
    plan = sinkdiag.solve(np.random.default_rng(0).random((n, m)), eps).plan
    operator, support = factor_block(plan), support_of(plan)
    found = largest_forcing(operator, support)
    value, row, col = naive.forcing(plan, support.mask)
    assert found.value == pytest.approx(value, rel=1e-10)
    assert (found.row, found.col) == (row, col)
    assert smallest_eigenvalue(operator).value == pytest.approx(
        np.linalg.eigvalsh(naive.block(plan))[1], rel=1e-10
    )


@pytest.mark.parametrize("eps", [0.3, 0.02, 0.006])
def test_the_masked_operator_has_one_null_direction_a_component(eps):
    plan = sinkdiag.solve(np.random.default_rng(0).random((12, 12)), eps).plan
    support = support_of(plan)
    values = np.linalg.eigvalsh(naive.block(np.where(support.mask, plan, 0.0)))
    assert np.abs(values[: support.components]).max() < 1e-14
    found = smallest_on_support(plan, support).value
    assert found == pytest.approx(values[support.components], rel=1e-9)


def test_a_plan_that_underflows_into_pieces_is_refused():
    assert factor_block(np.eye(3)) is None
