"""Kreiss constant K(T) = sup over |z| > 1 of (|z| - 1) ‖(z-T)^{-1}‖, between two bounds.

K <= sup_k ‖T^k‖ <= e n K (Trefethen & Embree, *Spectra and Pseudospectra*, 2005, chapter 18). The
lower bound is the best value seen. The upper bound gamma is proved on triangles that cover the
exterior of the unit disc, out to where the numerical range takes over:

    h(z) = gamma² sigma_min(z-T)² - (|z| - 1)² >= 0

With c any point, sigma² - |z-c|² is concave and so lies above its interpolation u -> L(u) between
the corners, and |z| lies above its tangent at c. For u = z - c in the triangle, gamma >= 1,

    h >= gamma² L(u) - (|c| - 1)² - 2 (|c| - 1) Re(c̄u)/|c|,

which is affine in u: it is enough to check the three corners. The bound is exact to second order
in the size of the triangle, so the triangles that are needed shrink only with sigma_min.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sinkdiag.arrays import ComplexArray, FloatArray
from sinkdiag.numerics.norms import operator_norm
from sinkdiag.resolvent.circles import MOST_ORDER, kreiss_from_circles
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.unimodular import Boundary, boundary_of, outside
from sinkdiag.results import Status

# Upper over lower bound, less 1.
WIDTH = 1e-3
_TOL = 1e-9
_SECTORS = 12
_GROWTH = 1.6
# Most resolvent norms: this many for small matrices, fewer as their cost grows with n².
_LIMIT = (30_000, 3_000_000, 4e9)
# Where circles are the other way: triangles give in after this many.
_BEFORE_CIRCLES = 150_000
# ‖T‖ above 1 by no more than this, or by the floor of T, is a contraction.
_CONTRACTION = 1e-14
_CLOSEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class Kreiss:
    """lower <= K <= upper; ``point`` = (re, im) attains the lower bound: inf when it is the
    limit there, an eigenvalue on the unit circle when it is the radial limit ‖P‖ at it.

    ``status`` is ``max_iter`` when the bounds did not come within 1e-3 of each other.
    """

    lower: float
    upper: float
    point: tuple[float, float]
    status: Status


def kreiss_constant(
    resolvent: Resolvent, numerical_radius: float, limit: int | None = None
) -> Kreiss:
    """K(T) with bounds within a relative 1e-3; inf where powers are unbounded.

    Eigenvalues on the unit circle are told with the tolerances of `sinkdiag.resolvent.unimodular`:
    modulus 1 to 1e-12 (or 1000 times the floor of T), one eigenvalue where they agree to 1e-7,
    semi-simple where nothing above 1e-9 couples them.

    Parameters
    ----------
    resolvent:
        That of T.
    numerical_radius:
        An upper bound of max |W(T)|; if it is at most 1, K = 1, approached as z -> inf.
    limit:
        The most resolvent norms to compute, by default fewer for larger T, and circles after them
        where the spectral radius is below 1 and the order small.
    """
    matrix = resolvent.matrix
    one = Kreiss(lower=1.0, upper=1.0, point=(math.inf, 0.0), status=Status.CONVERGED)
    if matrix.size == 0 or numerical_radius <= 1.0:
        return one
    boundary = boundary_of(matrix)
    if not boundary.bounded:
        values = matrix.eigenvalues
        z = complex(values[np.argmax(np.abs(values))])
        return replace(one, lower=math.inf, upper=math.inf, point=(z.real, z.imag))
    if operator_norm(matrix.dense) <= 1.0 + max(_CONTRACTION, matrix.floor):
        return one
    by_circles = limit is None and matrix.size <= MOST_ORDER and not boundary.touched
    if limit is None:
        limit = int(min(max(_LIMIT[0], _LIMIT[2] / matrix.size**2), _LIMIT[1]))
        limit = min(limit, _BEFORE_CIRCLES) if by_circles else limit
    search = _Search(resolvent, numerical_radius, boundary, limit)
    search.run()
    if search.open and by_circles:
        search.close_by_circles()
    status = Status.MAX_ITER if search.open else Status.CONVERGED
    point = (search.where.real, search.where.imag)
    return Kreiss(lower=search.best, upper=search.upper, point=point, status=status)


class _Search:
    """Triangles still to be proved, and what has been seen so far.

    Corners are offsets w = z - origin, shape (count, 3), with sigma_min at each.
    """

    def __init__(
        self, resolvent: Resolvent, numerical_radius: float, boundary: Boundary, limit: int
    ) -> None:
        self.resolvent, self.numerical_radius, self.limit = resolvent, numerical_radius, limit
        self.boundary = boundary
        self.best, self.where = 1.0, complex(math.inf, 0.0)
        for disc in boundary.discs:
            if disc.limit and disc.projector > self.best:
                self.best, self.where = disc.projector, disc.centre + resolvent.matrix.origin
        self.upper = math.inf
        self.used = 0
        # Closer to an eigenvalue on the circle, its rounding would be in the values of f.
        self.closest = _CLOSEST if boundary.touched else 0.0

    def run(self) -> None:
        """Bisect the triangles that are not proved, until none is left or the limit is met."""
        self._probe()
        if not self.boundary.complete:
            return
        corners = self._cover()
        sigma = self._sigma(corners)
        while len(corners):
            gamma = self.best * (1.0 + 0.9 * WIDTH)
            needed = self._needed(corners, sigma, gamma)
            failing = ~(needed <= gamma)
            corners, sigma, needed = corners[failing], sigma[failing], needed[failing]
            if self.used + len(corners) > self.limit:
                self.upper = max(gamma, float(needed.max()))
                return
            corners, sigma = self._bisect(corners, sigma)
        self.upper = self.best * (1.0 + 0.9 * WIDTH)

    @property
    def open(self) -> bool:
        """Whether the bounds are still further apart than `WIDTH`."""
        return not self.upper <= (1.0 + WIDTH) * self.best

    def close_by_circles(self) -> None:
        """Both bounds from circles, where those are better."""
        circle, upper = kreiss_from_circles(self.resolvent, self.best, 0.9 * WIDTH)
        if circle.product > self.best:
            self.best, self.where = circle.product, cmath.rect(circle.radius, circle.angle)
        self.upper = min(self.upper, upper)

    def _probe(self) -> None:
        """Look along rays, geometrically in |z| - 1, for a first lower bound."""
        angles = np.linspace(0.0, math.pi if self.resolvent.matrix.mirrored else 2 * math.pi, 25)
        matrix = self.resolvent.matrix
        closest = float(-outside(-matrix.gaps, matrix.origin).max())
        closest = max(closest, 10.0 * self.closest, 1e-300)
        steps = np.geomspace(0.1 * closest, 10.0, 30)
        self._sigma(self._polar(angles[:, None], steps[None, :]))

    def _polar(self, angles: FloatArray, outward: FloatArray) -> ComplexArray:
        """Offsets w of z = (1 + outward) exp(i angle), accurate next to z = 1."""
        half = np.sin(0.5 * angles)
        turned = -2.0 * half * half + 1j * np.sin(angles)
        return np.asarray(turned + outward * (1.0 + turned) + (1.0 - self.resolvent.matrix.origin))

    def _sigma(self, corners: ComplexArray) -> FloatArray:
        """sigma_min at the corners, each distinct one computed once; keeps the best value of f."""
        norms = self.resolvent.norms(corners, tol=_TOL)
        self.used += corners.size
        height = outside(corners, self.resolvent.matrix.origin)
        with np.errstate(invalid="ignore"):
            f = np.where(height > self.closest, height * norms.values, 0.0)
        f = np.where(np.isnan(f), 0.0, f)
        place = np.unravel_index(int(f.argmax()), f.shape)
        if f[place] > self.best:
            self.best = float(f[place])
            self.where = complex(corners[place]) + self.resolvent.matrix.origin
        with np.errstate(divide="ignore"):
            return np.where(norms.converged, 1.0 / norms.values, 0.0)

    def _cover(self) -> ComplexArray:
        """Triangles that cover 1 <= |z| <= outer; beyond, f <= (|z|-1)/(|z|-w) <= gamma."""
        gamma = self.best * (1.0 + 0.9 * WIDTH)
        outer = max(1.0 + gamma * (self.numerical_radius - 1.0) / (gamma - 1.0), 1.1)
        whole = 1.0 if self.resolvent.matrix.mirrored else 2.0
        count = int(whole * _SECTORS)
        angles = np.linspace(0.0, whole * math.pi, count + 1)
        # The polygon through the outermost corners must contain the circle of radius ``outer``.
        last = outer / math.cos(0.5 * whole * math.pi / count)
        rings = max(2, math.ceil(math.log(last) / math.log(_GROWTH)) + 1)
        radii = np.geomspace(1.0, last, rings)
        grid = self._polar(angles[:, None], (radii - 1.0)[None, :])
        a, b = grid[:-1, :-1].ravel(), grid[1:, :-1].ravel()
        c, d = grid[:-1, 1:].ravel(), grid[1:, 1:].ravel()
        return np.concatenate([np.stack([a, b, c], 1), np.stack([b, c, d], 1)])

    def _needed(self, corners: ComplexArray, sigma: FloatArray, gamma: float) -> FloatArray:
        """The least gamma each triangle would pass with; inf if its corners are too far apart."""
        rows = np.arange(len(corners))
        longest = _longest(corners)
        first, second = corners[rows, longest], corners[rows, (longest + 1) % 3]
        centre = 0.5 * (first + second)
        origin = self.resolvent.matrix.origin
        height = outside(centre, origin)[:, None]
        point = origin + centre
        direction = point / np.abs(point)
        u = corners - centre[:, None]
        numerator = height**2 + 2.0 * height * (direction.conj()[:, None] * u).real
        room = sigma**2 - np.abs(u) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            squared = np.where(numerator <= gamma**2 * np.minimum(room, 0.0), 0.0, numerator / room)
            squared = np.where((room <= 0.0) & (squared != 0.0), np.inf, squared)
        needed = np.sqrt(np.maximum(squared, 0.0)).max(axis=1)
        inside_disc = np.zeros(len(corners), dtype=bool)
        for disc in self.boundary.discs:
            inside_disc |= (np.abs(corners - disc.centre) <= disc.radius(gamma)).all(axis=1)
        below_circle = (outside(corners, origin) <= 0.0).all(axis=1)
        return np.where(inside_disc | below_circle, 1.0, np.maximum(needed, 1.0))

    def _bisect(self, corners: ComplexArray, sigma: FloatArray) -> tuple[ComplexArray, FloatArray]:
        """Halve each triangle at the middle of its longest side."""
        rows = np.arange(len(corners))
        i = _longest(corners)
        j, k = (i + 1) % 3, (i + 2) % 3
        a, b, c = corners[rows, i], corners[rows, j], corners[rows, k]
        middle = 0.5 * (a + b)
        at = self._sigma(middle) if len(middle) else np.empty(0)
        sa, sb, sc = sigma[rows, i], sigma[rows, j], sigma[rows, k]
        halves = np.concatenate([np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)])
        values = np.concatenate([np.stack([sa, at, sc], 1), np.stack([at, sb, sc], 1)])
        return halves, values


def _longest(corners: ComplexArray) -> NDArray[np.int64]:
    """Index i such that the side from corner i to corner i + 1 is the longest."""
    return np.argmax(np.abs(corners - np.roll(corners, -1, axis=1)), axis=1)
