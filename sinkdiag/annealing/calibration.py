"""How far the controller may be trusted on one cost (the paper's quasi-static annealing)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sinkdiag.annealing.choice import Choice, Confirmation, choose
from sinkdiag.annealing.collapse import CollapseMoment, Judge, moment_of_collapse
from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.escalate import Escalation, PlainOutcome, escalate
from sinkdiag.annealing.replay import ReplayFate
from sinkdiag.annealing.replicates import make_replicates
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.settings import CalibrationSettings
from sinkdiag.annealing.track import SETTLE, TrackSettings
from sinkdiag.annealing.window import NO_WINDOW, Window
from sinkdiag.derivatives.thresholds import Thresholds, thresholds
from sinkdiag.jacobian.freeze import freeze_temperature
from sinkdiag.problem import Problem
from sinkdiag.progress import Progress, silent
from sinkdiag.results import Status

STAGES = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Everything that is measured on one matrix or trajectory.

    Attributes
    ----------
    settings, layer:
        What was asked, and the user's own layer with its temperatures. On a trajectory its budget
        ends where too little of the record is left to settle in.
    escalation, choice:
        Phases I and II; without a choice nothing collapsed.
    moments:
        Where the plain schedule is lost on the held-out replicates (those on which it is).
    theory:
        The paper's thresholds at `eps_collapse`; None without a collapse.
    eps_freeze:
        Largest eps with rho^K > 1/10, cost units; nan for none.
    judges:
        Those of the data itself, then of the held-out replicates.
    """

    settings: CalibrationSettings
    layer: TrackSettings
    escalation: Escalation
    choice: Choice | None
    moments: tuple[CollapseMoment, ...]
    theory: Thresholds | None
    eps_freeze: float
    judges: tuple[Judge, ...]

    @property
    def window(self) -> Window:
        """The slopes that arrive and do not collapse."""
        return NO_WINDOW if self.choice is None else self.choice.window

    @property
    def confirmation(self) -> Confirmation:
        """How the window did on fresh replicates."""
        return Confirmation() if self.choice is None else self.choice.confirmation

    @property
    def plain(self) -> PlainOutcome:
        """The plain schedule that is calibrated against, or the hardest that was tried."""
        return self.escalation.hardest if self.choice is None else self.choice.provoked

    @property
    def run(self) -> TrackSettings:
        """The layer that the window is for: K may be less than the user's."""
        return self.layer if self.choice is None else self.choice.trial.settings

    @property
    def eps_collapse(self) -> float:
        """Median temperature at which the plain schedule is lost; nan where it never is."""
        return _eps_collapse(self.moments)

    @property
    def k_collapse(self) -> float:
        """Median drift/eps there."""
        ratios = [m.drift_ratio for m in self.moments if math.isfinite(m.drift_ratio)]
        return statistics.median(ratios) if ratios else math.nan

    @property
    def recorded(self) -> bool:
        """Whether the costs are a recorded trajectory and not one matrix."""
        return self.judges[0].stream.length is not None

    @property
    def too_slow(self) -> bool:
        """Whether the given cooling factor alone takes more steps than the budget has."""
        return self.choice is None and not self.plain.distances

    @property
    def unresolved(self) -> bool:
        """Whether there is no window because fixed points were not found."""
        lost = self.plain.unresolved or self.window.fates(ReplayFate.UNRESOLVED)
        return bool(lost) and not self.window.found

    @property
    def status(self) -> Status:
        """Whether settled runs could be judged."""
        return Status.BELOW_RESOLUTION if self.unresolved else Status.CONVERGED

    @property
    def controller(self) -> AdaptiveCooling | None:
        """The controller to paste into a training loop; None without a window."""
        if self.choice is None or not self.window.found:
            return None
        return AdaptiveCooling(
            self.window.k_safe,
            self.choice.trial.alpha0,
            beta=self.choice.trial.beta,
            eps_start=self.layer.eps_start,
            eps_min=self.layer.eps_min,
        )

    @property
    def alpha0(self) -> float:
        """Cooling factor of the runs: provoked, or given, or that of one jump."""
        if self.choice is not None:
            return self.choice.trial.alpha0
        if self.settings.alpha0 is not None:
            return self.settings.alpha0
        return self.layer.eps_min / self.layer.eps_start

    def rule(self, *, plain: bool) -> CoolingRule:
        """The controller at k_safe, or the plain schedule."""
        slope = self.window.k_safe if self.window.found and not plain else math.inf
        return CoolingRule(k_safe=slope, alpha0=self.alpha0, beta=self.settings.beta)


def measure_calibration(
    problems: Sequence[Problem],
    layer: TrackSettings,
    settings: CalibrationSettings,
    progress: Progress = silent,
) -> Calibration:
    """Calibrate the controller's safety slope on a matrix (one problem), or on a trajectory.

    Phase I escalates the plain schedule until it collapses; phase II brackets, on held-out
    replicates, the slopes k with which the controller arrives at eps_min within the budget (k_low)
    and is not lost once it has settled there (k_high). k_safe is their geometric middle.

    Source: the paper's Algorithm 1 and section on quasi-static annealing; the collapse test, the
    hybrid zone and the window are this package's reading.
    """
    if len(problems) > 1:
        layer = _within(len(problems), layer)
    replicates = make_replicates(problems, layer, settings)
    progress("provoking collapse", 0, STAGES)
    pilots = (replicates.data, *replicates.pilots)
    escalation = escalate(
        pilots,
        layer,
        settings.collapse_tv,
        alpha0=settings.alpha0,
        fewer_sweeps=settings.fewer_sweeps,
    )
    progress("bracketing the window", 1, STAGES)
    choice = choose(escalation, layer, settings, replicates)
    moments = _moments(choice, replicates.held_out)
    progress("looking for the freeze", 2, STAGES)
    late = problems[-1]
    freeze = freeze_temperature(late, layer.iters)
    theory = None
    if choice is not None and moments:
        eps = _eps_collapse(moments)
        theory = thresholds(late, eps, choice.provoked.iters, seed=settings.seed)
    progress("done", STAGES, STAGES)
    return Calibration(
        settings=settings,
        layer=layer,
        escalation=escalation,
        choice=choice,
        moments=moments,
        theory=theory,
        eps_freeze=freeze,
        judges=(replicates.data, *replicates.held_out),
    )


def _within(length: int, layer: TrackSettings) -> TrackSettings:
    """The layer on a record of ``length`` costs: the budget leaves the steps to settle in.

    These are fewer than `SETTLE` on three or four costs only.
    """
    settle = min(SETTLE, length - 2)
    return replace(layer, settle=settle, max_steps=min(layer.max_steps, length - settle))


def _moments(choice: Choice | None, judges: Sequence[Judge]) -> tuple[CollapseMoment, ...]:
    """Where the plain schedule is lost on the replicates (those on which it is)."""
    if choice is None:
        return ()
    trial = choice.trial
    rule = trial.rule(math.inf)
    found = [moment_of_collapse(judge, rule, trial.settings) for judge in judges]
    return tuple(moment for moment in found if moment is not None)


def _eps_collapse(moments: Sequence[CollapseMoment]) -> float:
    return statistics.median(moment.eps for moment in moments) if moments else math.nan
