"""Contraction and tracking error from the sweeps, against the fixed point itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag import online_gap, online_gap_of_plan, solve
from sinkdiag.errors import InputError
from sinkdiag.jacobian.gaps import plan_gap
from sinkdiag.results import Status
from sinkdiag.solver import online_kernels
from tests.helpers import kernel_names, planar_cost, uniform_cost
from tests.naive import solver as naive

TIES = np.random.default_rng(0).integers(0, 3, (6, 6)).astype(float)
COSTS = {
    "uniform": uniform_cost(24, 24),
    "geometric": planar_cost(24),
    "ties": TIES,
    "rectangular": uniform_cost(20, 12),
}


def total_variation(plan, other):
    return float(np.abs(plan - other).sum() / (2 * other.sum()))


def test_every_kernel_has_a_twin():
    assert kernel_names(online_kernels) <= set(vars(naive))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (5, 1), (4, 4), (7, 3), (3, 9)])
@pytest.mark.parametrize("eps", [3.0, 0.1, 0.003])
def test_kernels_are_their_twins(n, m, eps):
    rng = np.random.default_rng(1)
    cost, row, col, g = rng.random((n, m)), rng.random(n) + 0.1, rng.random(m) + 0.1, rng.random(m)
    col *= row.sum() / col.sum()
    if n * m > 4 and m > 1:
        cost[0, 0] = np.inf
    f, own, plan, chi = np.empty(n), g.copy(), np.empty((n, m)), np.empty(9)
    online_kernels.sweep_residuals(cost, row, col, eps, f, own, plan, chi)
    # A plan's exponent, at most about 8/eps, is off by a few units of its last place a sweep.
    error = 1e-15 * (9 + 8 / eps) * 9
    wanted = naive.sweep_residuals(cost.tolist(), row, col, eps, 8, g.tolist())
    np.testing.assert_allclose(chi, wanted, rtol=error, atol=error)
    exact_f, exact_g, exact_plan = naive.sweeps(cost.tolist(), row, col, eps, 8, g.tolist())
    np.testing.assert_allclose(plan, exact_plan, rtol=0, atol=error)
    np.testing.assert_allclose(f, exact_f, rtol=0, atol=error)
    np.testing.assert_allclose(own, exact_g, rtol=0, atol=error)
    kernel = rng.random((n, m)) + 0.01
    u, v, total = rng.random(n), rng.random(m), np.empty(m)
    assert online_kernels.column_residual(kernel, u, v, col, total) == pytest.approx(
        naive.column_residual(kernel, u, v, col), rel=1e-12
    )
    online_kernels.plan_residuals(kernel, row, col, chi)
    wanted = naive.plan_residuals(kernel.tolist(), row, col, 8)
    np.testing.assert_allclose(chi, wanted, rtol=1e-12, atol=1e-14)


def test_sweeps_that_leave_the_safe_range():
    """Potentials far off: the first half-sweep is done in the log domain, or not at all."""
    cost, ones = uniform_cost(4, 4), np.ones(4)
    g = np.array([0.0, -40.0, 0.0, 0.0])
    f, own, plan, chi = np.empty(4), g.copy(), np.empty((4, 4)), np.empty(4)
    online_kernels.sweep_residuals(cost, ones, ones, 0.1, f, own, plan, chi)
    wanted = naive.sweep_residuals(cost.tolist(), ones, ones, 0.1, 3, g.tolist())
    np.testing.assert_allclose(chi, wanted, rtol=1e-12, atol=1e-14)
    far = np.ones((4, 4))
    far[:, 1] = 1e-60
    online_kernels.plan_residuals(far, ones, ones, chi)
    assert chi[0] > 1.0
    assert np.isnan(chi[1:]).all()


@pytest.mark.parametrize("d_over_eps", [0.1, 1.0, 4.0, 10.0])
def test_two_by_two_in_closed_form(d_over_eps):
    """gap = 4p(1-p); the one mode moves mass by TV, and the estimate is TV/sqrt(gap)."""
    p = 1 / (1 + math.exp(-d_over_eps))
    cost, gap = np.array([[0.0, 1.0], [1.0, 0.0]]), 4 * p * (1 - p)
    shift = 1e-4 / d_over_eps
    found = online_gap(cost, 1 / d_over_eps, iters=1, init=[shift, -shift])
    # The residuals, about 1e-4 gap, are linear up to 1e-4 and rounded at 1e-16, their ratio is near
    # 1 - gap.
    error = 2e-4 + 1e-11 / gap**2
    assert found.gap == pytest.approx(gap, rel=error)
    solution = solve(cost, 1 / d_over_eps, iters=1, init=[shift, -shift])
    exact = np.array([[p, 1 - p], [1 - p, p]])
    true = total_variation(solution.plan, exact)
    assert found.tracking_error == pytest.approx(true / math.sqrt(gap), rel=error)
    assert found.status is Status.TRUNCATED


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("eps", [0.1, 0.05, 0.02])
@pytest.mark.parametrize("iters", [5, 20])
def test_near_the_fixed_point_the_ratio_rises_to_rho(name, eps, iters):
    """By Cauchy-Schwarz; a small disturbance keeps the sweeps linear."""
    cost = COSTS[name]
    solution = solve(cost, eps)
    gap, _ = plan_gap(solution.plan, solution.row, solution.col)
    rng = np.random.default_rng(3)
    init = solution.g + 1e-4 * eps * rng.standard_normal(len(solution.g))
    found = online_gap(cost, eps, iters=iters, init=init)
    # Second order in the disturbance, and the rounding of residuals.
    slack = 1e-3 + 1e-13 / found.chi[:-1]
    ratios = found.chi[1:] / found.chi[:-1]
    assert (ratios <= 1 - gap + slack).all()
    assert (np.diff(ratios) >= -slack[1:]).all()
    assert found.gap >= gap - slack[-1]
    # The bound itself, with the true gap.
    plan = solve(cost, eps, iters=iters, init=init).plan
    bound = found.chi[-1] / (2 * math.sqrt(solution.row.sum() * gap))
    assert total_variation(plan, solution.plan) <= bound * (1 + 1e-3) + 1e-13


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("eps", [0.2, 0.1, 0.05, 0.02, 0.01])
def test_a_cold_layer_is_judged_within_a_factor(name, eps):
    """20 sweeps from zero, as layers run: never below the truth here, and at most 5 times it."""
    cost = COSTS[name]
    truth = solve(cost, eps)
    plan = solve(cost, eps, iters=20).plan
    tv = total_variation(plan, truth.plan)
    for found in (online_gap(cost, eps), online_gap_of_plan(plan)):
        if found.least_error == 0.0:
            assert tv <= found.tracking_error <= 1e-3
        else:
            assert tv <= found.tracking_error <= 5 * tv


@pytest.mark.parametrize("name", COSTS)
def test_a_layer_may_end_on_rows_or_on_columns(name):
    solution = solve(COSTS[name], 0.05, iters=10)
    row, col, plan = solution.row, solution.col, solution.plan
    straight = online_gap_of_plan(plan, row=row, col=col)
    turned = online_gap_of_plan(plan.T, row=col, col=row)
    np.testing.assert_allclose(straight.chi, turned.chi, rtol=1e-12, atol=1e-15)
    assert straight.chi[0] == pytest.approx(
        online_gap(COSTS[name], 0.05, iters=10).chi[-1], rel=1e-9
    )
    assert straight.tracking_error == pytest.approx(turned.tracking_error, rel=1e-9)


def test_more_sweeps_bring_the_contraction_nearer():
    cost = COSTS["uniform"]
    plan = solve(cost, 0.02, iters=40).plan
    truth = solve(cost, 0.02)
    gap, _ = plan_gap(truth.plan, truth.row, truth.col)
    gaps = [online_gap_of_plan(plan, iters=count).gap for count in (1, 2, 5, 20)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] >= gap


@given(
    st.integers(2, 7),
    st.integers(2, 7),
    st.floats(0.02, 2.0),
    st.floats(1e-3, 1e3),
    st.integers(0, 999),
)
@settings(max_examples=40, deadline=None)
def test_units_offsets_and_masses_change_nothing(n, m, eps, scale, seed):
    rng = np.random.default_rng(seed)
    cost = rng.random((n, m))
    plain = online_gap(cost, eps, iters=3)
    other = online_gap(
        scale * (cost + 1.0), scale * eps, iters=3, row=np.full(n, 1 / n), col=np.full(m, 1 / m)
    )
    # The offset rounds the exponents, at most 2/eps, by units of the last place.
    error = 1e-15 * (10 + 4 / eps) * 10
    np.testing.assert_allclose(other.chi * math.sqrt(n), plain.chi, rtol=error, atol=30 * error)
    if min(plain.chi[:-1]) > 1e-6 and plain.gap > 1e-3:
        assert other.tracking_error == pytest.approx(plain.tracking_error, rel=1e-3)


def test_a_residual_at_rounding_level_is_bounded_or_nan():
    # Nothing to transport: the first plan is the fixed point, and its gap is 1.
    flat = online_gap(np.zeros((5, 5)), 0.1)
    assert flat.least_error == 0.0
    assert flat.tracking_error < 1e-11
    assert math.isnan(flat.rho)
    # Row and column sums of a circulant are right from the start, whatever the temperature.
    circulant = np.array([[(i - j) % 5 for j in range(5)] for i in range(5)], dtype=float)
    warm, cold = online_gap(circulant, 1.0), online_gap(circulant, 0.01)
    assert warm.status is Status.TRUNCATED
    assert cold.least_error == 0.0
    assert math.isnan(cold.tracking_error)
    assert cold.status is Status.BELOW_RESOLUTION


@pytest.mark.parametrize(("link", "told"), [(1e-10, True), (1e-14, True), (1e-40, False)])
def test_parts_that_hang_together_by_less_than_rounding(link, told):
    """No residual shows how the mass of their links lies; how much it is may say enough."""
    cost = -np.log(np.array([[1.0, link], [link, 1.0]]))
    found = online_gap(cost, 1.0, iters=1, init=[0.0, 1.0])
    assert (found.least_error == 0.0) is (link < 1e-12)
    assert found.least_error < 1e-6
    if told:
        plan, truth = solve(cost, 1.0, iters=1, init=[0.0, 1.0]).plan, solve(cost, 1.0).plan
        assert total_variation(plan, truth) <= found.tracking_error <= 1e-3
    else:
        assert math.isnan(found.tracking_error)
        assert found.status is Status.BELOW_RESOLUTION


def test_a_residual_that_no_longer_falls_is_nan():
    """A tenth of the mass must cross a link of 1e-20, which grows by a tenth a sweep."""
    plan, row, col = np.array([[1.1, 1e-20], [1e-20, 1.0]]), [1.1, 1.0], [1.0, 1.1]
    found = online_gap_of_plan(plan, row=row, col=col)
    assert found.chi[0] == pytest.approx(found.chi[2], rel=1e-12)
    assert found.chi[0] > 0.1
    assert math.isnan(found.rho)
    assert math.isnan(found.tracking_error)
    assert found.least_error == 1.0
    assert found.status is Status.BELOW_RESOLUTION


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plans_of_lower_precision_are_taken_as_they_are(dtype):
    plan = solve(COSTS["uniform"], 0.02, iters=20).plan
    wanted, found = online_gap_of_plan(plan), online_gap_of_plan(plan.astype(dtype))
    # Rounding moves a residual of about 0.03 by 1e-7.
    assert found.tracking_error == pytest.approx(wanted.tracking_error, rel=1e-4)


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        (np.ones(3), "shape"),
        (np.ones((2, 2, 2)), "shape"),
        ([[0.5, np.nan], [0.5, 0.5]], "negative or not finite"),
        ([[1.5, -0.5], [0.5, 0.5]], "negative or not finite"),
        ([[2.0, 0.0], [0.0, 0.0]], "a row without mass"),
        ([[0.25, 0.25], [0.25, 0.25]], "its mass is 1 and that of its marginals 2"),
    ],
)
def test_plans_that_cannot_be_used(plan, fault):
    with pytest.raises(InputError, match=fault):
        online_gap_of_plan(plan)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [({"iters": 0}, "iters"), ({"init": [0.0]}, "init"), ({"row": [1.0]}, "row")],
)
def test_arguments_that_cannot_be_used(arguments, fault):
    with pytest.raises(InputError, match=fault):
        online_gap(COSTS["uniform"], 0.1, **arguments)
    with pytest.raises(InputError, match="eps"):
        online_gap(COSTS["uniform"], 0.0)
