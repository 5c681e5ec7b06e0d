import numpy as np
import pytest

from sinkdiag.annealing.learning.target import planted_target, target_of
from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from tests.helpers import uniform_cost

PROBLEM = make_problem(uniform_cost(4, 4))


def test_pairs_take_what_both_sides_hold():
    problem = make_problem(uniform_cost(2, 4))  # masses 1 and 1/2
    target = target_of(problem, [3, 0])
    np.testing.assert_array_equal(target.plan, [[0, 0, 0, 0.5], [0.5, 0, 0, 0]])
    assert target.wrong_mass(target.plan) == 0.0
    assert target.wrong_mass(np.full((2, 4), 0.5)) == 0.0  # it holds all of the truth
    assert target.wrong_mass(np.full((2, 4), 0.25)) == 0.5


def test_unknown_rows_do_not_count():
    target = target_of(PROBLEM, [1, -1, 2, -1])
    plan = np.eye(4)[[1, 0, 3, 2]]
    assert target.wrong_mass(plan) == 0.5
    np.testing.assert_array_equal(target.right_rows(plan), [True, False])


def test_for_unit_masses_wrong_mass_is_the_total_variation():
    pairs = [2, 0, 3, 1]
    plan = make_problem(uniform_cost(4, 4)).cost
    plan = plan / plan.sum(axis=1, keepdims=True)
    truth = np.eye(4)[pairs]
    wanted = np.abs(plan - truth).sum() / 8
    assert target_of(PROBLEM, pairs).wrong_mass(plan) == pytest.approx(wanted, rel=1e-13)
    assert target_of(PROBLEM, truth).wrong_mass(plan) == pytest.approx(wanted, rel=1e-13)


def test_the_planted_target_is_the_optimum():
    target = planted_target(PROBLEM)
    assert target.planted
    best = min(
        sum(PROBLEM.cost[i, p[i]] for i in range(4)) for p in np.array(list(_permutations(4)))
    )
    assert (PROBLEM.cost * target.plan).sum() == pytest.approx(best, rel=1e-14)


def _permutations(n):
    from itertools import permutations

    return permutations(range(n))


def test_dustbins_are_left_out_on_request():
    """The last row and column take what has no partner; row 2's truth is the dustbin."""
    problem = make_problem(np.ones((4, 4)), row=[1, 1, 1, 2.0], col=[1, 1, 1, 2.0])
    target = target_of(problem, [0, 1, 3, -1]).without_dustbins()
    plan = np.zeros((4, 4))
    plan[0, 0], plan[1, 3], plan[2, 2] = 1.0, 1.0, 1.0
    assert target.wrong_mass(plan) == 0.5
    np.testing.assert_array_equal(target.right_rows(plan), [True, False])
    with pytest.raises(InputError, match="drop --inner"):
        target_of(problem, [3, 3, 3, -1]).without_dustbins()


@pytest.mark.parametrize(
    ("truth", "fault"),
    [
        ([0, 1, 2], "4 column indices"),
        ([0, 1, 2, 4], "belong to column 4 of 4"),
        ([0, 1, 2, -2], "belong to column -2 of 4"),
        ([-1, -1, -1, -1], "no row of the truth is known"),
        ([0.5, 1, 2, 3], "no integers"),
        (np.eye(3), "shape"),
        (np.eye(4) * 2, "misses the marginals by 1"),
        (np.full((4, 4), np.nan), "non-finite"),
        (2 * np.eye(4) - 0.25, "negative"),
        (np.eye(4) * 1j, "complex"),
        (np.array(["a", "b", "c", "d"]), "entries"),
    ],
)
def test_what_is_no_truth_is_refused(truth, fault):
    with pytest.raises(InputError, match=fault):
        target_of(PROBLEM, np.asarray(truth))


def test_forbidden_pairs_cannot_be_true():
    cost = uniform_cost(3, 3).copy()
    cost[0, 1] = np.inf
    with pytest.raises(InputError, match="forbidden"):
        target_of(make_problem(cost), [1, 0, 2])
    with pytest.raises(InputError, match="forbidden"):
        target_of(make_problem(cost), np.eye(3)[[1, 0, 2]])
