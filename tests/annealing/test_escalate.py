import math
from dataclasses import replace

import pytest

from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.escalate import LADDER, escalate, plain_outcome
from sinkdiag.annealing.stream import NoisyMatrix
from sinkdiag.problem import make_problem
from tests.annealing.helpers import settings
from tests.helpers import planar_cost

COST = planar_cost(24, seed=3)


def test_escalation_finds_the_gentlest_schedule_that_collapses():
    problem = make_problem(COST)
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))
    judges = [Judge(stream, 0.1, settings(budget=60))]
    found = escalate(judges, settings(budget=60), 0.1)
    first = found.provoked[0]
    assert first.share() == 1.0
    assert first.tv > 0.125
    gentler = escalate(judges, settings(budget=60), 0.1, alpha0=first.alpha ** (1 / 3))
    assert all(outcome.alpha == first.alpha ** (1 / 3) for outcome in gentler.provoked)
    assert LADDER[:2] == (1, 2)


def test_a_schedule_beyond_the_budget_is_not_run():
    """alpha0 one rounding below 1 would take 5e16 steps."""
    stream = NoisyMatrix(problem=make_problem(COST), noise=0.0, decay=0.9, seed=(0,))
    judge = Judge(stream, 0.1, settings(budget=60))
    found = escalate([judge], settings(budget=60), 0.1, alpha0=math.nextafter(1.0, 0.0))
    assert found.provoked == ()
    assert found.hardest.distances == ()
    assert found.hardest.cooling_steps > 1e16
    assert math.isnan(found.hardest.tv)


def test_the_hardest_schedule_is_the_one_that_was_given():
    stream = NoisyMatrix(problem=make_problem(COST), noise=0.0, decay=0.9, seed=(0,))
    layer = settings(iters=4, end=0.3, budget=60)
    found = escalate([Judge(stream, 0.9, layer)], layer, 0.9, alpha0=0.8, fewer_sweeps=True)
    alone = plain_outcome([Judge(stream, 0.9, layer)], replace(layer, iters=1), 0.8, 0.9)
    assert found.provoked == ()
    assert found.hardest.alpha == 0.8
    assert found.hardest.iters == 1
    # The judge's fixed points are certified to 1e-9, and so are distances from them.
    assert found.hardest.tv == pytest.approx(alone.tv, abs=1e-9)
