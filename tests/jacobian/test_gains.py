"""How far plans move with the cost: against assembled derivatives, closed forms and mpmath."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag import solve
from sinkdiag.jacobian import gains
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.gains import fixed_point_gain, layer_gain
from sinkdiag.problem import make_problem
from sinkdiag.solver.layer import unroll

EPS, SHAPE = 0.1, (5, 4)


@pytest.fixture(name="problem")
def _problem():
    rng = np.random.default_rng(0)
    row, col = rng.random(5) + 0.5, rng.random(4) + 0.5
    return make_problem(rng.random(SHAPE), row=row, col=col * row.sum() / col.sum())


def basis_at(problem, eps):
    plan = solve(problem.cost, eps, row=problem.row, col=problem.col).plan
    return eigenbasis(plan, problem.row, problem.col)


def test_gain_is_the_norm_of_the_derivative(problem):
    layer = unroll(problem, EPS, 2)
    dense = np.column_stack([layer.jvp(unit.reshape(SHAPE)).ravel() for unit in np.eye(20)])
    assert layer_gain(layer) == pytest.approx(np.linalg.norm(dense, 2), rel=1e-6)


def test_many_sweeps_have_the_gain_of_the_fixed_point(problem):
    layer, basis = unroll(problem, EPS, 120), basis_at(problem, EPS)
    assert layer_gain(layer) == pytest.approx(fixed_point_gain(basis, EPS), rel=1e-6)


@pytest.mark.parametrize("limit", [None, 0])
def test_gain_of_the_fixed_point_in_closed_form(limit, monkeypatch):
    """2×2: ‖DS‖ = 2p(1-p)/eps, by the modes' entries and through the marginals."""
    if limit is not None:
        monkeypatch.setattr(gains, "WHOLE_LIMIT", limit)
    problem = make_problem(np.array([[0.0, 1.0], [1.0, 0.0]]))
    for eps in (0.5, 0.1):
        p = 1 / (1 + math.exp(-1 / eps))
        gain = fixed_point_gain(basis_at(problem, eps), eps)
        assert gain == pytest.approx(2 * p * math.exp(-1 / eps) * p / eps, rel=1e-6)


def test_gain_below_rounding_is_nan():
    """2×2 at eps 0.02: 2p(1-p)/eps = 1.9e-20 beside masses of 1; it used to print 2.6e-13."""
    problem = make_problem(np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert math.isnan(fixed_point_gain(basis_at(problem, 0.02), 0.02))
    assert math.isnan(layer_gain(unroll(problem, 0.02, 20)))


def test_gains_of_tiny_costs_scale():
    """Costs and eps times 2^-400: the gain times 2^400, though its square is no number."""
    cost = np.random.default_rng(0).random((4, 4))
    big, small = make_problem(cost), make_problem(cost * 2.0**-400)
    assert layer_gain(unroll(small, 0.1 * 2.0**-400, 5)) == pytest.approx(
        layer_gain(unroll(big, 0.1, 5)) * 2.0**400, rel=1e-12
    )


def test_a_gap_does_not_spoil_the_gain_of_the_fixed_point():
    """Two loops joined by 1e-12: the loops' own gain, 2 p(1-p)/eps of each, to 1e-6."""
    a = 0.3
    plan = np.full((4, 4), 1e-12)
    for k in (0, 2):
        plan[k : k + 2, k : k + 2] += [[1 - a, a], [a, 1 - a]]
    basis = eigenbasis(plan, plan.sum(axis=1), plan.sum(axis=0))
    assert basis.gaps[0] < 1e-10
    assert fixed_point_gain(basis, 1.0) == pytest.approx(2 * a * (1 - a), rel=1e-6)
