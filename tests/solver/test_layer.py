"""Counted sweeps: stacks of matrices, and single precision."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from sinkdiag.solver import solve
from sinkdiag.solver.batch import solve_batch
from sinkdiag.solver.float32 import float32_hazard, sweeps_single


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


def test_single_precision_sweeps_follow_double_at_large_eps():
    rng = np.random.default_rng(1)
    cost = rng.random((8, 6))
    single = sweeps_single(make_problem(cost), 0.5, 20)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, solve(cost, 0.5, iters=20).plan, rtol=1e-5)


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
