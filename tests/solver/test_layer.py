"""Counted sweeps: stacks of matrices, any precision, and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from sinkdiag.solver import solve
from sinkdiag.solver.batch import solve_batch
from sinkdiag.solver.float32 import float32_hazard
from sinkdiag.solver.layer import run_sweeps, sweep_plan, unroll


@pytest.mark.parametrize("shape", [(40, 4, 4), (7, 3, 6), (1, 1, 1)])
def test_a_stack_is_its_matrices(shape):
    rng = np.random.default_rng(0)
    costs, eps = rng.random(shape), 10.0 ** rng.uniform(-3, 1, shape[0])
    row, col = rng.random(shape[1]) + 0.1, rng.random(shape[2]) + 0.1
    col *= row.sum() / col.sum()
    together = solve_batch(costs, eps, iters=20, row=row, col=col)
    assert together.status is Status.TRUNCATED
    for b in range(shape[0]):
        alone = solve(costs[b], eps[b], iters=20, row=row, col=col)
        np.testing.assert_array_equal(together.plan[b], alone.plan)
        np.testing.assert_array_equal(together.g[b], alone.g)
        np.testing.assert_array_equal(together.f[b], alone.f)
        assert together.marginal_error[b] == pytest.approx(
            alone.marginal_error, rel=1e-6, abs=1e-15
        )


def test_a_stack_goes_through_the_log_domain_where_it_must():
    # From g = 0 the second column of [[0, 1], [0, 1]] starts exp(-1/eps) too light.
    costs = np.array([[[0.0, 1.0], [0.0, 1.0]]])
    plan = solve_batch(costs, 1e-3, iters=3).plan[0]
    np.testing.assert_allclose(plan, np.full((2, 2), 0.5), rtol=1e-12)


def test_a_stack_is_checked():
    with pytest.raises(InputError, match="B×n×m"):
        solve_batch(np.zeros((3, 3)), 0.1, iters=2)
    costs = np.zeros((3, 2, 2))
    costs[1, 0, 1] = np.nan
    with pytest.raises(InputError, match=r"costs\[1\].*nan at \[0, 1\]"):
        solve_batch(costs, 0.1, iters=2)
    with pytest.raises(InputError, match="eps"):
        solve_batch(np.zeros((3, 2, 2)), [0.1, 0.0, 0.1], iters=2)
    with pytest.raises(InputError, match="iters"):
        solve_batch(np.zeros((3, 2, 2)), 0.1, iters=-1)


def test_hazard_scales_with_the_cost_and_its_offset():
    cost = np.random.default_rng(2).random((10, 10))
    plain = float32_hazard(cost)
    assert plain.hazard_eps < 1e-5
    assert plain.plan_difference[0] < 1e-6
    assert plain.plan_difference[-1] > 0.01
    # float32 keeps 24 bits of -C/eps: an offset of 4096 leaves differences of 2^-12 of the range.
    offset = float32_hazard(cost + 4096.0)
    assert 2.0**9 * plain.hazard_eps < offset.hazard_eps < 2.0**-4
    scaled = float32_hazard(1024.0 * cost)
    np.testing.assert_array_equal(scaled.eps, 1024.0 * plain.eps)
    assert scaled.hazard_eps == pytest.approx(1024.0 * plain.hazard_eps)


def test_hazard_without_one():
    hazard = float32_hazard(np.eye(4), eps=[1.0, 0.5])
    assert np.isnan(hazard.hazard_eps)
    np.testing.assert_array_equal(hazard.eps, [1.0, 0.5])


EPS, SHAPE = 0.1, (5, 4)


@pytest.fixture(name="problem")
def _problem():
    rng = np.random.default_rng(0)
    row, col = rng.random(5) + 0.5, rng.random(4) + 0.5
    return make_problem(rng.random(SHAPE), row=row, col=col * row.sum() / col.sum())


def final_potential(problem, eps, iters, start):
    return solve(problem.cost, eps, row=problem.row, col=problem.col, iters=iters, init=start).g


@pytest.mark.parametrize("iters", [1, 3, 20])
def test_the_layer_is_the_solver_stopped_after_k_sweeps(problem, iters):
    wanted = solve(problem.cost, EPS, row=problem.row, col=problem.col, iters=iters).plan
    assert np.allclose(unroll(problem, EPS, iters).plan, wanted, rtol=1e-12)


@pytest.mark.parametrize("init", [None, np.linspace(-0.2, 0.3, 4)])
def test_all_ways_to_run_the_layer_agree(problem, init):
    stored = run_sweeps(problem, EPS, 5, init)
    assert stored.status is Status.TRUNCATED
    layer = unroll(problem, EPS, 5, init=init)
    assert layer.iters == 5
    np.testing.assert_array_equal(layer.plan, sweep_plan(problem, EPS, 5, init=init))
    np.testing.assert_allclose(layer.plan, stored.plan, rtol=1e-12)
    np.testing.assert_allclose(stored.plan.sum(axis=1), problem.row, rtol=1e-14)


def test_single_precision_stays_single_and_follows_double_at_large_eps():
    cost = np.random.default_rng(1).random((8, 6))
    problem = make_problem(cost)
    single = sweep_plan(problem, 0.5, 20, dtype=np.float32)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, solve(cost, 0.5, iters=20).plan, rtol=1e-5)
    layer = unroll(problem, 0.5, 2, dtype=np.float32)
    assert {part.dtype for part in (*layer.rows, *layer.cols, layer.plan)} == {single.dtype}
    assert layer.vjp(np.ones((8, 6), dtype=np.float32)).dtype == np.float32
    assert layer.jvp(np.ones((8, 6))).dtype == np.float32


@pytest.mark.parametrize("iters", [1, 4])
def test_sweep_product_matches_finite_differences(problem, iters):
    """Central differences of step h err by h² and by 1e-16/h: 1e-9 at h = 1e-5 with room."""
    layer, h = unroll(problem, EPS, iters), 1e-5
    product = layer.sweep_product(np.eye(4) - 0.25)
    for j, unit in enumerate(np.eye(4)):
        up, down = (final_potential(problem, EPS, iters, s * h * unit) for s in (1, -1))
        column = (up - down) / (2 * h)
        assert np.allclose(column - column.mean(), product[:, j], atol=1e-8)


def test_gradient_matches_finite_differences_and_its_transpose(problem):
    layer, h = unroll(problem, EPS, 3), 1e-6
    rng = np.random.default_rng(1)
    change, cotangent = rng.standard_normal(SHAPE), rng.standard_normal(SHAPE)
    up, down = (
        solve(problem.cost + s * h * change, EPS, row=problem.row, col=problem.col, iters=3).plan
        for s in (1, -1)
    )
    assert np.allclose((up - down) / (2 * h), layer.jvp(change), atol=1e-6)
    forward = np.vdot(cotangent, layer.jvp(change))
    assert np.vdot(layer.vjp(cotangent), change) == pytest.approx(forward, rel=1e-12)


def test_large_layers_are_not_unrolled():
    problem = make_problem(np.zeros((2000, 2000)))
    assert unroll(problem, 1.0, 20) is None
