"""The parts of a plan and their fluxes: kernels against their loop-only twins."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.solver import parts_kernels
from sinkdiag.solver.balance import balance_direction
from sinkdiag.solver.parts_kernels import eliminate_block
from tests.naive import solver as naive


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.0, 0.5), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_parts(n, m, density, seed):
    rng = np.random.default_rng(seed)
    plan = np.where(rng.random((n, m)) < density, 1.0, 1e-3) * rng.random((n, m))
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    label = np.empty(n + m, dtype=np.int32)
    u, v = 2.0 ** rng.integers(-3, 3, n), 2.0 ** rng.integers(-3, 3, m)
    kernel = plan / u[:, None] / v
    count = parts_kernels.label_parts(kernel, u, v, row, col, 0.05, label)
    assert label.tolist() == naive.label_parts(kernel, u, v, row, col, 0.05)
    assert count == label.max() + 1


@pytest.mark.parametrize("eps", [0.5, 1e-4])
def test_masses_of_parts(eps):
    rng = np.random.default_rng(6)
    cost, f, g, total = rng.random((5, 4)), rng.random(5), rng.random(4), np.empty((3, 3))
    cost[1, 2] = cost[2, 1] = cost[2, 3] = np.inf
    row_part, col_part = np.array([0, 2, 1, 0, 2], np.int32), np.array([1, 0, 2, 0], np.int32)
    parts_kernels.log_aggregate(cost, f, g, eps, row_part, col_part, total)
    wanted = naive.log_aggregate(cost.tolist(), f, g, eps, row_part, col_part, 3)
    # An exponent carries the rounding of f + g - C, of size 1 to 3, over eps.
    np.testing.assert_allclose(total, wanted, rtol=0, atol=1e-15 / eps + 1e-14)


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
    wanted = naive.eliminate_block(weights.tolist(), flux.tolist(), low, high)
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
