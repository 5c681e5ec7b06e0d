"""Log-log slopes that do not depend on how densely a curve was sampled.

The logarithm of a curve is interpolated monotonically over log eps (Fritsch & Carlson, *SIAM J.
Numer. Anal.* 17 (1980)) onto an axis of fixed step. The local slope at a point is that of least
squares over a third of a decade around it, at the ends over the last third; its interval also
holds the slopes over the two halves of that span.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.interpolate

from sinkdiag.arrays import BoolArray, FloatArray
from sinkdiag.claims.claim import Trend

DECADE = math.log(10.0)
HALF_DECADE = 0.5 * DECADE
# What a local slope is fitted over, and the step of the axis that it is fitted on.
SPAN = DECADE / 3
STEP = DECADE / 120
# Intervals a half decade without which a departure of the slope can hide between neighbours.
DENSITY = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class SmoothCurve:
    """A curve on log axes, warmest first, with its local slopes.

    Attributes
    ----------
    x, y:
        Logarithms of eps and of the values, shape (k,), one `STEP` or less apart; y is nan between
        temperatures too far apart.
    slope, low, high:
        Local slope and its interval, nan where the span reaches such a stretch.
    """

    x: FloatArray
    y: FloatArray
    slope: FloatArray
    low: FloatArray
    high: FloatArray

    def trend(self, first: int = 0, last: int | None = None) -> Trend:
        """Slope of least squares over the points first..last, and the interval of local slopes."""
        part = slice(first, len(self.x) if last is None else last + 1)
        x, y, low, high = (each[part] for each in (self.x, self.y, self.low, self.high))
        known, local = np.isfinite(y), np.isfinite(low)
        if known.sum() < 2 or not local.any():
            return Trend()
        return Trend(
            slope=fit(x[known], y[known]),
            low=float(low[local].min()),
            high=float(high[local].max()),
        )


def smooth(x: FloatArray, y: FloatArray) -> SmoothCurve:
    """The curve through points (x, y), x = log eps falling, at least two of them."""
    count = 1 + max(2, math.ceil((x[0] - x[-1]) / STEP - 1e-9))
    axis = np.linspace(x[0], x[-1], count)
    values = scipy.interpolate.PchipInterpolator(-x, y)(-axis)
    left = np.clip(np.searchsorted(-x, -axis, side="right") - 1, 0, len(x) - 2)
    values[(x[left] - x[left + 1]) > farthest()] = math.nan
    half = max(1, min(round(0.5 * SPAN / STEP), (count - 1) // 2))
    whole = _slopes(axis, values, 2 * half)
    parts = _slopes(axis, values, half)
    ends = np.stack([whole, parts[: len(whole)], parts[half:]])
    centre = np.clip(np.arange(count) - half, 0, len(whole) - 1)
    return SmoothCurve(
        x=axis,
        y=values,
        slope=whole[centre],
        low=ends.min(axis=0)[centre],
        high=ends.max(axis=0)[centre],
    )


def farthest() -> float:
    """The largest distance of neighbouring log temperatures between which slopes are judged."""
    return HALF_DECADE / DENSITY * (1 + 1e-9)


def _slopes(x: FloatArray, y: FloatArray, steps: int) -> FloatArray:
    """Least-squares slopes over every stretch of ``steps`` steps of an even axis."""
    weight = np.arange(steps + 1) - 0.5 * steps
    weight /= (weight @ weight) * (x[1] - x[0])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(y, steps + 1) @ weight)


def wide(x: FloatArray) -> bool:
    """Whether log temperatures, warmest first, span half a decade."""
    return bool(x[0] - x[-1] >= HALF_DECADE * (1 - 1e-9))


def coldest(x: FloatArray) -> BoolArray:
    """Which of them lie in the coldest half decade."""
    return np.asarray(x <= x[-1] + HALF_DECADE * (1 + 1e-9))


def longest_run(near: BoolArray, x: FloatArray) -> tuple[int, int] | None:
    """(first, last) of the widest run of true points of at least half a decade, or None."""
    found = [(first, end - 1) for first, end in runs(near) if wide(x[first:end])]
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
