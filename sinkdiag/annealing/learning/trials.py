"""Paces on replicates: every pair is run once, on two cores, and lost causes are given up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np

from sinkdiag.annealing.learning.fates import Course, Fate, Outcome, run_together
from sinkdiag.annealing.learning.learner import Learner
from sinkdiag.annealing.learning.meter import Meter
from sinkdiag.annealing.learning.paces import Pace

# Replicates that are run at the same time: the kernels of a step release the GIL.
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


class Runner(Protocol):
    """What runs paces on replicates: the learner here, or anyone's training."""

    @property
    def course(self) -> Course:
        """From where to where, in how many steps."""

    @property
    def workers(self) -> int:
        """How many replicates may run at the same time."""

    def make(
        self, paces: Sequence[Pace], purpose: Purpose, index: int, tick: Callable[[float], None]
    ) -> tuple[Outcome, ...]:
        """Run paces on one replicate; ``tick`` is told the share of the work that is done."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnerRunner:
    """Runs of the learner; equal seeds meet equal starts and noise."""

    learner: Learner
    course: Course
    seed: int

    @property
    def workers(self) -> int:
        """Replicates are independent."""
        return WORKERS

    def make(
        self, paces: Sequence[Pace], purpose: Purpose, index: int, tick: Callable[[float], None]
    ) -> tuple[Outcome, ...]:
        """See `run_together`."""
        random = np.random.default_rng([self.seed, purpose, index])
        return run_together(self.learner, paces, self.course, random, tick)


class Trials:
    """Outcomes of paces on replicates; each is computed once."""

    def __init__(self, runner: Runner, meter: Meter) -> None:
        self.runner, self.meter = runner, meter
        self._known: dict[tuple[Purpose, int, Pace], Outcome] = {}

    @property
    def course(self) -> Course:
        """That of all runs."""
        return self.runner.course

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
            self._run(able, panel, batch, weight)

    def _count(self, pace: Pace, panel: Panel, fate: Fate) -> int:
        return sum(outcome.fate is fate for outcome in self.outcomes(pace, panel))

    def _may_be_safe(self, pace: Pace, panel: Panel) -> bool:
        outcomes = self.outcomes(pace, panel)
        failed = sum(outcome.fate is not Fate.SAFE for outcome in outcomes)
        return failed <= panel.count - panel.enough

    def _run(self, paces: Sequence[Pace], panel: Panel, batch: range, weight: float) -> None:
        """Missing outcomes of one batch of replicates, as many at a time as the runner may."""

        def one(index: int) -> tuple[int, list[Pace], tuple[Outcome, ...]]:
            missing = [p for p in paces if (panel.purpose, index, p) not in self._known]
            if not missing:
                self.meter.add(weight)
                return index, [], ()
            made = self.runner.make(
                missing, panel.purpose, index, lambda share: self.meter.add(share * weight)
            )
            return index, missing, made

        if not paces:
            return
        with ThreadPoolExecutor(self.runner.workers) as pool:
            for index, missing, outcomes in pool.map(one, batch):
                for pace, outcome in zip(missing, outcomes, strict=True):
                    self._known[panel.purpose, index, pace] = outcome
