"""``calibrate`` with learning in the loop, on a matrix or on a recorded run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.learning.calibration import (
    RATES,
    LearningCalibration,
    make_learner,
    measure_learning,
)
from sinkdiag.annealing.learning.fates import Course, Fate
from sinkdiag.annealing.learning.record import RecordFit
from sinkdiag.annealing.learning.settings import cost_std
from sinkdiag.annealing.learning.target import Target, planted_target, target_of
from sinkdiag.annealing.learning.trace import lost_track, trace_all
from sinkdiag.annealing.trace import TraceRow
from sinkdiag.errors import NothingToDrawError
from sinkdiag.progress import Progress
from sinkdiag.results import Status
from sinkdiag.solver.exact import is_tied
from sinkdiag.studies.calibrate_findings import verdict_of
from sinkdiag.studies.calibrate_part import CalibrationPart
from sinkdiag.studies.calibrate_record import (
    completed,
    fit_case,
    is_untold,
    silent_row,
    with_moment,
)
from sinkdiag.studies.calibrate_row import CalibrationRow, FateRow
from sinkdiag.studies.calibrate_settings import CalibrateSettings
from sinkdiag.studies.subjects import Case

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningPart(CalibrationPart):
    """A calibrated learner; ``calibration`` is None where a record does not tell its learner."""

    calibration: LearningCalibration | None
    fit: RecordFit | None = None

    @property
    def controller(self) -> AdaptiveCooling | None:
        """With k_safe; None where no slope is safe and none holds."""
        return None if self.calibration is None else self.calibration.controller

    @property
    def trace(self) -> tuple[TraceRow, ...]:
        """Every step of the held-out replicates at k_safe; without one, plainly."""
        return () if self.calibration is None else trace_all(self.calibration)

    @property
    def fates(self) -> tuple[FateRow, ...]:
        """Every slope on every held-out replicate that it was run on."""
        if self.calibration is None:
            return ()
        return tuple(
            FateRow(
                slope=entry.slope,
                replicate=replicate,
                fate=str(outcome.fate),
                steps=outcome.steps if math.isfinite(outcome.steps) else math.nan,
                wrong_mass=outcome.wrong_mass,
                eps=outcome.eps,
            )
            for entry in self.calibration.fates
            for replicate, outcome in enumerate(entry.outcomes)
        )

    def figure(self) -> Figure:
        """The map of fates, and one run beside equally long schedules."""
        from sinkdiag.rendering.figures.calibrate import draw

        if self.calibration is None:
            raise NothingToDrawError("the record does not tell its learner")
        return draw(self.name, self.calibration)


def learning_part(
    case: Case,
    ends: tuple[float, float],
    settings: CalibrateSettings,
    progress: Progress,
) -> LearningPart:
    """Calibrate a learner from the first to the second temperature (cost units)."""
    asked, problem = settings.learning, case.problem
    target = _target(case, settings)
    fit = None
    if case.whole:
        fit = fit_case(case, make_learner(problem, target, asked))
        asked = completed(asked, settings, fit, cost_std(problem))
        if asked.learning_rate is None or (settings.noise is None and is_untold(fit)):
            return _silent(case, settings, ends, fit)
    learner = make_learner(problem, target, asked)
    course = Course(
        eps_start=ends[0],
        eps_min=ends[1],
        max_steps=asked.max_steps,
        collapse_tv=asked.collapse_tv,
    )
    found = measure_learning(
        learner,
        course,
        asked,
        tied=target.planted and is_tied(problem, target.plan),
        extended=settings.extended,
        progress=progress,
    )
    row = _row(found, case, fit)
    return LearningPart(
        label=case.label,
        name=case.name,
        rows=(row,),
        findings=(row.verdict,),
        details=_details(case, found, fit),
        calibration=found,
        fit=fit,
    )


def _target(case: Case, settings: CalibrateSettings) -> Target:
    """The truth that was given; else the optimum of the cost, of a record's last cost."""
    if case.record.truth is not None:
        name = case.record.truth_name or f"{case.name} (truth)"
        target = target_of(case.problem, case.record.truth, name)
    elif case.whole:
        target = replace(planted_target(case.problems[-1]), planted=False)
    else:
        target = planted_target(case.problem)
    return target.without_dustbins() if settings.inner else target


