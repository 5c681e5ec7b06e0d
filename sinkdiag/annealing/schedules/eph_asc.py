"""The paper's controller: cool while the drift allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.schedules.schedule import (
    Decision,
    LayerSchedule,
    Seen,
    check_parameter,
    decided,
    parameter,
)
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.checks import check_share
from sinkdiag.errors import InputError


@dataclass(frozen=True, kw_only=True)
class EphAsc(LayerSchedule):
    """Cool by alpha0 while drift <= k_safe eps, else hold (`CoolingRule`)."""

    name: ClassVar[str] = "eph-asc"
    source: ClassVar[str] = "arXiv 2601.23039, Algorithm 1 (k_safe = 0.5: its section 5)"
    equation: ClassVar[str] = "eps_{t+1} = alpha0·eps_t while drift ≤ k_safe·eps_t, else eps_t"
    k_safe: float = parameter("safety slope, mass per cost unit (unit marginals)", 0.5)
    alpha0: float = parameter("cooling factor of one step, in (0, 1)", 0.95)
    beta: float = parameter("load at which braking begins, in [0, 1]; 1: cool or hold", 1.0)

    def __post_init__(self) -> None:
        check_parameter(self, "k_safe")
        check_share("eph-asc:alpha0", self.alpha0)
        if not 0.0 <= self.beta <= 1.0:
            raise InputError("eph-asc:beta", f"{self.beta:g} is out of range", "give 0 to 1")

    def decide(self, seen: Seen, setting: Setting) -> Decision:
        """What the rule makes of drift/eps."""
        return decided(self._rule, seen.drift_ratio, seen, setting)

    @property
    def _rule(self) -> CoolingRule:
        return CoolingRule(k_safe=self.k_safe, alpha0=self.alpha0, beta=self.beta)
