from dataclasses import replace

import numpy as np

from sinkdiag.annealing.replicates import CONFIRMATIONS, PILOTS, make_replicates
from sinkdiag.annealing.settings import CalibrationSettings
from sinkdiag.problem import make_problem
from tests.annealing.helpers import settings
from tests.helpers import uniform_cost


def test_no_two_replicates_of_a_matrix_are_the_same():
    problem = make_problem(uniform_cost(4, 5))
    found = make_replicates([problem], settings(), CalibrationSettings(replicates=4))
    assert (len(found.pilots), len(found.held_out), len(found.fresh)) == (PILOTS, 4, CONFIRMATIONS)
    judges = [found.data, *found.pilots, *found.held_out, *found.fresh]
    streams = [judge.stream for judge in judges]
    first = [next(stream.walk()) for stream in streams]
    np.testing.assert_array_equal(first[0], problem.cost)
    assert len({cost.tobytes() for cost in first}) == len(streams)


def test_no_two_replicates_of_a_trajectory_are_the_same():
    """Ten steps of a geometric sequence: no two increments, and no two partial sums, agree."""
    problem = make_problem(uniform_cost(4, 5))
    # 10 first increments for 12 replicates cannot all differ, so costs of step 5 are compared.
    problems = [replace(problem, cost=problem.cost * 2.0**step) for step in range(11)]
    found = make_replicates(problems, settings(), CalibrationSettings(replicates=4))
    judges = [found.data, *found.pilots, *found.held_out, *found.fresh]
    streams = [judge.stream for judge in judges]
    fifth = [list(stream.walk())[5].tobytes() for stream in streams]
    assert len(set(fifth)) == len(streams)
    np.testing.assert_array_equal(
        np.stack(list(found.data.stream.walk())), np.stack([each.cost for each in problems])
    )