def _silent(
    case: Case, settings: CalibrateSettings, ends: tuple[float, float], fit: RecordFit | None
) -> LearningPart:
    row = silent_row(settings.learning, ends, cost_std(case.problem), fit)
    return LearningPart(
        label=case.label,
        name=case.name,
        rows=(row,),
        findings=(row.verdict,),
        calibration=None,
        fit=fit,
    )


def _row(found: LearningCalibration, case: Case, fit: RecordFit | None) -> CalibrationRow:
    settings, course, theory, chosen = found.settings, found.course, found.theory, found.chosen
    learner = found.learner
    slope = math.nan if chosen is None else chosen.slope
    plain, steps = _finite(found.plain.steps), found.steps_safe
    row = CalibrationRow(
        k_safe=slope,
        k_low=math.nan if chosen is None else chosen.low,
        k_high=math.nan if chosen is None else chosen.high,
        k_theory=math.nan if theory is None else theory.k_theory,
        alpha0=found.alpha0,
        beta=float(settings.beta),
        R=math.nan if theory is None else theory.R,
        alpha_critical=found.alpha_critical,
        eps_collapse=found.eps_collapse,
        eps_freeze=found.eps_freeze,
        collapses=found.collapses,
        replicates=found.panel.count,
        verdict=verdict_of(found),
        mode="record" if case.whole else "learning",
        iters=settings.iters,
        start=settings.start,
        learning_rate=learner.learning_rate,
        noise=learner.noise,
        steps_safe=steps,
        steps_plain=plain,
        steps_linear=_finite(found.linear.steps),
        speedup=plain / steps,
        eps_floor=found.eps_floor,
        confirmed_safe=math.nan if chosen is None else chosen.confirmed,
        status=Status.CONVERGED,
        eps_start=course.eps_start,
        eps_min=course.eps_min,
        max_steps=course.max_steps,
        loss=settings.loss,
        std=found.std,
        k_safe_std=slope * found.std,
    )
    return with_moment(_with_mechanisms(row, found), fit)


def _with_mechanisms(row: CalibrationRow, found: LearningCalibration) -> CalibrationRow:
    """The row with what tells the mechanisms apart, and the extended columns."""
    resolution, theory, rates = found.resolution, found.theory, dict(found.rates)
    fates = [outcome.fate for outcome in found.plain_runs]
    return replace(
        row,
        eps_resolved=resolution.lowest,
        iters_needed=resolution.needed,
        unresolved=resolution.unresolved,
        lost_track=lost_track(found),
        locked=fates.count(Fate.LOCKED),
        thrown=fates.count(Fate.THROWN),
        arithmetic=resolution.arithmetic,
        k_safe_slow=rates.get(RATES[0], math.nan),
        k_safe_fast=rates.get(RATES[1], math.nan),
        tau_max=math.nan if theory is None else theory.tau_max,
    )


def _details(case: Case, found: LearningCalibration, fit: RecordFit | None) -> tuple[str, ...]:
    arithmetic = "float32" if found.learner.dtype is np.float32 else "float64"
    lines = [
        f"{case.name}: runs in {arithmetic}, learning rate {found.learner.learning_rate:.4g} "
        f"cost², noise {found.learner.noise:.4g}, immaturity "
        f"{found.learner.immaturity if found.learner.target.planted else 0.0:.4g}, loss "
        f"{found.settings.loss}; k_theory and R at eps_collapse (nan: no collapse, or unresolved)"
    ]
    return (*lines, *(() if fit is None else (f"{case.name}: {fit.finding}",)))


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
