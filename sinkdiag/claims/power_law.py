"""Power laws judged on a measured curve: where the local log-log slope is the claimed one.

A power law holds where the local log-log slope stays within 0.15 of the claimed one over at least
half a decade. A claim about eps -> 0 is called ``holds`` only if such a window reaches the coldest
temperature, the active support no longer changes there, and that support lets the law go on;
otherwise ``holds in [lo, hi]``. Local slopes are those of `sinkdiag.claims.slopes`. Values that are
0, or rounding, are no points of a curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.claims.claim import Claim, Statement, held_in
from sinkdiag.claims.curve import Curve
from sinkdiag.claims.slopes import (
    DENSITY,
    SmoothCurve,
    coldest,
    farthest,
    longest_run,
    smooth,
    trend_of,
    wide,
)

SLOPE_TOL = 0.15


@dataclass(frozen=True, kw_only=True)
class Law(Statement):
    """A claimed power law of one quantity.

    Attributes
    ----------
    name:
        The quantity, in sentences.
    values:
        Where it stands on a curve.
    slope:
        The claimed power of eps.
    bound:
        Only an upper bound O(eps^slope), which a faster fall satisfies too.
    lasts:
        Whether the limit support lets the law go on to eps -> 0.
    cause:
        Why it goes on or ends, in words.
    """

    name: str
    values: Callable[[Curve], FloatArray]
    slope: float
    bound: bool = False
    lasts: Callable[[Curve], bool]
    cause: Callable[[Curve], str]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Points:
    """The resolved points of a law on log axes, warmest first, that are above rounding."""

    x: FloatArray
    y: FloatArray
    coldest: bool


def judge_law(curve: Curve, law: Law) -> Claim:
    """Look for the longest window in which the local slope stays within 0.15 of the claim."""
    points = _resolved(curve, law)
    if len(points.x) < 3 or not wide(points.x):
        return law.undecided(_unresolved(curve, law))
    line = smooth(points.x, points.y)
    if law.bound and law.lasts(curve) and points.coldest:
        return _judge_bound(curve, law, points, line)
    if float(np.median(-np.diff(points.x))) > farthest():
        return _too_coarse(curve, law, points)
    near = line.slope >= law.slope - SLOPE_TOL
    if not law.bound:
        near &= line.slope <= law.slope + SLOPE_TOL
    run = longest_run(near, line.x)
    if run is None:
        trend = line.trend()
        sentence = (
            f"the slope of {law.name} runs from {trend.low:.2f} to {trend.high:.2f}: "
            f"{law.cause(curve)}"
        )
        return law.judged("fails", sentence, trend=trend)
    first, last = run
    window = float(math.exp(line.x[last])), float(math.exp(line.x[first]))
    at_end = last == len(line.x) - 1 and points.coldest
    whole = at_end and law.lasts(curve) and (law.bound or curve.settled)
    return law.judged(
        "holds" if whole else held_in(window),
        _sentence(curve, law, at_end=at_end),
        trend=line.trend(first, last),
        window=window,
    )


def _resolved(curve: Curve, law: Law) -> _Points:
    values = law.values(curve)
    known = np.isfinite(values) & (values > 0)
    return _Points(x=np.log(curve.eps[known]), y=np.log(values[known]), coldest=bool(known[-1]))


def _unresolved(curve: Curve, law: Law) -> str:
    if (curve.drift == 0).any() or (law.values(curve) == 0).any():
        return (
            f"{law.name} cannot be judged where what it is made of is 0 to within the rounding of "
            "what that was computed from, and fewer than three temperatures, or less than half a "
            "decade, are left"
        )
    return "fewer than three temperatures, or less than half a decade, were resolved"


def _too_coarse(curve: Curve, law: Law, points: _Points) -> Claim:
    trend = trend_of(points.x, points.y)
    sentence = (
        f"the temperatures are too far apart to judge local slopes ({DENSITY} steps or more a half "
        f"decade are needed); between these the slope of {law.name} runs from {trend.low:.2f} to "
        f"{trend.high:.2f}: {law.cause(curve)}"
    )
    return law.undecided(sentence, trend)


def _judge_bound(curve: Curve, law: Law, points: _Points, line: SmoothCurve) -> Claim:
    """O(eps^slope): the constant exists unless the quotient still grows over the last half decade.

    The trend decides, not every local slope: an upper bound leaves room for ups and downs.
    """
    x, y = points.x, points.y
    cold = coldest(line.x)
    if int(coldest(x).sum()) < 3 or not np.isfinite(line.slope[cold]).all():
        return _too_coarse(curve, law, points)
    trend = line.trend(int(np.argmax(cold)))
    quotient = np.exp(y - law.slope * x)
    worst = int(np.argmax(quotient))
    largest = f"at most {quotient[worst]:.3g}, at eps = {math.exp(x[worst]):.3g}"
    if trend.slope >= law.slope - SLOPE_TOL:
        over = law.name if law.slope == 0 else f"{law.name} over eps^{law.slope:g}"
        cause = law.cause(curve)
        return law.judged(
            "holds",
            f"{over} is {largest}, and does not grow towards the coldest: {cause}",
            trend=trend,
            window=(float(math.exp(x[-1])), float(math.exp(x[0]))),
        )
    sentence = f"{law.name} still grows against the bound at the coldest temperatures ({largest})"
    return law.judged("fails", sentence, trend=trend)


def _sentence(curve: Curve, law: Law, *, at_end: bool) -> str:
    if not at_end:
        return f"below that window {law.cause(curve)}"
    if law.lasts(curve) and (law.bound or curve.settled):
        return f"{law.name} keeps the law down to the coldest temperature: {law.cause(curve)}"
    if curve.settled:
        return f"it cannot last: {law.cause(curve)}"
    return (
        f"{law.name} keeps the law down to the coldest temperature, but the support still changes "
        f"there ({curve.shape}): lower temperatures may differ"
    )
