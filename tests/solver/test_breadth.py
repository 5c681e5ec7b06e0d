"""What the solver accepts, what it refuses, and what must not change its answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sinkdiag
from sinkdiag.errors import InputError
from sinkdiag.results import Status
from sinkdiag.solver import solve

INF = np.inf


def random_problem(n, m, seed):
    rng = np.random.default_rng(seed)
    row, col = rng.random(n) + 0.1, rng.random(m) + 0.1
    return rng.random((n, m)), row, col * (row.sum() / col.sum())


@given(
    st.integers(1, 14),
    st.integers(1, 14),
    st.floats(-3, 2),
    st.integers(0, 999),
    st.floats(-250, 250),
)
@settings(max_examples=40, deadline=None)
def test_plan_ignores_scale_order_orientation_and_gauge(n, m, decade, seed, scale):
    cost, row, col = random_problem(n, m, seed)
    eps = 10.0**decade
    plan = solve(cost, eps, row=row, col=col).plan
    rng = np.random.default_rng(seed)
    p, q, a = rng.permutation(n), rng.permutation(m), rng.standard_normal(n)
    unit = 2.0 ** int(scale)
    scaled = solve(cost * unit, eps * unit, row=row, col=col).plan
    permuted = solve(cost[p][:, q], eps, row=row[p], col=col[q]).plan
    turned = solve(cost.T, eps, row=col, col=row).plan.T
    shifted = solve(cost + a[:, None], eps, row=row, col=col).plan
    heavier = solve(cost, eps, row=8 * row, col=8 * col).plan / 8
    # Each run is within 1e-12 of the marginals; the plan answers with 1/gap, which is above 1e-4
    # of it here, and a shift of the cost rounds it by a few units of its last place over eps.
    error = max(1e-9, 1e-14 / eps)
    np.testing.assert_allclose(scaled, plan, rtol=0, atol=error)
    np.testing.assert_allclose(permuted[np.argsort(p)][:, np.argsort(q)], plan, rtol=0, atol=error)
    np.testing.assert_allclose(turned, plan, rtol=0, atol=error)
    np.testing.assert_allclose(shifted, plan, rtol=0, atol=error)
    np.testing.assert_allclose(heavier, plan, rtol=0, atol=error)


def test_large_offset_costs_its_own_rounding_only():
    cost, row, col = random_problem(20, 15, 1)
    solution = solve(cost + 1e8, 0.05, row=row, col=col)
    assert solution.status is Status.CONVERGED
    # cost + 1e8 is rounded to 1.5e-8, so the plan's logarithm moves by some 1e-8/eps.
    exact = solve(cost, 0.05, row=row, col=col)
    np.testing.assert_allclose(solution.plan, exact.plan, rtol=1e-5)
    same = solve((cost + 1e8) - 1e8, 0.05, row=row, col=col)
    np.testing.assert_allclose(solution.plan, same.plan, rtol=1e-12)


def test_single_precision_input_is_computed_in_double():
    cost = np.random.default_rng(2).random((9, 9)).astype(np.float32)
    solution = solve(cost, 0.01)
    assert solution.plan.dtype == np.float64
    np.testing.assert_array_equal(solution.plan, solve(cost.astype(np.float64), 0.01).plan)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("eps", [1e-9, 1.0, 1e9])
def test_one_row_or_column_is_forced(shape, eps):
    cost = np.random.default_rng(3).random(shape)
    solution = solve(cost, eps)
    n, m = shape
    np.testing.assert_allclose(solution.plan, np.full(shape, n / (n * m)), rtol=1e-15)
    assert solution.status is Status.CONVERGED


def test_constant_costs_give_the_product_of_the_marginals():
    _, row, col = random_problem(6, 9, 4)
    solution = solve(np.full((6, 9), 3.5), 1e-6, row=row, col=col)
    np.testing.assert_allclose(solution.plan, np.outer(row, col) / row.sum(), rtol=1e-13)


@pytest.mark.parametrize("eps", [1.0, 0.05, 1e-3])
@pytest.mark.parametrize("n", [6, 40])
def test_forbidden_pairs_carry_nothing(n, eps):
    rng = np.random.default_rng(5)
    cost = rng.random((n, n))
    cost[rng.random((n, n)) < 0.4] = INF
    np.fill_diagonal(cost, 1.0)
    cost[np.arange(n), np.arange(1, n + 1) % n] = 1.0
    solution = solve(cost, eps)
    assert solution.status is Status.CONVERGED
    assert np.all(solution.plan[np.isinf(cost)] == 0.0)
    # A finite stand-in that is as good as forbidden gives the same plan.
    stand_in = solve(np.where(np.isinf(cost), 100.0, cost), eps)
    np.testing.assert_allclose(solution.plan, stand_in.plan, rtol=0, atol=1e-9)


def test_blocks_that_do_not_touch_are_solved():
    rng = np.random.default_rng(6)
    cost = np.full((7, 6), INF)
    cost[:3, :2], cost[3:, 2:] = rng.random((3, 2)), rng.random((4, 4))
    row = np.array([2.0, 1, 1, 1, 1, 1, 1])
    col = np.array([3.0, 1, 1, 1, 1, 1])
    solution = solve(cost, 0.1, row=row, col=col)
    alone = solve(cost[:3, :2], 0.1, row=row[:3], col=col[:2])
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.plan[:3, :2], alone.plan, rtol=1e-9)


def test_no_plan_is_an_error():
    cost = np.zeros((4, 4))
    cost[:3, 2:] = INF
    with pytest.raises(InputError, match=r"no plan exists.* 0\.25 of the mass"):
        solve(cost, 0.1)
    cost = np.zeros((3, 3))
    cost[0, 1:] = INF
    with pytest.raises(InputError, match="no plan exists"):
        solve(cost, 0.1, row=[0.51, 0.3, 0.19], col=[0.5, 0.3, 0.2])


def test_a_pair_that_can_carry_no_mass_is_an_error():
    # Triangular support: the diagonal is the only plan.
    with pytest.raises(InputError, match=r"the allowed pair \[1, 0\] can carry no mass"):
        solve([[0.0, INF], [1.0, 0.0]], 0.1)
    cost = np.zeros((6, 6))
    cost[:3, 3:] = INF
    with pytest.raises(InputError, match=r"\[3, 0\] can carry no mass in any plan \(nor can 8 oth"):
        solve(cost, 0.1)
    # With other marginals the same support is sound, in small fractions or in any numbers.
    assert solve(cost, 0.1, row=[0.5] * 3 + [1.5] * 3, col=[1.0] * 6).status is Status.CONVERGED
    row = np.array([0.31, 0.52, 0.63, 1.1, 1.2, 1.3]) * np.pi
    assert solve(cost, 0.1, row=row, col=np.full(6, row.sum() / 6)).status is Status.CONVERGED


def test_statuses_do_not_pass_for_each_other():
    cost = np.random.default_rng(7).random((30, 30))
    fixed = solve(cost, 0.01)
    assert fixed.status is Status.CONVERGED
    truncated = solve(cost, 0.01, iters=20)
    assert truncated.status is Status.TRUNCATED
    assert truncated.iters == 20
    assert truncated.marginal_error > 1e-6
    for limit in (0, 1, 3, 7, 15):
        stopped = solve(cost, 0.01, max_iter=limit)
        assert stopped.status is Status.MAX_ITER
        assert stopped.iters <= limit
        assert stopped.eps == 0.01
        np.testing.assert_allclose(stopped.plan.sum(axis=1), 1.0, rtol=1e-13)
    assert solve(cost, 0.01, tol=1e-30).status is Status.STALLED
    # Enough sweeps are the fixed point, but they still say what they are.
    many = solve(cost, 0.2, iters=3000)
    assert many.status is Status.TRUNCATED
    np.testing.assert_allclose(many.plan, solve(cost, 0.2).plan, rtol=1e-10)


@pytest.mark.parametrize("shape", [(25, 25), (12, 30), (30, 12)])
def test_warm_start_leads_to_the_same_plan(shape):
    cost = np.random.default_rng(8).random(shape)
    start = solve(cost, 0.02)
    cold = solve(cost, 0.015)
    warm = solve(cost, 0.015, init=start.g)
    assert warm.status is Status.CONVERGED
    assert warm.iters < cold.iters
    np.testing.assert_allclose(warm.plan, cold.plan, rtol=0, atol=1e-10)
    with pytest.raises(InputError, match="init has shape"):
        solve(cost, 0.015, init=start.g[1:])


@pytest.mark.parametrize("eps", [0.0, -1.0, np.nan, INF])
def test_temperatures_that_are_none(eps):
    with pytest.raises(InputError, match="eps"):
        solve([[0.0, 1.0]], eps)


@pytest.mark.parametrize("size", [1e6, 1e12])
def test_row_and_column_offsets_cost_no_digits(size):
    """Potentials take offsets up exactly: the gap is that of the costs without them.

    Offsets are multiples of 2^-10·size, so that the sums are stored without rounding.
    """
    cost = np.round(np.random.default_rng(1).random((5, 5)) * 1024) / 1024
    step = 2.0 ** np.round(np.log2(size))
    plain = sinkdiag.spectral_gap(sinkdiag.solve(cost, 0.01))[0]
    ramp = step * np.arange(5.0)
    for shifted in (cost + ramp[:, None], cost + ramp):
        solution = sinkdiag.solve(shifted, 0.01)
        assert sinkdiag.spectral_gap(solution)[0] == pytest.approx(plain, rel=1e-9)
