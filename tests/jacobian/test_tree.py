"""The heaviest tree, its cut masses, and the passes along it against their slow twins."""

import numpy as np
import pytest

from sinkdiag.jacobian.kernels import cut_flows, row_products, tree_residual
from sinkdiag.jacobian.tree import accumulate_down, accumulate_up, cut_matrix, heaviest_tree
from tests.naive import derivatives as naive
from tests.naive import jacobian

SHAPES = [(1, 1), (1, 4), (5, 1), (2, 2), (6, 6), (7, 5), (4, 9)]


def positive_plan(n, m, seed=0):
    return np.random.default_rng(seed).random((n, m)) + 0.01


def listed(tree):
    return list(zip(tree.node, tree.parent, tree.row, tree.col, strict=True))


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
def test_accumulation_matches_its_twins(n, m):
    parent = heaviest_tree(positive_plan(n, m)).parent
    values = np.random.default_rng(1).standard_normal(n + m)
    up, down = values.copy(), values.copy()
    accumulate_up(up, parent)
    accumulate_down(down, parent)
    np.testing.assert_allclose(up, jacobian.accumulate_up(values, parent), atol=1e-14)
    np.testing.assert_allclose(down, jacobian.accumulate_down(values, parent), atol=1e-14)
    several = np.stack([values, -2 * values], axis=1)
    accumulate_up(several, parent)
    np.testing.assert_array_equal(several, np.stack([up, -2 * up], axis=1))


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_passes_over_a_stack_match_their_twins(n, m):
    plan = positive_plan(n, m)
    tree = heaviest_tree(plan)
    rng = np.random.default_rng(1)
    values, step = rng.standard_normal((3, n, m)), rng.standard_normal((3, n + m))
    off = plan.copy()
    off[tree.row[1:], tree.col[1:]] = 0.0
    level, flow, left = np.empty((3, n + m)), np.empty((3, n + m)), np.empty((3, n, m))
    cut_flows(off, values, tree.parent, tree.node, tree.row, tree.col, level, flow)
    tree_residual(values, level, step, tree.parent, tree.node, tree.row, tree.col, left)
    for s in range(3):
        levels, flows = jacobian.cut_flows(off, values[s], listed(tree))
        np.testing.assert_allclose(level[s], levels, atol=1e-13)
        np.testing.assert_allclose(flow[s], flows, atol=1e-13)
        residual = jacobian.tree_residual(values[s], levels, step[s], listed(tree))
        np.testing.assert_allclose(left[s], residual, atol=1e-13)


@pytest.mark.parametrize(("n", "m"), SHAPES)
@pytest.mark.parametrize("count", [1, 3])
def test_row_products_match_their_twin(n, m, count):
    rng = np.random.default_rng(0)
    vectors, matrix = rng.standard_normal((count, n)), rng.standard_normal((n, m))
    out = np.full((count, m), np.nan)
    row_products(vectors, matrix, out)
    np.testing.assert_allclose(out, jacobian.row_products(vectors, matrix), atol=1e-14)
