"""One schedule on one case: run, judged step by step, summed up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.annealing.collapse import Distance
from sinkdiag.annealing.schedules.distances import FixedPoints, collapse_from
from sinkdiag.annealing.schedules.iteration import IterationSchedule
from sinkdiag.annealing.schedules.optimum import Optimum, optimum_of
from sinkdiag.annealing.schedules.schedule import Schedule
from sinkdiag.annealing.schedules.setting import Sample, ScheduleStep, Setting
from sinkdiag.annealing.trace import entropy
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Status
from sinkdiag.studies.anneal_row import AnnealRow, TimedComparison
from sinkdiag.studies.anneal_settings import AnnealSettings

NOT_JUDGED = Distance(tv=math.nan, assignment_gap=math.nan, status=Status.TRUNCATED)


@dataclass(frozen=True, kw_only=True)
class ScheduleRun:
    """A finished run: its rows, and its line of the comparison."""

    rows: tuple[AnnealRow, ...]
    comparison: TimedComparison


class Bench:
    """One case on which schedules are run in turn: its optima and fixed points are kept."""

    def __init__(self, setting: Setting, settings: AnnealSettings) -> None:
        self.setting, self.settings = setting, settings
        self.points = FixedPoints(setting.problem, tol=settings.tol, max_iter=settings.max_iter)
        self._optima: dict[int, Optimum] = {}

    def optimum(self, index: int = 0) -> Optimum:
        """That of the cost of one step."""
        place = 0 if self.setting.static else index
        if place not in self._optima:
            self._optima[place] = optimum_of(self.setting.problems[place])
        return self._optima[place]

    def run(self, schedule: Schedule, told: Callable[[int], None]) -> ScheduleRun:
        """Run a schedule to its end; ``told`` hears of every step."""
        rows: list[AnnealRow] = []
        judge, seconds, last = None, 0.0, None
        steps = schedule.run(self.setting)
        while True:
            began = time.process_time()
            step = next(steps, None)
            seconds += time.process_time() - began
            if step is None:
                break
            distance = NOT_JUDGED
            if self.settings.tv:
                judge = judge or self.points.judge(len(step.samples))
                distance = judge.at(step)
            place = 0 if self.setting.static else step.index
            own, optimum = self.setting.problems[place], self.optimum(step.index)
            rows.append(row_of(schedule.label, step, distance, own, optimum))
            told(step.index + 1)
            last = step
        assert last is not None  # every schedule makes at least one step
        found = self._judged(rows)
        fate = self._fate(schedule, found[-1], arrived=last.arrived)
        return ScheduleRun(rows=found, comparison=compared(found, fate, seconds))

    def _judged(self, rows: list[AnnealRow]) -> tuple[AnnealRow, ...]:
        """The rows with the moment of collapse in them."""
        moment = collapse_from([row.tv > self.settings.collapse_tv for row in rows])
        if moment is None:
            return tuple(rows)
        return tuple(replace(row, collapsed=row.step >= moment) for row in rows)

    def _fate(self, schedule: Schedule, row: AnnealRow, *, arrived: bool) -> str:
        if not arrived:
            return "late"
        if math.isnan(row.tv):
            return "arrived"
        if not row.collapsed:
            return "tracked"
        cold = self.setting.cold and not isinstance(schedule, IterationSchedule)
        return "unresolved" if cold else "lost"


def row_of(
    label: str, step: ScheduleStep, distance: Distance, problem: Problem, optimum: Optimum
) -> AnnealRow:
    """What is measured on one step; ``problem`` and ``optimum`` are those of its cost."""

    def mean(read: Callable[[Sample], float]) -> float:
        return float(np.mean([read(sample) for sample in step.samples]))

    drift = step.drift
    return AnnealRow(
        schedule=label,
        step=step.index,
        eps=step.eps,
        drift=drift,
        drift_ratio=drift / step.eps,
        braking=step.braking,
        entropy=mean(lambda sample: _row_entropy(sample.plan, problem)),
        row_error=mean(lambda sample: _missed(sample.plan.sum(axis=1), problem.row)),
        tv=distance.tv,
        suboptimality=mean(lambda sample: optimum.suboptimality(sample.plan, problem)),
        assignment_gap=distance.assignment_gap,
        collapsed=False,
        sweeps=step.sweeps,
        wrong_mass=math.nan,
        right_rows=math.nan,
        status=distance.status,
        col_error=mean(lambda sample: _missed(sample.plan.sum(axis=0), problem.col)),
    )


def compared(
    rows: Sequence[AnnealRow], fate: str, seconds: float, wrong_mass: float = math.nan
) -> TimedComparison:
    """The line that a run ends with."""
    row = rows[-1]
    return TimedComparison(
        schedule=row.schedule,
        steps=len(rows),
        sweeps=row.sweeps,
        eps=row.eps,
        fate=fate,
        suboptimality=row.suboptimality,
        braking=float(np.mean([each.braking > 0.0 for each in rows])),
        row_error=row.row_error,
        tv=row.tv,
        wrong_mass=wrong_mass,
        seconds=seconds,
    )


def _row_entropy(plan: FloatArray, problem: Problem) -> float:
    sums = plan.sum(axis=1)
    safe = np.where(sums > 0.0, sums, 1.0)
    return min(1.0, entropy(plan * (problem.row / safe)[:, None], problem))


def _missed(sums: FloatArray, wanted: FloatArray) -> float:
    return float(np.abs(sums - wanted).sum() / wanted.sum())
