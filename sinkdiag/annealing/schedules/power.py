"""Inverse temperatures that grow like a power of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from sinkdiag.annealing.schedules.schedule import (
    Decision,
    LayerSchedule,
    Seen,
    check_parameter,
    parameter,
)
from sinkdiag.annealing.schedules.setting import Setting


@dataclass(frozen=True, kw_only=True)
class Power(LayerSchedule):
    """1/eps_t = beta_0 (1 + t)^kappa."""

    name: ClassVar[str] = "power"
    source: ClassVar[str] = "arXiv 2408.11620"
    equation: ClassVar[str] = "1/eps_t = beta_0·(1 + t)^kappa"
    kappa: float = parameter("exponent, above 0", 0.5)
    beta_0: float | None = parameter(
        "first inverse temperature, per cost unit", None, shown="1/eps of the start"
    )

    def __post_init__(self) -> None:
        check_parameter(self, "kappa")
        check_parameter(self, "beta_0")

    def first(self, setting: Setting) -> float:
        """1/beta_0."""
        return setting.eps_start if self.beta_0 is None else 1.0 / self.beta_0

    def decide(self, seen: Seen, setting: Setting) -> Decision:
        """1/(beta_0 (1 + t)^kappa) at the next t."""
        return Decision(
            eps=self.first(setting) * math.exp(-self.kappa * math.log(2.0 + seen.index))
        )
