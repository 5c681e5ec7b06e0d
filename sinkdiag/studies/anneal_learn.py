"""Schedules with learning in the loop: `calibrate`'s learner behind the layer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.annealing.learning.calibration import make_learner
from sinkdiag.annealing.learning.fates import Course, Fate, run_together
from sinkdiag.annealing.learning.learner import LearningRun, LearningState, LearningStep
from sinkdiag.annealing.learning.target import Target, planted_target, target_of
from sinkdiag.annealing.schedules.distances import Distances, FixedPoints
from sinkdiag.annealing.schedules.optimum import optimum_of
from sinkdiag.annealing.schedules.schedule import Decision, LayerSchedule, Seen
from sinkdiag.annealing.schedules.setting import Sample, ScheduleStep, Setting
from sinkdiag.arrays import AnyArray
from sinkdiag.studies.anneal_row import AnnealRow
from sinkdiag.studies.anneal_run import NOT_JUDGED, ScheduleRun, compared, row_of
from sinkdiag.studies.anneal_settings import AnnealSettings


def target_for(
    setting: Setting, settings: AnnealSettings, truth: ArrayLike | None, name: str
) -> Target | None:
    """What is to be learned: the truth, which messages call ``name``, or the optimum; or nothing.

    Raises
    ------
    InputError
        When the truth does not fit the cost.
    """
    if not settings.learn:
        return None
    problem = setting.problem
    return planted_target(problem) if truth is None else target_of(problem, truth, name)


class LearningBench:
    """One matrix whose costs are learned anew, with the same noise, under each schedule."""

    def __init__(self, setting: Setting, settings: AnnealSettings, target: Target) -> None:
        self.setting, self.settings = setting, settings
        self.learner = make_learner(setting.problem, target, settings.learning)

    def run(self, schedule: LayerSchedule, told: Callable[[int], None]) -> ScheduleRun:
        """One run of the learner; judged like those of a calibration."""
        setting, settings = self.setting, self.settings
        course = Course(
            eps_start=schedule.first(setting),
            eps_min=setting.eps_min,
            max_steps=setting.max_steps,
            collapse_tv=settings.collapse_tv,
        )
        follower = _Follower(schedule, setting, settings, told)
        random = np.random.default_rng([settings.seed])
        began = time.process_time()
        (outcome,) = run_together(
            self.learner, [follower], course, random, observe=follower.observe
        )
        seconds = time.process_time() - began - follower.measuring
        rows = tuple(follower.rows)
        if outcome.fate in (Fate.LOCKED, Fate.THROWN):
            rows = tuple(replace(row, collapsed=row.eps <= outcome.eps_wrong) for row in rows)
        line = compared(rows, outcome.fate.value, seconds, outcome.wrong_mass)
        return ScheduleRun(rows=rows, comparison=line)


class _Follower:
    """A schedule as the learner's pace: it sees every step, and notes it."""

    def __init__(
        self,
        schedule: LayerSchedule,
        setting: Setting,
        settings: AnnealSettings,
        told: Callable[[int], None],
    ) -> None:
        self.schedule, self.setting, self.told = schedule, setting, told
        points = FixedPoints(setting.problem, tol=settings.tol, max_iter=settings.max_iter)
        self.distances: Distances | None = points.judge(1) if settings.tv else None
        self.rows: list[AnnealRow] = []
        self.measuring = 0.0
        self._decision = Decision(eps=setting.eps_start)

    def next_eps(self, step: int, eps: float, measured: LearningStep) -> float:
        """What the schedule decided at the step that was just observed."""
        del step, eps, measured
        return max(self._decision.eps, self.setting.eps_min)

    def observe(
        self,
        run: LearningRun,
        state: LearningState,
        eps: float,
        measured: LearningStep,
        noisy: AnyArray,
    ) -> None:
        """Decide, and measure the step at the costs that the layer met."""
        index = state.steps - 1
        sample = Sample(
            cost=noisy.astype(np.float64),
            plan=state.plan.astype(np.float64),
            drift=measured.drift,
            g=np.asarray(run.layer.potential(), dtype=np.float64).copy(),
        )
        self._decision = self.schedule.decide(
            Seen(index=index, eps=eps, samples=(sample,)), self.setting
        )
        began = time.process_time()
        step = ScheduleStep(
            index=index,
            eps=eps,
            braking=self._decision.braking,
            sweeps=(index + 1) * self.setting.iters,
            arrived=eps <= self.setting.eps_min,
            samples=(sample,),
        )
        distance = NOT_JUDGED if self.distances is None else self.distances.at(step)
        own = replace(self.setting.problem, cost=sample.cost)
        row = row_of(self.schedule.label, step, distance, own, optimum_of(own))
        wrong = run.learner.target.wrong_mass(sample.plan)
        self.rows.append(replace(row, wrong_mass=wrong, right_rows=state.right_share))
        self.told(index + 1)
        self.measuring += time.process_time() - began
