import math

import numpy as np
import pytest

from sinkdiag.annealing.collapse import Judge, assignment_gap, collapse_moment, plan_of
from sinkdiag.annealing.controller import AdaptiveCooling, CoolingRule
from sinkdiag.annealing.kernels import track_step
from sinkdiag.annealing.stream import BLOCK, NoisyMatrix, Trajectory
from sinkdiag.annealing.trace import trace_run
from sinkdiag.annealing.track import TrackSettings, track
from sinkdiag.problem import make_problem
from sinkdiag.solver import solve_problem
from tests.helpers import planar_cost, uniform_cost
from tests.naive import annealing as naive

# One sweep is a handful of roundings of numbers of size max|C|/eps in an exponent; ten sweeps at
# max|C|/eps = 50 stay within 10·50·2.2e-16·(a few) of the twin.
TWIN = 2e-12


def test_track_step_agrees_with_its_twin():
    cost = uniform_cost(5, 7)
    row, col = np.ones(5), np.full(7, 5 / 7)
    f, g, previous = np.zeros(5), np.linspace(0, 0.3, 7), np.full((5, 7), 1 / 7)
    plan = np.empty((5, 7))
    _, wanted_g, wanted = naive.sweeps(cost, row, col, 0.02, 10, list(g))
    drift = track_step(cost, row, col, 0.02, 10, f, g, plan, previous)
    np.testing.assert_allclose(plan, wanted, rtol=TWIN, atol=TWIN)
    np.testing.assert_allclose(g, wanted_g, atol=TWIN)
    assert drift == pytest.approx(naive.frobenius(wanted, previous), rel=TWIN)


