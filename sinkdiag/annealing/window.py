"""Phase II of the calibration: bracket the safety slopes that arrive without collapse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.bracket import Bracket, bracket, free_slope
from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.replay import WORKERS, ControllerTrial, ReplayFate

# Shares of the free slope at which a first look asks whether any slope is safe.
LOOKS = (0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5)
# The window's ends leave out this share of the replicates on their unfavourable side.
QUANTILE = 0.1


@dataclass(frozen=True, kw_only=True)
class Window:
    """The conservative window over all replicates."""

    k_low: float
    k_high: float
    brackets: tuple[Bracket, ...]

    @property
    def found(self) -> bool:
        """Whether some slope arrives and does not collapse."""
        return math.isfinite(self.k_low) and 0.0 < self.k_low <= self.k_high

    @property
    def k_safe(self) -> float:
        """Geometric middle; nan for an empty window."""
        return math.sqrt(self.k_low * self.k_high) if self.found else math.nan

    @property
    def floor(self) -> bool:
        """Whether k_low is only where the scan ended: lower slopes may arrive as well."""
        return any(entry.floor and entry.low == self.k_low for entry in self.brackets)

    @property
    def holes(self) -> int:
        """On how many runs a slope below the safe ones arrives and is not safe."""
        return sum(entry.hole for entry in self.brackets)

    def fates(self, fate: ReplayFate) -> int:
        """On how many runs the slowest controller (safe, or else arriving, or late) ends so."""
        return sum(entry.slowest.fate is fate for entry in self.brackets)


# That of no runs at all.
NO_WINDOW = Window(k_low=math.inf, k_high=0.0, brackets=())


def may_have_window(trial: ControllerTrial, judges: Sequence[Judge]) -> bool:
    """Whether some slope of a coarse ladder is safe on every stream, before `find_window`."""
    free = max(free_slope(trial, judge) for judge in judges)
    return any(
        all(trial.replay(judge, free * share).fate is ReplayFate.SAFE for judge in judges)
        for share in LOOKS
    )


def find_window(trial: ControllerTrial, judges: Sequence[Judge]) -> Window:
    """Bracket each replicate; the first stream is the data itself, the others are replicates.

    k_low is the 90 % quantile of the low ends, k_high the 10 % quantile of the high ends, and the
    data itself must lie inside.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        first, *others = pool.map(lambda judge: bracket(trial, judge), judges)
    lows = [entry.low for entry in others] or [first.low]
    highs = [entry.high for entry in others] or [first.high]
    k_low = float(np.quantile(lows, 1.0 - QUANTILE, method="higher"))
    k_high = float(np.quantile(highs, QUANTILE, method="lower"))
    return Window(
        k_low=max(k_low, first.low),
        k_high=min(k_high, first.high),
        brackets=(first, *others),
    )
