"""Steps as large as the speed limit allows everywhere: eps² times a constant."""

from __future__ import annotations

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
from sinkdiag.errors import InputError

# The default's first step takes at most this share of the temperature.
LARGEST_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Quadratic(LayerSchedule):
    """eps_{t+1} = eps_t - kappa eps_t²: 1/eps grows by about kappa a step.

    By default kappa = (1/eps_min - 1/eps_start)/(max_steps - 1), with which the budget suffices,
    but at most 1/(2 eps_start).
    """

    name: ClassVar[str] = "quadratic"
    source: ClassVar[str] = "arXiv 2601.23039, Thm. 3.2"
    equation: ClassVar[str] = "eps_{t+1} = eps_t − kappa·eps_t²"
    kappa: float | None = parameter(
        "size of the steps, per cost unit",
        None,
        shown="just arrives within the budget, at most 0.5 over the first eps",
    )

    def __post_init__(self) -> None:
        check_parameter(self, "kappa")

    def decide(self, seen: Seen, setting: Setting) -> Decision:
        """The last temperature less kappa times its square."""
        return Decision(eps=seen.eps - self._kappa(setting) * seen.eps**2)

    def _kappa(self, setting: Setting) -> float:
        start = setting.eps_start
        if self.kappa is None:
            needed = (1.0 / setting.eps_min - 1.0 / start) / max(setting.most_steps - 1, 1)
            return min(needed, LARGEST_SHARE / start)
        if self.kappa * start >= 1.0:
            raise InputError(
                "quadratic:kappa",
                f"{self.kappa:g} times the first temperature {start:g} is not below 1",
                "give a smaller kappa",
            )
        return self.kappa
