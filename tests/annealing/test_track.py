import math

import numpy as np

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.stream import NoisyMatrix, Trajectory
from sinkdiag.annealing.track import TrackSettings, track
from sinkdiag.problem import make_problem
from sinkdiag.solver import solve_problem
from tests.annealing.helpers import settings
from tests.helpers import planar_cost


def test_exponential_schedule_arrives_exactly():
    problem = make_problem(planar_cost(10))
    rule = CoolingRule(k_safe=math.inf, alpha0=(0.003 / 1.0) ** (1 / 7))
    run = track(
        NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,)), rule, settings(), keep=True
    )
    assert run.arrival == 7
    eps = [step.eps for step in run.steps]
    np.testing.assert_allclose(eps[:8], 0.003 ** (np.arange(8) / 7), rtol=1e-12)
    assert eps[7:] == [0.003] * 4


def test_a_run_on_a_matrix_is_judged_three_steps_after_it_arrived():
    problem = make_problem(planar_cost(10))
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))
    run = track(stream, CoolingRule(k_safe=math.inf, alpha0=0.1), settings())
    assert run.arrival == 3
    assert [step.index for step in run.judged] == [6]
    assert run.settled
    # By hand: two sweeps at every step, four of them at eps_min.
    g = None
    for eps in (1.0, 0.1, 0.01, 0.003, 0.003, 0.003, 0.003):
        solution = solve_problem(problem, eps, iters=2, init=g)
        g = solution.g
    # Rounding of the potentials (1e-16·cost/eps_min) is all that the two loops may differ by.
    np.testing.assert_allclose(run.plan, solution.plan, rtol=1e-9, atol=1e-12)


def test_the_budget_is_for_arriving_and_settling_comes_after_it():
    problem = make_problem(planar_cost(10))
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))
    rule = CoolingRule(k_safe=math.inf, alpha0=0.1)
    assert track(stream, rule, settings(budget=4)).settled
    late = track(stream, rule, settings(budget=3))
    assert late.arrival is None
    assert not late.settled


def test_slopes_of_the_same_run():
    """Just inside the interval the run is the same at every step, just outside it is not."""
    problem = make_problem(planar_cost(12))
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))

    def temperatures(slope):
        run = track(stream, CoolingRule(k_safe=slope, alpha0=0.4), settings(), keep=True)
        return run.slopes, [step.eps for step in run.steps]

    (low, high), wanted = temperatures(2.0)
    assert 0.0 < low <= 2.0 < high < math.inf
    for slope in (low * (1 + 1e-12), high * (1 - 1e-12)):
        assert temperatures(slope) == ((low, high), wanted)
    for slope in (low * (1 - 1e-12), high * (1 + 1e-12)):
        assert temperatures(slope)[1] != wanted


def test_a_hybrid_zone_answers_to_every_slope():
    problem = make_problem(planar_cost(12))
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))
    run = track(stream, CoolingRule(k_safe=2.0, alpha0=0.4, beta=0.5), settings())
    assert run.slopes == (2.0, 2.0)


def test_a_tracked_run_is_the_loop_a_user_writes():
    """The controller of the library, driven by hand with `solve`, cools at the same steps."""
    cost = planar_cost(12)
    problem = make_problem(cost)
    rule = CoolingRule(k_safe=20.0, alpha0=0.4)
    run = track(
        NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,)), rule, settings(), keep=True
    )
    controller = AdaptiveCooling(20.0, 0.4, eps_start=1.0, eps_min=0.003)
    g = None
    for step in run.steps:
        assert controller.eps == step.eps
        solution = solve_problem(problem, controller.eps, iters=2, init=g)
        g = solution.g
        controller.step(solution.plan)
    # Rounding of the potentials (1e-16·cost/eps_min) is all that the two loops may differ by.
    np.testing.assert_allclose(run.plan, solution.plan, rtol=1e-9, atol=1e-12)


def test_cold_runs_forget_the_potentials():
    problem = make_problem(planar_cost(10))
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))
    cold = TrackSettings(eps_start=1.0, eps_min=0.01, iters=3, max_steps=50, cold=True)
    run = track(stream, CoolingRule(k_safe=math.inf, alpha0=0.3), cold)
    np.testing.assert_allclose(run.plan, solve_problem(problem, 0.01, iters=3).plan, rtol=1e-12)


def test_a_trajectory_ends_when_it_ends():
    costs = np.stack([planar_cost(6)] * 5)
    problem = make_problem(costs[0])
    run = track(
        Trajectory(problem=problem, costs=costs),
        CoolingRule(k_safe=math.inf, alpha0=0.9),
        settings(),
        keep=True,
    )
    assert run.arrival is None
    assert len(run.steps) == 5


def test_a_run_on_a_trajectory_goes_on_to_the_record_s_end():
    costs = np.stack([planar_cost(6)] * 20)
    problem = make_problem(costs[0])
    stream = Trajectory(problem=problem, costs=costs)
    run = track(stream, CoolingRule(k_safe=math.inf, alpha0=0.003), settings(budget=8), keep=True)
    assert run.arrival == 1
    assert len(run.steps) == 20
    assert [step.index for step in run.judged] == list(range(4, 20))
