import math

import pytest

from sinkdiag.annealing.stream import NoisyMatrix
from sinkdiag.annealing.window import ControllerTrial, Fate, bracket
from sinkdiag.problem import make_problem
from tests.annealing.helpers import settings
from tests.helpers import planar_cost

COST = planar_cost(24, seed=3)


def test_a_bracket_separates_what_it_says_it_separates():
    problem = make_problem(COST)
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))
    trial = ControllerTrial(settings=settings(), alpha0=0.3, beta=1.0, collapse_tv=0.1)
    ends = bracket(trial, stream)
    assert trial.replay(stream, ends.low).fate is Fate.SAFE
    assert trial.replay(stream, ends.low / 1.06).fate is Fate.LATE
    assert trial.replay(stream, ends.high).fate is Fate.SAFE
    assert trial.replay(stream, ends.high * 1.06).fate is Fate.COLLAPSED
    assert trial.replay(stream, math.inf).fate is Fate.COLLAPSED


def test_a_hint_changes_the_cost_and_not_the_bracket():
    problem = make_problem(COST)
    stream = NoisyMatrix(problem=problem, noise=0.01, decay=0.9, seed=(0, 1))
    trial = ControllerTrial(settings=settings(), alpha0=0.3, beta=1.0, collapse_tv=0.1)
    plain = bracket(trial, stream)
    hinted = bracket(trial, stream, plain)
    # Both are within the search's resolution of the same end.
    assert hinted.low == pytest.approx(plain.low, rel=0.05)
    assert hinted.high == pytest.approx(plain.high, rel=0.05)
