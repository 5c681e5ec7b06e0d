"""The warm-start policy along a grid, and the settings that it passes by."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from sinkdiag.solver import path as path_module
from sinkdiag.solver import solve_problem
from sinkdiag.solver.path import SharedPath, WarmPath, solve_path
from sinkdiag.solver.settings import DEFAULT, SolverSettings
from tests.helpers import planar_cost, uniform_cost


@pytest.fixture(name="starts")
def _starts(monkeypatch):
    """The starts of every solve of a path, and a switch that makes solves with a start fail."""
    seen = []

    def watched(problem, eps, **options):
        seen.append(options["init"])
        solution = solve_problem(problem, eps, **options)
        if options["init"] is not None and watched.fail:
            solution = replace(solution, status=Status.STALLED)
        return solution

    watched.fail = False
    watched.seen = seen
    monkeypatch.setattr(path_module, "solve_problem", watched)
    return watched


def test_a_near_solution_is_the_start_and_a_far_one_is_not(starts):
    path = WarmPath(make_problem(uniform_cost(6, 5)))
    init = np.linspace(0.0, 0.1, 5)
    first = path.at(0.5, init=init)
    near = path.at(0.2, init=init)
    path.at(0.5)
    path.at(0.01, init=init)
    path.at(0.1)
    expected = [init, first.g, near.g, init, None]
    assert len(starts.seen) == len(expected)
    for found, wanted in zip(starts.seen, expected):
        assert found is wanted


def test_a_start_that_fails_costs_time_and_not_the_answer(starts):
    path = WarmPath(make_problem(uniform_cost(6, 5)))
    path.at(0.5)
    starts.fail = True
    solution = path.at(0.4)
    assert solution.status is Status.CONVERGED
    assert [start is None for start in starts.seen] == [True, False, True]


def test_a_solution_that_failed_starts_nothing(starts):
    path = WarmPath(make_problem(uniform_cost(6, 5)), max_iter=1)
    assert path.at(0.05).status.failed
    path.at(0.05)
    assert starts.seen == [None, None]


def test_the_cost_of_a_step_takes_the_place_of_the_problems_own():
    cost = uniform_cost(6, 5)
    path = WarmPath(make_problem(cost))
    path.at(0.1)
    moved = path.at(0.1, cost=cost + 0.01 * uniform_cost(6, 5, 1))
    alone = solve_problem(make_problem(cost + 0.01 * uniform_cost(6, 5, 1)), 0.1)
    np.testing.assert_allclose(moved.plan, alone.plan, rtol=1e-9)


def test_a_path_is_its_points():
    problem = make_problem(uniform_cost(7, 7))
    grid = [1.0, 0.5, 0.02, 0.01]
    for solution, eps in zip(solve_path(problem, grid), grid, strict=True):
        assert solution.eps == eps
        np.testing.assert_allclose(solution.plan, solve_problem(problem, eps).plan, rtol=1e-8)


def test_settings_are_passed_down_and_cannot_be_changed():
    problem = make_problem(uniform_cost(30, 30))
    slow = solve_problem(problem, 1e-3, settings=SolverSettings(cooling=0.9))
    quick = solve_problem(problem, 1e-3)
    assert slow.status is quick.status is Status.CONVERGED
    assert slow.iters > quick.iters
    np.testing.assert_allclose(slow.plan, quick.plan, atol=1e-9)
    with pytest.raises(FrozenInstanceError):
        DEFAULT.cooling = 0.9


def test_a_shared_path_solves_a_problem_once_at_a_temperature(monkeypatch):
    solved = []

    def counted(problem, eps, **options):
        solved.append((problem.name, eps))
        return solve_problem(problem, eps, **options)

    monkeypatch.setattr("sinkdiag.solver.path.solve_problem", counted)
    a, b = (make_problem(planar_cost(8, seed), name=name) for seed, name in enumerate("ab"))
    shared = SharedPath()
    (loose,) = shared(a, [0.3], tol=1e-6)
    assert loose.marginal_error <= 1e-12
    first = list(shared(a, [1.0, 0.5, 0.3]))
    assert list(shared(a, [0.5, 0.3], tol=1e-10)) == first[1:]
    list(shared(b, [0.5]))
    assert solved == [("a", 0.3), ("a", 1.0), ("a", 0.5), ("b", 0.5)]
    # Looser does not serve tighter; what failed is tried again with a higher limit only.
    list(shared(a, [0.5], tol=1e-13))
    (failed,) = shared(a, [0.001], max_iter=1)
    assert failed.status.failed
    count = len(solved)
    assert list(shared(a, [0.001], max_iter=1)) == [failed]
    assert len(solved) == count
    (found,) = shared(a, [0.001])
    assert not found.status.failed


def test_a_shared_path_finds_what_a_path_of_its_own_finds():
    problem, grid = make_problem(planar_cost(8)), [1.0, 0.5, 0.3]
    shared = SharedPath()
    next(shared(problem, [0.5]))
    for one, other in zip(shared(problem, grid), solve_path(problem, grid), strict=True):
        np.testing.assert_allclose(one.plan, other.plan, rtol=1e-9, atol=1e-15)
