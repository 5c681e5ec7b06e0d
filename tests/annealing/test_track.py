import math

import numpy as np

from sinkdiag.annealing.controller import AdaptiveCooling, CoolingRule
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
    assert run.arrived
    assert run.count == 8
    assert run.last.eps == 0.003
    np.testing.assert_allclose([s.eps for s in run.steps], 0.003 ** (np.arange(8) / 7), rtol=1e-12)


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
    )
    assert not run.arrived
    assert run.count == 5
