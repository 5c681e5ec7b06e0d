"""Paces: what the next temperature is, from what a step measured or from the clock alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from sinkdiag.annealing.learning.learner import LearningStep
from sinkdiag.annealing.rule import CoolingRule


class Pace(Protocol):
    """A way to cool."""

    def next_eps(self, step: int, eps: float, measured: LearningStep) -> float:
        """The temperature of step ``step`` + 1, cost units."""


@dataclass(frozen=True, kw_only=True)
class ControllerPace:
    """EPH-ASC down to ``eps_min``; k_safe = inf is the plain exponential schedule."""

    rule: CoolingRule
    eps_min: float

    def next_eps(self, step: int, eps: float, measured: LearningStep) -> float:
        """By the controller's rule from drift/eps."""
        del step
        return self.rule.cool(eps, measured.drift_ratio, self.eps_min)


@dataclass(frozen=True, kw_only=True)
class LengthPace:
    """A schedule of ``steps`` steps from eps_start to eps_min, whatever the layer does.

    ``exponential``: eps_t = eps_0 (eps_min/eps_0)^(t/L); ``linear``: eps_0 + (eps_min - eps_0) t/L;
    ``quadratic``: 1/eps_t = 1/eps_0 + (1/eps_min - 1/eps_0) t/L, steps kappa eps² to first order.
    """

    eps_start: float
    eps_min: float
    steps: int
    form: Literal["exponential", "linear", "quadratic"] = "exponential"

    def next_eps(self, step: int, eps: float, measured: LearningStep) -> float:
        """By the clock."""
        del eps, measured
        if step + 1 >= self.steps:
            return self.eps_min
        share = (step + 1) / self.steps
        if self.form == "exponential":
            return float(self.eps_start * (self.eps_min / self.eps_start) ** share)
        if self.form == "linear":
            return self.eps_start + (self.eps_min - self.eps_start) * share
        return 1.0 / (1.0 / self.eps_start + (1.0 / self.eps_min - 1.0 / self.eps_start) * share)
