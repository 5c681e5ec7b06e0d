"""What a recorded run tells a calibration, and the row of one that does not tell enough."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sinkdiag.annealing.learning.learner import Learner
from sinkdiag.annealing.learning.record import RecordFit, fit_record
from sinkdiag.annealing.learning.settings import LearningSettings
from sinkdiag.results import Status
from sinkdiag.studies.calibrate_row import CalibrationRow
from sinkdiag.studies.calibrate_settings import CalibrateSettings
from sinkdiag.studies.subjects import Case


def fit_case(case: Case, learner: Learner) -> RecordFit | None:
    """Rate, noise and lock-in of a record; None where it carries no eps or no truth."""
    if case.record.eps is None or case.record.truth is None:
        return None
    costs = np.stack([problem.cost for problem in case.problems])
    return fit_record(learner, costs, case.record.eps, case.record.step)


def is_untold(fit: RecordFit | None) -> bool:
    """Whether the record leaves the noise open."""
    return fit is None or math.isnan(fit.noise)


def completed(
    asked: LearningSettings, settings: CalibrateSettings, fit: RecordFit | None, std: float
) -> LearningSettings:
    """What was asked, with what the record tells where nothing was given (units of std(C))."""
    rate, noise = asked.learning_rate, asked.noise
    if fit is not None and rate is None and math.isfinite(fit.learning_rate):
        rate = fit.learning_rate / std**2
    if fit is not None and settings.noise is None and math.isfinite(fit.noise):
        noise = fit.noise / std
    return replace(asked, learning_rate=rate, noise=noise)


def silent_row(
    asked: LearningSettings, ends: tuple[float, float], std: float, fit: RecordFit | None
) -> CalibrationRow:
    """The row of a record whose learner is not known, with its moment of lock-in."""
    nan = math.nan
    row = CalibrationRow(
        k_safe=nan,
        k_low=nan,
        k_high=nan,
        k_theory=nan,
        alpha0=nan,
        beta=float(asked.beta),
        R=nan,
        alpha_critical=nan,
        eps_collapse=nan,
        eps_freeze=nan,
        collapses=0,
        replicates=0,
        verdict=_verdict(fit),
        mode="record",
        iters=asked.iters,
        start=asked.start,
        learning_rate=nan,
        noise=nan,
        steps_safe=nan,
        confirmed_safe=nan,
        status=Status.BELOW_RESOLUTION,
        eps_start=ends[0],
        eps_min=ends[1],
        max_steps=asked.max_steps,
        loss=asked.loss,
        std=std,
        k_safe_std=nan,
    )
    return with_moment(row, fit)


def with_moment(row: CalibrationRow, fit: RecordFit | None) -> CalibrationRow:
    """The row with the record's own moment of lock-in."""
    if fit is None or fit.lock_in is None:
        return row
    moment = fit.lock_in
    return replace(
        row,
        verdict=f"{row.verdict} {lock_in_sentence(fit)}",
        lock_in_step=float(moment.step),
        lock_in_eps=moment.eps,
        lock_in_drift_ratio=moment.drift_ratio,
    )


def lock_in_sentence(fit: RecordFit) -> str:
    """When the record itself locked in."""
    moment = fit.lock_in
    if moment is None:
        return "The record ends with every known argmax right."
    return (
        f"The record itself ends with {moment.wrong_share:.0%} of the known rows wrong; they froze "
        f"at step {moment.step}, eps {moment.eps:.4g}, drift/eps {moment.drift_ratio:.3g}."
    )


def _verdict(fit: RecordFit | None) -> str:
    cause = (
        "the record carries no eps or no truth, without which its learner cannot be told"
        if fit is None
        else fit.finding.rstrip(".")
    )
    return (
        f"below resolution: {cause}; give --learning-rate and --noise (in std(C)² and std(C)), or "
        "--replay for a carried layer on these very costs."
    )
