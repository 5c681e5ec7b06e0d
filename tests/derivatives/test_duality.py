"""Both sides of Theorem A.2 against their definition, and the two ways to them."""

import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives.duality import duality_rhs, natural_duality
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.block import factor_block
from tests.helpers import planar_cost, uniform_cost


@pytest.mark.parametrize(("n", "m", "eps"), [(6, 6, 0.1), (5, 8, 0.05), (2, 2, 0.3)])
def test_duality_bound_matches_its_definition(n, m, eps):
    plan = sinkdiag.solve(uniform_cost(n, m), eps).plan
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    forced = np.zeros((m, n * m))
    for k in range(n * m):
        unit = np.zeros((n, m))
        unit.flat[k] = 1.0
        moved = plan * unit
        forced[:, k] = (moved.sum(axis=0) - plan.T @ (moved.sum(axis=1) / row)) / col
    jacobian = plan.T @ (plan / row[:, None]) / col[:, None]
    gauge = np.outer(np.ones(m), col) / col.sum()
    answer = np.linalg.solve(np.eye(m) - jacobian + gauge, forced)
    answer -= gauge @ answer
    half = np.sqrt(col)[:, None]
    expected = np.linalg.norm(half * forced, 2) / np.linalg.norm(half * answer, 2)
    assert natural_duality(factor_block(plan)) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("cost", [uniform_cost(12, 12), uniform_cost(9, 6), planar_cost(24)])
@pytest.mark.parametrize("eps", [0.5, 0.1, 0.03])
def test_the_factor_of_a_and_the_modes_tell_the_same(cost, eps):
    solution = sinkdiag.solve(cost, eps)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    found = natural_duality(factor_block(solution.plan))
    assert found == pytest.approx(duality_rhs(basis, "natural"), rel=1e-4)


def test_one_column_cannot_move():
    assert natural_duality(factor_block(np.ones((3, 1)))) == np.inf


@pytest.mark.parametrize("eps", [1.0, 0.1, 0.03, 0.01, 0.004, 0.002])
def test_both_sides_are_equal_on_two_by_two_at_every_temperature(eps):
    plan = sinkdiag.solve([[0.0, 1.0], [1.0, 0.0]], eps).plan
    p = 1 / (1 + np.exp(-1 / eps))
    gap = 4 * p * np.exp(-1 / eps) * p
    assert natural_duality(factor_block(plan)) == pytest.approx(gap, rel=1e-10)
