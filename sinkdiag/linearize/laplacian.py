"""The Schur complement L = diag(c) - P' diag(1/r) P as a weighted graph Laplacian, without
subtractions.

Its off-diagonal weights are sums of positive numbers and its diagonal is their sum, so the
elimination of Grassmann, Taksar and Heyman (GTH) factors it with entrywise relative accuracy
however small the weights are. The plain form loses every digit once the gap reaches 1e-15.

Sources: Grassmann, Taksar & Heyman, *Operations Research* 33 (1985); O'Cinneide, *Numer. Math.*
65 (1993), for the entrywise bound; Demmel et al., *Linear Algebra Appl.* 299 (1999), for singular
values of a product of a well-conditioned and a diagonal matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sinkdiag.problem import FloatArray
from sinkdiag.results import Status

# A gap below this is resolved, but sweeps no longer move double-precision potentials.
FROZEN_GAP = 1e-14
# Pivots below this have lost digits, or whole terms, to underflow.
SMALLEST_PIVOT = 1e-290
# The inverse operator is diagonalised to this residual, relative to its norm.
_RITZ_TOL = 1e-12
_RITZ_STEPS = 400
_ORTHOGONAL_TOL = 1e-9
# Nodes that are eliminated one by one before the rest is updated by a matrix product.
ELIMINATION_BLOCK = 48


@dataclass(frozen=True, eq=False)
class LaplacianFactor:
    """diag(W1) - W = T' diag(pivots) T with T unit lower triangular, its rows summing to 0.

    Attributes
    ----------
    lower:
        T, shape (m, m). T and its inverse have entries of at most 1 in size (the inverse holds
        hitting probabilities), so T is well conditioned in any order of elimination.
    pivots:
        Shape (m,), positive except for one 0 a component of the graph; the first is always 0.
    """

    lower: FloatArray
    pivots: FloatArray

    @property
    def components(self) -> int:
        """Connected components of the graph, as far as the weights did not underflow."""
        return int(np.count_nonzero(self.pivots < SMALLEST_PIVOT))

    def solve(self, rhs: FloatArray, weight: FloatArray | None = None) -> FloatArray:
        """The x with (diag(W1) - W) x = rhs and weight'x = 0 (default weight 1: mean-free).

        ``rhs`` has shape (m,) or (m, k) and columns of zero sum; in a graph of several components
        the net part of each is dropped.
        """
        return self.finish(_substitute(self.lower, rhs, transposed=True), weight)

    def finish(self, net: FloatArray, weight: FloatArray | None = None) -> FloatArray:
        """The rest of `solve` once ``net`` = T^{-T} rhs is known: x = T^{-1} net / pivots."""
        inverse = _inverse(self.pivots)
        x = _substitute(self.lower, (net.T * inverse).T, transposed=False)
        if weight is None:
            return np.asarray(x - x.mean(axis=0))
        return np.asarray(x - (weight @ x) / weight.sum())


def column_weights(plan: FloatArray, row: FloatArray) -> FloatArray:
    """W_jk = Σ_i P_ij P_ik / r_i off the diagonal, 0 on it; shape (m, m), from a plan (n, m)."""
    half = plan / np.sqrt(row)[:, None]
    weights = np.asarray(half.T @ half)
    np.fill_diagonal(weights, 0.0)
    return weights


def factor_laplacian(weights: FloatArray) -> LaplacianFactor:
    """Factor diag(W1) - W by GTH elimination; ``weights`` is symmetric, nonnegative, (m, m).

    Nodes go last to first; a node's pivot is the sum of its weights to the nodes that remain, and
    W_ij grows by W_ik W_kj / pivot. Only sums, products and quotients of positive numbers occur:
    every entry of T and every pivot has relative accuracy of about m rounding units. Blocks of
    nodes reach the rest through one matrix product.
    """
    work = np.array(weights, dtype=np.float64, order="C")
    size = len(work)
    pivots = np.zeros(size)
    for high in range(size, 0, -ELIMINATION_BLOCK):
        low = max(high - ELIMINATION_BLOCK, 0)
        for k in range(high - 1, max(low, 1) - 1, -1):
            pivots[k] = _eliminate(work, k, low)
        share = work[low:high, :low] * pivots[low:high, None]
        work[:low, :low] += work[low:high, :low].T @ share
    return factor_from_shares(work, pivots)


def factor_from_shares(shares: FloatArray, pivots: FloatArray) -> LaplacianFactor:
    """The factor whose row k holds -shares_kj for j < k; what else ``shares`` holds is ignored."""
    lower = np.tril(shares, -1)
    np.negative(lower, out=lower)
    np.fill_diagonal(lower, 1.0)
    return LaplacianFactor(lower, pivots)


def _eliminate(work: FloatArray, k: int, low: int) -> float:
    """Take node k out of the block that begins at ``low``; its row becomes W_kj / pivot."""
    pivot = float(work[k, :k].sum())
    if pivot < SMALLEST_PIVOT:
        work[k, :k] = 0.0
        return 0.0
    work[k, :k] /= pivot
    work[low:k, :k] += work[low:k, k, None] * work[k, :k]
    return pivot


def spectral_gap(plan: FloatArray, row: FloatArray, col: FloatArray) -> tuple[float, Status]:
    """1 - σ_2² of D_r^{-1/2} P D_c^{-1/2}: the smallest eigenvalue of L x = gap D_c x off 1.

    The Laplacian of the smaller side is factored by GTH and the largest eigenvalue of
    D_c^{1/2} L^+ D_c^{1/2} found by Lanczos: full relative accuracy with respect to the entries of
    ``plan``, at any size of the gap. The marginals are taken as given.

    Returns
    -------
    gap, status:
        ``converged``; ``frozen`` below 1e-14; ``below_resolution`` with nan where the support
        falls apart in underflow. With one row or one column there is no mode, and the gap is 1.
    """
    plan, row, col = _smaller_side(plan, row, col)
    if len(col) == 1:
        return 1.0, Status.CONVERGED
    factor = factor_laplacian(column_weights(plan, row))
    if factor.components > 1:
        return float("nan"), Status.BELOW_RESOLUTION
    gap, converged = _lanczos_gap(factor, col)
    if not np.isfinite(gap):
        return float("nan"), Status.BELOW_RESOLUTION
    if not converged:
        return gap, Status.MAX_ITER
    return gap, Status.FROZEN if gap < FROZEN_GAP else Status.CONVERGED


def small_gaps(
    plan: FloatArray, row: FloatArray, col: FloatArray, count: int | None = None
) -> tuple[FloatArray, Status]:
    """The ``count`` smallest 1 - σ_k² (all without it), ascending, each to full relative accuracy.

    See `graded_modes`, which also returns the vectors.
    """
    gaps, _, status = graded_modes(plan, row, col)
    return gaps[:count], status


def graded_modes(
    plan: FloatArray, row: FloatArray, col: FloatArray
) -> tuple[FloatArray, FloatArray, Status]:
    """Every gap 1 - σ_k², ascending, and its vector on the smaller side, however they are graded.

    L x = gap D_c x with L = T' D T: the gaps are the squared singular values of
    D_c^{-1/2} T' D^{1/2}, a well-conditioned matrix with scaled columns, which one-sided Jacobi
    (LAPACK ``gejsv``) finds each to relative accuracy, 1e-3 beside 1e-60 (seconds at s = 1000).

    Returns
    -------
    gaps, vectors, status:
        Shapes (k,) and (s, k) with s = min(n, m), k = s - 1; vectors are D_c-orthonormal.
        ``below_resolution`` with nan where the support falls apart in underflow.
    """
    plan, row, col = _smaller_side(plan, row, col)
    size = len(col)
    if size == 1:
        return np.empty(0), np.empty((1, 0)), Status.CONVERGED
    factor = factor_laplacian(column_weights(plan, row))
    if factor.components > 1:
        return _unresolved(size)
    half = np.sqrt(col)
    # The scale keeps the factor's columns inside the range gejsv works in.
    scale = float(factor.pivots[1:].max())
    scaled = factor.lower[1:].T * np.sqrt(factor.pivots[1:] / scale) / half[:, None]
    values, left, _, work, _, info = scipy.linalg.lapack.dgejsv(
        scaled, joba=0, jobu=0, jobv=3, jobr=0, jobt=0, jobp=0
    )
    # A positive info only says that the last sweep still rotated; what counts is orthogonality.
    if info < 0 or float(np.abs(left.T @ left - np.eye(size - 1)).max()) > _ORTHOGONAL_TOL:
        return _unresolved(size)
    gaps = (values * (work[0] / work[1])) ** 2 * scale
    order = np.argsort(gaps)
    gaps = np.ascontiguousarray(gaps[order])
    vectors = left[:, order] / half[:, None]
    return gaps, vectors, Status.FROZEN if gaps[0] < FROZEN_GAP else Status.CONVERGED


def _unresolved(size: int) -> tuple[FloatArray, FloatArray, Status]:
    return (
        np.full(size - 1, np.nan),
        np.full((size, size - 1), np.nan),
        Status.BELOW_RESOLUTION,
    )


def _smaller_side(
    plan: FloatArray, row: FloatArray, col: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The nonzero spectrum is that of the transposed problem: put the shorter side in columns."""
    return (plan, row, col) if plan.shape[1] <= plan.shape[0] else (plan.T, col, row)


