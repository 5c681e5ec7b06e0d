"""``calibrate --replay``: tracked runs of a layer on given costs (mechanism 2, lost track)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sinkdiag.annealing.calibration import Calibration, measure_calibration
from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.learning.settings import unit_std
from sinkdiag.annealing.replay import ReplayFate
from sinkdiag.annealing.trace import TraceRow, trace_calibration, trace_replicate
from sinkdiag.annealing.window import Window
from sinkdiag.progress import Progress
from sinkdiag.studies.calibrate_part import CalibrationPart
from sinkdiag.studies.calibrate_replay_findings import layer_sentence, verdict_of
from sinkdiag.studies.calibrate_row import CalibrationRow
from sinkdiag.studies.calibrate_settings import CalibrateSettings
from sinkdiag.studies.subjects import Case

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class ReplayPart(CalibrationPart):
    """A replayed matrix, or a trajectory as a whole."""

    calibration: Calibration

    @property
    def controller(self) -> AdaptiveCooling | None:
        """With k_safe, the middle of the window; None without one."""
        return self.calibration.controller

    @property
    def window(self) -> Window:
        """k_low, k_high, and the bracket of every run; empty where nothing collapsed."""
        return self.calibration.window

    @property
    def trace(self) -> tuple[TraceRow, ...]:
        """Every step of the data and the held-out replicates at k_safe; without one, plainly."""
        return trace_calibration(self.calibration)

    def figure(self) -> Figure:
        """Temperature, drift and distance of the first held-out replicate, or of the record."""
        from sinkdiag.rendering.figures.replay import AnnealingRuns, draw

        (row,) = self.rows
        found = self.calibration
        replicate = 0 if found.recorded else 1
        controlled = self.controller is not None
        runs = AnnealingRuns(
            name=self.name,
            opening=row.verdict.partition(":")[0],
            k_low=row.k_low,
            k_high=row.k_high,
            k_safe=row.k_safe,
            alpha0=found.alpha0,
            iters=row.iters,
            eps_start=row.eps_start,
            eps_min=row.eps_min,
            collapse_tv=found.settings.collapse_tv,
            controller=trace_replicate(found, replicate, plain=False) if controlled else (),
            plain=trace_replicate(found, replicate, plain=True),
        )
        return draw(runs)


def replay_part(
    case: Case,
    ends: tuple[float, float],
    settings: CalibrateSettings,
    progress: Progress,
) -> ReplayPart:
    """Calibrate on tracked runs from the first to the second temperature (cost units)."""
    tracking = settings.tracking
    found = measure_calibration(case.problems, tracking.layer(*ends), tracking, progress)
    row = _row(found)
    return ReplayPart(
        label=case.label,
        name=case.name,
        rows=(row,),
        findings=(row.verdict,),
        details=(f"{case.name}: {layer_sentence(found)}",),
        calibration=found,
    )


def _row(found: Calibration) -> CalibrationRow:
    settings, layer, theory, window = found.settings, found.layer, found.theory, found.window
    critical = found.escalation.critical
    std = unit_std(found.judges[0].stream.problem)
    row = CalibrationRow(
        k_safe=window.k_safe,
        k_low=_end(window.k_low),
        k_high=_end(window.k_high),
        k_theory=theory.k_theory if theory is not None else math.nan,
        alpha0=found.plain.alpha if found.choice is not None else math.nan,
        beta=float(settings.beta),
        R=theory.R if theory is not None else math.nan,
        alpha_critical=critical.alpha if critical is not None else math.nan,
        eps_collapse=found.eps_collapse,
        eps_freeze=found.eps_freeze,
        collapses=len(found.moments),
        replicates=settings.replicates,
        verdict=verdict_of(found),
        mode="replay",
        iters=found.run.iters,
        start="cold" if settings.cold else "warm",
        learning_rate=math.nan,
        noise=float(settings.noise) * std,
        steps_safe=found.confirmation.steps,
        confirmed_safe=found.confirmation.safe,
        status=found.status,
        eps_start=layer.eps_start,
        eps_min=layer.eps_min,
        max_steps=layer.max_steps,
        loss="",
        std=std,
        k_safe_std=window.k_safe * std,
    )
    return _with_runs(row, found)


def _with_runs(row: CalibrationRow, found: Calibration) -> CalibrationRow:
    """The row with the extended columns of a replay."""
    settings, theory, window = found.settings, found.theory, found.window
    return replace(
        row,
        k_collapse=found.k_collapse,
        tv_plain=found.plain.tv,
        noise_decay=float(settings.noise_decay),
        confirmed_collapse=found.confirmation.collapse,
        tv_safe=found.confirmation.tv_safe,
        tv_plain_equal=found.confirmation.tv_plain_equal,
        k_low_min=min(_ends(entry.low for entry in window.brackets), default=math.nan),
        k_high_max=max(_ends(entry.high for entry in window.brackets), default=math.nan),
        k_free=_median([entry.free for entry in window.brackets]),
        runs_late=window.fates(ReplayFate.LATE),
        runs_lost=window.fates(ReplayFate.COLLAPSED),
        runs_unresolved=window.fates(ReplayFate.UNRESOLVED),
        runs_holes=window.holes,
        tau_max=theory.tau_max if theory is not None else math.nan,
    )


def _end(value: float) -> float:
    """An end of a window that was measured; nan for one that does not exist (inf or 0)."""
    return value if 0.0 < value < math.inf else math.nan


def _ends(values: Iterable[float]) -> list[float]:
    return [value for value in values if 0.0 < value < math.inf]


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else math.nan
