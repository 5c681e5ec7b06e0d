"""What ``anneal`` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sinkdiag.annealing.schedules.registry import parse_schedule
from sinkdiag.annealing.schedules.schedule import Schedule
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.annealing.track import JUDGE_MAX_ITER, JUDGE_TOL, SETTLE
from sinkdiag.checks import MOST_ITERS, check_choice, check_count, check_share
from sinkdiag.errors import InputError
from sinkdiag.problem import Problem

Start = Literal["cold", "warm"]

# What a network would use, the paper's controller, and both algorithms of the second source.
DEFAULT_SCHEDULES = ("exponential", "eph-asc", "annealed", "debiased")
MOST_STEPS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class AnnealSettings:
    """Which schedules are run, on which layer, and how they are judged.

    Attributes
    ----------
    schedules:
        ``NAME[:key=value,...]`` each.
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
    seed:
        Of what a schedule draws.
    tol, max_iter:
        Of the fixed points.
    extended:
        Whether tables carry the extended columns.

    Raises
    ------
    InputError
        Naming the setting that cannot be used.
    """

    schedules: tuple[str, ...] = DEFAULT_SCHEDULES
    iters: int = 20
    start: Start = "cold"
    max_steps: int = 1000
    tv: bool = True
    collapse_tv: float = 0.1
    claims: bool = False
    seed: int = 0
    tol: float = JUDGE_TOL
    max_iter: int = JUDGE_MAX_ITER
    extended: bool = False

    def __post_init__(self) -> None:
        if not self.schedules:
            raise InputError("schedules", "none is given", "give at least one")
        labels = [schedule.label for schedule in self.parsed]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise InputError("schedules", f"{twice} is given twice", "give each once")
        check_count("iters", self.iters, 1, MOST_ITERS)
        check_choice("start", self.start, get_args(Start))
        check_count("max_steps", self.max_steps, 2, MOST_STEPS)
        check_share("collapse_tv", self.collapse_tv)
        check_count("seed", self.seed, 0)
        check_share("tol", self.tol)
        check_count("max_iter", self.max_iter, 1)

    @property
    def parsed(self) -> tuple[Schedule, ...]:
        """The schedules themselves."""
        return tuple(parse_schedule(text) for text in self.schedules)

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
