"""Where K sweeps are right to 1 %: against counting one by one, and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from sinkdiag.solver.layer import run_sweeps, sweep_plan
from sinkdiag.solver.solve import solve_problem
from sinkdiag.solver.truncation import (
    EPS_TOL,
    LOWEST,
    RIGHT,
    carried,
    cold,
    iters_needed,
    lowest_eps,
    truncation_error,
)
from tests.helpers import planar_cost, uniform_cost


def counted(problem, eps, init=None):
    """The first K from which on the plan is right, by the log domain, one K after another."""
    fixed = solve_problem(problem, eps)
    plans = ((k, sweep_plan(problem, eps, k, init=init)) for k in range(1, 400))
    wrong = [k for k, plan in plans if truncation_error(plan, fixed) > RIGHT]
    return max(wrong, default=0) + 1


COSTS = {
    "uniform": uniform_cost(12, 12),
    "planar": planar_cost(10),
    "rectangular": uniform_cost(6, 15, seed=2),
    "ties": np.random.default_rng(3).integers(0, 4, (8, 8)) * 1.0,
}


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("eps", [0.5, 0.1, 0.03])
def test_the_sweeps_needed_are_those_that_counting_finds(name, eps):
    problem = make_problem(COSTS[name])
    eps *= problem.cost_range
    assert iters_needed(problem, eps) == counted(problem, eps)
    init = np.linspace(-1.0, 1.0, problem.cost.shape[1]) * problem.cost_range
    assert iters_needed(problem, eps, init=init) == counted(problem, eps, init)


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("iters", [1, 5, 20])
@pytest.mark.parametrize("kind", [cold, carried])
def test_the_layer_is_right_down_to_the_lowest_temperature_and_wrong_below(name, iters, kind):
    problem = make_problem(COSTS[name])
    start = cold if kind is cold else carried(problem, iters)
    lowest = lowest_eps(problem, iters, start=start)

    def error(eps):
        return truncation_error(
            run_sweeps(problem, eps, iters, start(eps)).plan, solve_problem(problem, eps)
        )

    # On ties and with carried potentials the scan may end before the layer is wrong.
    if lowest > LOWEST * problem.cost_range * (1 + EPS_TOL):
        assert error(lowest / (1 + EPS_TOL) ** 2) > RIGHT
    else:
        assert name == "ties" or kind is carried
    assert error(lowest) <= RIGHT
    for eps in lowest * np.geomspace(1.01, 30.0, 12):
        assert error(eps) <= RIGHT


def test_two_by_two_has_a_closed_form():
    """From zero the rows of [[0, d], [d, d']] settle at the odds exp((2d - d')/(2 eps))."""
    cost = np.array([[0.0, 1.0], [1.0, 1.0]])
    problem = make_problem(cost)
    share = 1.0 / (1.0 + np.exp(-0.5 / 0.1))
    fixed = solve_problem(problem, 0.1)
    np.testing.assert_allclose(fixed.plan[0, 0], share, rtol=1e-12)
    plan = sweep_plan(problem, 0.1, 1)
    wanted = np.abs(plan - [[share, 1 - share], [1 - share, share]]).sum() / 4
    assert truncation_error(plan, fixed) == pytest.approx(wanted, rel=1e-9)


def test_what_the_first_sweep_settles_is_right_down_to_the_end_of_the_scan():
    problem = make_problem(1.0 - np.eye(6))
    assert lowest_eps(problem, 1) == pytest.approx(LOWEST)
    assert iters_needed(problem, 1e-3) == 1


def test_forbidden_pairs_can_be_wrong_at_every_temperature():
    cost = np.array([[0.0, 1.0, np.inf], [np.inf, 0.0, 1.0], [np.inf, np.inf, 0.0]])
    problem = make_problem(cost, col=[0.5, 1.4, 1.1])
    assert lowest_eps(problem, 1) == math.inf
    assert iters_needed(problem, 1.0) > 1


def test_a_search_without_an_end_is_not_resolved():
    problem = make_problem(planar_cost(16))
    assert math.isnan(iters_needed(problem, 1e-3, most=50))


def test_a_carried_layer_starts_where_its_calls_before_ended():
    problem = make_problem(planar_cost(8))
    start, span = carried(problem, 3), problem.cost_range
    assert start(2.0 * span) is None
    assert start(0.81 * span) is None
    first = run_sweeps(problem, span, 3).g
    np.testing.assert_allclose(start(0.8 * span), first, rtol=1e-12)
    second = run_sweeps(problem, 0.8 * span, 3, first).g
    np.testing.assert_allclose(start(0.64 * span), second, rtol=1e-12)


def test_arguments_are_checked():
    problem = make_problem(planar_cost(4))
    with pytest.raises(InputError, match="iters"):
        lowest_eps(problem, 0)
    with pytest.raises(InputError, match="eps"):
        iters_needed(problem, -1.0)
