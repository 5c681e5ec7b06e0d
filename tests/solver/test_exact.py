"""The fixed point against multiple-precision arithmetic, closed forms and its own certificate."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from sinkdiag.jacobian.gaps import spectral_gap
from sinkdiag.results import Status
from sinkdiag.solver import solve
from sinkdiag.solver.certify import duality_gap
from tests.naive import numerics as naive_numerics
from tests.solver.reference import fixed_point


def reference(cost, eps, solution, row=None, col=None):
    """(plan, gap) in 300 digits, marginals as exact fractions."""
    n, m = cost.shape
    row = [Fraction(1)] * n if row is None else [Fraction(float(x)) for x in row]
    col = [Fraction(n, m)] * m if col is None else [Fraction(float(x)) for x in col]
    plan, _, _ = fixed_point(cost.tolist(), eps, row, col, solution.g.tolist(), 300)
    with mpmath.workdps(300):
        row = [mpmath.mpf(x.numerator) / x.denominator for x in row]
        col = [mpmath.mpf(x.numerator) / x.denominator for x in col]
    return plan, naive_numerics.gaps(plan, row, col, 300)[0]


def check(cost, eps, row=None, col=None):
    solution = solve(cost, eps, row=row, col=col)
    assert solution.status is Status.CONVERGED
    assert solution.marginal_error <= 1e-12
    plan, exact = reference(cost, eps, solution, row, col)
    gap, status = spectral_gap(solution)
    assert abs(gap / exact - 1) < 1e-6
    assert status is (Status.FROZEN if gap < 1e-14 else Status.CONVERGED)
    # An entry below 1e-308 of its row when the kernel was built may be lost; factors stay in 1e±50.
    for line, exact_line in zip(solution.plan.tolist(), plan):
        for entry, exact_entry in zip(line, exact_line):
            assert abs(entry - exact_entry) <= 1e-6 * exact_entry + 1e-200


@pytest.mark.parametrize("shape", [(6, 6), (8, 8), (8, 4), (9, 6), (4, 8), (7, 5), (2, 2)])
@pytest.mark.parametrize("eps", [1.0, 0.05, 0.01, 0.003, 0.001])
def test_plan_and_gap_agree_with_300_digits(shape, eps):
    check(np.random.default_rng(sum(shape)).random(shape), eps)


@pytest.mark.parametrize("eps", [0.3, 0.05, 0.02])
def test_tied_costs(eps):
    check(np.random.default_rng(3).integers(0, 4, (6, 6)).astype(float), eps)


def test_skewed_marginals_that_balance_part_by_part():
    rng = np.random.default_rng(4)
    row = rng.random(6) + 0.2
    check(rng.random((6, 6)), 0.004, row, row[rng.permutation(6)])


def test_skewed_marginals_in_general_position():
    rng = np.random.default_rng(5)
    row, col = rng.random(7) + 0.2, rng.random(5) + 0.2
    check(rng.random((7, 5)), 0.002, row, col * (row.sum() / col.sum()))


def test_two_clusters_of_blocks_freeze_between_them():
    rng = np.random.default_rng(6)
    cost = np.kron([[0.0, 1.0], [1.0, 0.0]], np.ones((4, 4))) + 0.05 * rng.random((8, 8))
    check(cost, 0.02)
    check(cost, 0.01)


def test_gap_of_the_twelve_by_twelve_matrix():
    # Digits of the gap computed once in multiple precision.
    cost = np.random.default_rng(0).random((12, 12))
    known = {0.1: 0.39, 0.05: 0.22, 0.02: 1.4e-2, 0.01: 8.8e-5, 0.005: 3.8e-9, 0.002: 3.1e-22}
    for eps, value in known.items():
        assert spectral_gap(solve(cost, eps))[0] == pytest.approx(value, rel=0.035)


@pytest.mark.parametrize("eps", [1.0, 0.1, 0.01, 0.005])
def test_two_by_two_closed_form(eps):
    # d = 1: p = 1/(1 + exp(-1/eps)), gap = 4 p (1 - p), accurate down to 1e-86.
    solution = solve([[0.0, 1.0], [1.0, 0.0]], eps)
    q = np.exp(-1 / eps) / (1 + np.exp(-1 / eps))
    np.testing.assert_allclose(solution.plan, [[1 - q, q], [q, 1 - q]], rtol=1e-13)
    assert spectral_gap(solution)[0] == pytest.approx(4 * q * (1 - q), rel=1e-13)


@pytest.mark.parametrize("kind", ["random", "geometric"])
@pytest.mark.parametrize("n", [40, 320])
def test_certificate_over_seven_decades(kind, n):
    rng = np.random.default_rng(n)
    if kind == "random":
        cost = rng.random((n, n))
    else:
        x, y = rng.random((n, 1, 2)), rng.random((1, n, 2))
        cost = ((x - y) ** 2).sum(axis=-1)
    for eps in (100.0, 1.0, 1e-2, 1e-4, 1e-5) if n < 100 else (1e-2, 1e-4):
        solution = solve(cost, eps * np.ptp(cost))
        assert solution.status is Status.CONVERGED
        plan = solution.plan
        assert np.abs(plan.sum(axis=1) - 1).max() <= 1e-12
        assert np.abs(plan.sum(axis=0) - 1).max() <= 1e-12
        exponent = (solution.f[:, None] + solution.g - cost) / solution.eps
        seen = plan > 1e-290
        # f, g and C are doubles: the exponent is known to their last place over eps.
        tolerance = 8 * np.finfo(float).eps * np.abs(cost).max() / solution.eps + 1e-12
        assert np.abs(np.log(plan[seen]) - exponent[seen]).max() <= 4 * tolerance
        assert abs(duality_gap(solution)) <= 1e-12 * n * np.ptp(cost)


def test_duality_gap_is_the_difference_of_the_objectives():
    rng = np.random.default_rng(8)
    cost = rng.random((9, 7))
    solution = solve(cost, 0.05, iters=2)
    plan, eps = solution.plan, solution.eps
    primal = (cost * plan).sum() + eps * (plan * (np.log(plan) - 1)).sum()
    dual = solution.f @ solution.row + solution.g @ solution.col - eps * plan.sum()
    assert duality_gap(solution) == pytest.approx(primal - dual, rel=1e-9)
    assert abs(primal - dual) > 1e-6


def test_a_failed_solve_passes_its_status_to_the_gap():
    cost = np.random.default_rng(9).random((12, 12))
    gap, status = spectral_gap(solve(cost, 1e-3, max_iter=1))
    assert status is Status.MAX_ITER
    assert gap >= 0 or np.isnan(gap)
    gap, status = spectral_gap(solve(cost, 1e-5))
    assert np.isnan(gap)
    assert status is Status.BELOW_RESOLUTION
