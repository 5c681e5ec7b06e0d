"""Compiled sweeps against their loop-only twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.solver import kernels, parts_kernels, system_kernels
from tests.helpers import kernel_names
from tests.naive import solver as naive

SHAPES = [(1, 1), (1, 4), (5, 1), (4, 4), (7, 3), (3, 9)]


def problem(n, m, seed):
    rng = np.random.default_rng(seed)
    row, col = rng.random(n) + 0.1, rng.random(m) + 0.1
    return rng.random((n, m)), row, col * (row.sum() / col.sum()), rng.standard_normal(m)


@pytest.mark.parametrize("module", [kernels, parts_kernels, system_kernels])
def test_every_kernel_has_a_twin(module):
    assert kernel_names(module) <= set(vars(naive))


@pytest.mark.parametrize(("n", "m"), SHAPES)
@pytest.mark.parametrize("eps", [10.0, 0.1, 1e-3])
def test_half_sweeps(n, m, eps):
    cost, row, col, g = problem(n, m, 0)
    f = np.empty(n)
    kernels.row_update(cost, g, np.log(row), eps, f)
    expected = naive.row_update(cost, g, row, eps)
    np.testing.assert_allclose(f, expected, rtol=0, atol=1e-13 * max(1.0, eps))
    back = np.empty(m)
    kernels.col_update(cost, f, np.log(col), eps, back)
    np.testing.assert_allclose(back, naive.col_update(cost, f, col, eps), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("n", "m"), SHAPES)
@pytest.mark.parametrize("eps", [10.0, 0.1, 1e-3])
@pytest.mark.parametrize("name", ["build", "build_parallel"])
def test_build_is_one_exponential_with_exact_rows(n, m, eps, name):
    cost, row, _, g = problem(n, m, 1)
    cost[0, 0] = np.inf if n * m > 4 and m > 1 else cost[0, 0]
    f, plan = np.empty(n), np.empty((n, m))
    getattr(kernels, name)(cost, g, row, eps, f, plan)
    expected, exact = getattr(naive, name)(cost, g, row, eps)
    np.testing.assert_allclose(f, expected, rtol=0, atol=1e-13 * max(1.0, eps))
    # The exponent is at most about 4/eps and off by a few units of its last place.
    np.testing.assert_allclose(plan, exact, rtol=2e-15 * (1 + 8 / eps), atol=1e-300)
    np.testing.assert_allclose(plan.sum(axis=1), row, rtol=1e-14)
    first = (n - 1) // 4 * 4
    alone, lines = np.full(n, np.nan), np.full((n, m), np.nan)
    kernels.build_rows(cost, g, row, eps, alone, lines, first)
    np.testing.assert_array_equal(alone[first:], f[first:])
    np.testing.assert_array_equal(lines[first:], plan[first:])
    assert np.isnan(lines[:first]).all()
    exact_f, exact_lines = naive.build_rows(cost, g, row, eps, first)
    np.testing.assert_allclose(alone[first:], exact_f, rtol=0, atol=1e-13 * max(1.0, eps))
    rtol = 2e-15 * (1 + 8 / eps)
    np.testing.assert_allclose(lines[first:], exact_lines, rtol=rtol, atol=1e-300)


@pytest.mark.parametrize(("n", "m"), [*SHAPES, (8, 17)])
def test_a_row_of_exponentials_and_its_sum(n, m):
    cost, row, _, g = problem(n, m, 2)
    f, plan = np.empty(n), np.empty((n, m))
    top = float((g - cost[-1]).max())
    kernels.exponentials(cost, g, top, 0.05, plan, n - 1)
    weights = naive.exponentials(cost[-1], g, top, 0.05)
    # Four roundings of an exponent of at most 80, and the exponential's own.
    np.testing.assert_allclose(plan[-1], weights, rtol=4 * 80 * 2**-53)
    kernels.normalise(row, top, sum(weights), 0.05, f, plan, n - 1)
    exact_f, exact = naive.normalise(weights, row[-1], top, sum(weights), 0.05)
    assert f[-1] == pytest.approx(exact_f, rel=1e-15, abs=1e-15)
    np.testing.assert_allclose(plan[-1], exact, rtol=4 * 80 * 2**-53)


def test_a_row_does_not_depend_on_which_others_are_made_with_it():
    """Rows in fours, and a row alone: to the last bit."""
    cost, row, _, g = problem(7, 33, 4)
    f, plan = np.empty(7), np.empty((7, 33))
    kernels.build(cost, g, row, 0.05, f, plan)
    for i in range(7):
        alone, line = np.empty(1), np.empty((1, 33))
        kernels.build(cost[i : i + 1], g, row[i : i + 1], 0.05, alone, line)
        assert alone[0] == f[i]
        np.testing.assert_array_equal(line[0], plan[i])


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_rows_of_any_potentials_are_scaled(n, m):
    cost, row, _, g = problem(n, m, 2)
    f, plan = np.linspace(-1.0, 1.0, n), np.empty((n, m))
    expected, exact = naive.fill_plan(cost, f, g, row, 0.3)
    kernels.fill_plan(cost, f, g, row, 0.3, plan)
    np.testing.assert_allclose(f, expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(plan, exact, rtol=1e-13)


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_a_sweep_of_products_and_its_factors(n, m):
    plan, row, col, g = problem(n, m, 3)
    u, v, total = np.linspace(0.5, 2.0, n), np.ones(m), np.empty(m)
    exact_u, exact_v = naive.linear_sweep(plan, row, col, u)
    assert kernels.linear_sweep(plan, row, col, u, v, total)
    np.testing.assert_allclose(u, exact_u, rtol=1e-14)
    np.testing.assert_allclose(v, exact_v, rtol=1e-14)
    f = np.zeros(n)
    exact_f, exact_g = naive.absorb(f, g, u, v, 0.3)
    kernels.absorb(f, g, u, v, 0.3)
    np.testing.assert_allclose(f, exact_f, rtol=0, atol=1e-15)
    np.testing.assert_allclose(g, exact_g, rtol=0, atol=1e-15)
    assert (u == 1.0).all()
    assert (v == 1.0).all()


def test_a_sweep_that_leaves_the_safe_range_is_not_taken():
    u, v, total = np.ones(2), np.ones(2), np.empty(2)
    plan = np.array([[1.0, 1e-60], [1.0, 1e-60]])
    assert not kernels.linear_sweep(plan, np.ones(2), np.ones(2), u, v, total)
    np.testing.assert_array_equal([u, v], np.ones((2, 2)))


@given(
    st.integers(1, 8),
    st.integers(1, 8),
    st.floats(-3, 2),
    st.integers(0, 30),
    st.integers(0, 999),
)
@settings(max_examples=40, deadline=None)
def test_sweeps_are_log_domain_sweeps(n, m, decade, count, seed):
    cost, row, col, g = problem(n, m, seed)
    eps = 10.0**decade
    f, own_g, plan = np.empty(n), g.copy(), np.empty((n, m))
    kernels.sweeps(cost, row, col, eps, count, f, own_g, plan)
    exact_f, exact_g, exact_plan = naive.sweeps(
        cost.tolist(), row.tolist(), col.tolist(), eps, count, g.tolist()
    )
    carried, room = g.copy(), np.empty((n, m))
    kernels.carry(cost, row, col, eps, count, np.empty(n), carried, room)
    np.testing.assert_array_equal(carried, own_g)
    assert naive.carry(cost, row, col, eps, count, g.tolist()) == exact_g
    scale = 1e-14 * (count + 1) * max(1.0, eps, np.abs(exact_g).max())
    np.testing.assert_allclose(f, exact_f, rtol=0, atol=10 * scale)
    np.testing.assert_allclose(own_g, exact_g, rtol=0, atol=10 * scale)
    np.testing.assert_allclose(plan, exact_plan, rtol=0, atol=1e-13 * (count + 1) * (1 + 1 / eps))


def test_a_stack_is_swept_matrix_by_matrix():
    rng = np.random.default_rng(5)
    costs, eps, g = rng.random((6, 3, 4)), 10.0 ** rng.uniform(-2, 1, 6), rng.random((6, 4))
    row, col = np.ones(3), np.full(4, 0.75)
    f, own, plan = np.empty((6, 3)), g.copy(), np.empty((6, 3, 4))
    kernels.sweep_all(costs, row, col, eps, 4, f, own, plan)
    wanted = naive.sweep_all(costs.tolist(), row, col, eps, 4, g.tolist())
    for found, (exact_f, exact_g, exact) in zip(zip(f, own, plan, strict=True), wanted):
        np.testing.assert_allclose(found[0], exact_f, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found[1], exact_g, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found[2], exact, rtol=0, atol=1e-11)
