"""The one form all resolvent norms are computed in: an upper triangular matrix, shifted.

A Jacobian in a norm is unitarily similar to T = R Λ R^{-1}; any square matrix to its Schur factor.
Diagonals are kept as gaps ``origin - λ``, so that z - λ = (z - origin) + gap loses nothing when
eigenvalues crowd at the origin (z = 1 for a Jacobian that is nearly frozen).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinkdiag.arrays import ComplexArray, FloatArray
from sinkdiag.resolvent.kernels import substitute_down, substitute_up

# Real or complex.
Matrix = NDArray[Any]

LEAF = 24
_SCHUR_ERROR = 4.0 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Triangular:
    """T = origin - diag(gaps) + N, N strictly upper triangular.

    Attributes
    ----------
    origin:
        The point that offsets w = z - origin are counted from.
    gaps:
        origin - λ_k, shape (n,), real or complex.
    strict:
        N, shape (n, n), real or complex; its diagonal and lower triangle are zero.
    mirrored:
        Whether the matrix is real up to unitary similarity: ‖(z-T)^{-1}‖ = ‖(z̄-T)^{-1}‖.
    floor:
        sigma_min(z-T) below this is rounding of the decomposition that gave T, not a number.
    """

    origin: float
    gaps: Matrix
    strict: Matrix
    mirrored: bool
    floor: float = 0.0

    @property
    def size(self) -> int:
        """The order n."""
        return len(self.gaps)

    @property
    def eigenvalues(self) -> ComplexArray:
        """λ_k = origin - gaps, complex."""
        return np.asarray(self.origin - self.gaps, dtype=np.complex128)

    @property
    def diagonal(self) -> bool:
        """Whether N is exactly zero: the resolvent norm is 1/dist."""
        return not self.strict.any()

    @cached_property
    def dense(self) -> Matrix:
        """T as a full array."""
        return self.strict + np.diag(self.origin - self.gaps)

    @cached_property
    def parts(self) -> tuple[FloatArray, FloatArray]:
        """Real and imaginary part of N; the second is empty for a real N."""
        real = np.ascontiguousarray(self.strict.real)
        if np.iscomplexobj(self.strict):
            return real, np.ascontiguousarray(self.strict.imag)
        return real, np.empty((0, 0))


def from_factor(factor: FloatArray, gaps: FloatArray, origin: float = 1.0) -> Triangular:
    """T = R Λ R^{-1} from the real triangular factor R of the eigenvectors and the gaps.

    Parameters
    ----------
    factor:
        R, shape (n, n), upper triangular, non-singular: E'GE = R'R for eigenvectors E, metric G.
    gaps:
        origin - λ_k, shape (n,).
    origin:
        Where the gaps are counted from.
    """
    from scipy.linalg import solve_triangular

    size = len(gaps)
    if size == 0:
        return Triangular(origin=origin, gaps=gaps, strict=np.zeros((0, 0)), mirrored=True)
    # R (-gaps) R^{-1}: the transposed solve keeps the graded rows of a nearly frozen spectrum.
    product = solve_triangular(factor, (factor * -gaps).T, trans="T", lower=False).T
    strict = np.triu(product, 1)
    return Triangular(
        origin=origin, gaps=np.asarray(gaps, dtype=np.float64), strict=strict, mirrored=True
    )


def from_matrix(matrix: Matrix, origin: float = 0.0) -> tuple[Triangular, Matrix]:
    """The Schur form Z*AZ of a square matrix (real when all eigenvalues are), and the unitary Z."""
    from scipy.linalg import schur

    if len(matrix) == 0:
        return from_factor(np.zeros((0, 0)), np.zeros(0), origin), np.zeros((0, 0))
    real = not np.iscomplexobj(matrix)
    factor, rotation = schur(matrix, output="real" if real else "complex")
    if real and np.diag(factor, -1).any():
        factor, rotation = schur(matrix, output="complex")
    strict = np.triu(factor, 1)
    # The backward error of the Schur form: a few units of rounding of ‖A‖.
    floor = _SCHUR_ERROR * float(np.linalg.norm(factor))
    triangle = Triangular(
        origin=origin,
        gaps=origin - np.diag(factor),
        strict=strict,
        mirrored=real,
        floor=floor,
    )
    return triangle, rotation


def solve_up(matrix: Triangular, inverse: tuple[FloatArray, FloatArray], x: FloatArray) -> None:
    """x_j <- (z_j - T)^{-1} x_j for a split batch (n, 2p), in place.

    ``inverse`` holds real and imaginary part of 1/(z_j - λ_i), each (n, p). Halving the triangle
    leaves almost all work to matrix products that the columns share.
    """
    _up(matrix, inverse, x, 0, matrix.size)


def _up(
    matrix: Triangular, inverse: tuple[FloatArray, FloatArray], x: FloatArray, a: int, b: int
) -> None:
    if b - a <= LEAF:
        substitute_up(*matrix.parts, *inverse, a, b, x)
        return
    middle = (a + b) // 2
    _up(matrix, inverse, x, middle, b)
    real, imag = matrix.parts
    x[a:middle] += real[a:middle, middle:b] @ x[middle:b]
    if len(imag):
        p = x.shape[1] // 2
        turned = imag[a:middle, middle:b] @ x[middle:b]
        x[a:middle, :p] -= turned[:, p:]
        x[a:middle, p:] += turned[:, :p]
    _up(matrix, inverse, x, a, middle)


def solve_down(matrix: Triangular, inverse: tuple[FloatArray, FloatArray], x: FloatArray) -> None:
    """x_j <- (z_j - T)^{-*} x_j (conjugate transpose), in place; otherwise as `solve_up`."""
    _down(matrix, inverse, x, 0, matrix.size)


def _down(
    matrix: Triangular, inverse: tuple[FloatArray, FloatArray], x: FloatArray, a: int, b: int
) -> None:
    if b - a <= LEAF:
        substitute_down(*matrix.parts, *inverse, a, b, x)
        return
    middle = (a + b) // 2
    _down(matrix, inverse, x, a, middle)
    real, imag = matrix.parts
    x[middle:b] += real[a:middle, middle:b].T @ x[a:middle]
    if len(imag):
        p = x.shape[1] // 2
        turned = imag[a:middle, middle:b].T @ x[a:middle]
        x[middle:b, :p] += turned[:, p:]
        x[middle:b, p:] -= turned[:, :p]
    _down(matrix, inverse, x, middle, b)
