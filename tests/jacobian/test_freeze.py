"""The freeze temperature: closed forms, and that it belongs to the matrix alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag import freeze_temperature, solve, spectral_gap
from sinkdiag.problem import make_problem


@pytest.mark.parametrize("iters", [1, 5, 20, 300])
@pytest.mark.parametrize("size", [0.3, 7.0])
def test_two_by_two_in_closed_form(size, iters):
    """Rho = tanh²(d/(2 eps)) for [[0, d], [d, 0]], so that Birkhoff's bound is attained."""
    problem = make_problem([[0.0, size], [size, 0.0]])
    wanted = size / (2.0 * math.atanh(0.1 ** (0.5 / iters)))
    assert freeze_temperature(problem, iters) == pytest.approx(wanted, rel=2e-6)


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(2, 7), st.integers(2, 7), st.sampled_from([1, 4, 20]))
def test_sweeps_shrink_an_error_tenfold_there(seed, n, m, iters):
    cost = np.random.default_rng(seed).random((n, m))
    eps = freeze_temperature(make_problem(cost), iters)
    if math.isnan(eps):
        return
    rho = 1.0 - spectral_gap(solve(cost, eps))[0]
    assert rho**iters == pytest.approx(0.1, rel=1e-3)
    warmer = 1.0 - spectral_gap(solve(cost, 1.01 * eps))[0]
    assert warmer**iters < 0.1


def test_it_scales_with_the_costs_and_ignores_potentials():
    rng = np.random.default_rng(3)
    cost = rng.random((9, 9))
    eps = freeze_temperature(make_problem(cost), 20)
    shifted = 10.0 * cost + rng.random((9, 1)) + rng.random(9)
    assert freeze_temperature(make_problem(shifted), 20) == pytest.approx(10.0 * eps, rel=1e-5)


def test_a_layer_that_never_freezes():
    """A plan that does not depend on the temperature contracts at once."""
    cost = np.add.outer(np.arange(4.0), np.arange(4.0))
    assert math.isnan(freeze_temperature(make_problem(cost), 1))


def test_forbidden_pairs_have_no_bound_to_start_from():
    cost = np.random.default_rng(5).random((6, 6))
    cost[0, 1] = cost[3, 3] = np.inf
    eps = freeze_temperature(make_problem(cost), 20)
    rho = 1.0 - spectral_gap(solve(cost, eps))[0]
    assert rho**20 == pytest.approx(0.1, rel=1e-3)
