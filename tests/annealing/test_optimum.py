"""Rounding onto the polytope, and the exact optimum that plans are measured against."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.annealing.schedules import optimum as module
from sinkdiag.annealing.schedules.optimum import optimum_of
from sinkdiag.annealing.schedules.rounding import round_plan
from sinkdiag.problem import make_problem
from tests.annealing.chizat import random_setting
from tests.helpers import uniform_cost


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 7), st.floats(-12, 2))
def test_rounded_plans_lie_in_the_polytope(seed, n, m, decades):
    random = np.random.default_rng(seed)
    row, col = random.random(n) + 0.1, random.random(m) + 0.1
    problem = make_problem(random.random((n, m)), row=row, col=col * row.sum() / col.sum())
    plan = random.random((n, m)) * (random.random((n, m)) < 0.6)
    plan *= 10.0**decades
    rounded = round_plan(plan, problem)
    assert rounded.min() >= 0.0
    np.testing.assert_allclose(rounded.sum(axis=1), problem.row, rtol=1e-13)
    np.testing.assert_allclose(rounded.sum(axis=0), problem.col, rtol=1e-13)


def test_a_plan_of_the_polytope_is_left_alone():
    problem = make_problem(uniform_cost(6, 6))
    for plan in (np.eye(6), np.full((6, 6), 1 / 6)):
        np.testing.assert_allclose(round_plan(plan, problem), plan, rtol=1e-15)


def test_rounding_moves_no_more_mass_than_the_marginals_miss():
    """Altschuler, Weed & Rigollet, Lemma 7: at most twice the error of both marginals."""
    problem = random_setting(n=9)
    plan = np.outer(problem.row, problem.col) * np.random.default_rng(0).lognormal(size=(9, 9))
    missed = (
        np.abs(plan.sum(axis=1) - problem.row).sum() + np.abs(plan.sum(axis=0) - problem.col).sum()
    )
    assert np.abs(round_plan(plan, problem) - plan).sum() <= 2 * missed


def test_assignments_are_the_best_of_all_permutations():
    cost = uniform_cost(6, 6)
    best = min(
        math.fsum(cost[i, j] for i, j in enumerate(order))
        for order in itertools.permutations(range(6))
    )
    found = optimum_of(make_problem(cost))
    assert found.value == pytest.approx(best, abs=found.resolution)
    assert found.resolution < 1e-13
    assert optimum_of(make_problem(cost, marginals="probability")).value == pytest.approx(best / 6)


def test_rectangles_with_equal_masses_are_assignments_of_their_parts():
    cost = uniform_cost(4, 6)
    split = np.repeat(np.repeat(cost, 3, axis=0), 2, axis=1)
    whole = optimum_of(make_problem(split)).value / 3
    found = optimum_of(make_problem(cost))
    assert found.value == pytest.approx(whole, abs=2 * found.resolution)
    assert found.resolution < 1e-12


def test_weighted_problems_agree_with_pot():
    ot = pytest.importorskip("ot")
    for seed in range(3):
        problem = random_setting(seed, n=20)
        found = optimum_of(problem)
        wanted = ot.emd2(problem.row, problem.col, problem.cost)
        assert found.value == pytest.approx(wanted, abs=found.resolution + 1e-14)
        assert found.resolution < 1e-13


def test_suboptimality_is_zero_at_the_optimum_and_exact_above_it():
    cost = np.array([[0.0, 1.0], [1.0, 0.0]])
    problem = make_problem(cost)
    found = optimum_of(problem)
    assert found.suboptimality(np.eye(2), problem) == 0.0
    assert found.suboptimality(np.eye(2) * (1 + 1e-15), problem) == 0.0
    plan = np.array([[0.9, 0.1], [0.1, 0.9]])
    assert found.suboptimality(plan, problem) == pytest.approx(0.2, rel=1e-14)
    shifted = make_problem(cost + 1e6)
    assert optimum_of(shifted).suboptimality(plan, shifted) == pytest.approx(0.2, rel=1e-8)


def test_what_is_not_computed_is_nan_and_says_why(monkeypatch):
    cost = uniform_cost(4, 4)
    cost[0, 1] = np.inf
    forbidden = optimum_of(make_problem(cost))
    assert math.isnan(forbidden.value)
    assert "forbidden" in forbidden.reason
    assert math.isnan(forbidden.suboptimality(np.eye(4), make_problem(cost)))
    monkeypatch.setattr(module, "LARGEST_PROGRAM", 10)
    assert "too long" in optimum_of(random_setting(n=4)).reason
    assert not math.isnan(optimum_of(make_problem(uniform_cost(4, 4))).value)
