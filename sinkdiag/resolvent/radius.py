"""Pseudospectral radius: the largest |z| with ‖(z-T)^{-1}‖ >= 1/level, with a certificate.

Criss-cross after Mengi & Overton (IMA J. Numer. Anal. 25, 2005): look around a circle for points
that belong to the pseudospectrum, go outward from them to its boundary, repeat. They find the
points on a circle as eigenvalues of a matrix of order 2n; here the circle is a polygon whose edges
are certified one by one, because sigma_min(z-T)² - |z|² is concave in z (a minimum over unit v of
affine functions, ‖(z-T)v‖² - |z|²): along a segment it lies above its interpolation.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from sinkdiag.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.triangular import Triangular
from sinkdiag.results import Status

# Relative distance of lower and upper bound; the squared singular values are good to _TOL.
WIDTH = 1e-7
_TOL = 1e-10
_EDGES = 64
_ROUNDS = 40
_LIMIT = 1_500
# Largest order for which the circle is searched by eigenvalues of order 2n, and how far from the
# unit circle such an eigenvalue still counts (double ones are perturbed by the root of rounding).
_DENSE = 300
_UNIT = 1e-6
# A certificate no wider than this counts as converged.
LOOSEST = 1e-5
# How closely the end of a ray is found, relative to its radius; a sigma_min that counts as 0.
_RAY = 1e-13
_LEAST = 1e-300


@dataclass(frozen=True, kw_only=True)
class Radius:
    """Bounds lower <= rho_level(T) <= upper; ``point`` = (re, im) attains the lower one.

    ``status`` is ``max_iter`` when the certificate was not completed; ``upper`` is then inf.
    """

    level: float
    lower: float
    upper: float
    point: tuple[float, float]
    status: Status


def pseudospectral_radius(resolvent: Resolvent, level: float) -> Radius:
    """rho_level(T) = max{|z| : ‖(z-T)^{-1}‖ >= 1/level}, level > 0, to a relative 1e-7."""
    matrix = resolvent.matrix
    if matrix.size == 0:
        return _radius(level, math.nan, math.nan, math.nan, Status.CONVERGED)
    values = matrix.eigenvalues
    z = complex(values[np.argmax(np.abs(values))])
    if level <= matrix.floor:
        return _radius(level, math.nan, math.nan, math.nan, Status.BELOW_RESOLUTION)
    if matrix.diagonal:
        # Discs of radius level round the eigenvalues.
        far = (abs(z) + level) * (z / abs(z) if z else 1.0)
        point = (far.real, far.imag)
        return Radius(
            level=level, lower=abs(far), upper=abs(far), point=point, status=Status.CONVERGED
        )
    theta = math.atan2(abs(z.imag) if matrix.mirrored else z.imag, z.real)
    best, angle = abs(z), theta
    with contextlib.suppress(_UnknownError):
        best, angle = _climb(resolvent, level, best, angle, math.pi / _EDGES)
        for _ in range(_ROUNDS):
            width, found = _search(resolvent, level, best)
            if not found:
                status = Status.CONVERGED if width <= LOOSEST else Status.MAX_ITER
                return _radius(level, best, best * (1.0 + width), angle, status)
            best, angle = max(
                _climb(resolvent, level, best * (1.0 + WIDTH), theta, spread)
                for theta, spread in found
            )
    return _radius(level, best, math.inf, angle, Status.MAX_ITER)


def _search(
    resolvent: Resolvent, level: float, radius: float
) -> tuple[float, list[tuple[float, float]]]:
    """Points outside the circle of this radius that belong to the pseudospectrum, with a spacing.

    None are left when the circle wider by the first number (relative) is certified. The polygon
    needs few points unless sigma_min is much smaller than its distance of variation; then a small
    matrix goes to `arcs_inside`, and a large one to a wider circle.
    """
    found = _circle(resolvent, level, radius * (1.0 + WIDTH))
    if found is None and resolvent.matrix.size <= _DENSE:
        found = arcs_inside(resolvent, level, radius * (1.0 + WIDTH))
    if found is not None:
        return WIDTH, found
    for width in (1e-5, 1e-4, 1e-3, 1e-2):
        found = _circle(resolvent, level, radius * (1.0 + width))
        if found is not None:
            return width, found
    return math.inf, []


def arcs_inside(resolvent: Resolvent, level: float, radius: float) -> list[tuple[float, float]]:
    """Mengi & Overton's circular search: arcs of the circle inside the pseudospectrum.

    T - radius mu, |mu| = 1, has the singular value ``level`` where mu is an eigenvalue of
    [[T, -level], [0, radius]] - mu [[radius, 0], [-level, T*]].
    """
    from scipy.linalg import eigvals

    dense = resolvent.matrix.dense
    eye, zero = np.eye(len(dense)), np.zeros_like(dense)
    left = np.block([[dense, -level * eye], [zero, radius * eye]])
    right = np.block([[radius * eye, zero], [-level * eye, dense.conj().T]])
    with np.errstate(all="ignore"):
        mu = eigvals(left, right)
    mu = mu[np.isfinite(mu)]
    angles = np.sort(np.angle(mu[np.abs(np.abs(mu) - 1.0) < _UNIT]))
    if not len(angles):
        return []
    ends = np.append(angles, angles[0] + 2.0 * math.pi)
    middles, halves = 0.5 * (ends[1:] + ends[:-1]), 0.5 * np.diff(ends)
    sigma = _sigma(resolvent, radius * np.exp(1j * middles))
    return [
        (float(middle), float(half))
        for middle, half, value in zip(middles, halves, sigma, strict=True)
        if value < level and half > 0.0
    ]


def _radius(level: float, lower: float, upper: float, angle: float, status: Status) -> Radius:
    point = (lower * math.cos(angle), lower * math.sin(angle))
    return Radius(level=level, lower=lower, upper=upper, point=point, status=status)


class _UnknownError(Exception):
    """A norm did not converge: nothing more is learnt, and every further point takes as long."""


def _sigma(resolvent: Resolvent, z: ComplexArray) -> FloatArray:
    """The least singular value of z - T at points; `_UnknownError` where a norm is unconverged."""
    norms = resolvent.norms(z - resolvent.matrix.origin, tol=_TOL)
    # nan: below the floor of the matrix, and so below every level that is allowed.
    beyond = np.isnan(norms.values)
    if not (norms.converged | beyond).all():
        raise _UnknownError
    with np.errstate(divide="ignore"):
        return np.where(beyond, 0.0, 1.0 / norms.values)


def _climb(
    resolvent: Resolvent, level: float, radius: float, angle: float, spread: float
) -> tuple[float, float]:
    """Outward to the boundary, along the circle to the least sigma_min, outward again.

    The error of the radius is the square of the angle's, so few rounds settle it.
    """
    best = _outward(resolvent, level, radius, angle)
    for _ in range(6):
        turned = _valley(resolvent, best, angle, spread)
        reached = _outward(resolvent, level, best, turned)
        gain = reached - best
        if gain > 0.0:
            best, angle = reached, turned
        spread = max(0.25 * spread, 1e-7)
        if gain <= 1e-11 * best:
            break
    return best, angle


def _valley(resolvent: Resolvent, radius: float, angle: float, spread: float) -> float:
    """The angle of least sigma_min on the circle within ``spread`` of ``angle``.

    Nine angles at a time: they share every matrix product, which a search one by one would not.
    """
    for _ in range(5):
        angles = angle + spread * np.linspace(-1.0, 1.0, 9)
        sigma = _sigma(resolvent, radius * np.exp(1j * angles))
        place = int(np.argmin(sigma))
        angle = float(angles[place])
        if 0 < place < 8:
            left, middle, right = sigma[place - 1 : place + 2]
            bend = left - 2.0 * middle + right
            if bend > 0.0:
                angle += 0.125 * spread * (left - right) / bend
        spread *= 0.2
    return angle


def _outward(resolvent: Resolvent, level: float, start: float, angle: float) -> float:
    """The radius >= start where the ray at ``angle`` leaves the pseudospectrum; start if outside.

    Rays may leave and enter again: any point inside is a valid lower bound of the pseudospectral
    radius, so what is returned is the outermost point that was seen to be inside.
    """
    from scipy.optimize import brentq

    unit = complex(math.cos(angle), math.sin(angle))
    inside = start

    @cache
    def excess(radius: float) -> float:
        nonlocal inside
        sigma = float(_sigma(resolvent, np.array([radius * unit]))[0])
        value = math.log(max(sigma, _LEAST)) - math.log(level)
        if value <= 0.0:  # not sigma <= level: a search ends where the logarithms are equal
            inside = max(inside, radius)
        return value

    if excess(start) > 0.0:
        return start
    step = level
    while excess(start + step) <= 0.0:
        step *= 2.0
    # The bracket closes to this width with one end inside, one outside.
    brentq(excess, inside, start + step, xtol=_RAY * (start + step), rtol=_RAY)
    return inside


def _circle(resolvent: Resolvent, level: float, radius: float) -> list[tuple[float, float]] | None:
    """Certify that no pseudospectrum crosses the polygon on the circle of this radius.

    Returns
    -------
    Empty when certified (each component of the pseudospectrum has an eigenvalue, all are inside);
    otherwise angles on the circle inside the pseudospectrum, one for each run of them, each with
    the spacing of the points there; none when the limit on points was met first.
    """
    whole = 1.0 if resolvent.matrix.mirrored else 2.0
    angles = np.linspace(0.0, whole * math.pi, int(whole * _EDGES / 2) + 1)
    sigma = _sigma(resolvent, radius * np.exp(1j * angles))
    used = len(angles)
    outside = sigma > level
    edges = np.arange(len(angles) - 1)
    while outside.all():
        clear = _clear(resolvent.matrix, angles, sigma, edges=edges, level=level, radius=radius)
        edges = edges[~clear]
        if not len(edges):
            return []
        if used + 3 * len(edges) > _LIMIT or np.diff(angles)[edges].min() < 1e-13:
            return None
        shares = np.array([0.25, 0.5, 0.75])
        inner = angles[edges, None] + shares * (angles[edges + 1] - angles[edges])[:, None]
        fresh = _sigma(resolvent, radius * np.exp(1j * inner.ravel()))
        used += len(fresh)
        # Each open edge gives four; positions shift by the number of points inserted before.
        places = np.repeat(edges + 1, 3)
        angles = np.insert(angles, places, inner.ravel())
        sigma = np.insert(sigma, places, fresh)
        first = edges + 3 * np.arange(len(edges))
        edges = (first[:, None] + np.arange(4)).ravel()
        outside = sigma > level
    return _runs(angles, sigma, outside)


def _clear(
    matrix: Triangular,
    angles: FloatArray,
    sigma: FloatArray,
    *,
    edges: IntArray,
    level: float,
    radius: float,
) -> BoolArray:
    """Which edges are free of the pseudospectrum, and have no eigenvalue between them and the arc.

    On an edge of length d, sigma² >= (1-t) sigma_1² + t sigma_2² - t(1-t) d².
    """
    first, second = angles[edges], angles[edges + 1]
    d2 = (2.0 * radius * np.sin(0.5 * (second - first))) ** 2
    a, b = sigma[edges] ** 2, sigma[edges + 1] ** 2
    t = np.clip(0.5 * (1.0 + (a - b) / d2), 0.0, 1.0)
    least = (1.0 - t) * a + t * b - t * (1.0 - t) * d2
    values = matrix.eigenvalues
    size, turn = np.abs(values), np.mod(np.angle(values), 2.0 * math.pi)
    crowded = np.zeros(len(edges), dtype=bool)
    near = size > radius * math.cos(math.pi / _EDGES)
    for r, theta in zip(size[near], turn[near], strict=True):
        for angle in (theta, 2.0 * math.pi - theta if matrix.mirrored else theta):
            inside = (first <= angle) & (angle <= second)
            chord = radius * np.cos(0.5 * (second - first))
            crowded |= inside & (r * np.cos(angle - 0.5 * (first + second)) >= chord)
    return (least > level * level) & ~crowded


def _runs(angles: FloatArray, sigma: FloatArray, outside: BoolArray) -> list[tuple[float, float]]:
    """The least sigma of each run of points inside, with the distance to the neighbours."""
    found = []
    bounds = np.flatnonzero(np.diff(np.concatenate([[True], outside, [True]]).astype(np.int8)))
    gaps = np.diff(angles)
    for a, b in zip(bounds[::2], bounds[1::2], strict=True):
        place = a + int(np.argmin(sigma[a:b]))
        found.append((float(angles[place]), float(gaps[max(place - 1, 0) : place + 1].max())))
    return found
