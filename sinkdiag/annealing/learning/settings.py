"""What a calibration with learning in the loop is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from sinkdiag.annealing.learning.learner import Loss
from sinkdiag.annealing.learning.slopes import CONFIRMATIONS, COUNT, QUICK_COUNT
from sinkdiag.checks import (
    MOST_ITERS,
    MOST_REPLICATES,
    MOST_STEPS,
    check_choice,
    check_count,
    check_share,
    check_size,
)
from sinkdiag.errors import InputError
from sinkdiag.problem import Problem

Start = Literal["cold", "warm"]
# Learning rates, in std(C)², with which the three losses mature costs at about the same pace: at
# eps = 0.3 of the range (uniform costs, K = 20, planted, noise 0.05) 95 % of the rows are right
# after 54, 64 and 84 steps at n = 24, after 102, 104 and 88 at n = 60. Near eps = 0.05 of it `mse`
# takes 220 and 370, `nll` 10, and `mass` never gets there.
DEFAULT_RATES = {"mse": 0.6, "mass": 0.6, "nll": 0.03}
_LEAST = {"iters": 1, "max_steps": 2, "replicates": 1, "seed": 0}
_MOST = {"iters": MOST_ITERS, "max_steps": MOST_STEPS, "replicates": MOST_REPLICATES}
# A quick calibration takes a third of the replicates, of these at least.
FEWEST = 3
# Costs that vary by less than this share of their size are equal to rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class LearningSettings:
    """How a controller is calibrated on a learner, whatever the cost and its temperatures.

    Attributes
    ----------
    iters, start:
        K, and whether every call starts from zero potentials (``cold``) or carries g (``warm``).
    loss:
        ``mse``, ``mass`` or ``nll``.
    learning_rate:
        In std(C)²; None: the default of the loss.
    noise, immaturity:
        Of the costs at every step, and of a planted learner's first costs; in std(C).
    alpha0:
        Cooling factor of one step; None: the soonest of a few.
    beta:
        Load at which braking begins; 1: cool or hold.
    max_steps:
        Steps within which eps_min must be reached.
    collapse_tv:
        Wrong mass beyond which a run has failed.
    replicates:
        Held-out replicates.
    seed:
        Of noise and starts.
    quick:
        A third of the replicates and a coarser grid of slopes.

    Raises
    ------
    InputError
        Naming the setting that is out of range.
    """

    iters: int = 20
    start: Start = "cold"
    loss: Loss = "mse"
    learning_rate: float | None = None
    noise: float = 0.05
    immaturity: float = 1.0
    alpha0: float | None = None
    beta: float = 1.0
    max_steps: int = 500
    collapse_tv: float = 0.1
    replicates: int = 10
    seed: int = 0
    quick: bool = False

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            check_count(name, getattr(self, name), least, _MOST.get(name))
        check_choice("start", self.start, get_args(Start))
        check_choice("loss", self.loss, get_args(Loss))
        if self.learning_rate is not None:
            check_size("learning_rate", self.learning_rate)
        check_size("noise", self.noise, zero=True)
        check_size("immaturity", self.immaturity, zero=True)
        if self.alpha0 is not None:
            check_share("alpha0", self.alpha0)
        if not 0.0 <= self.beta <= 1.0:  # nan is neither
            raise InputError("beta", f"{self.beta!r} is out of range", "give a number from 0 to 1")
        check_share("collapse_tv", self.collapse_tv)

    @property
    def rate(self) -> float:
        """The learning rate in std(C)²."""
        return DEFAULT_RATES[self.loss] if self.learning_rate is None else self.learning_rate

    @property
    def panel_size(self) -> int:
        """Held-out replicates that are run when runs are random."""
        return self._fewer(self.replicates)

    @property
    def fresh_size(self) -> int:
        """Fresh replicates that confirm a slope."""
        return self._fewer(CONFIRMATIONS)

    @property
    def slope_count(self) -> int:
        """Slopes of the grid."""
        return QUICK_COUNT if self.quick else COUNT

    def _fewer(self, count: int) -> int:
        return min(count, max(FEWEST, math.ceil(count / 3))) if self.quick else count


def unit_std(problem: Problem) -> float:
    """The standard deviation (ddof 0) of the finite costs, cost units: the learner's unit."""
    return float(problem.cost[np.isfinite(problem.cost)].std())


def cost_std(problem: Problem) -> float:
    """`unit_std` where it is a unit.

    Raises
    ------
    InputError
        When all finite costs are equal.
    """
    finite = problem.cost[np.isfinite(problem.cost)]
    found = unit_std(problem)
    if not np.ptp(finite) > 0.0:
        raise InputError(
            problem.name, "all costs are equal: nothing can be learned from them", "check the file"
        )
    if not found > ROUNDING * float(np.abs(finite).max()):
        raise InputError(
            problem.name,
            f"the costs vary by {np.ptp(finite):.3g} around {float(finite.mean()):.3g}, next to "
            "their rounding",
            "subtract the offset: it changes no plan",
        )
    return found
