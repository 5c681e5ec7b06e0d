"""Every column of `spectrum` on random problems against mpmath: right to 1e-6, or nan and said."""

from __future__ import annotations

import math
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest

import sinkdiag
from sinkdiag.errors import InputError
from sinkdiag.results import Status
from tests.jacobian import exact as exact_values
from tests.naive import jacobian as naive

NORMS = ("plan", "potential", "natural")
ITERS = 3
# Entries up to which the derivative of the plan is assembled in extended precision.
LARGEST_GAIN = 30
# Columns whose meaning says where they are nan.
MAY_BE_NAN = {"truncated_norm", "truncated_radius", "converged_gain"}
# Where a number may be rounding of 0: eigenvalues of products, and normal matrices.
NOISE = {
    "rho": 1e-20,
    "sigma_2": 1e-12,
    "departure_from_normality": 1e-11,
    "transient_peak": 1e-20,
    "converged_radius": 1e-40,
    "converged_norm": 1e-40,
}


def problem_of(seed, most):
    """Costs with ties, forbidden pairs or neither; marginals skewed by up to 1e4; any eps."""
    rng = np.random.default_rng(seed)
    n, m = (int(rng.integers(2, most + 1)) for _ in range(2))
    kind = rng.integers(4)
    cost = rng.random((n, m)) if kind != 1 else rng.integers(0, 3, (n, m)).astype(float)
    row, col = np.ones(n), np.full(m, n / m)
    if kind == 2:
        row, col = 10.0 ** rng.uniform(-4, 0, n), 10.0 ** rng.uniform(-4, 0, m)
        col *= row.sum() / col.sum()
    if kind == 3:
        cost[rng.random((n, m)) < 0.2] = np.inf
    return cost, 10.0 ** rng.uniform(-2.8, 0.3), row, col, str(rng.choice(NORMS))


def solved(cost, eps, row, col):
    """The row's own matrix and its fixed point to as many digits as its gap needs."""
    try:
        found = sinkdiag.solve(cost, eps, row=row, col=col)
    except InputError:
        return None
    gap, _ = sinkdiag.spectral_gap(found)
    if found.status.failed or not gap > 1e-290:
        return None
    digits = 60 + int(-2.2 * math.log10(gap))
    return exact_values.fixed_point(cost, eps, found.row, found.col, found.g, digits)


def apart(reference):
    """Whether no two gaps agree to 1e-9: else eigenvectors, and cond(V), are a matter of taste."""
    gaps = reference.gaps
    return all(abs(a - b) > 1e-9 * max(a, b) for a, b in pairwise(gaps))


def wanted_of(plan, norm):
    exact = naive.Reference.at(plan)
    gaps, values = exact.gaps, exact.eigenvalues
    wanted = {
        "gap": gaps[0],
        "rho": values[0],
        "sigma_2": mp.sqrt(abs(values[0])),
        "duality_lhs": gaps[0],
        "duality_rhs": exact.duality_rhs(norm),
        "converged_radius": values[0] ** ITERS,
        "resolvent_norm": exact.function_norm(norm, [1 / gap for gap in gaps]),
        "converged_norm": exact.function_norm(norm, [value**ITERS for value in values]),
    }
    if values[0] > 1e-30:
        wanted["sweeps_per_digit"] = -mp.log(10) / mp.log(values[0])
    if apart(exact):
        wanted["kappa_V"] = exact.condition(norm)
        wanted["eigenvalue_condition"] = exact.eigenvalue_condition(norm)
        wanted["departure_from_normality"] = exact.departure(norm)
        wanted["transient_peak"] = exact.peak(norm)
    if plan.rows * plan.cols <= LARGEST_GAIN:
        wanted["converged_gain"] = None
    return wanted


def spectrum_row(cost, eps, row, col, norm):
    """The one row."""
    found = sinkdiag.spectrum(cost, eps, row=row, col=col, norm=norm, extended=True, iters=ITERS)
    return found.rows[0]


def wrong(seed, most):
    """The columns of a problem that are off by more than 1e-6; None without a reference."""
    cost, eps, row, col, norm = problem_of(seed, most)
    plan = solved(cost, eps, row, col)
    if plan is None:
        return None
    line = spectrum_row(cost, eps, row, col, norm)
    wanted = wanted_of(plan, norm)
    sweeps = exact_values.SweepReference.of(cost, eps, ITERS, row, col, digits=mp.mp.dps + 150)
    wanted["truncated_norm"], wanted["truncated_radius"] = sweeps.norm(norm), sweeps.radius()
    if "converged_gain" in wanted:
        wanted["converged_gain"] = exact_values.gain(plan, eps)
    off = []
    for name, exact in wanted.items():
        value = getattr(line, name)
        if math.isnan(value):
            # A status says why, or the column's own meaning.
            said = line.status is Status.BELOW_RESOLUTION or name in MAY_BE_NAN
        else:
            said = abs(value - exact) <= mp.mpf("1e-6") * abs(exact) + NOISE.get(name, 0)
        if not said:
            off.append((name, value, mp.nstr(exact, 12)))
    return off


@pytest.mark.parametrize("seed", range(24))
def test_small_random_problems(seed):
    assert not wrong(seed, 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_two_hundred_random_problems(seed):
    assert not wrong(seed, 12)


def test_the_problems_reach_every_kind_and_most_of_the_range():
    """Ties, skew, forbidden pairs; gaps from 1 to below 1e-100; few without a reference."""
    gaps, skipped = [], 0
    for seed in range(1000, 1200):
        cost, eps, row, col, _ = problem_of(seed, 12)
        try:
            gaps.append(sinkdiag.spectral_gap(sinkdiag.solve(cost, eps, row=row, col=col))[0])
        except InputError:
            skipped += 1
    assert skipped < 40
    assert max(gaps) > 0.9
    assert np.nanmin(gaps) < 1e-100