def test_sweeps_survive_a_jump_that_underflows_the_kernel():
    """From eps = 1 to 1e-4: exponents reach -1e4, far below the smallest double."""
    cost = uniform_cost(6, 6)
    row = col = np.ones(6)
    f, g, plan = np.zeros(6), np.zeros(6), np.empty((6, 6))
    track_step(cost, row, col, 1e-4, 3, f, g, plan, plan.copy())
    _, _, wanted = naive.sweeps(cost, row, col, 1e-4, 3, [0.0] * 6)
    # Exponents of size 1/1e-4 = 1e4 carry a rounding of about 1e4·2.2e-16·(a few sweeps).
    np.testing.assert_allclose(plan, wanted, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(plan.sum(axis=1), 1.0, rtol=1e-14)


def settings(iters=2, start=1.0, end=0.003, budget=100):
    return TrackSettings(start, end, iters, budget)


def test_exponential_schedule_arrives_exactly():
    problem = make_problem(planar_cost(10))
    rule = CoolingRule(math.inf, (0.003 / 1.0) ** (1 / 7))
    run = track(NoisyMatrix(problem, 0.0, 0.9, (0,)), rule, settings(), keep=True)
    assert run.arrived
    assert run.count == 8
    assert run.last.eps == 0.003
    np.testing.assert_allclose([s.eps for s in run.steps], 0.003 ** (np.arange(8) / 7), rtol=1e-12)


def test_a_tracked_run_is_the_loop_a_user_writes():
    """The controller of the library, driven by hand with `solve`, cools at the same steps."""
    cost = planar_cost(12)
    problem = make_problem(cost)
    rule = CoolingRule(20.0, 0.4)
    run = track(NoisyMatrix(problem, 0.0, 0.9, (0,)), rule, settings(), keep=True)
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
    stream = NoisyMatrix(problem, 0.0, 0.9, (0,))
    cold = TrackSettings(1.0, 0.01, 3, 50, cold=True)
    run = track(stream, CoolingRule(math.inf, 0.3), cold)
    np.testing.assert_allclose(run.plan, solve_problem(problem, 0.01, iters=3).plan, rtol=1e-12)


def test_jump_of_the_design_loses_most_argmaxes():
    """60 points in the plane, K = 2, one jump from eps 1 to 0.003: most argmaxes are lost."""
    problem = make_problem(planar_cost(60))
    run = track(
        NoisyMatrix(problem, 0.0, 0.9, (0,)),
        CoolingRule(math.inf, 0.003),
        settings(),
        keep=True,
    )
    judge = Judge(problem, 0.1, settings())
    distance = judge.distance(run.last, run.plan)
    assert distance.tv > 0.3
    assert distance.assignment_gap > 0.3
    assert distance.collapsed(0.1)
    assert collapse_moment(run, judge, problem) == 1


def test_a_run_at_the_fixed_point_has_not_collapsed():
    problem = make_problem(planar_cost(20))
    run = track(
        NoisyMatrix(problem, 0.0, 0.9, (0,)),
        CoolingRule(math.inf, 0.9),
        settings(200),
        keep=True,
    )
    distance = Judge(problem, 0.1, settings()).distance(run.last, run.plan)
    assert distance.tv < 0.01
    assert collapse_moment(run, Judge(problem, 0.1, settings()), problem) is None


def test_kept_steps_give_back_their_plans():
    problem = make_problem(planar_cost(9))
    run = track(
        NoisyMatrix(problem, 0.05, 0.9, (0, 1)),
        CoolingRule(math.inf, 0.3),
        settings(),
        keep=True,
    )
    np.testing.assert_allclose(plan_of(run.last, problem), run.plan, rtol=1e-11, atol=1e-300)


def test_assignment_gap_forgives_ties():
    fixed = np.array([[0.5, 0.5], [0.4, 0.6]])
    assert assignment_gap(np.array([[0.9, 0.1], [0.1, 0.9]]), fixed) == 0.0
    assert assignment_gap(np.array([[0.1, 0.9], [0.9, 0.1]]), fixed) == 0.5


def test_noise_decays_repeats_and_differs_between_replicates():
    problem = make_problem(uniform_cost(4, 5))
    stream = NoisyMatrix(problem, 0.5, 0.5, (7, 1))

    def deviations(stream):
        walk = stream.walk()
        return [np.abs(next(walk) - problem.cost).max() for _ in range(60)]

    sizes = deviations(stream)
    assert sizes == deviations(stream)
    assert sizes != deviations(NoisyMatrix(problem, 0.5, 0.5, (7, 2)))
    assert sizes[0] > 0.1
    assert sizes[-1] == 0.0


def test_forbidden_pairs_stay_forbidden_under_noise():
    cost = uniform_cost(3, 3)
    cost[0, 1] = np.inf
    walk = NoisyMatrix(make_problem(cost), 0.1, 0.9, (0,)).walk()
    assert np.isinf(next(walk)[0, 1])


def test_trajectory_replicates_keep_increments_and_rejoin_the_record():
    costs = np.cumsum(np.random.default_rng(0).normal(size=(2 * BLOCK + 4, 3, 3)), axis=0)
    problem = make_problem(costs[0])
    record = Trajectory(problem, costs)
    replicate = Trajectory(problem, costs, (0, 1))
    np.testing.assert_array_equal(np.array(list(record.walk())), costs)
    other = np.array(list(replicate.walk()))
    assert len(other) == record.length
    # Sums of a few numbers of size 1 to 10: rounding stays below 1e-13.
    np.testing.assert_allclose(other[::BLOCK], costs[::BLOCK], atol=1e-13)
    assert np.abs(other - costs).max() > 0.1
    for start in range(0, len(costs) - 1, BLOCK):
        block = slice(start, start + BLOCK + 1)
        np.testing.assert_allclose(
            np.sort(np.diff(other[block], axis=0)[:, 0, 0]),
            np.sort(np.diff(costs[block], axis=0)[:, 0, 0]),
            atol=1e-13,
        )


def test_a_trajectory_ends_when_it_ends():
    costs = np.stack([planar_cost(6)] * 5)
    problem = make_problem(costs[0])
    run = track(Trajectory(problem, costs), CoolingRule(math.inf, 0.9), settings())
    assert not run.arrived
    assert run.count == 5


def test_trace_columns_are_what_they_say():
    problem = make_problem(planar_cost(10))
    stream = NoisyMatrix(problem, 0.0, 0.9, (0,))
    rows = trace_run(stream, CoolingRule(math.inf, 0.3), settings(), 0.1, replicate=3)
    run = track(stream, CoolingRule(math.inf, 0.3), settings(), keep=True)
    last = rows[-1]
    plan = run.plan
    fixed = solve_problem(problem, 0.003).plan
    assert last.replicate == 3
    assert last.step == run.count - 1
    assert last.eps == 0.003
    assert last.drift_ratio == pytest.approx(last.drift / 0.003, rel=1e-15)
    # The judge's fixed points are certified to 1e-9, and so are distances from them.
    assert last.tv == pytest.approx(np.abs(plan - fixed).sum() / 20, abs=1e-8)
    positive = plan[plan > 0]
    assert last.entropy == pytest.approx(-(positive * np.log(positive)).sum() / (10 * math.log(10)))
    assert last.row_error < 1e-14
    assert last.col_error == pytest.approx(np.abs(plan.sum(axis=0) - 1).sum() / 10, rel=1e-9)
    assert math.isnan(rows[0].drift)
    assert 0.9 < rows[0].entropy <= 1.0
