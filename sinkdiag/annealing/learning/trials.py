"""Paces on replicates: every pair is run once, on two cores, and lost causes are given up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from sinkdiag.annealing.learning.fates import Course, Fate, Outcome, run_together
from sinkdiag.annealing.learning.learner import Learner
from sinkdiag.annealing.learning.meter import Meter
from sinkdiag.annealing.learning.paces import Pace

# Replicates are independent and their kernels release the GIL.
WORKERS = 2
# Safe on this share of the replicates is safe.
MOSTLY = 0.9


class Purpose(IntEnum):
    """What replicates are for; each purpose has random numbers of its own."""

    HELD_OUT = 0
    FRESH = 1
    PILOT = 2


@dataclass(frozen=True, kw_only=True)
class Panel:
    """``count`` replicates for one purpose."""

    purpose: Purpose
    count: int

    @property
    def enough(self) -> int:
        """On so many of them a safe pace is safe at least."""
        return math.ceil(MOSTLY * self.count - 1e-9)


class Trials:
    """Outcomes of paces on replicates of one learner; each is computed once."""

    def __init__(self, learner: Learner, course: Course, seed: int, meter: Meter) -> None:
        self.learner, self.course = learner, course
        self._seed, self._meter = seed, meter
        self._known: dict[tuple[Purpose, int, Pace], Outcome] = {}

    def within(self, max_steps: int) -> Trials:
        """The same learner with another budget; nothing is shared."""
        course = replace(self.course, max_steps=min(max_steps, self.course.max_steps))
        return Trials(self.learner, course, self._seed, self._meter)

    def of(self, learner: Learner) -> Trials:
        """Another learner in the same temperatures, with the same random numbers."""
        return Trials(learner, self.course, self._seed, self._meter)

    def outcomes(self, pace: Pace, panel: Panel) -> tuple[Outcome, ...]:
        """What is known of one pace on the replicates of a panel, in their order."""
        found = [self._known.get((panel.purpose, index, pace)) for index in range(panel.count)]
        return tuple(outcome for outcome in found if outcome is not None)

    def is_safe(self, pace: Pace, panel: Panel) -> bool:
        """Whether it is known to be safe on enough of them."""
        return self._count(pace, panel, Fate.SAFE) >= panel.enough

    def is_held(self, pace: Pace, panel: Panel) -> bool:
        """Whether it is known to hold, its argmaxes right, on enough of them."""
        return self._count(pace, panel, Fate.HELD) >= panel.enough

    def run(self, paces: Sequence[Pace], panel: Panel, weight: float) -> None:
        """Every pace on every replicate; ``weight`` is what one replicate counts as progress."""
        self._run(paces, panel, range(panel.count), weight)

    def race(self, paces: Sequence[Pace], panel: Panel, weight: float) -> None:
        """The same, but a pace that can no longer be safe meets no further replicate."""
        for first in range(0, panel.count, WORKERS):
            able = [pace for pace in paces if self._may_be_safe(pace, panel)]
            batch = range(first, min(first + WORKERS, panel.count))
            self._run(able, panel, batch, weight * max(len(able), 1) / max(len(paces), 1))

    def _count(self, pace: Pace, panel: Panel, fate: Fate) -> int:
        return sum(outcome.fate is fate for outcome in self.outcomes(pace, panel))

    def _may_be_safe(self, pace: Pace, panel: Panel) -> bool:
        outcomes = self.outcomes(pace, panel)
        failed = sum(outcome.fate is not Fate.SAFE for outcome in outcomes)
        return failed <= panel.count - panel.enough

    def _run(self, paces: Sequence[Pace], panel: Panel, batch: range, weight: float) -> None:
        """Missing outcomes of one batch of replicates, two replicates at a time."""

        def one(index: int) -> tuple[int, list[Pace], tuple[Outcome, ...]]:
            missing = [p for p in paces if (panel.purpose, index, p) not in self._known]
            if not missing:
                self._meter.add(weight)
                return index, [], ()
            random = np.random.default_rng([self._seed, panel.purpose, index])
            outcomes = run_together(
                self.learner,
                missing,
                self.course,
                random,
                lambda share: self._meter.add(share * weight),
            )
            return index, missing, outcomes

        if not paces:
            return
        with ThreadPoolExecutor(WORKERS) as pool:
            for index, missing, outcomes in pool.map(one, batch):
                for pace, outcome in zip(missing, outcomes, strict=True):
                    self._known[panel.purpose, index, pace] = outcome
