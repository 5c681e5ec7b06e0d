"""Which way of provoking collapse the controller is calibrated against."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.escalate import Escalation, PlainOutcome, plain_outcome
from sinkdiag.annealing.replay import ControllerTrial, Replay, ReplayFate
from sinkdiag.annealing.replicates import Replicates
from sinkdiag.annealing.settings import CalibrationSettings
from sinkdiag.annealing.track import TrackSettings
from sinkdiag.annealing.window import Window, find_window, may_have_window


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Replays on the data and on fresh replicates.

    Shares that are safe at k_safe, and that collapse at 4·k_high; median steps to arrive at k_safe,
    and the total variation then, settled, beside that of the plain exponential schedule with as
    many steps on the same replicate (medians of the replicates on which both are known). All nan
    without a window.
    """

    safe: float = math.nan
    collapse: float = math.nan
    steps: float = math.nan
    tv_safe: float = math.nan
    tv_plain_equal: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A way of collapsing, its window, and how that did on fresh replays."""

    provoked: PlainOutcome
    trial: ControllerTrial
    window: Window
    confirmation: Confirmation

    @property
    def merit(self) -> tuple[bool, float, float]:
        """What makes one choice better than another."""
        return (self.window.found, self.confirmation.safe, self.confirmation.collapse)


_FULL_MERIT = (True, 1.0, 1.0)


def choose(
    escalation: Escalation,
    layer: TrackSettings,
    settings: CalibrationSettings,
    replicates: Replicates,
) -> Choice | None:
    """The first way of collapsing that some slope prevents, confirmed on every fresh replay.

    Without one, the best confirmed window; without any window, the first way and why it is empty;
    None when nothing collapses.
    """
    looks = (replicates.data, *replicates.pilots[:1])
    best: Choice | None = None
    for provoked in escalation.provoked:
        trial = _trial(provoked, layer, settings)
        if not may_have_window(trial, looks):
            continue
        choice = _calibrated(provoked, trial, replicates)
        if best is None or choice.merit > best.merit:
            best = choice
        if best.merit == _FULL_MERIT:
            break
    if best is None and escalation.provoked:
        first = escalation.provoked[0]
        best = _calibrated(first, _trial(first, layer, settings), replicates)
    return best


def _trial(
    provoked: PlainOutcome, layer: TrackSettings, settings: CalibrationSettings
) -> ControllerTrial:
    """The controller and the layer for one way of collapsing."""
    return ControllerTrial(
        settings=replace(layer, iters=provoked.iters),
        alpha0=provoked.alpha,
        beta=settings.beta,
        collapse_tv=settings.collapse_tv,
    )


def _calibrated(provoked: PlainOutcome, trial: ControllerTrial, replicates: Replicates) -> Choice:
    window = find_window(trial, (replicates.data, *replicates.held_out))
    return Choice(
        provoked=provoked,
        trial=trial,
        window=window,
        confirmation=_confirm(trial, window, (replicates.data, *replicates.fresh)),
    )


def _confirm(trial: ControllerTrial, window: Window, judges: Sequence[Judge]) -> Confirmation:
    if not window.found:
        return Confirmation()
    at_safe = trial.replays(judges, window.k_safe)
    steep = trial.replays(judges, 4.0 * window.k_high)
    pairs = [
        (replay.tv, _plain_equal(trial, judge, replay))
        for judge, replay in zip(judges, at_safe, strict=True)
    ]
    arrivals = [replay.steps for replay in at_safe if not math.isnan(replay.steps)]
    known = [pair for pair in pairs if not any(map(math.isnan, pair))]
    return Confirmation(
        safe=statistics.fmean(replay.fate is ReplayFate.SAFE for replay in at_safe),
        collapse=statistics.fmean(replay.fate is ReplayFate.COLLAPSED for replay in steep),
        steps=statistics.median(arrivals) if arrivals else math.nan,
        tv_safe=statistics.median(tv for tv, _ in known) if known else math.nan,
        tv_plain_equal=statistics.median(tv for _, tv in known) if known else math.nan,
    )


def _plain_equal(trial: ControllerTrial, judge: Judge, replay: Replay) -> float:
    """Total variation of the plain schedule that reaches eps_min in as many steps; nan if late."""
    settings = trial.settings
    if math.isnan(replay.steps):
        return math.nan
    alpha = (settings.eps_min / settings.eps_start) ** (1.0 / (replay.steps - 1))
    return plain_outcome([judge], settings, alpha, trial.collapse_tv).tv
