"""What ``anneal`` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from sinkdiag.annealing.learning.learner import Loss
from sinkdiag.annealing.learning.settings import LearningSettings, Start
from sinkdiag.annealing.schedules.gumbel import Gumbel
from sinkdiag.annealing.schedules.registry import parse_schedule
from sinkdiag.annealing.schedules.schedule import LayerSchedule, Schedule
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.annealing.track import JUDGE_MAX_ITER, JUDGE_TOL, SETTLE
from sinkdiag.checks import MOST_ITERS, MOST_STEPS, check_choice, check_count, check_share
from sinkdiag.errors import ConflictError, InputError
from sinkdiag.problem import Problem

# What a network would use, the paper's controller, and both algorithms of the second source.
DEFAULT_SCHEDULES = ("exponential", "eph-asc", "annealed", "debiased")
# Rules for a layer, through which costs can learn.
LEARNING_SCHEDULES = ("exponential", "eph-asc", "tracking")
_OF_THE_LEARNER = ("loss", "learning_rate", "noise", "immaturity")


@dataclass(frozen=True, kw_only=True)
class AnnealSettings:
    """Which schedules are run, on which layer, and how they are judged.

    Attributes
    ----------
    schedules:
        ``NAME[:key=value,...]`` each; None: `DEFAULT_SCHEDULES`, or `LEARNING_SCHEDULES`.
    iters, start:
        Sweeps of the layer at every step, from zero potentials (``cold``) or carried ones.
    max_steps:
        Budget of steps, and the number of them for the annealed iterations.
    tv:
        Whether every step is compared with its fixed point.
    collapse_tv:
        Total variation from which a plan is lost.
    claims:
        Whether the claims are judged on the matrix, which takes many more runs.
    learn:
        Whether the costs are learned while the schedule cools: `calibrate`'s learner, with
        ``loss``, ``learning_rate``, ``noise`` and ``immaturity`` as in `LearningSettings`; None:
        their defaults. Without ``learn`` nothing else may be given.
    seed:
        Of what a schedule and the learner draw.
    tol, max_iter:
        Of the fixed points.
    extended:
        Whether tables carry the extended columns.

    Raises
    ------
    InputError
        Naming the setting that cannot be used.
    """

    schedules: tuple[str, ...] | None = None
    iters: int = 20
    start: Start = "cold"
    max_steps: int = 1000
    tv: bool = True
    collapse_tv: float = 0.1
    claims: bool = False
    learn: bool = False
    loss: Loss | None = None
    learning_rate: float | None = None
    noise: float | None = None
    immaturity: float | None = None
    seed: int = 0
    tol: float = JUDGE_TOL
    max_iter: int = JUDGE_MAX_ITER
    extended: bool = False

    def __post_init__(self) -> None:
        if self.schedules is not None and not self.schedules:
            raise InputError("schedules", "none is given", "give at least one")
        labels = [schedule.label for schedule in self.parsed]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise InputError("schedules", f"{twice} is given twice", "give each once")
        check_count("iters", self.iters, 1, MOST_ITERS)
        check_choice("start", self.start, get_args(Start))
        self._check_learner()
        for schedule in self.parsed if self.learn else ():
            if not isinstance(schedule, LayerSchedule) or isinstance(schedule, Gumbel):
                raise ConflictError(
                    "learn",
                    f"{schedule.name} is no rule for the temperature of a layer, so nothing can "
                    "learn through it",
                    "leave the schedule out, or do not learn",
                )
        check_count("max_steps", self.max_steps, 2, MOST_STEPS)
        check_share("collapse_tv", self.collapse_tv)
        check_count("seed", self.seed, 0)
        check_share("tol", self.tol)
        check_count("max_iter", self.max_iter, 1)

    def _check_learner(self) -> None:
        for name in _OF_THE_LEARNER:
            if getattr(self, name) is not None and not self.learn:
                raise ConflictError(
                    name, "costs that are not learned have no such thing", "add --learn"
                )
        _ = self.learning

    @property
    def learning(self) -> LearningSettings:
        """What the learner is made from."""
        given = {
            name: value for name in _OF_THE_LEARNER if (value := getattr(self, name)) is not None
        }
        return LearningSettings(
            **given,
            iters=self.iters,
            start=self.start,
            max_steps=self.max_steps,
            collapse_tv=self.collapse_tv,
            seed=self.seed,
        )

    @property
    def parsed(self) -> tuple[Schedule, ...]:
        """The schedules themselves."""
        usual = LEARNING_SCHEDULES if self.learn else DEFAULT_SCHEDULES
        return tuple(
            parse_schedule(text) for text in (usual if self.schedules is None else self.schedules)
        )

    def setting(self, problems: tuple[Problem, ...], ends: tuple[float, float]) -> Setting:
        """What the schedules run on; ``ends`` are the first and the last temperature."""
        return Setting(
            problems=problems,
            eps_start=ends[0],
            eps_min=ends[1],
            max_steps=self.max_steps,
            iters=self.iters,
            cold=self.start == "cold",
            settle=SETTLE,
            seed=self.seed,
        )
