"""The safe slopes: which arrive and end right, the soonest of them, and its confirmation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.learning.fates import Fate, Outcome
from sinkdiag.annealing.learning.paces import ControllerPace, Pace
from sinkdiag.annealing.learning.trials import MOSTLY, Panel, Purpose, Trials
from sinkdiag.annealing.rule import CoolingRule

# Slopes that are tried, times std(C), for rows of mass 1: 48 of ratio 1.253; a quick look takes 30
# of ratio 1.441. Both leave every slope a neighbour within `NEIGHBOURHOOD`.
LOWEST, HIGHEST, COUNT, QUICK_COUNT = 2.5e-4, 10.0, 48, 30
# A slope is robust if its neighbours within this factor are safe as well.
NEIGHBOURHOOD = 1.5
# The paper's own slope, per unit of cost.
PAPER = 0.5
# Fresh replicates that confirm a slope, and how many slopes are put to that test at most.
CONFIRMATIONS = 20
MOST_TESTS = 6


@dataclass(frozen=True, kw_only=True)
class SlopeFates:
    """One slope on the held-out replicates."""

    slope: float
    outcomes: tuple[Outcome, ...]
    safe: bool
    held: bool

    @property
    def steps(self) -> float:
        """Median step of arrival; inf where half of the runs do not arrive."""
        return median([outcome.steps for outcome in self.outcomes])

    @property
    def eps(self) -> float:
        """Median of the last temperatures, cost units."""
        return median([outcome.eps for outcome in self.outcomes])


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A slope, the run of like slopes around it, and how it did on fresh replicates.

    ``held``: the slopes of the window do not arrive, they stand at a temperature that the learner
    bears. ``confirmed`` is the share of fresh replicates that end so at ``slope``; ``attempts``
    how many slopes were put to the test before it passed, ``passed`` whether one did.
    """

    slope: float
    low: float
    high: float
    held: bool
    confirmed: float
    passed: bool
    attempts: int

    @property
    def holds_up(self) -> bool:
        """Whether the slope itself did on fresh replicates, though a neighbour may not have."""
        return self.passed or self.confirmed >= MOSTLY


def median(values: Sequence[float]) -> float:
    """The median; inf counts, nan for nothing."""
    return statistics.median(values) if values else math.nan


def slope_grid(unit: float, *, count: int = COUNT) -> tuple[float, ...]:
    """Finite slopes, mass/cost: a geometric grid over 4.6 decades, and the paper's 0.5.

    ``unit`` = (N/n)/std(C): slopes scale as 1/s under costs times s, and with the masses.
    """
    grid = [float(value) for value in unit * np.geomspace(LOWEST, HIGHEST, count)]
    return tuple(sorted({*grid, PAPER}))


