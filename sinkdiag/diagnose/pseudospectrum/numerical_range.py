"""Numerical range W(T) = {v*Tv : ‖v‖ = 1} and numerical radius, between two polygons.

Johnson (SIAM J. Numer. Anal. 15, 1978): in direction theta the range reaches as far as the largest
eigenvalue of the Hermitian part of exp(-i theta) T; all directions share the products with T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.diagnose.pseudospectrum.lanczos import IntArray, top_eigenvalues
from sinkdiag.diagnose.pseudospectrum.triangular import ComplexArray, Matrix, Triangular
from sinkdiag.problem import FloatArray
from sinkdiag.results import Status

# Relative distance of the bounds of the numerical radius.
WIDTH = 1e-6
_DIRECTIONS = 48
_LIMIT = 6_000


@dataclass(frozen=True, eq=False)
class NumericalRange:
    """Corners of a polygon around W(T), closed, and bounds of the numerical radius."""

    corners: ComplexArray
    lower: float
    upper: float
    status: Status


def numerical_range(matrix: Triangular) -> NumericalRange:
    """W(T) from outside, and lower <= max |W(T)| <= upper to a relative 1e-6."""
    if matrix.size == 0:
        return NumericalRange(np.empty(0, np.complex128), 0.0, 0.0, Status.CONVERGED)
    support = _Support(matrix)
    whole = 1.0 if matrix.mirrored else 2.0
    angles = np.linspace(0.0, whole * math.pi, int(whole * _DIRECTIONS / 2) + 1)
    reach = support.reach(angles)
    status = Status.CONVERGED
    while True:
        lower = float(reach.max())
        sizes = _corner_sizes(angles, reach)
        # The support function is known to rounding of the size of T only.
        allowed = (1.0 + WIDTH) * lower + 1e-10 * support.size
        open_ends = np.flatnonzero(sizes > allowed)
        if not len(open_ends):
            break
        if len(angles) + len(open_ends) > _LIMIT:
            status = Status.MAX_ITER
            break
        middles = 0.5 * (angles[open_ends] + angles[open_ends + 1])
        fresh = support.reach(middles)
        angles = np.insert(angles, open_ends + 1, middles)
        reach = np.insert(reach, open_ends + 1, fresh)
    corners = _corners(angles, reach)
    if matrix.mirrored:
        corners = np.concatenate([corners, corners[::-1].conj()])
    lower = max(lower, 0.0)
    return NumericalRange(corners, lower, max(float(sizes.max()), lower), status)


class _Support:
    """The support function of W(T), by Lanczos on shifted Hermitian parts."""

    def __init__(self, matrix: Triangular) -> None:
        self.dense = matrix.dense
        self.size = float(np.linalg.norm(self.dense))

    def reach(self, angles: FloatArray) -> FloatArray:
        """Largest eigenvalue of the Hermitian part of exp(-i theta) T at each angle."""
        if self.size == 0.0:
            return np.zeros(len(angles))
        shift = _norm_bound(self.dense)
        turn = np.exp(-1j * angles)

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

        tops = top_eigenvalues(apply, len(self.dense), len(angles), tol=1e-10)
        return tops.values - shift


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


def _corner_sizes(angles: FloatArray, reach: FloatArray) -> FloatArray:
    return np.abs(_corners(angles, reach))
