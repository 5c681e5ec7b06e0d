"""Resolvent norms ‖(z-T)^{-1}‖_2 at many points z."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sinkdiag.arrays import ComplexArray, FloatArray, IntArray
from sinkdiag.numerics.batched import MAX_STEPS, TOL, top_eigenvalues
from sinkdiag.resolvent.triangular import Matrix, Triangular, solve_down, solve_up

# Compression: a cluster whose neglect moves a resolvent norm by more than this share is not used.
_NEGLECT = 1e-8
# It pays when the order falls at least to this share.
_WORTH = 0.75


@dataclass(frozen=True, eq=False)
class Norms:
    """Resolvent norms, and whether each met the tolerance (they are lower estimates)."""

    values: FloatArray
    converged: NDArray[np.bool_]

    @property
    def unconverged(self) -> int:
        """How many points did not meet the tolerance."""
        return int(np.count_nonzero(~self.converged))


@dataclass(frozen=True, eq=False)
class Resolvent:
    """(z-T)^{-1} for one T, with a smaller stand-in where that is certified to be enough.

    ``small`` has the resolvent norm of a matrix at distance ``neglected`` from T, so that the norm
    at z differs by at most the factor 1/(1 - neglected ‖(z-T)^{-1}‖). ``departure`` is Henrici's,
    ‖N‖_F; ``seed`` that of the iterations' first vectors.
    """

    matrix: Triangular
    small: Triangular | None
    neglected: float
    departure: float
    seed: int = 0

    @classmethod
    def of(cls, matrix: Triangular, *, seed: int = 0) -> Resolvent:
        """Compress the trailing cluster of T when that pays."""
        small, neglected = compress(matrix)
        return cls(matrix, small, neglected, float(np.linalg.norm(matrix.strict)), seed)

    def norms(
        self,
        offsets: ComplexArray,
        *,
        tol: float = TOL,
        max_steps: int = MAX_STEPS,
        tell: Callable[[int, int], None] | None = None,
    ) -> Norms:
        """‖(z-T)^{-1}‖ at z = origin + offsets; inf on an eigenvalue, 0 for an empty matrix.

        nan, not converged, where sigma_min is below the matrix's floor.

        Parameters
        ----------
        offsets:
            w = z - origin, any shape.
        tol:
            Relative error of the squared norm.
        max_steps:
            Limit on Lanczos steps at a point.
        tell:
            Called with the number of finished points and their total.
        """
        flat = np.asarray(offsets, dtype=np.complex128).ravel()
        keys = flat.real + 1j * np.abs(flat.imag) if self.matrix.mirrored else flat
        unique, back = np.unique(keys, return_inverse=True)
        values, converged = self._unique(unique, tol, max_steps, tell)
        limit = 1.0 / self.matrix.floor if self.matrix.floor > 0.0 else np.inf
        noise = (values > limit) & np.isfinite(values)
        values[noise], converged[noise] = np.nan, False
        shape = np.shape(offsets)
        return Norms(values[back].reshape(shape), converged[back].reshape(shape))

    def _unique(
        self,
        offsets: ComplexArray,
        tol: float,
        max_steps: int,
        tell: Callable[[int, int], None] | None,
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        values = np.zeros(len(offsets))
        converged = np.ones(len(offsets), dtype=bool)
        if self.matrix.size == 0:
            return values, converged
        nearest = _distances(self.matrix, offsets)
        with np.errstate(divide="ignore"):
            values[:] = 1.0 / nearest
        # sigma_min(z-T) differs from the distance to the spectrum by no more than ‖N‖.
        todo = np.flatnonzero(self.departure > min(_NEGLECT, tol) * nearest)
        todo = todo[nearest[todo] > 0.0]
        if self.small is not None:
            values[todo], converged[todo] = _lanczos(
                self.small, offsets[todo], tol, max_steps, self.seed, tell
            )
            todo = todo[~(self.neglected * values[todo] <= min(_NEGLECT, tol))]
        if len(todo):
            values[todo], converged[todo] = _lanczos(
                self.matrix, offsets[todo], tol, max_steps, self.seed, tell
            )
        return values, converged


def compress(matrix: Triangular) -> tuple[Triangular | None, float]:
    """A smaller matrix with the same resolvent norms but for a neglected trailing block.

    With T = [[A, B], [0, c + D]], A of order k and D small, dropping D leaves c times the identity
    below: rotating its basis by the QR factors of B* moves B into its first k columns, and the rest
    splits off as eigenvalues c. The norm is that of the leading block of order 2k. Eigenvalues of
    plans at high temperature crowd at 0, which makes k small.

    Returns
    -------
    small, neglected:
        The matrix of order 2k (none when it would not be much smaller), and ‖D‖_F.
    """
    n = matrix.size
    if n < 32 or matrix.diagonal:
        return None, 0.0
    centre = matrix.gaps[-1]
    shifted = matrix.strict - np.diag(matrix.gaps - centre)
    tails = np.sqrt(np.cumsum(np.sum(np.abs(shifted[::-1]) ** 2, axis=1)))[::-1]
    # tails[k] bounds ‖D‖_F for the trailing block that begins at row k.
    small = np.flatnonzero(tails <= _NEGLECT * 1e-3 * max(tails[0], 1e-300))
    k = int(small[0]) if len(small) else n
    if k == 0 or 2 * k > _WORTH * n:
        return None, 0.0
    corner = np.asarray(np.linalg.qr(matrix.strict[:k, k:].conj().T, mode="r")).conj().T
    strict: Matrix = np.zeros((2 * k, 2 * k), dtype=matrix.strict.dtype)
    strict[:k, :k] = matrix.strict[:k, :k]
    strict[:k, k:] = corner
    gaps = np.concatenate([matrix.gaps[:k], np.full(k, centre)])
    return Triangular(matrix.origin, gaps, strict, matrix.mirrored), float(tails[k])


def _distances(matrix: Triangular, offsets: ComplexArray) -> FloatArray:
    """Distance of each point to the nearest eigenvalue, in bounded memory."""
    nearest = np.empty(len(offsets))
    block = max(1, 1_000_000 // max(matrix.size, 1))
    for a in range(0, len(offsets), block):
        nearest[a : a + block] = np.abs(offsets[a : a + block, None] + matrix.gaps).min(axis=1)
    return nearest


def _lanczos(
    matrix: Triangular,
    offsets: ComplexArray,
    tol: float,
    max_steps: int,
    seed: int,
    tell: Callable[[int, int], None] | None,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Inverse Lanczos on s² (z-T)^{-*}(z-T)^{-1}, s = dist(z, spectrum): no overflow near it."""
    scale = _distances(matrix, offsets)
    operator = _Operator(matrix, offsets, scale)
    tops = top_eigenvalues(
        operator.apply,
        matrix.size,
        len(offsets),
        tol=tol,
        max_steps=max_steps,
        seed=seed,
        progress=tell,
    )
    with np.errstate(over="ignore"):
        values = np.sqrt(np.maximum(tops.values, 1.0)) / scale
    return values, tops.converged


