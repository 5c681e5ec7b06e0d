"""The safety slope of a controller on a learner, and what stands beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.learning.fates import Course, Fate, Outcome
from sinkdiag.annealing.learning.learner import LARGE, Learner
from sinkdiag.annealing.learning.lengths import Shortest, shortest_safe
from sinkdiag.annealing.learning.meter import Meter
from sinkdiag.annealing.learning.pilot import PILOT_WORK, choose_alpha
from sinkdiag.annealing.learning.resolution import Resolution, resolve
from sinkdiag.annealing.learning.settings import LearningSettings, cost_std
from sinkdiag.annealing.learning.slopes import (
    CONFIRMATIONS,
    Chosen,
    SlopeFates,
    SlopeSearch,
    median,
)
from sinkdiag.annealing.learning.stage import FRESH_WORK, MAP_WORK, SlopeStage
from sinkdiag.annealing.learning.target import Target
from sinkdiag.annealing.learning.trials import LearnerRunner, Panel, Purpose, Trials
from sinkdiag.derivatives.thresholds import Thresholds, thresholds
from sinkdiag.jacobian.freeze import freeze_temperature
from sinkdiag.problem import Problem
from sinkdiag.progress import Progress, silent

# Learning rates at which k_safe is asked for again, as multiples of the given one.
RATES = (0.25, 4.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningCalibration:
    """Everything that is measured on one learner.

    Attributes
    ----------
    settings, learner, course, std:
        What was asked, the learner with its rates in cost units, its temperatures, and std(C).
    tied:
        Whether a planted optimum is not unique.
    alpha0:
        Cooling factor of the controller, given or chosen.
    panel:
        The held-out replicates.
    fates:
        Every slope on them in rising order, the plain exponential schedule (inf) last.
    chosen, rejected:
        The slope to use; None where none is safe and none holds, or where those that seemed so
        failed on fresh replicates: then ``rejected`` is the last of them.
    plain, linear:
        The shortest safe exponential and linear schedules on the same replicates.
    rates:
        k_safe at a quarter and at four times the learning rate (nan: no safe slope); empty unless
        asked for.
    resolution, eps_freeze, theory:
        What K sweeps resolve; the largest eps with rho^K > 1/10 (nan: none); the paper's
        thresholds at eps_collapse (None without a collapse).
    """

    settings: LearningSettings
    learner: Learner
    course: Course
    std: float
    tied: bool
    alpha0: float
    panel: Panel
    fates: tuple[SlopeFates, ...]
    chosen: Chosen | None
    rejected: Chosen | None
    plain: Shortest
    linear: Shortest
    rates: tuple[tuple[float, float], ...]
    resolution: Resolution
    eps_freeze: float
    theory: Thresholds | None

    @property
    def plain_runs(self) -> tuple[Outcome, ...]:
        """The plain exponential schedule at alpha0 on the held-out replicates."""
        return self.fates[-1].outcomes

    @property
    def collapses(self) -> int:
        """On how many of them it arrives and ends wrong."""
        return sum(outcome.fate in (Fate.LOCKED, Fate.THROWN) for outcome in self.plain_runs)

    @property
    def eps_collapse(self) -> float:
        """Median temperature at which its final wrong argmaxes froze; nan where it is right."""
        return eps_collapse(self.plain_runs)

    @property
    def at_safe(self) -> SlopeFates | None:
        """The chosen slope on the held-out replicates."""
        if self.chosen is None:
            return None
        return next(entry for entry in self.fates if entry.slope == self.chosen.slope)

    @property
    def steps_safe(self) -> float:
        """Median step of arrival at k_safe; nan where it holds."""
        found = self.at_safe
        return found.steps if found is not None and math.isfinite(found.steps) else math.nan

    @property
    def eps_stand(self) -> float:
        """The temperature at which the chosen slope stands, median; nan where it arrives."""
        found = self.at_safe
        held = self.chosen is not None and self.chosen.held
        return found.eps if held and found is not None else math.nan

    @property
    def bears_more(self) -> bool:
        """Whether some schedule by the clock goes to eps_min and ends right."""
        return self.fates[-1].safe or math.isfinite(min(self.plain.steps, self.linear.steps))

    @property
    def eps_floor(self) -> float:
        """The temperature that the learner bears: where the controller stands, if nothing that was
        tried goes further and ends right; else nan.
        """
        return math.nan if self.bears_more else self.eps_stand

    @property
    def alpha_critical(self) -> float:
        """Cooling factor of the longest exponential schedule, below the safe ones, that fails."""
        steps, course = self.plain.longest_unsafe, self.course
        return (course.eps_min / course.eps_start) ** (1.0 / steps) if steps else math.nan

    @property
    def controller(self) -> AdaptiveCooling | None:
        """The controller to paste into a training loop; None without a slope."""
        if self.chosen is None:
            return None
        return AdaptiveCooling(
            self.chosen.slope,
            self.alpha0,
            beta=self.settings.beta,
            eps_start=self.course.eps_start,
            eps_min=self.course.eps_min,
        )


def eps_collapse(outcomes: tuple[Outcome, ...]) -> float:
    """Median over the runs that end wrong of where their wrong argmaxes changed last."""
    return median(
        [
            outcome.eps_wrong
            for outcome in outcomes
            if outcome.fate in (Fate.LOCKED, Fate.THROWN) and not math.isnan(outcome.eps_wrong)
        ]
    )


def make_learner(problem: Problem, target: Target, settings: LearningSettings) -> Learner:
    """The learner of one matrix: rates, noise and immaturity from units of std(C)."""
    std = cost_std(problem)
    return Learner(
        problem=problem,
        target=target,
        iters=settings.iters,
        loss=settings.loss,
        learning_rate=settings.rate * std**2,
        noise=settings.noise * std,
        immaturity=settings.immaturity * std,
        cold=settings.start == "cold",
        dtype=np.float32 if problem.cost.size > LARGE else np.float64,
    )


def measure_learning(
    learner: Learner,
    course: Course,
    settings: LearningSettings,
    *,
    tied: bool = False,
    extended: bool = False,
    progress: Progress = silent,
) -> LearningCalibration:
    """Measure the slopes that end right, the soonest of them, and the schedules beside it.

    ``extended``: also k_safe at a quarter and at four times the learning rate, and on large
    matrices the fates of slopes that have failed already.

    Source: the paper's Algorithm 1 and its premature mode collapse; learner, fates and the choice
    of k_safe are this package's definitions.
    """
    problem, std = learner.problem, cost_std(learner.problem)
    panel = Panel(purpose=Purpose.HELD_OUT, count=settings.panel_size if learner.is_random else 1)
    meter = _meter(progress, panel.count, rates=extended)
    runner = LearnerRunner(learner=learner, course=course, seed=settings.seed)
    meter.begin("what K sweeps resolve")
    resolution = resolve(learner, course)
    freeze = freeze_temperature(problem, learner.iters)
    meter.begin("choosing alpha0")
    unit = problem.total / len(problem.row) / std
    alpha0 = settings.alpha0 or choose_alpha(runner, settings.beta, unit, meter)
    trials = Trials(runner, meter)
    search = SlopeSearch(trials, alpha0, settings.beta)
    stage = SlopeStage(runner, search, panel, settings, whole_map=extended)
    fates, chosen = stage.choose(unit)
    holds = chosen is not None and chosen.holds_up
    meter.begin("shortest schedules")
    plain, linear = shortest_safe(trials, panel, ("exponential", "linear"), LENGTH_WORK)
    found = LearningCalibration(
        settings=settings,
        learner=learner,
        course=course,
        std=std,
        tied=tied,
        alpha0=alpha0,
        panel=panel,
        fates=fates,
        chosen=chosen if holds else None,
        rejected=None if holds else chosen,
        plain=plain,
        linear=linear,
        rates=_other_rates(stage, unit) if extended else (),
        resolution=resolution,
        eps_freeze=freeze,
        theory=_theory(learner, eps_collapse(fates[-1].outcomes), settings.seed),
    )
    meter.finish()
    return found


def _other_rates(stage: SlopeStage, unit: float) -> tuple[tuple[float, float], ...]:
    stage.search.trials.meter.begin("other learning rates")
    return tuple((factor, stage.at_rate(factor, unit)) for factor in RATES)


def _theory(learner: Learner, eps: float, seed: int) -> Thresholds | None:
    """The paper's thresholds where the plain schedule is lost; None where it is not."""
    return None if math.isnan(eps) else thresholds(learner.problem, eps, learner.iters, seed=seed)


# A guess of the work of one length of both forms on one replicate, in runs.
LENGTH_WORK = 0.6


def _meter(progress: Progress, count: int, *, rates: bool) -> Meter:
    slopes, lengths = MAP_WORK * count, 24.0 * LENGTH_WORK * count
    return Meter(
        progress,
        {
            "what K sweeps resolve": 2.0,
            "choosing alpha0": PILOT_WORK,
            "fates of the slopes": slopes,
            "confirming": FRESH_WORK * CONFIRMATIONS,
            "shortest schedules": lengths,
            "other learning rates": 2.0 * slopes if rates else 0.0,
        },
    )