class SlopeSearch:
    """The controller with one alpha0 and beta, over slopes, on one set of trials."""

    def __init__(self, trials: Trials, alpha0: float, beta: float) -> None:
        self.trials, self.alpha0, self.beta = trials, alpha0, beta

    def pace(self, slope: float) -> Pace:
        """The controller with one slope; inf is the plain exponential schedule."""
        rule = CoolingRule(k_safe=slope, alpha0=self.alpha0, beta=self.beta)
        return ControllerPace(rule=rule, eps_min=self.trials.course.eps_min)

    def run(self, slopes: Sequence[float], panel: Panel, weight: float, *, all_fates: bool) -> None:
        """All slopes on the panel; unless ``all_fates``, those that fail early are given up."""
        paces = [self.pace(slope) for slope in slopes]
        if all_fates:
            self.trials.run(paces, panel, weight)
        else:
            self.trials.race(paces, panel, weight)

    def fates(self, slopes: Sequence[float], panel: Panel) -> tuple[SlopeFates, ...]:
        """What is known of the slopes, in rising order."""
        return tuple(
            SlopeFates(
                slope=slope,
                outcomes=self.trials.outcomes(self.pace(slope), panel),
                safe=self.trials.is_safe(self.pace(slope), panel),
                held=self.trials.is_held(self.pace(slope), panel),
            )
            for slope in sorted(slopes)
        )

    def confirmed(
        self,
        candidates: Sequence[SlopeFates],
        found: Sequence[SlopeFates],
        weight: float,
        *,
        count: int,
    ) -> Chosen | None:
        """The first candidate that is safe on ``count`` fresh replicates, as are its neighbours.

        The next smaller one is tried when a candidate fails; the last that was tried is returned
        unconfirmed when none passes. None without candidates.
        """
        panel = Panel(purpose=Purpose.FRESH, count=count)
        chosen = None
        limit = math.inf
        for attempt in range(MOST_TESTS):
            left = [entry for entry in candidates if entry.slope < limit]
            if not left:
                break
            best = left[0] if attempt == 0 else max(left, key=lambda entry: entry.slope)
            limit = best.slope
            around = _around(found, best)
            paces = [self.pace(entry.slope) for entry in around]
            self.trials.run(paces, panel, weight)
            passed = all(self._stands(pace, panel, held=best.held) for pace in paces)
            chosen = self._chosen(best, found, panel, passed=passed, attempts=attempt + 1)
            if passed:
                break
        return chosen

    def _stands(self, pace: Pace, panel: Panel, *, held: bool) -> bool:
        return (self.trials.is_held if held else self.trials.is_safe)(pace, panel)

    def _chosen(
        self,
        best: SlopeFates,
        found: Sequence[SlopeFates],
        panel: Panel,
        *,
        passed: bool,
        attempts: int,
    ) -> Chosen:
        held = not best.safe
        fate = Fate.HELD if held else Fate.SAFE
        outcomes = self.trials.outcomes(self.pace(best.slope), panel)
        low, high = _window(found, best, held=held)
        return Chosen(
            slope=best.slope,
            low=low,
            high=high,
            held=held,
            confirmed=sum(outcome.fate is fate for outcome in outcomes) / len(outcomes),
            passed=passed,
            attempts=attempts,
        )


def candidates_of(found: Sequence[SlopeFates]) -> list[SlopeFates]:
    """Robustly safe finite slopes, the soonest first; of the equally soon the smaller first."""
    finite = [entry for entry in found if math.isfinite(entry.slope)]
    robust = [
        entry
        for entry in finite
        if entry.safe
        and all(other.safe for other in _within(finite, entry))
        and math.isfinite(entry.steps)
    ]
    return sorted(robust, key=lambda entry: (entry.steps, entry.slope))


def standing(found: Sequence[SlopeFates]) -> list[SlopeFates]:
    """Finite slopes that hold, the lowest floor first."""
    held = [entry for entry in found if entry.held and math.isfinite(entry.slope)]
    return sorted(held, key=lambda entry: (entry.eps, entry.slope))


def _within(found: Sequence[SlopeFates], centre: SlopeFates) -> list[SlopeFates]:
    """The grid's slopes within the neighbourhood of one, itself left out."""
    return [
        entry
        for entry in found
        if entry is not centre
        and centre.slope / NEIGHBOURHOOD <= entry.slope <= centre.slope * NEIGHBOURHOOD
    ]


def _around(found: Sequence[SlopeFates], centre: SlopeFates) -> list[SlopeFates]:
    """A slope with its next neighbours on either side."""
    finite = [entry for entry in found if math.isfinite(entry.slope)]
    place = next(i for i, entry in enumerate(finite) if entry.slope == centre.slope)
    return finite[max(place - 1, 0) : place + 2]


def _window(found: Sequence[SlopeFates], centre: SlopeFates, *, held: bool) -> tuple[float, float]:
    """The ends of the run of safe (or held) finite slopes around one."""
    finite = [entry for entry in found if math.isfinite(entry.slope)]
    good = [entry.held if held else entry.safe for entry in finite]
    first = last = next(i for i, entry in enumerate(finite) if entry.slope == centre.slope)
    while first > 0 and good[first - 1]:
        first -= 1
    while last + 1 < len(finite) and good[last + 1]:
        last += 1
    return finite[first].slope, finite[last].slope
