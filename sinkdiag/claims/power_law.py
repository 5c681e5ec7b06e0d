"""Power laws judged on a measured curve: where the local log-log slope is the claimed one.

A power law holds where the local log-log slope stays within 0.15 of the claimed one over at least
half a decade. A claim about eps -> 0 is called ``holds`` only if such a window reaches the coldest
temperature, the active support no longer changes there, and that support lets the law go on;
otherwise ``holds in [lo, hi]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import BoolArray, FloatArray
from sinkdiag.claims.claim import Claim, Statement, Trend, held_in
from sinkdiag.claims.curve import Curve

SLOPE_TOL = 0.15
HALF_DECADE = 0.5 * math.log(10.0)
# Intervals a half decade without which a departure of the slope can hide between neighbours.
DENSITY = 4


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
    """The resolved points of a law on log axes, warmest first, and the slopes between them."""

    x: FloatArray
    y: FloatArray
    coldest: bool

    @property
    def local(self) -> FloatArray:
        return np.asarray(np.diff(self.y) / np.diff(self.x))

    def trend(self, first: int = 0, last: int | None = None) -> Trend:
        """That of the points first..last."""
        stop = len(self.x) if last is None else last + 1
        return trend_of(self.x[first:stop], self.y[first:stop])


def judge_law(curve: Curve, law: Law) -> Claim:
    """Look for the longest window in which the local slope stays within 0.15 of the claim."""
    points = _resolved(curve, law)
    x = points.x
    if len(x) < 3 or not wide(x):
        return law.undecided(
            "fewer than three temperatures, or less than half a decade, were resolved"
        )
    if law.bound and law.lasts(curve) and points.coldest:
        return _judge_bound(curve, law, points)
    if float(np.median(x[:-1] - x[1:])) > HALF_DECADE / DENSITY * (1 + 1e-9):
        return _too_coarse(curve, law, points)
    near = points.local >= law.slope - SLOPE_TOL
    if not law.bound:
        near &= points.local <= law.slope + SLOPE_TOL
    run = longest_run(near, x)
    if run is None:
        trend = points.trend()
        sentence = (
            f"the slope of {law.name} runs from {trend.low:.2f} to {trend.high:.2f}: "
            f"{law.cause(curve)}"
        )
        return law.judged("fails", sentence, trend=trend)
    first, last = run
    window = float(math.exp(x[last])), float(math.exp(x[first]))
    at_end = last == len(x) - 1 and points.coldest
    whole = at_end and law.lasts(curve) and (law.bound or curve.settled)
    return law.judged(
        "holds" if whole else held_in(window),
        _sentence(curve, law, at_end=at_end),
        trend=points.trend(first, last),
        window=window,
    )


def _resolved(curve: Curve, law: Law) -> _Points:
    values = law.values(curve)
    known = np.isfinite(values) & (values > 0)
    return _Points(x=np.log(curve.eps[known]), y=np.log(values[known]), coldest=bool(known[-1]))


def _too_coarse(curve: Curve, law: Law, points: _Points) -> Claim:
    trend = points.trend()
    sentence = (
        f"the temperatures are too far apart to judge local slopes ({DENSITY} steps or more a half "
        f"decade are needed); between these the slope of {law.name} runs from {trend.low:.2f} to "
        f"{trend.high:.2f}: {law.cause(curve)}"
    )
    return law.undecided(sentence, trend)


def _judge_bound(curve: Curve, law: Law, points: _Points) -> Claim:
    """O(eps^slope): the constant exists unless the quotient still grows over the last half decade.

    The trend decides, not every local slope: an upper bound leaves room for ups and downs.
    """
    x, y = points.x, points.y
    count = int(coldest(x).sum())
    if count < 3:
        return _too_coarse(curve, law, points)
    trend = points.trend(len(x) - count)
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


def wide(x: FloatArray) -> bool:
    """Whether log temperatures, warmest first, span half a decade."""
    return bool(x[0] - x[-1] >= HALF_DECADE * (1 - 1e-9))


def coldest(x: FloatArray) -> BoolArray:
    """Which of them lie in the coldest half decade."""
    return np.asarray(x <= x[-1] + HALF_DECADE * (1 + 1e-9))


def longest_run(near: BoolArray, x: FloatArray) -> tuple[int, int] | None:
    """(first, last) points of the widest run of intervals of at least half a decade, or None."""
    found = [
        (first, last)
        for first, last in runs(near)
        if wide(x[first : last + 1]) and last - first >= 2
    ]
    return max(found, key=lambda run: float(x[run[0]] - x[run[1]]), default=None)


def runs(true: BoolArray) -> list[tuple[int, int]]:
    """[first, last) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(true, dtype=int), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def trend_of(x: FloatArray, y: FloatArray) -> Trend:
    """Least-squares slope of y on x, and the range of the slopes between neighbours."""
    local = np.diff(y) / np.diff(x)
    return Trend(slope=fit(x, y), low=float(local.min()), high=float(local.max()))


def fit(x: FloatArray, y: FloatArray) -> float:
    """Least-squares slope of y on x."""
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))
