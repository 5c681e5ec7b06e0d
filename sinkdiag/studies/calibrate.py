"""The main job: how far the controller may be trusted on this cost (design of the paper's QSA)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sinkdiag.annealing.calibration import (
    Calibration,
    CalibrationRow,
    CalibrationSettings,
    Confirmation,
)
from sinkdiag.annealing.controller import CoolingRule
from sinkdiag.annealing.escalate import (
    CollapseMoment,
    Escalation,
    PlainOutcome,
    escalate,
    moment_of_collapse,
)
from sinkdiag.annealing.stream import CostStream, NoisyMatrix, Trajectory
from sinkdiag.annealing.verdict import verdict_of
from sinkdiag.annealing.window import ControllerTrial, Fate, Window, find_window, may_have_window
from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.jacobian.freeze import freeze_temperature
from sinkdiag.problem import Problem
from sinkdiag.results import Status
from sinkdiag.studies.constants import Thresholds, thresholds

# Phase I looks at the data itself and at this many replicates of its own.
PILOTS = 3
# The finished k_safe and 4·k_high are replayed on this many replicates that nothing was fitted to.
CONFIRMATIONS = 5


Notify = Callable[[str, int, int], None]


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


def calibrate_problem(
    problem: Problem,
    settings: CalibrationSettings,
    trajectory: FloatArray | None = None,
    progress: Notify = _silent,
) -> Calibration:
    """Calibrate the controller's safety slope on a matrix, or on a trajectory (T, n, m).

    Phase I escalates the plain schedule until it collapses; phase II brackets, on held-out
    replicates, the slopes k with which the controller arrives at eps_min within the budget (k_low)
    and does not collapse (k_high). k_safe is their geometric middle.

    Raises
    ------
    InputError
        When the temperatures or the trajectory leave nothing to calibrate.

    Source: the paper's Algorithm 1 and section on quasi-static annealing; the collapse test, the
    hybrid zone and the window are this package's reading (README, Limits).
    """
    _check(problem, settings, trajectory)
    count = settings.replicates
    streams = make_streams(problem, settings, trajectory, 1 + PILOTS + count + CONFIRMATIONS)
    data, pilots = streams[0], streams[1 : 1 + PILOTS]
    held_out = streams[1 + PILOTS : 1 + PILOTS + count]
    fresh = streams[1 + PILOTS + count :]
    progress("provoking collapse", 0, 3)
    escalation = _provoke([data, *pilots], settings)
    progress("bracketing the window", 1, 3)
    choice = _choose(escalation, settings, [data, *pilots[:1]], [data, *held_out], [data, *fresh])
    moments = _moments(choice, settings, held_out)
    progress("looking for the freeze", 2, 3)
    late = problem if trajectory is None else replace(problem, cost=trajectory[-1])
    freeze = freeze_temperature(late, settings.eps_start, settings.eps_min, settings.iters)
    row = _row(
        settings, escalation, choice, moments, freeze, _theory(late, settings, choice, moments)
    )
    progress("done", 3, 3)
    provoked = choice.provoked if choice is not None else None
    window = choice.window if choice is not None else None
    return Calibration(problem, settings, row, escalation, provoked, window, (data, *held_out))


def make_streams(
    problem: Problem, settings: CalibrationSettings, trajectory: FloatArray | None, count: int
) -> list[CostStream]:
    """The data itself, then ``count`` - 1 replicates, each with random numbers of its own."""
    if trajectory is not None:
        seeds = [None, *((settings.seed, index) for index in range(1, count))]
        return [Trajectory(problem, trajectory, seed) for seed in seeds]
    noises = [0.0] + [settings.noise] * (count - 1)
    return [
        NoisyMatrix(problem, noise, settings.noise_decay, (settings.seed, index))
        for index, noise in enumerate(noises)
    ]


def _check(problem: Problem, settings: CalibrationSettings, trajectory: FloatArray | None) -> None:
    if settings.eps_min >= settings.eps_start:
        raise InputError(
            problem.name,
            f"annealing from eps {settings.eps_start:g} down to {settings.eps_min:g} is no cooling",
            "give --eps a lowest value below the highest",
        )
    if min(problem.cost.shape) == 1:
        raise InputError(
            problem.name,
            f"a {problem.cost.shape[0]}×{problem.cost.shape[1]} cost has one plan at every eps",
            "give at least two rows and two columns",
        )
    if trajectory is not None and len(trajectory) < 3:
        raise InputError(
            problem.name, f"a trajectory of {len(trajectory)} steps", "record at least three"
        )


def _provoke(streams: Sequence[CostStream], settings: CalibrationSettings) -> Escalation:
    track = settings.track()
    if streams[0].length is not None:
        track = replace(track, max_steps=min(track.max_steps, streams[0].length))
    return escalate(streams, track, settings.collapse_tv, alpha0=settings.alpha0)


def _choose(
    escalation: Escalation,
    settings: CalibrationSettings,
    pilots: Sequence[CostStream],
    held_out: Sequence[CostStream],
    fresh: Sequence[CostStream],
) -> _Choice | None:
    """The first way of collapsing that some slope prevents, confirmed on every fresh replay.

    Without one, the best confirmed window; without any window, the first way and why it is empty.
    """
    best: _Choice | None = None
    for provoked in escalation.provoked:
        trial = settings.trial(provoked)
        if not may_have_window(trial, pilots):
            continue
        window = find_window(trial, held_out)
        choice = _Choice(provoked, window, _confirm(trial, window, fresh))
        if best is None or choice.merit > best.merit:
            best = choice
        if best.merit == _FULL_MERIT:
            break
    if best is None and escalation.provoked:
        first = escalation.provoked[0]
        window = find_window(settings.trial(first), held_out)
        best = _Choice(first, window, _confirm(settings.trial(first), window, fresh))
    return best


@dataclass(frozen=True)
class _Choice:
    """A way of collapsing, its window, and how that did on fresh replays."""

    provoked: PlainOutcome
    window: Window
    confirmation: Confirmation

    @property
    def merit(self) -> tuple[bool, float, float]:
        return (self.window.found, self.confirmation.safe, self.confirmation.collapse)


_FULL_MERIT = (True, 1.0, 1.0)


def _confirm(trial: ControllerTrial, window: Window, streams: Sequence[CostStream]) -> Confirmation:
    if not window.found:
        return Confirmation(math.nan, math.nan, math.nan)
    at_safe = trial.replays(streams, window.k_safe)
    steep = trial.replays(streams, 4.0 * window.k_high)
    return Confirmation(
        statistics.fmean(replay.fate is Fate.SAFE for replay in at_safe),
        statistics.fmean(replay.fate is Fate.COLLAPSED for replay in steep),
        statistics.median(replay.count for replay in at_safe),
    )


def _moments(
    choice: _Choice | None, settings: CalibrationSettings, streams: Sequence[CostStream]
) -> list[CollapseMoment]:
    """Where the plain schedule is lost on the held-out replicates (those on which it is)."""
    if choice is None:
        return []
    track = settings.trial(choice.provoked).settings
    rule = CoolingRule(math.inf, choice.provoked.alpha)
    found = [moment_of_collapse(s, track, rule, settings.collapse_tv) for s in streams]
    return [moment for moment in found if moment is not None]


def _theory(
    problem: Problem,
    settings: CalibrationSettings,
    choice: _Choice | None,
    moments: Sequence[CollapseMoment],
) -> Thresholds | None:
    """The paper's thresholds where the plain schedule is lost; None when it never is."""
    if choice is None or not moments:
        return None
    eps = statistics.median(moment.eps for moment in moments)
    return thresholds(problem, eps, choice.provoked.iters, seed=settings.seed)


