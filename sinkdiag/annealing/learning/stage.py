"""The stage of a calibration in which slopes meet replicates: the map, the choice, other rates."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from sinkdiag.annealing.learning.fates import Fate
from sinkdiag.annealing.learning.settings import LearningSettings
from sinkdiag.annealing.learning.slopes import (
    PAPER,
    Chosen,
    SlopeFates,
    SlopeSearch,
    candidates_of,
    slope_grid,
    standing,
)
from sinkdiag.annealing.learning.trials import LearnerRunner, Panel, Trials

# On matrices with more entries lost causes are not followed up, unless that is asked for.
WHOLE_MAP = 2_500
# Then so many of the slopes that stand are, from the lowest temperature on.
FOLLOWED = 3
# Guesses of the work of one replicate on the map and in the confirmation, in runs.
MAP_WORK, FRESH_WORK = 20.0, 3.0


class SlopeStage:
    """The map of fates, and the choice on it."""

    def __init__(
        self,
        runner: LearnerRunner,
        search: SlopeSearch,
        panel: Panel,
        settings: LearningSettings,
        *,
        whole_map: bool,
    ) -> None:
        self.runner, self.search, self.panel, self.settings = runner, search, panel, settings
        self.all_fates = whole_map or runner.learner.problem.cost.size <= WHOLE_MAP

    def choose(self, unit: float) -> tuple[tuple[SlopeFates, ...], Chosen | None]:
        """Every slope on the panel, refined where safety ends, and the confirmed choice."""
        meter = self.search.trials.meter
        meter.begin("fates of the slopes")
        slopes = [*slope_grid(unit, count=self.settings.slope_count), math.inf]
        self._run(slopes, MAP_WORK)
        # What is told of these two counts all replicates.
        self.search.run([PAPER, math.inf], self.panel, 0.0, all_fates=True)
        if not self.settings.quick:
            slopes += self._refinements(slopes)
            self._run(slopes, 0.0)
        meter.begin("confirming")
        found = self.search.fates(slopes, self.panel)
        candidates = candidates_of(found) or self._held(found)
        found = self.search.fates(slopes, self.panel)
        count = self.settings.fresh_size if self.runner.learner.is_random else 1
        return found, self.search.confirmed(candidates, found, FRESH_WORK, count=count)

    def at_rate(self, factor: float, unit: float) -> float:
        """k_safe on the held-out replicates at another learning rate; nan where none is safe."""
        learner = self.runner.learner
        other = replace(learner, learning_rate=factor * learner.learning_rate)
        trials = Trials(replace(self.runner, learner=other), self.search.trials.meter)
        search = SlopeSearch(trials, self.search.alpha0, self.search.beta)
        slopes = slope_grid(unit, count=self.settings.slope_count)
        search.run(slopes, self.panel, MAP_WORK, all_fates=False)
        safe = candidates_of(search.fates(slopes, self.panel))
        return safe[0].slope if safe else math.nan

    def _run(self, slopes: list[float], weight: float) -> None:
        self.search.run(slopes, self.panel, weight, all_fates=self.all_fates)

    def _refinements(self, slopes: list[float]) -> list[float]:
        """The geometric middles of neighbours of which one is safe and the other is not."""
        return [
            math.sqrt(low.slope * high.slope)
            for low, high in pairwise(self.search.fates(slopes, self.panel))
            if low.safe is not high.safe and math.isfinite(high.slope)
        ]

    def _held(self, found: tuple[SlopeFates, ...]) -> list[SlopeFates]:
        """The slopes that stand at a temperature, the lowest first.

        Where lost causes are not followed up, the lowest are until some of them stand.
        """
        able = sorted(
            (
                entry
                for entry in found
                if entry.outcomes and all(run.fate is Fate.HELD for run in entry.outcomes)
            ),
            key=lambda entry: (entry.eps, entry.slope),
        )
        slopes = [entry.slope for entry in found]
        step = len(able) if self.all_fates else FOLLOWED
        for start in range(0, len(able), max(step, 1)):
            lowest = [entry.slope for entry in able[start : start + step]]
            self.search.run(lowest, self.panel, 0.0, all_fates=True)
            stands = standing(self.search.fates(slopes, self.panel))
            if stands:
                return stands
        return []
