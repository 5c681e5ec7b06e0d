"""Resolvent norms ‖(z-T)^{-1}‖_2 at many points z."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from sinkdiag.numerics.batched import MAX_STEPS, TOL, top_eigenvalues
from sinkdiag.progress import Progress, silent
from sinkdiag.resolvent.triangular import Matrix, Triangular, solve_down, solve_up

# Compression: a cluster whose neglect moves a resolvent norm by more than this share is not used.
_NEGLECT = 1e-8
# It pays when the order falls at least to this share.
_WORTH = 0.75
# Up to this order the inverse itself, and its 2-norm, is as quick as the iteration.
_DIRECT = 16
_DIRECT_ENTRIES = 65_536
# Largest s‖(z-T)^{-1}‖, relative to 1: its fourth power, which Lanczos forms, is still a number.
_LARGEST = 1e60


@dataclass(frozen=True, kw_only=True, eq=False)
class Norms:
    """Resolvent norms, and whether each met the tolerance (they are lower estimates)."""

    values: FloatArray
    converged: BoolArray

    @property
    def unconverged(self) -> int:
        """How many points did not meet the tolerance."""
        return int(np.count_nonzero(~self.converged))


@dataclass(frozen=True, kw_only=True, eq=False)
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
        return cls(
            matrix=matrix,
            small=small,
            neglected=neglected,
            departure=float(np.linalg.norm(matrix.strict)),
            seed=seed,
        )

    def norms(
        self,
        offsets: ComplexArray,
        *,
        tol: float = TOL,
        max_steps: int = MAX_STEPS,
        progress: Progress = silent,
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
        progress:
            Told of the finished points.
        """
        flat = np.asarray(offsets, dtype=np.complex128).ravel()
        keys = flat.real + 1j * np.abs(flat.imag) if self.matrix.mirrored else flat
        unique, back = np.unique(keys, return_inverse=True)
        values, converged = self._unique(unique, tol, max_steps, progress)
        limit = 1.0 / self.matrix.floor if self.matrix.floor > 0.0 else np.inf
        noise = (values > limit) & np.isfinite(values)
        values[noise] = np.nan
        converged[np.isnan(values)] = False
        shape = np.shape(offsets)
        return Norms(values=values[back].reshape(shape), converged=converged[back].reshape(shape))

    def _unique(
        self, offsets: ComplexArray, tol: float, max_steps: int, progress: Progress
    ) -> tuple[FloatArray, BoolArray]:
        values = np.zeros(len(offsets))
        converged = np.ones(len(offsets), dtype=bool)
        if self.matrix.size == 0:
            return values, converged
        nearest = _distances(self.matrix, offsets)
        with np.errstate(divide="ignore", over="ignore"):
            values[:] = 1.0 / nearest
        # sigma_min(z-T) differs from the distance to the spectrum by no more than ‖N‖.
        todo = np.flatnonzero(self.departure > min(_NEGLECT, tol) * nearest)
        todo = todo[nearest[todo] > 0.0]
        for matrix in (self.small, self.matrix):
            if matrix is None or not len(todo):
                continue
            columns = _Columns(matrix, offsets[todo])
            values[todo], converged[todo] = (
                columns.direct_norms(progress)
                if matrix.size <= _DIRECT
                else columns.norms(tol=tol, max_steps=max_steps, seed=self.seed, progress=progress)
            )
            if matrix is self.small:
                todo = todo[~(self.neglected * values[todo] <= min(_NEGLECT, tol))]
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
    found = replace(matrix, gaps=gaps, strict=strict)
    return found, float(tails[k])


