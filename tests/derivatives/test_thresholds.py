"""What R allows a tracked run: definitions and limits."""

import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives.thresholds import (
    accumulated,
    polytope_diameter,
    quadratic_radius,
    thresholds,
)
from sinkdiag.jacobian.modes import modes
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from tests.helpers import uniform_cost


@pytest.mark.parametrize("iters", [1, 5, 20])
def test_accumulated_drift_is_the_norm_of_the_geometric_sum(iters):
    solution = sinkdiag.solve(uniform_cost(6, 5), 0.05)
    plan, row, col = solution.plan, solution.row, solution.col
    jacobian = plan.T @ (plan / row[:, None]) / col[:, None]
    gauge = np.outer(np.ones(5), col) / col.sum()
    power = np.linalg.matrix_power(jacobian - gauge, iters)
    left = power @ np.linalg.inv(np.eye(5) - power)
    lifted = np.zeros((30, 5))
    for j in range(5):
        b = np.eye(5)[j]
        lifted[:, j] = (plan * (b - (plan @ b / row)[:, None])).ravel()
    basis = np.linalg.svd(lifted)[2][:4].T
    metric = lifted @ basis
    expected = np.linalg.norm(lifted @ left @ basis @ np.linalg.pinv(metric), 2)
    assert accumulated(modes(plan, row, col, "plan"), iters) == pytest.approx(expected, rel=1e-8)


def test_thresholds_follow_from_the_constants():
    cost, eps = uniform_cost(6, 6), 0.05
    row = sinkdiag.constants(cost, eps).rows[0]
    found = thresholds(make_problem(cost), eps, 20)
    assert pytest.approx(row.R, rel=1e-9) == found.R
    assert found.tau_max == pytest.approx(row.tau_max, rel=1e-9)
    more = thresholds(make_problem(cost), eps, 40)
    assert more.k_theory > found.k_theory > 0


def test_a_linear_map_allows_any_change_that_there_is():
    assert quadratic_radius(0.25, 0.0, 2.0) == 2.0
    np.testing.assert_array_equal(
        quadratic_radius(np.array([0.5, 0.5, 0.5]), np.array([0.25, 0.0, 1e-9]), 3.0),
        [2.0, 3.0, 3.0],
    )


def test_the_diameter_is_attained_by_permutations_and_bounds_every_pair_of_plans():
    ones = np.ones(5)
    apart = np.linalg.norm(np.eye(5) - np.roll(np.eye(5), 1, axis=0))
    assert polytope_diameter(ones, ones) == pytest.approx(apart, rel=1e-15)
    assert polytope_diameter(ones, ones) == pytest.approx(np.sqrt(10), rel=1e-15)
    rng = np.random.default_rng(0)
    for n, m in [(4, 7), (6, 3), (2, 2)]:
        row, col = rng.random(n) + 0.1, rng.random(m) + 0.1
        col *= row.sum() / col.sum()
        bound = polytope_diameter(row, col)
        plans = [sinkdiag.solve(rng.random((n, m)), 0.02, row=row, col=col).plan for _ in range(8)]
        assert max(np.linalg.norm(p - q) for p in plans for q in plans) <= bound


def test_no_radius_is_larger_than_the_polytope():
    """A 2x2 of equal costs is at the turning point of its plan: K_quad is 0 there."""
    problem = make_problem(np.zeros((2, 2)))
    found = thresholds(problem, 0.1, 20)
    assert pytest.approx(2.0, rel=1e-15) == found.R
    assert found.k_theory > 1e100
    nearly = make_problem([[0.0, 1e-3], [1e-3, 0.0]])
    assert pytest.approx(2.0, rel=1e-15) == thresholds(nearly, 0.1, 20).R


def test_what_is_not_resolved_is_nan():
    found = thresholds(make_problem(uniform_cost(6, 6)), 1e-4, 20)
    assert found.status is Status.BELOW_RESOLUTION
    assert np.isnan([found.R, found.tau_max, found.k_theory, found.gap, found.kappa_V]).all()


def test_a_solution_at_hand_is_used():
    problem = make_problem(uniform_cost(6, 6))
    solution = sinkdiag.solve(problem.cost, 0.1)
    assert thresholds(problem, 0.1, 20, solution=solution) == thresholds(problem, 0.1, 20)


def test_sweeps_that_leave_nothing_can_follow_any_drift():
    """rho = 4e-8 here, and rho^200 is below the smallest double: a 0 to divide by."""
    found = thresholds(make_problem(1e-3 * uniform_cost(6, 6)), 1.0, 200)
    assert np.isinf(found.k_theory)
    assert 0.0 < found.R < np.inf
