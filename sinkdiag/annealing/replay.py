"""One controller along one replicate, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.track import TrackSettings, track

# Replicates are independent and their kernels release the GIL.
WORKERS = 2


class ReplayFate(Enum):
    """How a replay of the controller ended."""

    LATE = "late"
    SAFE = "safe"
    COLLAPSED = "collapsed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One replay on one replicate: its fate, and the total variation that decided it.

    ``steps``: how many it took to reach eps_min (nan: late). ``slopes``: with any slope from the
    first to below the second the replay is the same.
    """

    fate: ReplayFate
    steps: float
    tv: float
    slopes: tuple[float, float]


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

    def replay(self, judge: Judge, k_safe: float) -> Replay:
        """Run the controller along a stream and judge it once it has settled."""
        run = track(judge.stream, self.rule(k_safe), self.settings)
        if run.arrival is None or not run.settled:
            return Replay(fate=ReplayFate.LATE, steps=math.nan, tv=math.nan, slopes=run.slopes)
        distance = judge.outcome(run)
        if distance.status.failed:
            fate = ReplayFate.UNRESOLVED
        else:
            fate = ReplayFate.COLLAPSED if distance.collapsed(self.collapse_tv) else ReplayFate.SAFE
        return Replay(fate=fate, steps=run.arrival + 1, tv=distance.tv, slopes=run.slopes)

    def replays(self, judges: Sequence[Judge], k_safe: float) -> list[Replay]:
        """`replay` on each stream."""
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(lambda judge: self.replay(judge, k_safe), judges))


class Replays:
    """Replays of one controller on one replicate, each distinct run made once."""

    def __init__(self, trial: ControllerTrial, judge: Judge) -> None:
        self._trial, self._judge = trial, judge
        self._known: list[Replay] = []

    def at(self, k_safe: float) -> Replay:
        """The replay with one slope."""
        for replay in self._known:
            low, high = replay.slopes
            if low <= k_safe < high:
                return replay
        replay = self._trial.replay(self._judge, k_safe)
        self._known.append(replay)
        return replay

    def fate(self, k_safe: float, fate: ReplayFate) -> bool:
        """Whether the replay with one slope ends so."""
        return self.at(k_safe).fate is fate
