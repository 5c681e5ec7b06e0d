"""Every step of runs of the learner: the rows of ``--trace``, and the curves of the figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.annealing.collapse import assignment_gap
from sinkdiag.annealing.learning.calibration import LearningCalibration
from sinkdiag.annealing.learning.fates import Fate, Outcome, run_together
from sinkdiag.annealing.learning.learner import LearningRun, LearningState, LearningStep
from sinkdiag.annealing.learning.paces import ControllerPace, Pace
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.trace import TraceRow, entropy
from sinkdiag.annealing.track import JUDGE_MAX_ITER, JUDGE_TOL
from sinkdiag.arrays import AnyArray
from sinkdiag.problem import Problem
from sinkdiag.solver.solve import solve_problem
from sinkdiag.solver.truncation import truncation_error

# A gradient below this many roundings of its largest terms is cancellation.
ROUNDINGS = 16.0


@dataclass(frozen=True, kw_only=True)
class TracedRun:
    """One pace on one replicate, step by step, and how it ended."""

    pace: Pace
    outcome: Outcome
    rows: tuple[TraceRow, ...]


def trace_learning(
    found: LearningCalibration, pace: Pace, replicate: int, *, distances: bool = True
) -> TracedRun:
    """Run a held-out replicate again under one pace, and note every step.

    ``distances``: whether fixed points are solved for (tv, assignment_gap; nan without).
    """
    learner, course = found.learner, found.course
    random = np.random.default_rng([found.settings.seed, found.panel.purpose, replicate])
    notes = _Notes(found, pace, replicate, distances=distances)
    (outcome,) = run_together(learner, [pace], course, random, observe=notes.take)
    rows = notes.rows
    if outcome.fate in (Fate.LOCKED, Fate.THROWN):
        # From the first step at the temperature where the wrong argmaxes changed last.
        rows = [replace(row, collapsed=row.eps <= outcome.eps_wrong) for row in rows]
    return TracedRun(pace=pace, outcome=outcome, rows=tuple(rows))


def trace_all(found: LearningCalibration) -> tuple[TraceRow, ...]:
    """All held-out replicates at k_safe; without a slope, under the plain schedule."""
    pace = pace_of(found, math.inf if found.chosen is None else found.chosen.slope)
    return tuple(
        row
        for replicate in range(found.panel.count)
        for row in trace_learning(found, pace, replicate).rows
    )


def lost_track(found: LearningCalibration) -> float:
    """TV between a warm layer's plan and its fixed point at the end of the plain schedule.

    First held-out replicate, at the costs of the last step; nan for a cold layer, and where
    no fixed point was found.
    """
    learner = found.learner
    if learner.cold:
        return math.nan
    ends: list[tuple[AnyArray, AnyArray, float]] = []

    def keep(
        run: LearningRun, state: LearningState, eps: float, measured: LearningStep, noisy: AnyArray
    ) -> None:
        del run, measured
        ends[:] = [(noisy.astype(np.float64), state.plan.astype(np.float64), eps)]

    random = np.random.default_rng([found.settings.seed, found.panel.purpose, 0])
    run_together(learner, [pace_of(found, math.inf)], found.course, random, observe=keep)
    ((cost, plan, eps),) = ends
    solution = solve_problem(
        replace(learner.problem, cost=cost), eps, tol=JUDGE_TOL, max_iter=JUDGE_MAX_ITER
    )
    return truncation_error(plan, solution)


def pace_of(found: LearningCalibration, slope: float) -> ControllerPace:
    """The calibrated controller with another slope; inf is the plain exponential schedule."""
    rule = CoolingRule(k_safe=slope, alpha0=found.alpha0, beta=found.settings.beta)
    return ControllerPace(rule=rule, eps_min=found.course.eps_min)


class _Notes:
    """Turns what a run shows at each step into rows."""

    def __init__(
        self, found: LearningCalibration, pace: Pace, replicate: int, *, distances: bool
    ) -> None:
        self.found, self.pace, self.replicate, self.distances = found, pace, replicate, distances
        self.rows: list[TraceRow] = []

    def take(
        self,
        run: LearningRun,
        state: LearningState,
        eps: float,
        measured: LearningStep,
        noisy: AnyArray,
    ) -> None:
        """One step, after the costs have learned from it."""
        problem, target = self.found.learner.problem, self.found.learner.target
        plan = state.plan.astype(np.float64)
        tv, gap = self._distance(noisy, eps, plan) if self.distances else (math.nan, math.nan)
        rule = self.pace.rule if isinstance(self.pace, ControllerPace) else None
        self.rows.append(
            TraceRow(
                replicate=self.replicate,
                step=state.steps - 1,
                eps=eps,
                drift=measured.drift,
                drift_ratio=measured.drift_ratio,
                braking=0.0 if rule is None else rule.braking(measured.drift_ratio),
                entropy=entropy(plan, problem),
                row_error=float(np.abs(plan.sum(axis=1) - problem.row).sum()) / problem.total,
                tv=tv,
                assignment_gap=gap,
                collapsed=False,
                col_error=float(np.abs(plan.sum(axis=0) - problem.col).sum()) / problem.total,
                right_rows=state.right_share,
                wrong_mass=target.wrong_mass(plan),
                gradient_norm=_gradient_norm(run),
            )
        )

    def _distance(self, noisy: AnyArray, eps: float, plan: AnyArray) -> tuple[float, float]:
        problem: Problem = replace(self.found.learner.problem, cost=noisy.astype(np.float64))
        solution = solve_problem(problem, eps, tol=JUDGE_TOL, max_iter=JUDGE_MAX_ITER)
        if solution.status.failed:
            return math.nan, math.nan
        tv = float(np.abs(plan - solution.plan).sum()) / (2.0 * problem.total)
        return tv, assignment_gap(plan, solution.plan)


def _gradient_norm(run: LearningRun) -> float:
    """‖dl/dC‖_F; nan where it is within rounding of the terms that cancel in it."""
    norm = float(np.linalg.norm(run.gradient))
    floor = ROUNDINGS * float(np.finfo(run.learner.dtype).eps)
    floor *= float(np.linalg.norm(run.weighted))
    return norm if norm > floor else math.nan


def braking_share(rows: Sequence[TraceRow], eps_min: float) -> float:
    """The share of the steps above eps_min at which the controller brakes."""
    above = [row.braking for row in rows if row.eps > eps_min]
    return sum(above) / len(above) if above else 0.0
