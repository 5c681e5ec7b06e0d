"""What a calibration is asked, and what it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.escalate import Escalation, PlainOutcome
from sinkdiag.annealing.stream import CostStream
from sinkdiag.annealing.track import JUDGE_TOL, TrackSettings
from sinkdiag.annealing.window import ControllerTrial, Window
from sinkdiag.problem import Problem
from sinkdiag.results import Status
from sinkdiag.solver.solve import DEFAULT_MAX_ITER


@dataclass(frozen=True)
class CalibrationSettings:
    """What is calibrated.

    eps_start, eps_min in cost units; ``iters`` sweeps a step; ``noise`` relative to the standard
    deviation of the costs, times ``noise_decay`` at every step; ``max_steps`` the step budget;
    ``alpha0`` None lets phase I choose the cooling factor; ``tol`` and ``max_iter`` are those of
    the fixed points that runs are judged by.
    """

    eps_start: float
    eps_min: float
    iters: int = 20
    beta: float = 1.0
    alpha0: float | None = None
    replicates: int = 10
    noise: float = 0.01
    noise_decay: float = 0.9
    max_steps: int = 500
    collapse_tv: float = 0.1
    cold: bool = False
    seed: int = 0
    tol: float = JUDGE_TOL
    max_iter: int = DEFAULT_MAX_ITER

    def track(self) -> TrackSettings:
        """The layer's own run."""
        return TrackSettings(
            self.eps_start,
            self.eps_min,
            self.iters,
            self.max_steps,
            self.cold,
            self.tol,
            self.max_iter,
        )

    def trial(self, provoked: PlainOutcome) -> ControllerTrial:
        """The controller and the layer for one way of collapsing."""
        track = replace(self.track(), iters=provoked.iters)
        return ControllerTrial(track, provoked.alpha, self.beta, self.collapse_tv)


@dataclass(frozen=True)
class CalibrationRow:
    """The contract's columns, then what they are for.

    k_safe, k_low, k_high, k_theory in units of drift/eps; eps_* in cost units. k_theory and R (the
    paper's A.7) are taken at eps_collapse, nan without a collapse. ``iters`` is the K
    that the window is for, which phase I may have lowered.
    """

    k_safe: float
    k_low: float
    k_high: float
    k_theory: float
    alpha0: float
    beta: float
    R: float
    alpha_critical: float
    eps_collapse: float
    eps_freeze: float
    collapses: int
    replicates: int
    verdict: str
    iters: int
    eps_start: float
    eps_min: float
    k_collapse: float
    tv_plain: float
    max_steps: int
    noise: float
    noise_decay: float
    confirmed_safe: float
    confirmed_collapse: float
    steps_safe: float
    status: Status = field(default=Status.CONVERGED)


@dataclass(frozen=True)
class Confirmation:
    """Replays on the data and on fresh replicates.

    Shares that are safe at k_safe, and that collapse at 4·k_high; median steps at k_safe.
    """

    safe: float
    collapse: float
    steps: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """Everything `calibrate` measured on one cost."""

    problem: Problem
    settings: CalibrationSettings
    row: CalibrationRow
    escalation: Escalation
    provoked: PlainOutcome | None
    window: Window | None
    streams: tuple[CostStream, ...]

    @property
    def trial(self) -> ControllerTrial | None:
        """The controller and layer that the row is for; None when nothing collapsed."""
        if self.provoked is None:
            return None
        return self.settings.trial(self.provoked)

    @property
    def controller(self) -> AdaptiveCooling | None:
        """The controller to paste into a training loop; None without a window."""
        row = self.row
        if math.isnan(row.k_safe):
            return None
        return AdaptiveCooling(
            row.k_safe, row.alpha0, beta=row.beta, eps_start=row.eps_start, eps_min=row.eps_min
        )