def _distances(matrix: Triangular, offsets: ComplexArray) -> FloatArray:
    """Distance of each point to the nearest eigenvalue, in bounded memory."""
    nearest = np.empty(len(offsets))
    block = max(1, 1_000_000 // max(matrix.size, 1))
    for a in range(0, len(offsets), block):
        nearest[a : a + block] = np.abs(offsets[a : a + block, None] + matrix.gaps).min(axis=1)
    return nearest


class _Columns:
    """Inverse Lanczos on s² (z-T)^{-*}(z-T)^{-1}, a column a point; s = dist(z, spectrum).

    The scale s keeps points next to the spectrum in range. Inverted diagonals are kept while the
    batch is the same.
    """

    def __init__(self, matrix: Triangular, offsets: ComplexArray) -> None:
        self.matrix, self.offsets = matrix, offsets
        self.scale = _distances(matrix, offsets)
        self.limit = np.full(len(offsets), _LARGEST)
        if matrix.floor > 0.0:
            self.limit = np.minimum(self.scale / matrix.floor, _LARGEST)
        self.beyond = np.zeros(len(offsets), dtype=bool)
        self.which = np.empty(0, dtype=np.int64)
        self.inverse = np.empty((0, 0)), np.empty((0, 0))
        self.factor = np.empty(0)

    def norms(
        self, *, tol: float, max_steps: int, seed: int, progress: Progress
    ) -> tuple[FloatArray, BoolArray]:
        """‖(z-T)^{-1}‖ and whether it met the tolerance; nan where it is beyond resolution."""
        tops = top_eigenvalues(
            self.apply,
            self.matrix.size,
            len(self.offsets),
            tol=tol,
            max_steps=max_steps,
            seed=seed,
            progress=lambda done, total: progress("resolvent norms", done, total),
        )
        with np.errstate(over="ignore"):
            values = np.sqrt(np.maximum(tops.values, 1.0)) / self.scale
        values = np.where(self.beyond, np.nan, values)
        return values, tops.converged & ~np.isnan(values)

    def direct_norms(self, progress: Progress) -> tuple[FloatArray, BoolArray]:
        """As `norms`, by the inverses of all points, a batch of substitutions at a time."""
        n, count = self.matrix.size, len(self.offsets)
        values = np.empty(count)
        step = _DIRECT_ENTRIES // n**2
        for start in range(0, count, step):
            which = np.arange(start, min(start + step, count))
            p = len(which)
            # Column i p + j is the unit vector i, scaled, for point j.
            x = np.zeros((n, 2 * n * p))
            x[:, : n * p] = np.repeat(np.eye(n), p, axis=1) * np.tile(self.scale[which], n)
            diagonal = np.tile(1.0 / (self.matrix.gaps[:, None] + self.offsets[which]), n)
            with np.errstate(over="ignore", invalid="ignore"):
                solve_up(self.matrix, (diagonal.real.copy(), diagonal.imag.copy()), x)
            lost = ~(np.abs(x) <= _LARGEST).all(axis=0).reshape(2, n, p).all(axis=(0, 1))
            inverses = (x[:, : n * p] + 1j * x[:, n * p :]).reshape(n, n, p).transpose(2, 0, 1)
            inverses[lost] = 0.0
            norms = np.linalg.svd(inverses, compute_uv=False)[:, 0]
            lost |= norms > self.limit[which]
            values[which] = np.where(lost, np.nan, np.maximum(norms, 1.0) / self.scale[which])
            progress("resolvent norms", int(which[-1]) + 1, count)
        return values, ~np.isnan(values)

    def apply(self, which: IntArray, x: FloatArray) -> FloatArray:
        """s² (z-T)^{-*}(z-T)^{-1} x for unit columns x.

        s‖(z-T)^{-1} x‖ is a lower bound of what is looked for: where it is above ``limit`` the norm
        is beyond resolution (and long Jordan chains next to their eigenvalue would overflow). There
        x is multiplied by a number so large that the iteration takes it for an eigenvector, and
        ends.
        """
        p = len(which)
        with np.errstate(over="ignore", invalid="ignore"):
            self._refresh(which)
            y = x * self.factor
            solve_up(self.matrix, self.inverse, y)
            squares = np.einsum("ij,ij->j", y, y)
            lost = ~(squares[:p] + squares[p:] <= self.limit[which] ** 2)
        if lost.any():
            self.beyond[which[lost]] = True
            both = np.concatenate([lost, lost])
            y[:, both] = 0.0
        y *= self.factor
        solve_down(self.matrix, self.inverse, y)
        if lost.any():
            y[:, both] = _LARGEST**2 * x[:, both]
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
