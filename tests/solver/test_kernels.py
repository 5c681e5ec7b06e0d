"""Compiled kernels against their loop-only twins."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.solver import kernels, parts, system
from sinkdiag.solver.balance import balance_direction, eliminate_block
from tests.naive import annealing as naive
from tests.naive import solver as naive_solver

SHAPES = [(1, 1), (1, 4), (5, 1), (4, 4), (7, 3), (3, 9)]


def problem(n, m, seed):
    rng = np.random.default_rng(seed)
    row, col = rng.random(n) + 0.1, rng.random(m) + 0.1
    return rng.random((n, m)), row, col * (row.sum() / col.sum()), rng.standard_normal(m)


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
@pytest.mark.parametrize("fill", [kernels.build, kernels.build_parallel])
def test_build_is_one_exponential_with_exact_rows(n, m, eps, fill):
    cost, row, _, g = problem(n, m, 1)
    cost[0, 0] = np.inf if n * m > 4 and m > 1 else cost[0, 0]
    f, plan = np.empty(n), np.empty((n, m))
    fill(cost, g, row, eps, f, plan)
    expected = naive.row_update(cost, g, row, eps)
    np.testing.assert_allclose(f, expected, rtol=0, atol=1e-13 * max(1.0, eps))
    # The exponent is at most about 4/eps and off by a few units of its last place.
    exact = np.exp((np.array(expected)[:, None] + g - cost) / eps)
    np.testing.assert_allclose(plan, exact, rtol=2e-15 * (1 + 8 / eps), atol=1e-300)
    np.testing.assert_allclose(plan.sum(axis=1), row, rtol=1e-14)


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
    scale = 1e-14 * (count + 1) * max(1.0, eps, np.abs(exact_g).max())
    np.testing.assert_allclose(f, exact_f, rtol=0, atol=10 * scale)
    np.testing.assert_allclose(own_g, exact_g, rtol=0, atol=10 * scale)
    np.testing.assert_allclose(plan, exact_plan, rtol=0, atol=1e-13 * (count + 1) * (1 + 1 / eps))


def test_entries_above_a_floor():
    rng = np.random.default_rng(2)
    kernel, u, v, floor = rng.random((6, 5)), rng.random(6), rng.random(5), 0.3 * rng.random(5)
    starts = np.empty(7, dtype=np.int32)
    system.count_above(kernel, u, v, floor, starts)
    expected = naive_solver.entries_above(kernel.tolist(), u, v, floor)
    assert starts[-1] == len(expected) > 0
    columns, values = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1])
    system.take_above(kernel, u, v, floor, columns, values)
    rows = np.repeat(np.arange(6), np.diff(starts))
    assert list(zip(rows.tolist(), columns.tolist())) == [(i, j) for i, j, _ in expected]
    np.testing.assert_allclose(values, [x for _, _, x in expected], rtol=1e-15)


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.0, 0.5), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_parts(n, m, density, seed):
    rng = np.random.default_rng(seed)
    plan = np.where(rng.random((n, m)) < density, 1.0, 1e-3) * rng.random((n, m))
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    label = np.empty(n + m, dtype=np.int32)
    u, v = 2.0 ** rng.integers(-3, 3, n), 2.0 ** rng.integers(-3, 3, m)
    kernel = plan / u[:, None] / v
    count = parts.label_parts(kernel, u, v, row, col, 0.05, label)
    expected = naive_solver.parts(plan.tolist(), row.tolist(), col.tolist(), 0.05)
    assert count == len(expected)
    assert {frozenset(np.flatnonzero(label == k).tolist()) for k in range(count)} == {
        frozenset(group) for group in expected
    }


@pytest.mark.parametrize("eps", [0.5, 1e-4])
def test_masses_of_parts(eps):
    rng = np.random.default_rng(6)
    cost, f, g, total = rng.random((5, 4)), rng.random(5), rng.random(4), np.empty((3, 3))
    cost[1, 2] = cost[2, 1] = cost[2, 3] = np.inf
    row_part, col_part = np.array([0, 2, 1, 0, 2], np.int32), np.array([1, 0, 2, 0], np.int32)
    parts.log_aggregate(cost, f, g, eps, row_part, col_part, total)
    wanted = naive_solver.log_aggregate(cost.tolist(), f, g, eps, row_part, col_part, 3)
    # An exponent carries the rounding of f + g - C, of size 1 to 3, over eps.
    np.testing.assert_allclose(total, wanted, rtol=0, atol=1e-15 / eps + 1e-14)


def test_product_with_a_compressed_plan():
    rng = np.random.default_rng(7)
    plan = rng.random((6, 5)) * (rng.random((6, 5)) < 0.5)
    row, x, image = rng.random(6) + 0.5, rng.standard_normal(5), rng.standard_normal(5)
    sparse = scipy.sparse.csr_array(plan)
    starts, columns = sparse.indptr.astype(np.int32), sparse.indices.astype(np.int32)
    wanted = naive_solver.subtract_product(plan.tolist(), row, x, image)
    system.subtract_product(starts, columns, sparse.data, row, x, image)
    np.testing.assert_allclose(image, wanted, rtol=0, atol=1e-14)


def test_the_direction_that_balances_fluxes():
    """L z = net flux, whatever the fluxes' sizes; 1e-12 leaves room for 36 sums in GTH order."""
    rng = np.random.default_rng(8)
    flux = rng.random((6, 6)) * 10.0 ** rng.uniform(-60, -6, (6, 6))
    np.fill_diagonal(flux, 0.0)
    with mpmath.workdps(150):
        exact_flux = mpmath.matrix(flux.tolist())
        laplacian = -(exact_flux + exact_flux.T)
        net = mpmath.matrix(6, 1)
        for k in range(6):
            laplacian[k, k] = -mpmath.fsum(laplacian[k, :])
            net[k] = mpmath.fsum(exact_flux[k, :]) - mpmath.fsum(exact_flux[:, k])
        exact = np.array(mpmath.lu_solve(laplacian[:5, :5], net[:5]), dtype=float).ravel()
    found = balance_direction(flux)
    assert found.sum() == pytest.approx(0.0, abs=1e-14)
    np.testing.assert_allclose(found[:5] - found[5], exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("low", "high"), [(0, 7), (4, 7), (1, 3)])
