"""How the gap closes: gap ~ exp(-Δ/eps) where the support falls apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.claims.claim import Trend
from sinkdiag.claims.curve import Curve
from sinkdiag.claims.slopes import coldest, trend_of

# Sweeps a step of the layer for which the freeze temperature is given.
LAYER_SWEEPS = 20


@dataclass(frozen=True, kw_only=True)
class FreezeLaw:
    """How the gap closes.

    Attributes
    ----------
    matrix:
        Whose gap.
    delta, delta_low, delta_high:
        Δ of gap ~ exp(-Δ/eps), cost units: least squares over the coldest half decade, and the
        range between neighbouring temperatures there; nan where the gap does not freeze.
    eps_freeze:
        The largest temperature at which ``iters`` sweeps reduce the error by less than a factor 10,
        of a batch the warmest; nan if there is none.
    iters:
        Those sweeps.
    """

    matrix: str
    delta: float
    delta_low: float
    delta_high: float
    eps_freeze: float
    iters: int = LAYER_SWEEPS


def closing_rate(curve: Curve) -> Trend:
    """Δ of gap ~ exp(-Δ/eps) over the coldest half decade, and its local range.

    nan where the gap does not close like that: the limit support is connected, or fewer than two
    gaps are resolved.
    """
    known = np.isfinite(curve.gap) & (curve.gap > 0)
    if curve.limit_components == 1 or known.sum() < 2:
        return Trend()
    eps, gap = curve.eps[known], curve.gap[known]
    count = max(2, int(np.count_nonzero(coldest(np.log(eps)))))
    found = trend_of(1 / eps[-count:], np.log(gap[-count:]))
    return Trend(slope=-found.slope, low=-found.high, high=-found.low)


def freeze_law(curve: Curve, matrix: str, eps_freeze: float = math.nan) -> FreezeLaw:
    """The law of the gap of one matrix, beside its freeze temperature."""
    rate = closing_rate(curve)
    return FreezeLaw(
        matrix=matrix,
        delta=rate.slope,
        delta_low=rate.low,
        delta_high=rate.high,
        eps_freeze=eps_freeze,
    )
