"""Numerical range W(T) = {v*Tv : ‖v‖ = 1} and numerical radius, between two polygons.

Johnson (SIAM J. Numer. Anal. 15, 1978): in direction theta the range reaches as far as the largest
eigenvalue of the Hermitian part of exp(-i theta) T; all directions share the products with T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import ComplexArray, FloatArray, IntArray
from sinkdiag.numerics.batched import top_eigenvalues
from sinkdiag.resolvent.triangular import Matrix, Triangular
from sinkdiag.results import Status

# Relative distance of the bounds of the numerical radius.
WIDTH = 1e-5
# Supporting lines closer than this magnify rounding at their corner; it costs angle²/8 at most.
_NARROWEST = 2e-3
# Up to this order dense eigenvalues are quicker than Lanczos.
_DENSE = 120
_DIRECTIONS = 48


@dataclass(frozen=True, kw_only=True, eq=False)
class NumericalRange:
    """Corners of a polygon around W(T), closed, and bounds of the numerical radius."""

    corners: ComplexArray
    lower: float
    upper: float
    status: Status


def numerical_range(matrix: Triangular) -> NumericalRange:
    """W(T) from outside, and lower <= max |W(T)| <= upper to a relative 1e-5."""
    if matrix.size == 0:
        none = np.empty(0, np.complex128)
        return NumericalRange(corners=none, lower=0.0, upper=0.0, status=Status.CONVERGED)
    support = _Support(matrix)
    whole = 1.0 if matrix.mirrored else 2.0
    angles = np.linspace(0.0, whole * math.pi, int(whole * _DIRECTIONS / 2) + 1)
    reach = support.reach(angles)
    while True:
        lower = float(reach.max())
        sizes = np.abs(_corners(angles, reach))
        wide = (sizes > (1.0 + WIDTH) * lower) & (np.diff(angles) > _NARROWEST)
        open_ends = np.flatnonzero(wide)
        if not len(open_ends):
            break
        middles = 0.5 * (angles[open_ends] + angles[open_ends + 1])
        fresh = support.reach(middles)
        angles = np.insert(angles, open_ends + 1, middles)
        reach = np.insert(reach, open_ends + 1, fresh)
    corners = _corners(angles, reach)
    if matrix.mirrored:
        corners = np.concatenate([corners, corners[::-1].conj()])
    lower = max(lower, 0.0)
    status = Status.CONVERGED if support.converged else Status.MAX_ITER
    upper = max(float(sizes.max()), lower)
    return NumericalRange(corners=corners, lower=lower, upper=upper, status=status)


class _Support:
    """The support function of W(T)."""

    def __init__(self, matrix: Triangular) -> None:
        self.matrix = matrix
        self.dense = matrix.dense
        self.shift = _norm_bound(self.dense)
        self.departure = float(np.linalg.norm(matrix.strict))
        self.converged = True

    def reach(self, angles: FloatArray) -> FloatArray:
        """Largest eigenvalue of the Hermitian part of exp(-i theta) T at each angle."""
        turn = np.exp(-1j * angles)
        if self.departure <= 1e-13 * self.shift:
            # Normal to rounding: W is the convex hull of the eigenvalues.
            return np.asarray((turn[:, None] * self.matrix.eigenvalues).real.max(axis=1))
        if len(self.dense) <= _DENSE:
            return np.array([_largest(factor * self.dense) for factor in turn])
        return self._by_lanczos(turn)

    def _by_lanczos(self, turn: ComplexArray) -> FloatArray:
        """All directions share the products with T; the shift makes every operator semidefinite."""
        shift = self.shift

        def apply(which: IntArray, x: FloatArray) -> FloatArray:
            p = len(which)
            v = x[:, :p] + 1j * x[:, p:]
            if np.iscomplexobj(self.dense):
                forward, back = self.dense @ v, self.dense.conj().T @ v
            else:
                forward = _split_product(self.dense, x)
                back = _split_product(self.dense.T, x)
            image = 0.5 * (turn[which] * forward + turn[which].conj() * back) + shift * v
            return np.concatenate([image.real, image.imag], axis=1)

        tops = top_eigenvalues(apply, len(self.dense), len(turn), tol=1e-9, max_steps=400)
        self.converged = self.converged and bool(tops.converged.all())
        return tops.values - shift


def _largest(matrix: Matrix) -> float:
    return float(np.linalg.eigvalsh(0.5 * (matrix + matrix.conj().T))[-1])


def _split_product(matrix: Matrix, x: FloatArray) -> ComplexArray:
    product = matrix @ x
    p = x.shape[1] // 2
    return np.asarray(product[:, :p] + 1j * product[:, p:])


def _norm_bound(dense: Matrix) -> float:
    """sqrt(‖T‖_1 ‖T‖_inf) >= ‖T‖_2, so that every shifted Hermitian part is semidefinite."""
    size = np.abs(dense)
    return math.sqrt(float(size.sum(axis=0).max()) * float(size.sum(axis=1).max()))


def _corners(angles: FloatArray, reach: FloatArray) -> ComplexArray:
    """Where neighbouring supporting lines meet."""
    turn = np.diff(angles)
    along = (reach[1:] - reach[:-1] * np.cos(turn)) / np.sin(turn)
    return np.asarray(np.exp(1j * angles[:-1]) * (reach[:-1] + 1j * along))