def test_eliminated_block(low, high):
    rng = np.random.default_rng(4)
    weights, flux = rng.random((7, 7)), rng.normal(size=(7, 7))
    weights, flux = weights + weights.T, flux - flux.T
    wanted = naive_solver.eliminate_block(weights.tolist(), flux.tolist(), low, high)
    pivots, net = np.zeros(7), np.zeros(7)
    eliminate_block(weights, flux, pivots, net, low, high)
    # Up to six eliminations of sums of at most seven numbers of size one to ten.
    for found, exact in zip((weights, flux, pivots, net), wanted):
        np.testing.assert_allclose(found, exact, rtol=1e-13, atol=1e-13)


def test_a_node_without_links_is_left_alone():
    weights, flux = np.zeros((3, 3)), np.zeros((3, 3))
    weights[0, 1] = weights[1, 0] = 2.0
    flux[2, 0], flux[0, 2] = 1.0, -1.0
    pivots, net = np.ones(3), np.ones(3)
    eliminate_block(weights, flux, pivots, net, 0, 3)
    np.testing.assert_array_equal(pivots, [1.0, 2.0, 0.0])
    np.testing.assert_array_equal(net, [1.0, 0.0, 0.0])


@pytest.mark.parametrize("size", [1, 2, 7, 60])
def test_definite_systems(size):
    rng = np.random.default_rng(size)
    root = rng.standard_normal((size, size))
    matrix, rhs = root @ root.T + np.eye(size), rng.standard_normal(size)
    lower = np.array(naive_solver.cholesky(matrix.tolist()))
    work, x = matrix.copy(), rhs.copy()
    assert system.solve_definite(work, x)
    np.testing.assert_allclose(np.triu(work), lower.T, rtol=0, atol=1e-13 * size)
    assert np.abs(matrix @ x - rhs).max() <= 1e-14 * size * np.abs(matrix).max() * np.abs(x).max()
    work[0, 0] = -1.0
    assert not system.solve_definite(work, x)
