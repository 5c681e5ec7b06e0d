"""How far the plans of a run are from the fixed points at their own temperatures."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sinkdiag.annealing.collapse import MOST_FAILURES, Distance, assignment_gap
from sinkdiag.annealing.schedules.setting import Sample, ScheduleStep
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Status, worst
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.path import WarmPath


class FixedPoints:
    """Fixed points of one problem, those of its own cost kept by temperature for the next run."""

    def __init__(self, problem: Problem, *, tol: float, max_iter: int) -> None:
        self.problem, self.tol, self.max_iter = problem, tol, max_iter
        self._known: dict[float, FloatArray] = {}

    def judge(self, count: int) -> Distances:
        """Of a run with ``count`` samples a step."""
        return Distances(self, count)

    def known(self, sample: Sample, eps: float) -> FloatArray | None:
        """The potential g (m,) at a temperature where it has been found for this very cost."""
        return self._known.get(eps) if sample.cost is self.problem.cost else None

    def keep(self, sample: Sample, eps: float, g: FloatArray) -> None:
        """For the next run that comes by this temperature."""
        if sample.cost is self.problem.cost:
            self._known[eps] = g


class Distances:
    """Along one run, each fixed point started from the one before."""

    def __init__(self, points: FixedPoints, count: int) -> None:
        self._points = points
        self._paths = [
            WarmPath(points.problem, tol=points.tol, max_iter=points.max_iter) for _ in range(count)
        ]
        self._failures = 0

    def at(self, step: ScheduleStep) -> Distance:
        """Means over the samples; nan with a status where a fixed point was not found.

        After `MOST_FAILURES` of them no more are looked for.
        """
        if self._failures >= MOST_FAILURES:
            return _unknown(Status.BELOW_RESOLUTION)
        found = [
            self._distance(path, sample, step.eps)
            for path, sample in zip(self._paths, step.samples, strict=True)
        ]
        status = worst(distance.status for distance in found)
        self._failures += status.failed
        return Distance(
            tv=float(np.mean([distance.tv for distance in found])),
            assignment_gap=float(np.mean([distance.assignment_gap for distance in found])),
            status=status,
        )

    def _distance(self, path: WarmPath, sample: Sample, eps: float) -> Distance:
        problem = replace(self._points.problem, cost=sample.cost)
        g = self._points.known(sample, eps)
        if g is None:
            init = sample.g if np.all(np.isfinite(sample.g)) else None
            fixed = path.at(eps, cost=sample.cost, init=init)
            if fixed.status.failed:
                return _unknown(fixed.status)
            g = fixed.g
            self._points.keep(sample, eps, g)
        plan = run_sweeps(problem, eps, 0, g).plan
        tv = float(np.abs(sample.plan - plan).sum()) / (2.0 * problem.total)
        if math.isnan(tv):
            return _unknown(Status.BELOW_RESOLUTION)
        return Distance(
            tv=tv, assignment_gap=assignment_gap(sample.plan, plan), status=Status.CONVERGED
        )


def _unknown(status: Status) -> Distance:
    return Distance(tv=math.nan, assignment_gap=math.nan, status=status)


def collapse_from(lost: list[bool]) -> int | None:
    """Where the stretch of lost steps that reaches a run's end begins; None without one."""
    if not lost or not lost[-1]:
        return None
    kept = [index for index, gone in enumerate(lost) if not gone]
    return kept[-1] + 1 if kept else 0
