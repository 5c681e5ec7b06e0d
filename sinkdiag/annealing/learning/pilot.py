"""Which cooling factor the controller is calibrated with, when none is given."""

from __future__ import annotations

import math
from dataclasses import replace

from sinkdiag.annealing.learning.learner import LARGE
from sinkdiag.annealing.learning.meter import Meter
from sinkdiag.annealing.learning.slopes import SlopeSearch, candidates_of, slope_grid, standing
from sinkdiag.annealing.learning.trials import LearnerRunner, Panel, Purpose, Trials

# Factors that are tried, the usual one first.
FACTORS = (0.8, 0.6, 0.9)
# Replicates (of a large matrix one) and slopes (of the whole range) of the first look.
PILOTS, COARSE = 2, 16
# What one factor on one pilot counts as progress, in runs.
WORK = 4.0
# The same of all.
PILOT_WORK = WORK * PILOTS * len(FACTORS)


def choose_alpha(runner: LearnerRunner, beta: float, unit: float, meter: Meter) -> float:
    """The factor with which a safe slope arrives soonest on the pilots; the usual one in a draw.

    A factor that cannot beat the best so far is not followed beyond its time of arrival. Where no
    slope is safe with any, the one that stands at the lowest temperature.
    """
    # The larger the matrix, the more alike its replicates.
    alike = not runner.learner.is_random or runner.learner.problem.cost.size > LARGE
    panel = Panel(purpose=Purpose.PILOT, count=1 if alike else PILOTS)
    slopes = slope_grid(unit, count=COARSE)
    best, soonest, lowest = FACTORS[0], math.inf, math.inf
    for factor in FACTORS:
        budget = runner.course.max_steps if math.isinf(soonest) else int(soonest) + 1
        trial = replace(runner, course=replace(runner.course, max_steps=budget))
        search = SlopeSearch(Trials(trial, meter), factor, beta)
        search.run(slopes, panel, WORK, all_fates=False)
        found = search.fates(slopes, panel)
        safe = candidates_of(found)
        if safe and safe[0].steps < soonest:
            best, soonest = factor, safe[0].steps
        held = standing(found)
        if math.isinf(soonest) and held and held[0].eps < lowest:
            best, lowest = factor, held[0].eps
    return best
