"""Phase II of the calibration: bracket the safety slopes that arrive without collapse."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

import numpy as np

from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.controller import CoolingRule
from sinkdiag.annealing.stream import CostStream
from sinkdiag.annealing.track import TrackSettings, track

# Ends of a window are bracketed to this ratio, in the conservative direction.
RESOLUTION = 1.05
# How far around a neighbour's end the first two looks go.
HINT_WIDTH = 1.15
# Slopes are looked for down to this fraction of the one that never brakes.
SPAN = 1e-8
# Shares of that slope at which a first look asks whether any slope is safe.
LOOKS = (0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5)
# The window's ends leave out this share of the replicates on their unfavourable side.
QUANTILE = 0.1


class Fate(Enum):
    """How a replay of the controller ended."""

    LATE = "late"
    SAFE = "safe"
    COLLAPSED = "collapsed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One replay of the controller on one replicate."""

    fate: Fate
    count: int
    tv: float


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """One replicate: ``low`` arrives within the budget, ``high`` does not collapse.

    ``low`` is inf when no slope arrives; ``high`` is 0 when even ``low`` collapses. ``free`` is
    the largest drift/eps of the run that never brakes: above it the controller does nothing.
    """

    low: float
    high: float
    free: float
    slowest: Replay


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

    def fates(self, fate: Fate) -> int:
        """On how many runs the slowest controller that arrives (if any does) ends so."""
        return sum(entry.slowest.fate is fate for entry in self.brackets)


# That of no runs at all.
NO_WINDOW = Window(k_low=math.inf, k_high=0.0, brackets=())


@dataclass(frozen=True, kw_only=True)
class ControllerTrial:
    """The controller and the layer that a window is for."""

    settings: TrackSettings
    alpha0: float
    beta: float
    collapse_tv: float

    def rule(self, k_safe: float) -> CoolingRule:
        """The controller with one slope; inf: the plain schedule."""
        return CoolingRule(k_safe=k_safe, alpha0=self.alpha0, beta=self.beta)

    def replay(self, stream: CostStream, k_safe: float) -> Replay:
        """Run the controller along a stream and judge its arrival."""
        run = track(stream, self.rule(k_safe), self.settings)
        if not run.arrived:
            return Replay(fate=Fate.LATE, count=run.count, tv=math.nan)
        judge = Judge(stream.problem, self.collapse_tv, self.settings)
        distance = judge.distance(run.last, run.plan)
        if distance.status.failed:
            return Replay(fate=Fate.UNRESOLVED, count=run.count, tv=math.nan)
        fate = Fate.COLLAPSED if distance.collapsed(self.collapse_tv) else Fate.SAFE
        return Replay(fate=fate, count=run.count, tv=distance.tv)

    def replays(self, streams: Sequence[CostStream], k_safe: float) -> list[Replay]:
        """`replay` on each stream."""
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(lambda stream: self.replay(stream, k_safe), streams))


def may_have_window(trial: ControllerTrial, streams: Sequence[CostStream]) -> bool:
    """Whether some slope of a coarse ladder is safe on every stream, before `find_window`."""
    free = max(_free_slope(trial, stream) for stream in streams)
    return any(
        all(trial.replay(stream, free * share).fate is Fate.SAFE for stream in streams)
        for share in LOOKS
    )


def _free_slope(trial: ControllerTrial, stream: CostStream) -> float:
    """A slope above the largest drift/eps of the run that never brakes."""
    run = track(stream, trial.rule(math.inf), trial.settings, keep=True)
    ratios = [step.drift_ratio for step in run.steps if math.isfinite(step.drift_ratio)]
    return RESOLUTION * max(ratios, default=1.0) / max(trial.beta, 1e-3)


# Replicates are independent and their kernels release the GIL.
WORKERS = 2


def find_window(trial: ControllerTrial, streams: Sequence[CostStream]) -> Window:
    """Bracket each replicate; the first stream is the data itself, the others are replicates.

    k_low is the 90 % quantile of the low ends, k_high the 10 % quantile of the high ends, and the
    data itself must lie inside.
    """
    first = bracket(trial, streams[0])
    with ThreadPoolExecutor(WORKERS) as pool:
        others = list(pool.map(lambda stream: bracket(trial, stream, first), streams[1:]))
    lows = [entry.low for entry in others] or [first.low]
    highs = [entry.high for entry in others] or [first.high]
    k_low = float(np.quantile(lows, 1.0 - QUANTILE, method="higher"))
    k_high = float(np.quantile(highs, QUANTILE, method="lower"))
    return Window(
        k_low=max(k_low, first.low),
        k_high=min(k_high, first.high),
        brackets=(first, *others),
    )


def bracket(
    trial: ControllerTrial, stream: CostStream, neighbour: Bracket | None = None
) -> Bracket:
    """Bisect, on a log scale, for the ends of one replicate's window.

    A neighbour's ends tell where to look first; they change the cost of the search only.
    """
    free = _free_slope(trial, stream)
    top = trial.replay(stream, free)
    if top.fate is Fate.LATE:
        return Bracket(low=math.inf, high=0.0, free=free, slowest=top)

    def arrives(slope: float) -> bool:
        return trial.replay(stream, slope).fate is not Fate.LATE

    def collapses(slope: float) -> bool:
        return trial.replay(stream, slope).fate is not Fate.SAFE

    hint = neighbour.low if neighbour is not None else math.inf
    _, low = _bisect(arrives, SPAN * free, free, hint)
    slowest = trial.replay(stream, low)
    if slowest.fate is not Fate.SAFE:
        return Bracket(low=low, high=0.0, free=free, slowest=slowest)
    if top.fate is Fate.SAFE:
        return Bracket(low=low, high=free, free=free, slowest=slowest)
    hint = neighbour.high if neighbour is not None else math.inf
    high, _ = _bisect(collapses, low, free, hint)
    return Bracket(low=low, high=high, free=free, slowest=slowest)


def _bisect(
    holds: Callable[[float], bool], below: float, above: float, hint: float
) -> tuple[float, float]:
    """Narrow (below, above), where ``holds`` is false at the one and true at the other."""
    for guess in (hint / HINT_WIDTH, hint * HINT_WIDTH):
        if below < guess < above:
            below, above = (below, guess) if holds(guess) else (guess, above)
    while above > RESOLUTION * below:
        middle = math.sqrt(below * above)
        below, above = (below, middle) if holds(middle) else (middle, above)
    return below, above
