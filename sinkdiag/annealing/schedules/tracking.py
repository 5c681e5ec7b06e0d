"""Cooling on the online tracking error: as fast as the sweeps follow, and no faster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from sinkdiag.annealing.controller import DEFAULT_SLOPE
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
from sinkdiag.solver.online import online_gap_of_plan


@dataclass(frozen=True, kw_only=True)
class Tracking(LayerSchedule):
    """Cool by alpha0 while the online tracking error is at most ``k_safe``, else hold.

    The error is `sinkdiag.online_gap_of_plan`'s estimate of the total variation from the fixed
    point, by two more sweeps. Where rounding hides it, its smallest possible value decides.
    """

    name: ClassVar[str] = "tracking"
    source: ClassVar[str] = "sinkdiag's own; the proxy that arXiv 2601.23039 leaves to future work"
    equation: ClassVar[str] = (
        "eps_{t+1} = alpha0·eps_t while χ/(2·sqrt(N·(1 − rho))) ≤ k_safe, else eps_t"
    )
    k_safe: float = parameter(
        "share of the mass that may be out of place, in (0, 1]", DEFAULT_SLOPE["tracking"]
    )
    alpha0: float = parameter("cooling factor of one step, in (0, 1)", 0.95)

    def __post_init__(self) -> None:
        check_parameter(self, "k_safe")
        check_share("tracking:alpha0", self.alpha0)

    def decide(self, seen: Seen, setting: Setting) -> Decision:
        """What the rule makes of the error."""
        rule = CoolingRule(k_safe=self.k_safe, alpha0=self.alpha0)
        return decided(rule, self._error(seen, setting), seen, setting)

    def _error(self, seen: Seen, setting: Setting) -> float:
        row, col = setting.problem.row, setting.problem.col
        errors = []
        for sample in seen.samples:
            found = online_gap_of_plan(sample.plan, row=row, col=col)
            hidden = math.isnan(found.tracking_error)
            errors.append(found.least_error if hidden else found.tracking_error)
        return max(errors)
