"""Phase I of the calibration (QSA): cool harder, with fewer sweeps, until the layer collapses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.annealing.collapse import Distance, Judge
from sinkdiag.annealing.controller import CoolingRule
from sinkdiag.annealing.stream import CostStream
from sinkdiag.annealing.track import TrackSettings, track


@dataclass(frozen=True, kw_only=True)
class PlainOutcome:
    """The plain exponential schedule that cools by ``alpha`` a step, on every pilot replicate."""

    iters: int
    alpha: float
    cooling_steps: int
    distances: tuple[Distance, ...]
    collapse_tv: float

    @property
    def collapses(self) -> int:
        """On how many replicates the arrival at eps_min is a collapse."""
        return sum(d.collapsed(self.collapse_tv) for d in self.distances)

    def share(self, margin: float = 1.0) -> float:
        """The share of replicates that collapse, at ``margin`` times the threshold."""
        lost = [d.collapsed(margin * self.collapse_tv) for d in self.distances]
        return sum(lost) / len(lost)

    @property
    def tv(self) -> float:
        """Median total variation on arrival."""
        return float(np.median([d.tv for d in self.distances]))

    @property
    def unresolved(self) -> int:
        """On how many replicates the fixed point itself was not found."""
        return sum(d.status.failed for d in self.distances)


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """What phase I found.

    ``critical``: the gentlest plain schedule with the user's own K that collapses on at least half
    of the pilots, or None. ``provoked``: for each K tried, from the user's own downwards, the
    gentlest schedule that collapses clearly on every pilot (if there is none for any K, on half of
    them), in the order in which windows are looked for.
    ``hardest``: the last outcome, one jump with one sweep, when nothing collapses.
    """

    critical: PlainOutcome | None
    provoked: tuple[PlainOutcome, ...]
    hardest: PlainOutcome


def plain_outcome(
    streams: Sequence[CostStream], settings: TrackSettings, alpha: float, collapse_tv: float
) -> PlainOutcome:
    """Run the plain schedule on each stream and measure the arrival."""
    rule = CoolingRule(k_safe=math.inf, alpha0=alpha)
    steps = rule.plain_steps(settings.eps_start, settings.eps_min)
    distances = []
    for stream in streams:
        run = track(stream, rule, replace(settings, max_steps=steps + 1))
        distances.append(Judge(stream.problem, collapse_tv, settings).distance(run.last, run.plan))
    return PlainOutcome(
        iters=settings.iters,
        alpha=alpha,
        cooling_steps=steps,
        distances=tuple(distances),
        collapse_tv=collapse_tv,
    )


def escalate(
    streams: Sequence[CostStream],
    settings: TrackSettings,
    collapse_tv: float,
    *,
    alpha0: float | None = None,
) -> Escalation:
    """Look for collapse: smaller alpha (down to one jump), then fewer sweeps (down to one).

    With ``alpha0`` given only the sweeps are lowered. Schedules of fewer than ``ROOM`` steps come
    last: a controller can hardly act in them.
    """
    searches = [
        _Search(streams, replace(settings, iters=iters), collapse_tv)
        for iters in _fewer_sweeps(settings.iters)
    ]
    critical = searches[0].gentlest(_on_half) if _on_half(searches[0].jump) else None
    provoked: list[PlainOutcome] = []
    for criterion in (_on_all, _on_half):
        if alpha0 is not None:
            provoked = [chosen for s in searches if criterion(chosen := s.at(alpha0))]
        else:
            provoked = [s.gentlest(criterion) for s in searches if criterion(s.jump)]
        if provoked:
            break
    roomy = [entry for entry in provoked if entry.cooling_steps >= ROOM]
    cramped = [entry for entry in provoked if entry.cooling_steps < ROOM]
    return Escalation(critical=critical, provoked=(*roomy, *cramped), hardest=searches[-1].jump)


def _on_half(outcome: PlainOutcome) -> bool:
    return outcome.share() >= 0.5


def _on_all(outcome: PlainOutcome) -> bool:
    """Collapse on every pilot and clearly, so that held-out replicates collapse as well."""
    return outcome.share(CLEARLY) == 1.0


# A collapse is clear when the total variation exceeds the threshold by this factor.
CLEARLY = 1.25
# Numbers of cooling steps that are tried, and how many quiet ones in a row end the search.
LADDER = tuple(round(2.0 ** (k / 2)) for k in range(2, 20))
PATIENCE = 3
# With fewer cooling steps than this, arrival follows so soon that braking can barely help.
ROOM = 4


def _fewer_sweeps(iters: int) -> list[int]:
    """The user's K, then halves of it, down to 1."""
    ladder = [iters]
    while ladder[-1] > 1:
        ladder.append(ladder[-1] // 2)
    return ladder


class _Search:
    """Plain schedules with one number of sweeps, each run once."""

    def __init__(
        self, streams: Sequence[CostStream], settings: TrackSettings, collapse_tv: float
    ) -> None:
        self._streams = streams
        self._settings = settings
        self._collapse_tv = collapse_tv
        self._most = settings.max_steps - 1
        self.jump = self._of_steps(1)

    def at(self, alpha: float) -> PlainOutcome:
        """The outcome at one cooling factor."""
        return plain_outcome(self._streams, self._settings, alpha, self._collapse_tv)

    def gentlest(self, collapses: Callable[[PlainOutcome], bool]) -> PlainOutcome:
        """The largest number of cooling steps that still ``collapses``, as one jump does.

        A ladder of step numbers, left after ``PATIENCE`` rungs in a row without collapse (more
        steps are mostly, not always, safer), then bisection above the last rung that collapsed.
        """
        good, bad, quiet = self.jump, self._most + 1, 0
        for steps in LADDER:
            if steps > self._most or quiet == PATIENCE:
                break
            trial = self._of_steps(steps)
            if collapses(trial):
                good, bad, quiet = trial, self._most + 1, 0
            else:
                bad, quiet = min(bad, steps), quiet + 1
        while bad - good.cooling_steps > 1:
            trial = self._of_steps((bad + good.cooling_steps) // 2)
            if collapses(trial):
                good = trial
            else:
                bad = trial.cooling_steps
        return good

    def _of_steps(self, steps: int) -> PlainOutcome:
        ratio = self._settings.eps_min / self._settings.eps_start
        return self.at(float(ratio ** (1.0 / steps)))
