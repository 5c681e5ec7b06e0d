from sinkdiag.annealing.escalate import LADDER, escalate
from sinkdiag.annealing.stream import NoisyMatrix
from sinkdiag.problem import make_problem
from tests.annealing.helpers import settings
from tests.helpers import planar_cost

COST = planar_cost(24, seed=3)


def test_escalation_finds_the_gentlest_schedule_that_collapses():
    problem = make_problem(COST)
    streams = [NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))]
    found = escalate(streams, settings(budget=60), 0.1)
    first = found.provoked[0]
    assert first.share() == 1.0
    assert first.tv > 0.125
    gentler = escalate(streams, settings(budget=60), 0.1, alpha0=first.alpha ** (1 / 3))
    assert all(outcome.alpha == first.alpha ** (1 / 3) for outcome in gentler.provoked)
    assert LADDER[0] == 2