def _substitute(lower: FloatArray, rhs: FloatArray, *, transposed: bool) -> FloatArray:
    """T^{-1} rhs or T^{-T} rhs by blocks; NumPy throughout, so that one BLAS thread pool works."""
    x = np.array(rhs, dtype=np.float64)
    blocks = range(0, len(lower), ELIMINATION_BLOCK)
    for low in reversed(blocks) if transposed else blocks:
        high = min(low + ELIMINATION_BLOCK, len(lower))
        if transposed:
            x[low:high] -= lower[high:, low:high].T @ x[high:]
            corner = lower[low:high, low:high].T
        else:
            x[low:high] -= lower[low:high, :low] @ x[:low]
            corner = lower[low:high, low:high]
        x[low:high] = np.linalg.solve(corner, x[low:high])
    return x


def _inverse(pivots: FloatArray) -> FloatArray:
    inverse = np.zeros_like(pivots)
    np.divide(1.0, pivots, out=inverse, where=pivots > 0)
    return inverse


def _lanczos_gap(factor: LaplacianFactor, col: FloatArray) -> tuple[float, bool]:
    """1 / (largest eigenvalue of D_c^{1/2} L^+ D_c^{1/2}), and whether its residual is small.

    Lanczos with full reorthogonalisation, all vectors orthogonal to the null vector c^{1/2}.
    Pivots are taken relative to the smallest, so that the operator's norm stays near 1.
    """
    scale = float(factor.pivots[1:].min())
    unit = LaplacianFactor(factor.lower, factor.pivots / scale)
    half = np.sqrt(col)
    size = len(col)
    steps = min(size - 1, _RITZ_STEPS)
    basis = np.empty((steps + 2, size))
    basis[0] = half / np.linalg.norm(half)
    basis[1] = _orthogonal(np.random.default_rng(0).standard_normal(size), basis[:1])
    alpha, beta = np.zeros(steps), np.zeros(steps)
    for k in range(steps):
        image = half * unit.solve(half * basis[k + 1], weight=col)
        alpha[k] = basis[k + 1] @ image
        for _ in range(2):
            image -= basis[: k + 2].T @ (basis[: k + 2] @ image)
        beta[k] = np.linalg.norm(image)
        exhausted = k + 1 == size - 1 or beta[k] <= 1e-15 * np.abs(alpha[: k + 1]).max()
        if exhausted or k % 4 == 3 or k + 1 == steps:
            values, vectors = _tridiagonal(alpha[: k + 1], beta[:k])
            if exhausted or beta[k] * abs(vectors[-1, -1]) <= _RITZ_TOL * values[-1]:
                return scale / float(values[-1]), True
        basis[k + 2] = image / beta[k]
    return scale / float(values[-1]), False


def _orthogonal(vector: FloatArray, basis: FloatArray) -> FloatArray:
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return np.asarray(vector / np.linalg.norm(vector))


def _tridiagonal(alpha: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
    values, vectors = scipy.linalg.eigh_tridiagonal(alpha, beta)
    return np.asarray(values), np.asarray(vectors)
