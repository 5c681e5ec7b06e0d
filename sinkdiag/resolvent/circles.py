"""The Kreiss constant from circles: few, each exact, where triangles would be too many.

The resolvent is analytic outside the spectrum, so that with N(r) = max over |z| = r of
‖(z-T)^{-1}‖ and spectral radius below 1 (Hadamard's three circles theorem)

    log N is a convex function of log r > 0,   and r N(r) falls.

Between two circles f = (r-1) N(r) is at most (r-1) times the geometric interpolation of N, beyond
the last at most r N(r), inside the first at most (r-1) N(1). N itself is found to a relative 1e-5
by level sets, as in Mitchell (SIAM J. Matrix Anal. Appl. 41, 2020): the points of the circle where
the norm exceeds a level are eigenvalues of a pencil of order 2n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sinkdiag.resolvent.radius import arcs_inside
from sinkdiag.resolvent.resolvent import Resolvent

# Largest order: every circle costs a few eigenvalue problems of twice the order.
MOST_ORDER = 64
_WIDTH = 1e-5
_ROUNDS = 30
_ANGLES = 64
_CIRCLES = 400
# The spectrum is too close to the unit circle for this method.
_CLOSEST = 1e-9


@dataclass(frozen=True, kw_only=True)
class Circle:
    """Bounds of N(r) on the circle of this radius, and the angle that attains the lower one."""

    radius: float
    lower: float
    upper: float
    angle: float

    @property
    def product(self) -> float:
        """The lower bound of (r-1) N(r)."""
        return (self.radius - 1.0) * self.lower


def circle_of(resolvent: Resolvent, radius: float) -> Circle:
    """N(r) between two bounds; the upper one is inf where the level sets do not close."""
    whole = 1.0 if resolvent.matrix.mirrored else 2.0
    angles = np.linspace(0.0, whole * math.pi, _ANGLES)
    best, angle = 0.0, 0.0
    for _ in range(_ROUNDS):
        found = resolvent.norms(radius * np.exp(1j * angles) - resolvent.matrix.origin)
        if not found.converged.all():
            break
        place = int(found.values.argmax())
        if found.values[place] > best:
            best, angle = float(found.values[place]), float(angles[place])
        level = 1.0 / (best * (1.0 + _WIDTH))
        arcs = arcs_inside(resolvent, level, radius)
        if not arcs:
            return Circle(radius=radius, lower=best, upper=1.0 / level, angle=angle)
        angles = np.array([middle for middle, _ in arcs])
    return Circle(radius=radius, lower=best, upper=math.inf, angle=angle)


def between(first: Circle, last: Circle) -> float:
    """An upper bound of (r-1) N(r) between two circles: log-concave in log r, so one maximum."""
    a, b = math.log(first.radius), math.log(last.radius)
    slope = (math.log(last.upper) - math.log(first.upper)) / (b - a)
    # d/dx log(e^x - 1) = 1/(1 - e^{-x}) = -slope at the maximum.
    top = -math.log1p(1.0 / slope) if slope < -1.0 else b
    x = min(max(top, a), b)
    return math.expm1(x) * math.exp(math.log(first.upper) + slope * (x - a))


def kreiss_from_circles(resolvent: Resolvent, best: float, width: float) -> tuple[Circle, float]:
    """The best circle, and an upper bound of K, at most 1 + ``width`` times K if all went well.

    ``best`` is a lower bound that is known already. T has spectral radius below 1.
    """
    one = circle_of(resolvent, 1.0)
    nearest = 0.5 * best / one.upper
    if not nearest > _CLOSEST:
        return one, math.inf
    circles = [circle_of(resolvent, 1.0 + nearest)]
    while circles[-1].radius * circles[-1].upper > best * (1.0 + width):
        if not math.isfinite(circles[-1].upper) or len(circles) > _CIRCLES:
            return circles[-1], math.inf
        circles.append(circle_of(resolvent, 1.0 + 2.0 * (circles[-1].radius - 1.0)))
        best = max(best, circles[-1].product)
    intervals = list(pairwise(circles))
    top = max(circles, key=lambda circle: circle.product)
    for _ in range(_CIRCLES):
        gamma = max(best, top.product) * (1.0 + width)
        intervals = [pair for pair in intervals if between(*pair) > gamma]
        if not intervals:
            return top, gamma
        first, last = max(intervals, key=lambda pair: between(*pair))
        middle = circle_of(resolvent, 1.0 + math.sqrt((first.radius - 1.0) * (last.radius - 1.0)))
        intervals.remove((first, last))
        intervals += [(first, middle), (middle, last)]
        top = max(top, middle, key=lambda circle: circle.product)
    return top, max(between(*pair) for pair in intervals)
