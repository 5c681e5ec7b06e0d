import math

import numpy as np

from sinkdiag.annealing.collapse import Judge, assignment_gap, collapse_index, plan_of
from sinkdiag.annealing.controller import CoolingRule
from sinkdiag.annealing.stream import NoisyMatrix
from sinkdiag.annealing.track import track
from sinkdiag.problem import make_problem
from tests.annealing.helpers import settings
from tests.helpers import planar_cost


def test_jump_of_the_design_loses_most_argmaxes():
    """60 points in the plane, K = 2, one jump from eps 1 to 0.003: most argmaxes are lost."""
    problem = make_problem(planar_cost(60))
    run = track(
        NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,)),
        CoolingRule(k_safe=math.inf, alpha0=0.003),
        settings(),
        keep=True,
    )
    judge = Judge(problem, 0.1, settings())
    distance = judge.distance(run.last, run.plan)
    assert distance.tv > 0.3
    assert distance.assignment_gap > 0.3
    assert distance.collapsed(0.1)
    assert collapse_index(run, judge, problem) == 1


def test_a_run_at_the_fixed_point_has_not_collapsed():
    problem = make_problem(planar_cost(20))
    run = track(
        NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,)),
        CoolingRule(k_safe=math.inf, alpha0=0.9),
        settings(200),
        keep=True,
    )
    distance = Judge(problem, 0.1, settings()).distance(run.last, run.plan)
    assert distance.tv < 0.01
    assert collapse_index(run, Judge(problem, 0.1, settings()), problem) is None


def test_kept_steps_give_back_their_plans():
    problem = make_problem(planar_cost(9))
    run = track(
        NoisyMatrix(problem=problem, noise=0.05, decay=0.9, seed=(0, 1)),
        CoolingRule(k_safe=math.inf, alpha0=0.3),
        settings(),
        keep=True,
    )
    np.testing.assert_allclose(plan_of(run.last, problem), run.plan, rtol=1e-11, atol=1e-300)


def test_assignment_gap_forgives_ties():
    fixed = np.array([[0.5, 0.5], [0.4, 0.6]])
    assert assignment_gap(np.array([[0.9, 0.1], [0.1, 0.9]]), fixed) == 0.0
    assert assignment_gap(np.array([[0.1, 0.9], [0.9, 0.1]]), fixed) == 0.5
