import math
from types import SimpleNamespace

import pytest

from sinkdiag.annealing import bracket as module
from sinkdiag.annealing.bracket import GRID, bracket
from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.replay import ControllerTrial, Replay, ReplayFate, Replays
from sinkdiag.annealing.stream import NoisyMatrix
from sinkdiag.problem import make_problem
from tests.annealing.helpers import settings
from tests.helpers import planar_cost

COST = planar_cost(24, seed=3)


def trial_and_judge(noise=0.0):
    stream = NoisyMatrix(problem=make_problem(COST), noise=noise, decay=0.9, seed=(0,))
    trial = ControllerTrial(settings=settings(), alpha0=0.3, beta=1.0, collapse_tv=0.1)
    return trial, Judge(stream, 0.1, settings())


def test_a_bracket_separates_what_it_says_it_separates():
    trial, judge = trial_and_judge()
    ends = bracket(trial, judge)
    assert trial.replay(judge, ends.low).fate is ReplayFate.SAFE
    assert trial.replay(judge, ends.low / 1.06).fate is ReplayFate.LATE
    assert trial.replay(judge, ends.high).fate is ReplayFate.SAFE
    assert trial.replay(judge, ends.high * 1.06).fate is ReplayFate.COLLAPSED
    assert trial.replay(judge, math.inf).fate is ReplayFate.COLLAPSED
    assert not ends.floor
    assert not ends.hole


def test_known_replays_are_those_that_would_be_made():
    trial, judge = trial_and_judge(noise=0.01)
    replays = Replays(trial, judge)
    for index in range(40):
        slope = 60.0 / GRID**index
        known, made = replays.at(slope), trial.replay(judge, slope)
        assert (known.fate, known.steps) == (made.fate, made.steps)
    assert len(replays._known) < 40


@pytest.fixture
def fates(monkeypatch):
    """Brackets of a controller whose fate is a function of the slope; the free slope is 1."""

    def brackets(fate):
        trial = SimpleNamespace(
            replay=lambda _, k: Replay(fate=fate(k), steps=9, tv=0.0, slopes=(k, k))
        )
        monkeypatch.setattr(module, "free_slope", lambda *_: 1.0)
        return bracket(trial, None)

    return brackets


def test_the_first_safe_run_from_above_is_taken_and_the_hole_below_it_is_seen(fates):
    def fate(k):
        if k < 1e-4:
            return ReplayFate.LATE
        return ReplayFate.SAFE if 0.02 < k < 0.3 or k < 2e-3 else ReplayFate.COLLAPSED

    found = fates(fate)
    assert 0.3 / 1.05 <= found.high < 0.3
    assert 0.02 < found.low <= 0.02 * 1.05
    assert found.hole
    assert not found.floor


def test_a_scan_that_ends_with_safe_slopes_says_so(fates):
    found = fates(lambda k: ReplayFate.SAFE if k < 0.3 else ReplayFate.COLLAPSED)
    assert found.floor
    assert found.low == 1e-8
    assert not found.hole


def test_without_a_braking_slope_the_free_one_is_the_highest(fates):
    found = fates(lambda k: ReplayFate.SAFE if k > 0.1 else ReplayFate.LATE)
    assert found.high == 1.0
    assert 0.1 < found.low <= 0.105
    assert not found.hole


def test_without_a_safe_slope_the_slowest_that_arrives_tells(fates):
    found = fates(lambda k: ReplayFate.COLLAPSED if k > 0.1 else ReplayFate.LATE)
    assert found.high == 0.0
    assert 0.1 < found.low < 0.1 * GRID
    assert found.slowest.fate is ReplayFate.COLLAPSED


def test_nothing_arrives(fates):
    found = fates(lambda _: ReplayFate.LATE)
    assert (found.low, found.high) == (math.inf, 0.0)
    assert found.slowest.fate is ReplayFate.LATE
