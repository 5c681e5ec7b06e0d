"""The paper's claims, each judged on the curve measured on the user's own matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import BoolArray, FloatArray
from sinkdiag.claims.claim import Claim, ClaimKey, Statement, held_in
from sinkdiag.claims.curve import Curve, curve_of, ratio
from sinkdiag.claims.freeze_law import FreezeLaw, freeze_law
from sinkdiag.claims.laws import LAWS
from sinkdiag.claims.power_law import SLOPE_TOL, coldest, judge_law, runs, trend_of, wide
from sinkdiag.derivatives.response import Response

# Two sides of an identity that agree this well are not told apart.
_EQUAL = 1e-6

_COLLAPSE = Statement(
    key=ClaimKey.COLLAPSE, claim="exponential cooling collapses in the end", source="Cor. 3.3"
)
_GAUGES = Statement(
    key=ClaimKey.GAUGES, claim="A_S is invertible on the active subspace", source="Lemma A.5"
)
_DUALITY = Statement(key=ClaimKey.DUALITY, claim="gap <= ‖∂_CΦ‖/‖DS_θ‖", source="Thm. A.2")


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdicts:
    """All that is judged on one matrix, or on one batch, with the curve it was judged on."""

    name: str
    curve: Curve
    claims: tuple[Claim, ...]
    freeze: FreezeLaw

    def claim(self, key: ClaimKey) -> Claim:
        """The verdict on one claim."""
        return next(claim for claim in self.claims if claim.key is key)


def verdicts_of(
    name: str, curves: Sequence[Sequence[Response]], eps_freeze: float = math.nan
) -> Verdicts:
    """Judge the mean curve of a batch, or the one curve of a matrix."""
    curve = curve_of(curves)
    return Verdicts(
        name=name, curve=curve, claims=judge(curve), freeze=freeze_law(curve, name, eps_freeze)
    )


def judge(curve: Curve) -> tuple[Claim, ...]:
    """Every claim of the paper that the curve can decide, in the order of the paper's argument."""
    laws = [judge_law(curve, law) for law in LAWS]
    return (*laws, _collapse(curve), _gauges(curve), _duality(curve))


def _collapse(curve: Curve) -> Claim:
    """The share by which a step may cool, gap·R/(eps·‖dP/deps‖), falls to 0."""
    share = ratio(curve.gap * curve.radius, curve.drift)
    known = np.isfinite(share) & (share > 0)
    x, y = np.log(curve.eps[known]), np.log(share[known])
    if len(x) < 2 or not wide(x):
        return _COLLAPSE.undecided("less than half a decade of temperatures was resolved")
    cold = coldest(x)
    if cold.sum() < 2:
        return _COLLAPSE.undecided("the coldest half decade holds one temperature only")
    trend = trend_of(x[cold], y[cold])
    if trend.low > SLOPE_TOL:
        verdict, cause = "holds", f"and that falls with eps: {curve.shape}"
    elif max(abs(trend.low), abs(trend.high)) <= SLOPE_TOL:
        verdict, cause = "fails", f"and that does not fall: {curve.shape}"
    else:
        verdict, cause = "cannot tell", f"with no steady trend yet: {curve.shape}"
    now = (
        "one sweep a step can follow a cooling step by a share of "
        f"{math.exp(y[-1]):.3g} at eps = {math.exp(x[-1]):.3g}"
    )
    return _COLLAPSE.judged(verdict, f"{now}, {cause}", trend=trend)


def _gauges(curve: Curve) -> Claim:
    """A_S is invertible once two global gauges are fixed."""
    parts = curve.components[-1]
    several = "s" if parts > 1 else ""
    extra = "" if parts > 1 else ", one more than needed, which leaves a direction out"
    sentence = (
        f"support has {parts} component{several}; one gauge for each is needed, where the paper "
        f"fixes two global ones{extra}"
    )
    one = np.array([count == 1 for count in curve.components])
    return _pointwise(_GAUGES, curve.eps, one, sentence)


def _duality(curve: Curve) -> Claim:
    known = np.isfinite(curve.gap) & np.isfinite(curve.duality)
    if not known.any():
        return _DUALITY.undecided("neither side was resolved")
    gap, bound = curve.gap[known], curve.duality[known]
    loosest = float((bound / gap).max())
    sentence = (
        f"in the natural norm the right side is up to {loosest:.3g} times the gap; the paper's "
        "proof chains two inequalities the wrong way, and in the potential norm the claim can fail"
    )
    return _pointwise(_DUALITY, curve.eps[known], gap <= bound * (1 + _EQUAL), sentence)


def _pointwise(statement: Statement, eps: FloatArray, true: BoolArray, sentence: str) -> Claim:
    """A statement about single temperatures: where it is true."""
    if not true.any():
        return statement.judged("fails", sentence)
    first, last = max(runs(true), key=lambda run: (run[1] - run[0], run[1]))
    window = (float(eps[last - 1]), float(eps[first]))
    return statement.judged("holds" if true.all() else held_in(window), sentence, window=window)