class _Operator:
    """The operator of each column; inverted diagonals are kept while the batch is the same."""

    def __init__(self, matrix: Triangular, offsets: ComplexArray, scale: FloatArray) -> None:
        self.matrix, self.offsets, self.scale = matrix, offsets, scale
        self.which = np.empty(0, dtype=np.int64)
        self.inverse = np.empty((0, 0)), np.empty((0, 0))
        self.factor = np.empty(0)

    def apply(self, which: IntArray, x: FloatArray) -> FloatArray:
        """s² (z-T)^{-*}(z-T)^{-1} x, column by column."""
        self._refresh(which)
        y = x * self.factor
        solve_up(self.matrix, self.inverse, y)
        y *= self.factor
        solve_down(self.matrix, self.inverse, y)
        return y

    def _refresh(self, which: IntArray) -> None:
        if len(which) == len(self.which):
            changed = np.flatnonzero(which != self.which)
            if not len(changed):
                return
        else:
            changed = np.arange(len(which))
            shape = (self.matrix.size, len(which))
            self.inverse = np.empty(shape), np.empty(shape)
            self.factor = np.empty(2 * len(which))
        names = which[changed]
        inverse = 1.0 / (self.matrix.gaps[:, None] + self.offsets[names])
        self.inverse[0][:, changed] = inverse.real
        self.inverse[1][:, changed] = inverse.imag
        self.factor[changed] = self.factor[len(which) + changed] = self.scale[names]
        self.which = which.copy()
