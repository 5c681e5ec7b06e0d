import math
from types import SimpleNamespace

import numpy as np
import pytest

import sinkdiag
from sinkdiag.annealing.collapse import (
    MOST_FAILURES,
    Distance,
    Judge,
    assignment_gap,
    collapse_index,
    plan_of,
)
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.stream import NoisyMatrix, Trajectory
from sinkdiag.annealing.track import track
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from tests.annealing.helpers import settings
from tests.helpers import planar_cost, uniform_cost


def judge_of(cost):
    """Of a matrix without noise."""
    stream = NoisyMatrix(problem=make_problem(cost), noise=0.0, decay=0.9, seed=(0,))
    return Judge(stream, 0.1, settings())


def test_jump_of_the_design_loses_most_argmaxes():
    """60 points in the plane, K = 2, one jump from eps 1 to 0.003: most argmaxes are lost."""
    judge = judge_of(planar_cost(60))
    run = track(judge.stream, CoolingRule(k_safe=math.inf, alpha0=0.003), settings(), keep=True)
    distance = judge.outcome(run)
    assert distance.tv > 0.3
    assert distance.assignment_gap > 0.3
    assert distance.collapsed(0.1)
    assert collapse_index(run, lambda index: judge.lost(run.steps[index])) == 1


def test_a_run_at_the_fixed_point_has_not_collapsed():
    judge = judge_of(planar_cost(20))
    run = track(judge.stream, CoolingRule(k_safe=math.inf, alpha0=0.9), settings(200), keep=True)
    assert judge.outcome(run).tv < 0.01
    assert collapse_index(run, lambda index: judge.lost(run.steps[index])) is None


def test_kept_steps_give_back_their_plans():
    problem = make_problem(planar_cost(9))
    run = track(
        NoisyMatrix(problem=problem, noise=0.05, decay=0.9, seed=(0, 1)),
        CoolingRule(k_safe=math.inf, alpha0=0.3),
        settings(),
        keep=True,
    )
    np.testing.assert_allclose(plan_of(run.judged[-1], problem), run.plan, rtol=1e-11, atol=1e-300)


def test_assignment_gap_forgives_ties():
    fixed = np.array([[0.5, 0.5], [0.4, 0.6]])
    assert assignment_gap(np.array([[0.9, 0.1], [0.1, 0.9]]), fixed) == 0.0
    assert assignment_gap(np.array([[0.1, 0.9], [0.9, 0.1]]), fixed) == 0.5


def test_the_mass_alone_decides():
    """More than the threshold in the wrong place is a collapse, wherever the argmaxes stand."""
    lost = Distance(tv=0.277, assignment_gap=0.0, status=Status.CONVERGED)
    assert lost.collapsed(0.1)
    whole = Distance(tv=0.09, assignment_gap=1.0, status=Status.CONVERGED)
    assert not whole.collapsed(0.1)


def test_the_outcome_of_a_trajectory_is_its_worst_settled_step():
    """Against distances of every step, by `solve`; the calm start and the end are not the worst."""
    costs = np.stack([*[0.02 * uniform_cost(6, 6)] * 6, *random_costs(3), *[planar_cost(6)] * 6])
    stream = Trajectory(problem=make_problem(costs[0]), costs=costs)
    rule = CoolingRule(k_safe=math.inf, alpha0=0.1)
    judge = Judge(stream, 0.1, settings(end=0.02))
    run = track(stream, rule, settings(end=0.02), keep=True)
    assert run.arrival == 2
    assert [step.index for step in run.judged] == list(range(5, len(costs)))
    wanted = []
    for step in run.judged:
        fixed = sinkdiag.solve(step.cost, 0.02).plan
        plan = sinkdiag.solve(step.cost, 0.02, iters=0, init=step.g).plan
        wanted.append(np.abs(plan - fixed).sum() / 12)
    assert 1 < int(np.argmax(wanted)) < 5
    assert judge.outcome(run).tv == pytest.approx(max(wanted), abs=1e-8)
    assert judge.outcome(run).tv > 10 * wanted[0]


def random_costs(count):
    return [np.random.default_rng(seed).random((6, 6)) for seed in range(count)]


def test_a_collapse_begins_with_the_stretch_that_reaches_the_judged_steps():
    run = SimpleNamespace(judged=[SimpleNamespace(index=index) for index in (5, 6, 7)])
    lost = [True, False, False, True, True, True, False, True]
    assert collapse_index(run, lambda index: lost[index]) == 3
    assert collapse_index(run, lambda _: False) is None
    assert collapse_index(run, lambda _: True) == 0


def test_fixed_points_that_are_not_found_are_given_up():
    judge = judge_of(planar_cost(8))
    run = track(judge.stream, CoolingRule(k_safe=math.inf, alpha0=0.5), settings(), keep=True)
    judge._path.max_iter = 1
    solved = []
    at = judge._path.at
    judge._path.at = lambda eps, **given: solved.append(eps) or at(eps, **given)
    statuses = [judge.distance(step).status for step in run.steps[-6:]]
    assert all(status.failed for status in statuses)
    assert len(solved) == MOST_FAILURES
    assert judge.outcome(run).status.failed
