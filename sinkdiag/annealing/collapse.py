"""Has a tracked run lost its fixed point? Total variation and argmaxes tell; assignments cannot.

Every iterate has the form diag(u) K diag(v), so a linear assignment on log P returns the optimum
of the cost whatever the potentials are: it is never used as a test here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.track import TrackedRun, TrackedStep, TrackSettings
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status
from sinkdiag.solver import solve_problem
from sinkdiag.solver.solve import run_sweeps

# Two entries of a row closer than this, relatively, are a tie and no difference of argmax.
TIE = 1e-6


@dataclass(frozen=True)
class Distance:
    """How far a tracked plan is from the fixed point at its own temperature and cost."""

    tv: float
    assignment_gap: float
    status: Status

    def collapsed(self, collapse_tv: float) -> bool:
        """TV above the threshold, and some row's argmax elsewhere."""
        return self.tv > collapse_tv and self.assignment_gap > 0


class Judge:
    """Measures distances for one replicate; each fixed point starts from the one before."""

    def __init__(self, problem: Problem, collapse_tv: float, settings: TrackSettings) -> None:
        self._problem = problem
        self._tol, self._max_iter = settings.tol, settings.max_iter
        self._start: FloatArray | None = None
        self.collapse_tv = collapse_tv

    def distance(self, step: TrackedStep, plan: FloatArray) -> Distance:
        """TV_t = ‖P_t - P*‖_1/(2N) and the share of rows whose argmax differs (ties excepted)."""
        problem = Problem(step.cost, self._problem.row, self._problem.col, self._problem.name)
        if not np.all(np.isfinite(step.g)):
            return Distance(math.nan, math.nan, Status.BELOW_RESOLUTION)
        fixed = self._fixed_point(problem, step)
        if fixed.status.failed:
            return Distance(math.nan, math.nan, fixed.status)
        self._start = fixed.g
        tv = float(np.abs(plan - fixed.plan).sum()) / (2.0 * problem.total)
        if math.isnan(tv):
            return Distance(math.nan, math.nan, Status.BELOW_RESOLUTION)
        return Distance(tv, assignment_gap(plan, fixed.plan), fixed.status)

    def _fixed_point(self, problem: Problem, step: TrackedStep) -> Solution:
        """Solve, from the last one's potential, then the run's, then from scratch."""
        for start in (step.g if self._start is None else self._start, None):
            solution = solve_problem(
                problem, step.eps, tol=self._tol, max_iter=self._max_iter, init=start
            )
            if not solution.status.failed:
                break
        return solution


def assignment_gap(plan: FloatArray, fixed: FloatArray) -> float:
    """Share of rows whose largest entry stands in another column than the fixed point's."""
    rows = np.arange(len(plan))
    chosen = fixed[rows, plan.argmax(axis=1)]
    return float(np.mean(chosen < (1.0 - TIE) * fixed.max(axis=1)))


def plan_of(step: TrackedStep, problem: Problem) -> FloatArray:
    """The plan of a kept step: a last f update from its potential g."""
    at_step = Problem(step.cost, problem.row, problem.col, problem.name)
    return run_sweeps(at_step, step.eps, 0, step.g).plan


def collapse_moment(run: TrackedRun, judge: Judge, problem: Problem) -> int | None:
    """Index of the first step after which the kept run never recovers; None without collapse."""
    moment: int | None = None
    for index in range(len(run.steps) - 1, -1, -1):
        step = run.steps[index]
        distance = judge.distance(step, plan_of(step, problem))
        if math.isnan(distance.tv) or not distance.collapsed(judge.collapse_tv):
            break
        moment = index
    return moment
