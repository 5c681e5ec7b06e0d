"""Has a tracked run lost its fixed point? Total variation and argmaxes tell; assignments cannot.

Every iterate has the form diag(u) K diag(v), so a linear assignment on log P returns the optimum
of the cost whatever the potentials are: it is never used as a test here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.annealing.controller import CoolingRule
from sinkdiag.annealing.stream import CostStream
from sinkdiag.annealing.track import TrackedRun, TrackedStep, TrackSettings, track
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Status
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.path import WarmPath

# Two entries of a row closer than this, relatively, are a tie and no difference of argmax.
TIE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far a tracked plan is from the fixed point at its own temperature and cost."""

    tv: float
    assignment_gap: float
    status: Status

    def collapsed(self, collapse_tv: float) -> bool:
        """TV above the threshold, and some row's argmax elsewhere."""
        return self.tv > collapse_tv and self.assignment_gap > 0


@dataclass(frozen=True, kw_only=True)
class CollapseMoment:
    """Where the plain schedule is lost: eps and drift/eps at the moment of collapse."""

    eps: float
    drift_ratio: float


class Judge:
    """Measures distances for one replicate."""

    def __init__(self, problem: Problem, collapse_tv: float, settings: TrackSettings) -> None:
        self._problem = problem
        self._path = WarmPath(problem, tol=settings.tol, max_iter=settings.max_iter)
        self.collapse_tv = collapse_tv

    def distance(self, step: TrackedStep, plan: FloatArray) -> Distance:
        """TV_t = ‖P_t - P*‖_1/(2N) and the share of rows whose argmax differs (ties excepted)."""
        if not np.all(np.isfinite(step.g)):
            return _unknown(Status.BELOW_RESOLUTION)
        fixed = self._path.at(step.eps, cost=step.cost, init=step.g)
        if fixed.status.failed:
            return _unknown(fixed.status)
        tv = float(np.abs(plan - fixed.plan).sum()) / (2.0 * self._problem.total)
        if math.isnan(tv):
            return _unknown(Status.BELOW_RESOLUTION)
        gap = assignment_gap(plan, fixed.plan)
        return Distance(tv=tv, assignment_gap=gap, status=fixed.status)


def _unknown(status: Status) -> Distance:
    return Distance(tv=math.nan, assignment_gap=math.nan, status=status)


def assignment_gap(plan: FloatArray, fixed: FloatArray) -> float:
    """Share of rows whose largest entry stands in another column than the fixed point's."""
    rows = np.arange(len(plan))
    chosen = fixed[rows, plan.argmax(axis=1)]
    return float(np.mean(chosen < (1.0 - TIE) * fixed.max(axis=1)))


def plan_of(step: TrackedStep, problem: Problem) -> FloatArray:
    """The plan of a kept step: a last f update from its potential g."""
    return run_sweeps(replace(problem, cost=step.cost), step.eps, 0, step.g).plan


def collapse_index(run: TrackedRun, judge: Judge, problem: Problem) -> int | None:
    """Index of the first step after which the kept run never recovers; None without collapse."""
    found: int | None = None
    for index in range(len(run.steps) - 1, -1, -1):
        step = run.steps[index]
        distance = judge.distance(step, plan_of(step, problem))
        if math.isnan(distance.tv) or not distance.collapsed(judge.collapse_tv):
            break
        found = index
    return found


def moment_of_collapse(
    stream: CostStream, rule: CoolingRule, settings: TrackSettings, collapse_tv: float
) -> CollapseMoment | None:
    """Temperature and drift/eps at the first step after which the run never recovers."""
    run = track(stream, rule, settings, keep=True)
    judge = Judge(stream.problem, collapse_tv, settings)
    index = collapse_index(run, judge, stream.problem)
    if index is None:
        return None
    step = run.steps[index]
    return CollapseMoment(eps=step.eps, drift_ratio=step.drift_ratio)
