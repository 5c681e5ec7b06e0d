"""The certificate on many kinds of problem, from eps far above the costs' range to 1e-5 of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.results import Status
from sinkdiag.solver import solve


def clouds(rng, n, m, spread=1.0, centres=1):
    x, y = spread * rng.random((n, 2)), spread * rng.random((m, 2))
    x += rng.integers(0, centres, (n, 1))
    y += rng.integers(0, centres, (m, 1))
    return ((x[:, None] - y) ** 2).sum(axis=-1)


COSTS = {
    "random": lambda rng, n, m: rng.random((n, m)),
    "normal": lambda rng, n, m: rng.standard_normal((n, m)),
    "heavy tail": lambda rng, n, m: np.exp(3.0 * rng.standard_normal((n, m))),
    "squared distance": clouds,
    "distance": lambda rng, n, m: np.sqrt(clouds(rng, n, m)),
    "clusters": lambda rng, n, m: clouds(rng, n, m, 0.01, 3),
    "ties": lambda rng, n, m: rng.integers(0, 4, (n, m)).astype(float),
    "offset": lambda rng, n, m: rng.random((n, m)) + 1e8,
    "line": lambda rng, n, m: (np.sort(rng.random(n))[:, None] - np.sort(rng.random(m))) ** 2,
}
MASSES = {
    "equal": lambda _rng, n: np.ones(n),
    "random": lambda rng, n: rng.random(n) + 0.1,
    "six decades": lambda rng, n: 10.0 ** rng.uniform(-6, 0, n),
    "small integers": lambda rng, n: rng.integers(1, 5, n).astype(float),
}


@given(
    st.sampled_from(sorted(COSTS)),
    st.sampled_from(sorted(MASSES)),
    st.integers(1, 60),
    st.integers(1, 60),
    st.booleans(),
    st.floats(-5, 2),
    st.integers(0, 10**6),
)
@settings(max_examples=250, deadline=None)
def test_every_family_is_certified(kind, masses, n, m, square, decade, seed):
    certify(kind, masses, n, n if square else m, 10.0**decade, seed)


# Problems on which mass has to cross thousands of temperatures at the last rung, or on which a
# light last column would have to take up the rounding of the totals.
@pytest.mark.parametrize(
    ("kind", "masses", "n", "m", "seed"),
    [
        ("clusters", "small integers", 6, 6, 1),
        ("clusters", "random", 33, 41, 28),
        ("distance", "equal", 39, 43, 34),
        ("line", "six decades", 27, 39, 22),
        ("normal", "equal", 17, 9, 12),
        ("random", "six decades", 41, 17, 36),
        ("random", "equal", 9, 33, 44),
        ("squared distance", "small integers", 11, 7, 6),
        ("ties", "six decades", 38, 38, 33),
    ],
)
def test_hard_ones_are_certified_at_the_coldest(kind, masses, n, m, seed):
    certify(kind, masses, n, m, 1e-5, seed)


@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_a_useless_warm_start_costs_time_only(scale):
    rng = np.random.default_rng(64)
    cost = COSTS["distance"](rng, 62, 113)
    init = scale * rng.standard_normal(113)
    solution = solve(cost, 1e-5, init=init)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.plan, solve(cost, 1e-5).plan, rtol=0, atol=1e-9)


@pytest.mark.parametrize("share", [1e-20, 1e-40, 1e-100])
def test_no_temperature_hangs(share):
    """Far below what doubles resolve of the costs a solve ends, and does not claim too much."""
    rng = np.random.default_rng(57)
    cost = COSTS["clusters"](rng, 9, 9)
    row, col = MASSES["small integers"](rng, 9), MASSES["small integers"](rng, 9)
    col *= row.sum() / col.sum()
    solution = solve(cost, share, row=row, col=col, max_iter=2000)
    assert np.isfinite(solution.marginal_error)
    assert (solution.status is Status.CONVERGED) == (solution.marginal_error <= 1e-12)


def certify(kind, masses, n, m, share, seed):
    """Solve at ``share`` of the costs' range and look at both marginals."""
    rng = np.random.default_rng(seed)
    cost = COSTS[kind](rng, n, m)
    row, col = MASSES[masses](rng, n), MASSES[masses](rng, m)
    eps = share * (float(np.ptp(cost)) or 1.0)
    solution = solve(cost, eps, row=row / row.sum(), col=col / col.sum())
    assert solution.status is Status.CONVERGED
    plan = solution.plan
    assert np.abs(plan.sum(axis=1) / solution.row - 1.0).max() <= 1e-12
    assert np.abs(plan.sum(axis=0) / solution.col - 1.0).max() <= 1e-12


@pytest.mark.parametrize("gap", [1.0, 1e3])
def test_mass_that_must_cross_thousands_of_temperatures(gap):
    """Two clusters with a surplus of 1 on one side: the potentials between them differ by the gap,
    and no entry of a kernel at the start tells so."""
    rng = np.random.default_rng(1)
    cost = np.kron([[0.0, gap], [gap, 0.0]], np.ones((5, 5))) + 0.01 * rng.random((10, 10))
    row, col = np.ones(10), np.ones(10)
    row[0], col[9] = 2.0, 2.0
    solution = solve(cost, 1e-5 * gap, row=row, col=col)
    assert solution.status is Status.CONVERGED
    assert solution.plan[:5, 5:].sum() == pytest.approx(1.0, rel=1e-11)
    # Complementary slackness up to eps times the logarithms of the masses.
    held = solution.plan > 1e-6
    slack = cost - solution.f[:, None] - solution.g
    assert np.abs(slack[held]).max() <= 1e-5 * gap * 15
    assert slack.min() >= -1e-5 * gap * 15
