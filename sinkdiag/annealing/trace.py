"""Every step of a run, judged: the rows of ``calibrate --trace`` and the curves of its figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sinkdiag.annealing.collapse import Judge, plan_of
from sinkdiag.annealing.controller import CoolingRule
from sinkdiag.annealing.stream import CostStream
from sinkdiag.annealing.track import TrackSettings, track
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem

if TYPE_CHECKING:
    from sinkdiag.annealing.calibration import Calibration


@dataclass(frozen=True)
class TraceRow:
    """One step. eps and drift are of P_t; replicate 0 is the data itself.

    entropy = -Σ P log(P/r_i) / (N log m); row_error = Σ|P1 - r|/N and col_error = Σ|P'1 - c|/N of
    the plan that the layer returns; tv and assignment_gap against the fixed point at this eps and
    cost; ``collapsed`` from the first step after which the run never recovers.
    """

    replicate: int
    step: int
    eps: float
    drift: float
    drift_ratio: float
    braking: float
    entropy: float
    row_error: float
    tv: float
    assignment_gap: float
    collapsed: bool
    col_error: float


def trace_run(
    stream: CostStream,
    rule: CoolingRule,
    settings: TrackSettings,
    collapse_tv: float,
    replicate: int = 0,
) -> list[TraceRow]:
    """Run the rule along the stream and judge every step; nan where no fixed point was found."""
    problem = stream.problem
    run = track(stream, rule, settings, keep=True)
    judge = Judge(problem, collapse_tv, settings)
    plans = [plan_of(step, problem) for step in run.steps]
    distances = [judge.distance(s, p) for s, p in zip(run.steps, plans, strict=True)]
    lost = [distance.collapsed(collapse_tv) for distance in distances]
    moment = len(lost) - _run_length(lost)
    return [
        TraceRow(
            replicate,
            index,
            step.eps,
            step.drift,
            step.drift_ratio,
            step.braking,
            entropy(plan, problem),
            float(np.abs(plan.sum(axis=1) - problem.row).sum()) / problem.total,
            distance.tv,
            distance.assignment_gap,
            index >= moment,
            float(np.abs(plan.sum(axis=0) - problem.col).sum()) / problem.total,
        )
        for index, (step, plan, distance) in enumerate(
            zip(run.steps, plans, distances, strict=True)
        )
    ]


def entropy(plan: FloatArray, problem: Problem) -> float:
    """Normalised row entropy, -Σ P log(P/r_i)/(N log m) in [0, 1]; nan for a single column."""
    if plan.shape[1] == 1:
        return math.nan
    share = plan / problem.row[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(plan > 0.0, plan * np.log(share), 0.0)
    return max(0.0, -float(terms.sum())) / (problem.total * math.log(plan.shape[1]))


def _run_length(lost: Sequence[bool]) -> int:
    """How many entries at the end are True."""
    length = 0
    while length < len(lost) and lost[-1 - length]:
        length += 1
    return length


def trace_calibration(result: Calibration) -> list[TraceRow]:
    """The controller at k_safe on the data (replicate 0) and on every held-out replicate.

    Without a window the plain schedule is traced, at the calibration's alpha0 or, when nothing
    collapsed, as one jump with the user's own sweeps.
    """
    rows: list[TraceRow] = []
    for replicate, stream in enumerate(result.streams):
        rows += trace_replicate(result, stream, replicate, plain=math.isnan(result.row.k_safe))
    return rows


def trace_replicate(
    result: Calibration, stream: CostStream, replicate: int, *, plain: bool
) -> list[TraceRow]:
    """One replicate under the controller at k_safe, or under the plain schedule."""
    settings, row = result.settings, result.row
    trial = result.trial
    alpha = row.alpha0 if trial is not None else settings.eps_min / settings.eps_start
    rule = CoolingRule(math.inf if plain else row.k_safe, alpha, settings.beta)
    run = trial.settings if trial is not None else settings.track()
    return trace_run(stream, rule, run, settings.collapse_tv, replicate)
