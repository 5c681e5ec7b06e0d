"""Temperatures that stay for a while: a ladder."""

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


@dataclass(frozen=True, kw_only=True)
class Piecewise(LayerSchedule):
    """``stages`` temperatures in geometric progression from the first to the last.

    Each stays for ``hold`` steps: eps_t = eps_start (eps_min/eps_start)^(s/(stages - 1)), s =
    floor(t/hold).
    """

    name: ClassVar[str] = "piecewise"
    source: ClassVar[str] = "eps-scaling: Schmitzer, SIAM J. Sci. Comput. 41 (2019)"
    equation: ClassVar[str] = "eps_t = eps_start·(eps_min/eps_start)^(⌊t/hold⌋/(stages − 1))"
    stages: float = parameter("number of temperatures", 10)
    hold: float = parameter("steps at each of them", 10)

    def __post_init__(self) -> None:
        check_parameter(self, "stages", count=True)
        check_parameter(self, "hold", count=True)

    def decide(self, seen: Seen, setting: Setting) -> Decision:
        """That of the next step's stage; beyond the last stage, the last temperature."""
        stage = (seen.index + 1) // int(self.hold)
        last = int(self.stages) - 1
        if stage >= last:
            return Decision(eps=setting.eps_min)
        ratio = setting.eps_min / setting.eps_start
        return Decision(eps=float(setting.eps_start * ratio ** (stage / last)))
