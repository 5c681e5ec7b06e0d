"""Phase I of the calibration (QSA): cool harder, with fewer sweeps, until the layer collapses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.annealing.collapse import Distance, Judge
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.track import TrackSettings, track

# A collapse is clear when the total variation exceeds the threshold by this factor.
CLEARLY = 1.25
# Numbers of cooling steps that are tried, and how many quiet ones in a row end the search.
LADDER = (1, *(round(2.0 ** (k / 2)) for k in range(2, 20)))
PATIENCE = 3
# With fewer cooling steps than this, arrival follows so soon that braking can barely help.
ROOM = 4


@dataclass(frozen=True, kw_only=True)
class PlainOutcome:
    """The plain exponential schedule that cools by ``alpha`` a step, on every pilot replicate.

    ``distances``: of the settled runs; none where the schedule does not fit into the budget.
    """

    iters: int
    alpha: float
    cooling_steps: int
    distances: tuple[Distance, ...]
    collapse_tv: float

    @property
    def collapses(self) -> int:
        """On how many replicates the settled run has collapsed."""
        return sum(d.collapsed(self.collapse_tv) for d in self.distances)

    def share(self, margin: float = 1.0) -> float:
        """The share of replicates that collapse, at ``margin`` times the threshold."""
        lost = [d.collapsed(margin * self.collapse_tv) for d in self.distances]
        return sum(lost) / len(lost) if lost else 0.0

    @property
    def tv(self) -> float:
        """Median total variation of the settled runs."""
        return float(np.median([d.tv for d in self.distances])) if self.distances else math.nan

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
    ``hardest``: the outcome with the largest share of collapses, then the largest distance.
    """

    critical: PlainOutcome | None
    provoked: tuple[PlainOutcome, ...]
    hardest: PlainOutcome


def plain_outcome(
    judges: Sequence[Judge], settings: TrackSettings, alpha: float, collapse_tv: float
) -> PlainOutcome:
    """Run the plain schedule along each stream and measure how it ends."""
    rule = CoolingRule(k_safe=math.inf, alpha0=alpha)
    steps = rule.plain_steps(settings.eps_start, settings.eps_min)
    distances: tuple[Distance, ...] = ()
    if steps < settings.max_steps:
        runs = [track(judge.stream, rule, settings) for judge in judges]
        distances = tuple(j.outcome(run) for j, run in zip(judges, runs, strict=True))
    return PlainOutcome(
        iters=settings.iters,
        alpha=alpha,
        cooling_steps=steps,
        distances=distances,
        collapse_tv=collapse_tv,
    )


def escalate(
    judges: Sequence[Judge],
    settings: TrackSettings,
    collapse_tv: float,
    *,
    alpha0: float | None = None,
    fewer_sweeps: bool = False,
) -> Escalation:
    """Look for collapse: smaller alpha (down to one jump); on request with fewer sweeps as well.

    With ``alpha0`` given only the sweeps are lowered, if they may be. Schedules of fewer than
    ``ROOM`` steps come last: a controller can hardly act in them. Nothing is searched where the
    given schedule does not fit into the budget, nor where no fixed point at eps_min is found on any
    pilot.
    """
    ladder = _fewer_sweeps(settings.iters) if fewer_sweeps else [settings.iters]
    searches = [_Search(judges, replace(settings, iters=iters), collapse_tv) for iters in ladder]
    first = searches[0].of_steps(1) if alpha0 is None else searches[0].at(alpha0)
    if first.unresolved == len(first.distances):
        return Escalation(critical=None, provoked=(), hardest=first)
    critical = searches[0].gentlest(_on_half)
    provoked: list[PlainOutcome] = []
    tried: list[PlainOutcome] = []
    for criterion in (_on_all, _on_half):
        if alpha0 is not None:
            tried = [search.at(alpha0) for search in searches]
            provoked = [outcome for outcome in tried if criterion(outcome)]
        else:
            chosen = [search.gentlest(criterion) for search in searches]
            provoked = [outcome for outcome in chosen if outcome is not None]
            tried = [outcome for search in searches for outcome in search.tried]
        if provoked:
            break
    roomy = [entry for entry in provoked if entry.cooling_steps >= ROOM]
    cramped = [entry for entry in provoked if entry.cooling_steps < ROOM]
    return Escalation(
        critical=critical,
        provoked=(*roomy, *cramped),
        hardest=max(tried, key=lambda outcome: (outcome.share(), _known(outcome.tv))),
    )


def _on_half(outcome: PlainOutcome) -> bool:
    return outcome.share() >= 0.5


def _on_all(outcome: PlainOutcome) -> bool:
    """Collapse on every pilot and clearly, so that held-out replicates collapse as well."""
    return outcome.share(CLEARLY) == 1.0


def _known(value: float) -> float:
    """For comparisons: nan is less than everything."""
    return -math.inf if math.isnan(value) else value


def _fewer_sweeps(iters: int) -> list[int]:
    """The user's K, then halves of it, down to 1."""
    ladder = [iters]
    while ladder[-1] > 1:
        ladder.append(ladder[-1] // 2)
    return ladder


class _Search:
    """Plain schedules with one number of sweeps, each run once."""

    def __init__(
        self, judges: Sequence[Judge], settings: TrackSettings, collapse_tv: float
    ) -> None:
        self._judges = judges
        self._settings = settings
        self._collapse_tv = collapse_tv
        self._outcomes: dict[float, PlainOutcome] = {}

    @property
    def tried(self) -> list[PlainOutcome]:
        """Every outcome so far."""
        return list(self._outcomes.values())

    def at(self, alpha: float) -> PlainOutcome:
        """The outcome at one cooling factor."""
        if alpha not in self._outcomes:
            self._outcomes[alpha] = plain_outcome(
                self._judges, self._settings, alpha, self._collapse_tv
            )
        return self._outcomes[alpha]

    def of_steps(self, steps: int) -> PlainOutcome:
        """The outcome with a number of cooling steps; 1 is one jump."""
        ratio = self._settings.eps_min / self._settings.eps_start
        return self.at(float(ratio ** (1.0 / steps)))

    def gentlest(self, collapses: Callable[[PlainOutcome], bool]) -> PlainOutcome | None:
        """The largest number of cooling steps that still ``collapses``; None without collapse.

        A ladder of step numbers from one jump up, left after ``PATIENCE`` rungs in a row without
        collapse (more steps are mostly, not always, safer), then bisection above the last rung that
        collapsed.
        """
        # The controller holds at its first step: what plain cooling just manages it could not.
        most = max(1, self._settings.max_steps - 2)
        good: PlainOutcome | None = None
        bad, quiet = most + 1, 0
        for steps in LADDER:
            if steps > most or quiet == PATIENCE:
                break
            trial = self.of_steps(steps)
            if collapses(trial):
                good, bad, quiet = trial, most + 1, 0
            else:
                bad, quiet = min(bad, steps), quiet + 1
        while good is not None and bad - good.cooling_steps > 1:
            trial = self.of_steps((bad + good.cooling_steps) // 2)
            if collapses(trial):
                good = trial
            else:
                bad = trial.cooling_steps
        return good
