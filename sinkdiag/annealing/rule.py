"""The rule by which a controller cools or holds: EPH-ASC with a piecewise-hybrid zone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sinkdiag.errors import InputError

# What is left above eps_min is taken along with a step when it is at most this share of a full
# step (of log eps). A factor alpha0 = (eps_min/eps_start)^(1/s) that was rounded in its 6th digit,
# with its ends rounded likewise, misses eps_min after s steps by at most about
# 5e-7·s²/log(eps_start/eps_min) of a step: for the default range of 300, by less than this up to
# s = 750, beyond the default step budget. Without it a last step of a sliver remains, before which
# the controller may hold for a long time.
SLIVER = 0.05


@dataclass(frozen=True, kw_only=True)
class CoolingRule:
    """One step of EPH-ASC with a piecewise-hybrid zone.

    x = clip((reading/k_safe - beta)/(1 - beta), 0, 1), eps <- alpha0^(1-x) eps, or eps_min where
    that is at most alpha0^(-SLIVER) eps_min. The reading is drift/eps, or the online tracking
    error, and k_safe is in its unit. beta = 1 is the paper's two-state rule: cool while drift <=
    k_safe eps, else hold. k_safe = inf is the plain exponential schedule. The paper names alpha0
    and beta in its Table 2 and defines neither: this zone is ours.

    Raises
    ------
    InputError
        Unless k_safe > 0, 0 < alpha0 < 1, 0 <= beta <= 1.
    """

    k_safe: float
    alpha0: float
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not self.k_safe > 0:
            raise InputError("k_safe", f"{self.k_safe} is out of range", "give a number above 0")
        if not 0 < self.alpha0 < 1:
            raise InputError(
                "alpha0", f"{self.alpha0} is out of range", "give a number above 0 and below 1"
            )
        if not 0 <= self.beta <= 1:
            raise InputError("beta", f"{self.beta} is out of range", "give a number from 0 to 1")

    def braking(self, reading: float) -> float:
        """x: 0 cools by alpha0, 1 holds. What is unknown (nan: no drift at first) holds."""
        if math.isinf(self.k_safe):
            return 0.0
        if math.isnan(reading):
            return 1.0
        load = reading / self.k_safe
        if self.beta == 1.0:
            return 0.0 if load <= 1.0 else 1.0
        return min(max((load - self.beta) / (1.0 - self.beta), 0.0), 1.0)

    def cool(self, eps: float, reading: float, eps_min: float) -> float:
        """The next temperature, cost units."""
        following = eps * float(self.alpha0 ** (1.0 - self.braking(reading)))
        return eps_min if following <= eps_min * self.alpha0**-SLIVER else following

    def plain_steps(self, eps_start: float, eps_min: float) -> int:
        """Steps from eps_start to eps_min when none of them is braked, at least 1."""
        exact = math.log(eps_min / eps_start) / math.log(self.alpha0)
        return max(1, math.ceil(exact - SLIVER))
