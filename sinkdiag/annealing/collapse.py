"""Has a tracked run lost its fixed point? The mass in the wrong place tells.

Every iterate has the form diag(u) K diag(v), so a linear assignment on log P returns the optimum
of the cost whatever the potentials are: it is never used as a test here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.stream import CostStream
from sinkdiag.annealing.track import TrackedRun, TrackedStep, TrackSettings, track
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Status
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.path import WarmPath

# Two entries of a row closer than this, relatively, are a tie and no difference of argmax.
TIE = 1e-6
# After this many fixed points of one replicate that were not found no more are looked for.
MOST_FAILURES = 2


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far a tracked plan is from the fixed point at its own temperature and cost.

    ``tv`` = ‖P - P*‖_1/(2N) decides; ``assignment_gap``, the share of rows whose argmax differs
    (ties excepted), is information.
    """

    tv: float
    assignment_gap: float
    status: Status

    def collapsed(self, collapse_tv: float) -> bool:
        """More than ``collapse_tv`` of the mass is in the wrong place."""
        return self.tv > collapse_tv


@dataclass(frozen=True, kw_only=True)
class CollapseMoment:
    """Where the plain schedule is lost: eps and drift/eps at the moment of collapse."""

    eps: float
    drift_ratio: float


class Judge:
    """Measures distances along one replicate; its fixed points at eps_min are solved for once."""

    def __init__(self, stream: CostStream, collapse_tv: float, settings: TrackSettings) -> None:
        self.stream, self.collapse_tv = stream, collapse_tv
        self._path = WarmPath(stream.problem, tol=settings.tol, max_iter=settings.max_iter)
        self._eps_min = settings.eps_min
        self._known: dict[int, FloatArray] = {}
        self._failures = 0

    def distance(self, step: TrackedStep) -> Distance:
        """That of one step of a run along this stream."""
        if not np.all(np.isfinite(step.g)) or self._failures >= MOST_FAILURES:
            return _unknown(Status.BELOW_RESOLUTION)
        fixed = self._fixed_plan(step)
        if isinstance(fixed, Status):
            self._failures += 1
            return _unknown(fixed)
        problem = self.stream.problem
        plan = plan_of(step, problem)
        tv = float(np.abs(plan - fixed).sum()) / (2.0 * problem.total)
        if math.isnan(tv):
            return _unknown(Status.BELOW_RESOLUTION)
        return Distance(tv=tv, assignment_gap=assignment_gap(plan, fixed), status=Status.CONVERGED)

    def lost(self, step: TrackedStep) -> bool:
        """Whether a step's plan has collapsed; False where that cannot be known."""
        return self.distance(step).collapsed(self.collapse_tv)

    def outcome(self, run: TrackedRun) -> Distance:
        """The worst distance at which a settled run is judged.

        On a trajectory the costs go on changing, so a run that is lost at one recorded cost is not
        whole, wherever the record happens to end. Unknown, unless another step has collapsed, when
        one step is.
        """
        worst = unknown = None
        for step in run.judged:
            distance = self.distance(step)
            if distance.status.failed:
                unknown = distance
            elif worst is None or distance.tv > worst.tv:
                worst = distance
        if worst is not None and (unknown is None or worst.collapsed(self.collapse_tv)):
            return worst
        return unknown or _unknown(Status.BELOW_RESOLUTION)

    def _fixed_plan(self, step: TrackedStep) -> FloatArray | Status:
        problem = self.stream.problem
        if step.eps == self._eps_min and step.index in self._known:
            return plan_of(replace(step, g=self._known[step.index]), problem)
        fixed = self._path.at(step.eps, cost=step.cost, init=step.g)
        if fixed.status.failed:
            return fixed.status
        if step.eps == self._eps_min:
            self._known[step.index] = fixed.g
        return fixed.plan


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


def collapse_index(run: TrackedRun, lost: Callable[[int], bool]) -> int | None:
    """Index of the step at which a run collapses, from which steps are lost; None without.

    The first lost step of the stretch that reaches into the steps by which the run is judged.
    """
    found = next((step.index for step in run.judged if lost(step.index)), None)
    while found is not None and found > 0 and lost(found - 1):
        found -= 1
    return found


def moment_of_collapse(
    judge: Judge, rule: CoolingRule, settings: TrackSettings
) -> CollapseMoment | None:
    """Temperature and drift/eps at `collapse_index`."""
    run = track(judge.stream, rule, settings, keep=True)
    index = collapse_index(run, lambda index: judge.lost(run.steps[index]))
    if index is None:
        return None
    step = run.steps[index]
    return CollapseMoment(eps=step.eps, drift_ratio=step.drift_ratio)
