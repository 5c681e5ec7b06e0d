"""Calibration on anyone's training: the same search, each run made by the caller."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.learning.fates import Course, Fate, Outcome
from sinkdiag.annealing.learning.meter import Meter
from sinkdiag.annealing.learning.paces import ControllerPace, Pace
from sinkdiag.annealing.learning.slopes import (
    Chosen,
    SlopeFates,
    SlopeSearch,
    candidates_of,
    standing,
)
from sinkdiag.annealing.learning.trials import Panel, Purpose, Trials
from sinkdiag.checks import check_count, check_share, check_size
from sinkdiag.errors import InputError
from sinkdiag.progress import Progress, silent

# Runs a controller through a training with a seed; returns the share of wrong mass in the end.
Training = Callable[[AdaptiveCooling, int], float]
# Slopes of the default grid: ratio 1.49 over 4 decades, so that every one has its neighbours.
SLOPES = tuple(float(value) for value in np.geomspace(1e-3, 10.0, 24))
# Seeds of the three purposes stay apart.
APART = 1_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingCalibration:
    """What a training bears.

    Attributes
    ----------
    fates:
        Every slope on the seeds it was run with, in rising order; inf is plain cooling.
    chosen, rejected:
        The slope to use, its window and its confirmation; None where none is safe and none holds,
        or where those that seemed so failed on fresh seeds: then ``rejected`` is the last of them.
    course, alpha0, beta:
        Temperatures and budget, and the controller's other parameters.
    """

    fates: tuple[SlopeFates, ...]
    chosen: Chosen | None
    rejected: Chosen | None
    course: Course
    alpha0: float
    beta: float

    @property
    def k_safe(self) -> float:
        """The slope to use; nan for none."""
        return math.nan if self.chosen is None else self.chosen.slope

    @property
    def controller(self) -> AdaptiveCooling | None:
        """A fresh controller with that slope; None for none."""
        if self.chosen is None:
            return None
        return _controller(self.chosen.slope, self.alpha0, self.beta, self.course)

    @property
    def findings(self) -> tuple[str, ...]:
        """The outcome in a sentence that opens like the verdict of ``calibrate``."""
        chosen, rejected = self.chosen, self.rejected
        if rejected is not None:
            return (
                "empty: slopes that did well on the first seeds do not on fresh ones (the last of "
                f"{rejected.attempts}, k = {rejected.slope:.4g}, on {rejected.confirmed:.0%}): "
                "none is given; give more replicates",
            )
        if chosen is None:
            return (
                "empty: no slope ends right on 90 % of the seeds, and none stands where the result "
                "is right; allow more steps, or a smaller learning rate",
            )
        head = "no collapse provoked" if self.fates[-1].safe else "window"
        entry = next(found for found in self.fates if found.slope == chosen.slope)
        how = (
            f"stands at eps {entry.eps:.4g}, right: do not cool below it"
            if chosen.held
            else f"arrives at step {entry.steps:.0f} (median) and ends right"
        )
        confirmed = "" if chosen.passed else " (not so its neighbours)"
        return (
            f"{head}: with k_safe = {chosen.slope:.4g} the training {how}, on "
            f"{chosen.confirmed:.0%} of fresh seeds{confirmed}; on the others slopes from "
            f"{chosen.low:.3g} to {chosen.high:.3g} do",
        )


def calibrate_training(
    run: Training,
    *,
    eps_start: float,
    eps_min: float,
    alpha0: float = 0.9,
    beta: float = 1.0,
    slopes: Sequence[float] = SLOPES,
    replicates: int = 5,
    fresh: int = 5,
    collapse_tv: float = 0.1,
    seed: int = 0,
    progress: Progress = silent,
) -> TrainingCalibration:
    """Search the safety slope of any training by the rules of ``sinkdiag calibrate``.

    ``run(controller, seed)`` trains a proxy: it calls ``controller.step(plan)`` at every step,
    goes on for a while at eps_min, and returns the share of the mass (of the rows, or one minus
    the accuracy) that is wrong in the end. Arrival is read from the controller. A run that arrives
    is safe if at most ``collapse_tv`` is wrong, else locked in (what was right in between, only the
    caller knows); one that does not arrive is held if as little is wrong where it stands, else
    late. A slope that has failed on more than 10 % of the seeds meets no further one.

    Parameters
    ----------
    run:
        ``run(controller, seed) -> float`` in [0, 1]; must depend on nothing else.
    eps_start, eps_min, alpha0, beta:
        Of the controllers, as in `AdaptiveCooling`; cost units.
    slopes:
        Finite slopes, mass/cost, that are tried beside inf; at least three, neighbours within a
        factor of 1.5. Default: 24 from 1e-3 to 10.
    replicates, fresh:
        Seeds that slopes are chosen on, and that confirm the choice with its two neighbours.
    collapse_tv:
        Share that may be wrong, in (0, 1).
    seed:
        Of the first run; the others count on from it.
    progress:
        Told of finished work.

    Raises
    ------
    InputError
        When an argument is out of range, or ``run`` returns no number from 0 to 1.

    Source: the paper's calibration on a proxy subset (its section 4.2); fates and choice are
    sinkdiag's.
    """
    grid = _checked_grid(slopes)
    check_size("eps_start", eps_start)
    check_size("eps_min", eps_min)
    check_share("collapse_tv", collapse_tv)
    check_count("replicates", replicates, 1)
    check_count("fresh", fresh, 1)
    check_count("seed", seed, 0)
    if not eps_min < eps_start:
        raise InputError("eps_min", f"{eps_min!r} is not below eps_start", "give a lower eps_min")
    course = Course(
        eps_start=eps_start, eps_min=eps_min, max_steps=2**62, collapse_tv=collapse_tv, settle=0
    )
    panel = Panel(purpose=Purpose.HELD_OUT, count=replicates)
    meter = Meter(progress, {"slopes": float(replicates), "confirming": float(fresh)})
    runner = _TrainingRunner(run=run, course=course, seed=seed)
    search = SlopeSearch(Trials(runner, meter), alpha0, beta)
    meter.begin("slopes")
    search.run([*grid, math.inf], panel, 1.0, all_fates=False)
    found = search.fates([*grid, math.inf], panel)
    candidates = candidates_of(found)
    if not candidates:
        able = [e.slope for e in found if all(o.fate is Fate.HELD for o in e.outcomes)]
        search.run(able, panel, 0.0, all_fates=True)
        found = search.fates([*grid, math.inf], panel)
        candidates = standing(found)
    meter.begin("confirming")
    chosen = search.confirmed(candidates, found, 1.0, count=fresh)
    meter.finish()
    holds = chosen is not None and chosen.holds_up
    return TrainingCalibration(
        fates=found,
        chosen=chosen if holds else None,
        rejected=None if holds else chosen,
        course=course,
        alpha0=alpha0,
        beta=beta,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _TrainingRunner:
    """The caller's runs, one at a time."""

    run: Training
    course: Course
    seed: int
    workers: int = 1

    def make(
        self, paces: Sequence[Pace], purpose: Purpose, index: int, tick: Callable[[float], None]
    ) -> tuple[Outcome, ...]:
        """One training for every pace."""
        outcomes = []
        for pace in paces:
            outcomes.append(self._one(pace, self.seed + APART * purpose + index))
            tick(1.0 / len(paces))
        return tuple(outcomes)

    def _one(self, pace: Pace, seed: int) -> Outcome:
        if not isinstance(pace, ControllerPace):
            raise TypeError("a training is run under a controller")
        rule, course = pace.rule, self.course
        controller = _controller(rule.k_safe, rule.alpha0, rule.beta, course)
        wrong = self.run(controller, seed)
        if not 0.0 <= float(wrong) <= 1.0:  # nan is neither
            raise InputError("run", f"it returned {wrong!r}", "return a share from 0 to 1")
        arrival = controller.arrival
        right = float(wrong) <= course.collapse_tv
        if arrival is None:
            fate = Fate.HELD if right else Fate.LATE
        else:
            fate = Fate.SAFE if right else Fate.LOCKED
        return Outcome(
            fate=fate,
            steps=math.inf if arrival is None else float(arrival),
            wrong_mass=float(wrong),
            eps=controller.eps,
            eps_wrong=math.nan,
        )


def _controller(slope: float, alpha0: float, beta: float, course: Course) -> AdaptiveCooling:
    return AdaptiveCooling(
        slope, alpha0, beta=beta, eps_start=course.eps_start, eps_min=course.eps_min
    )


def _checked_grid(slopes: Sequence[float]) -> list[float]:
    grid = sorted({float(slope) for slope in slopes})
    if len(grid) < 3 or not all(0.0 < slope < math.inf for slope in grid):
        raise InputError("slopes", f"{slopes!r}", "give at least three finite positive slopes")
    return grid