def _row(
    settings: CalibrationSettings,
    escalation: Escalation,
    choice: _Choice | None,
    moments: Sequence[CollapseMoment],
    freeze: float,
    theory: Thresholds | None,
) -> CalibrationRow:
    provoked = choice.provoked if choice is not None else None
    window = choice.window if choice is not None else None
    nothing = Confirmation(math.nan, math.nan, math.nan)
    confirmation = choice.confirmation if choice is not None else nothing
    unresolved = (provoked or escalation.hardest).unresolved
    found = window is not None and window.found
    ratios = [m.drift_ratio for m in moments if math.isfinite(m.drift_ratio)]
    return CalibrationRow(
        k_safe=window.k_safe if window is not None else math.nan,
        k_low=_end(window.k_low) if window is not None else math.nan,
        k_high=_end(window.k_high) if window is not None else math.nan,
        k_theory=theory.k_theory if theory is not None else math.nan,
        alpha0=provoked.alpha if provoked is not None else math.nan,
        beta=settings.beta,
        R=theory.R if theory is not None else math.nan,
        alpha_critical=escalation.critical.alpha if escalation.critical else math.nan,
        eps_collapse=statistics.median(m.eps for m in moments) if moments else math.nan,
        eps_freeze=freeze,
        collapses=len(moments),
        replicates=settings.replicates,
        verdict=verdict_of(settings, escalation, provoked, window, confirmation, moments),
        iters=provoked.iters if provoked is not None else settings.iters,
        eps_start=settings.eps_start,
        eps_min=settings.eps_min,
        k_collapse=statistics.median(ratios) if ratios else math.nan,
        tv_plain=(provoked or escalation.hardest).tv,
        max_steps=settings.max_steps,
        noise=settings.noise,
        noise_decay=settings.noise_decay,
        confirmed_safe=confirmation.safe,
        confirmed_collapse=confirmation.collapse,
        steps_safe=confirmation.steps,
        status=Status.BELOW_RESOLUTION if unresolved and not found else Status.CONVERGED,
    )


def _end(value: float) -> float:
    """An end of a window that was measured; nan for one that does not exist (inf or 0)."""
    return value if 0.0 < value < math.inf else math.nan
