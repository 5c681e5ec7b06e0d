"""Every step of a run, judged: the rows of ``calibrate --trace`` and the curves of its figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.calibration import Calibration
from sinkdiag.annealing.collapse import Judge, collapse_index, plan_of
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.track import TrackSettings, track
from sinkdiag.arrays import FloatArray
from sinkdiag.columns import column
from sinkdiag.problem import Problem


@dataclass(frozen=True, kw_only=True)
class TraceRow:
    """One step of one run."""

    replicate: int = column("replicate; of a replay, 0 is the data itself")
    step: int = column("step of the run, from 0")
    eps: float = column("temperature of the plan P_t", "cost")
    drift: float = column("‖P_t − P_{t−1}‖_F, nan at the first step", "mass")
    drift_ratio: float = column("drift/eps", "mass/cost")
    braking: float = column("0 cools by alpha0, 1 holds, in between for beta below 1")
    entropy: float = column("−Σ P log(P/r_i)/(N log m), in [0, 1]")
    row_error: float = column(
        "Σ|P1 − r|/N of the plan that the layer returns (f is updated last: rows are exact)"
    )
    tv: float = column(
        "total variation ‖P_t − P*‖_1/(2N) from the fixed point at the step's eps and cost"
    )
    assignment_gap: float = column("share of rows whose argmax differs from the fixed point's")
    collapsed: bool = column(
        "from the moment of collapse on: where the argmaxes that are wrong in the end changed "
        "last; of a replay, the first step of the stretch of tv above collapse_tv that reaches "
        "into the steps by which the run is judged"
    )
    col_error: float = column("Σ|P'1 − c|/N of the plan that the layer returns")
    right_rows: float = column(
        "share of the known rows whose argmax is right; nan in a replay", default=math.nan
    )
    wrong_mass: float = column(
        "share of the known mass in the wrong place; nan in a replay", default=math.nan
    )
    gradient_norm: float = column(
        "‖dl/dC‖_F, exact through the K sweeps; nan in a replay, and where rounding hides it",
        "1/cost",
        default=math.nan,
    )


def trace_run(
    judge: Judge, rule: CoolingRule, settings: TrackSettings, *, replicate: int = 0
) -> tuple[TraceRow, ...]:
    """Run the rule along the stream and judge every step; nan where no fixed point was found."""
    problem = judge.stream.problem
    run = track(judge.stream, rule, settings, keep=True)
    plans = [plan_of(step, problem) for step in run.steps]
    distances = [judge.distance(step) for step in run.steps]
    lost = [distance.collapsed(judge.collapse_tv) for distance in distances]
    moment = collapse_index(run, lambda index: lost[index])
    return tuple(
        TraceRow(
            replicate=replicate,
            step=step.index,
            eps=step.eps,
            drift=step.drift,
            drift_ratio=step.drift_ratio,
            braking=step.braking,
            entropy=entropy(plan, problem),
            row_error=float(np.abs(plan.sum(axis=1) - problem.row).sum()) / problem.total,
            tv=distance.tv,
            assignment_gap=distance.assignment_gap,
            collapsed=moment is not None and step.index >= moment,
            col_error=float(np.abs(plan.sum(axis=0) - problem.col).sum()) / problem.total,
        )
        for step, plan, distance in zip(run.steps, plans, distances, strict=True)
    )


def entropy(plan: FloatArray, problem: Problem) -> float:
    """Normalised row entropy, -Σ P log(P/r_i)/(N log m) in [0, 1]; nan for a single column."""
    if plan.shape[1] == 1:
        return math.nan
    share = plan / problem.row[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(plan > 0.0, plan * np.log(share), 0.0)
    return max(0.0, -float(terms.sum())) / (problem.total * math.log(plan.shape[1]))


def trace_replicate(
    calibration: Calibration, replicate: int, *, plain: bool
) -> tuple[TraceRow, ...]:
    """One replicate (0: the data itself) under the controller at k_safe, or the plain schedule.

    When nothing collapsed it is run with the user's own sweeps and cooling factor; one jump where
    none was given.
    """
    return trace_run(
        calibration.judges[replicate],
        calibration.rule(plain=plain),
        calibration.run,
        replicate=replicate,
    )


def trace_calibration(calibration: Calibration) -> tuple[TraceRow, ...]:
    """The data and every held-out replicate under the controller; without one, plainly."""
    plain = calibration.controller is None
    return tuple(
        row
        for replicate in range(len(calibration.judges))
        for row in trace_replicate(calibration, replicate, plain=plain)
    )


def braking_zones(rows: Sequence[TraceRow], eps_min: float) -> list[tuple[int, int]]:
    """First and last steps of the stretches in which the controller brakes, above eps_min."""
    zones: list[tuple[int, int]] = []
    for row in rows:
        if row.braking <= 0.0 or row.eps <= eps_min:
            continue
        if zones and zones[-1][1] == row.step - 1:
            zones[-1] = (zones[-1][0], row.step)
        else:
            zones.append((row.step, row.step))
    return zones
