"""What the verdict says of choices that are not plain: on outcomes that are made up."""

import dataclasses
import math

import numpy as np
import pytest

from sinkdiag.annealing.learning.calibration import make_learner, measure_learning
from sinkdiag.annealing.learning.fates import Course, Fate
from sinkdiag.annealing.learning.lengths import Shortest
from sinkdiag.annealing.learning.settings import LearningSettings, cost_std
from sinkdiag.annealing.learning.slopes import Chosen
from sinkdiag.annealing.learning.target import target_of
from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from sinkdiag.studies.calibrate_findings import verdict_of
from tests.helpers import uniform_cost

NONE = Shortest(steps=math.inf, longest_unsafe=9)


@pytest.fixture(scope="module")
def found():
    problem = make_problem(uniform_cost(6, 6))
    settings = LearningSettings(quick=True, replicates=3, max_steps=60, alpha0=0.8)
    learner = make_learner(problem, target_of(problem, np.roll(np.arange(6), 1)), settings)
    course = Course(eps_start=1.0, eps_min=0.05, max_steps=60, collapse_tv=0.1)
    return measure_learning(learner, course, settings)


def held(found, **changes):
    """The same, but that every finite slope stands at eps = 0.2."""
    fates = tuple(
        entry
        if math.isinf(entry.slope)
        else dataclasses.replace(
            entry,
            safe=False,
            held=True,
            outcomes=tuple(
                dataclasses.replace(run, fate=Fate.HELD, steps=math.inf, eps=0.2)
                for run in entry.outcomes
            ),
        )
        for entry in found.fates
    )
    slope = fates[3].slope
    chosen = Chosen(
        slope=slope, low=slope, high=slope, held=True, confirmed=1.0, passed=True, attempts=1
    )
    return dataclasses.replace(
        found, fates=fates, chosen=chosen, rejected=None, plain=NONE, linear=NONE, **changes
    )


def test_where_nothing_goes_further_the_learner_bears_no_less(found):
    plain = dataclasses.replace(found.fates[-1], safe=False)
    standing = held(found)
    standing = dataclasses.replace(standing, fates=(*standing.fates[:-1], plain))
    assert standing.eps_floor == 0.2
    assert "do not cool below it" in verdict_of(standing)
    assert "no exponential or linear schedule within the budget is safe" in verdict_of(standing)


def test_where_a_schedule_goes_further_it_does_not_say_so(found):
    standing = dataclasses.replace(held(found), plain=Shortest(steps=40, longest_unsafe=38))
    verdict = verdict_of(standing)
    assert math.isnan(standing.eps_floor)
    assert "do not cool below it" not in verdict
    assert "stands at eps 0.2" in verdict
    assert "cooling by the clock goes further and ends right" in verdict


def test_slopes_that_fail_on_fresh_replicates_are_not_given(found):
    failed = Chosen(
        slope=1.5, low=1.0, high=2.0, held=False, confirmed=0.3, passed=False, attempts=4
    )
    plain = dataclasses.replace(found.fates[-1], safe=False)
    nothing = dataclasses.replace(
        found, fates=(*found.fates[:-1], plain), chosen=None, rejected=failed
    )
    verdict = verdict_of(nothing)
    assert verdict.startswith("empty:")
    assert "the last of 4 that were tried, k = 1.5, on 30%" in verdict
    assert nothing.controller is None
    calm = dataclasses.replace(plain, safe=True)
    calm = dataclasses.replace(nothing, fates=(*found.fates[:-1], calm))
    assert verdict_of(calm).startswith("no collapse provoked:")


def test_a_narrow_window_is_said(found):
    narrow = Chosen(
        slope=found.fates[3].slope,
        low=1.0,
        high=2.0,
        held=False,
        confirmed=1.0,
        passed=False,
        attempts=2,
    )
    verdict = verdict_of(dataclasses.replace(found, chosen=narrow))
    assert "Its neighbours did not hold up on fresh replicates (nor did 1 other" in verdict


def test_a_temperature_that_fewer_sweeps_reach_again_asks_for_none(found):
    resolution = dataclasses.replace(found.resolution, lowest=0.3, needed=6.0)
    verdict = verdict_of(dataclasses.replace(found, resolution=resolution))
    assert "down to eps 0.3, and again at 0.05." in verdict
    assert "would need" not in verdict


def test_an_offset_beside_which_costs_are_rounding_is_named():
    with pytest.raises(InputError, match="subtract the offset"):
        cost_std(make_problem(uniform_cost(4, 4) + 1e13))
