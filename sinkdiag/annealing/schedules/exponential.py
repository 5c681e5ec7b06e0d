"""Exponential cooling, the plain schedule of most networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sinkdiag.annealing.schedules.schedule import Decision, LayerSchedule, Seen, parameter
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.checks import check_share


@dataclass(frozen=True, kw_only=True)
class Exponential(LayerSchedule):
    """eps_{t+1} = alpha0 eps_t."""

    name: ClassVar[str] = "exponential"
    source: ClassVar[str] = "arXiv 2601.23039, Cor. 3.3"
    equation: ClassVar[str] = "eps_{t+1} = alpha0·eps_t"
    alpha0: float = parameter("cooling factor of one step, in (0, 1)", 0.95)

    def __post_init__(self) -> None:
        check_share("exponential:alpha0", self.alpha0)

    def decide(self, seen: Seen, setting: Setting) -> Decision:
        """alpha0 times the last temperature."""
        del setting
        return Decision(eps=self.alpha0 * seen.eps)
