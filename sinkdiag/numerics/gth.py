"""The Schur complement L = diag(c) - P' diag(1/r) P as a weighted graph Laplacian, without
subtractions.

Its off-diagonal weights are sums of positive numbers and its diagonal is their sum, so the
elimination of Grassmann, Taksar and Heyman (GTH) factors it with entrywise relative accuracy
however small the weights are. The plain form loses every digit once the gap reaches 1e-15.

Sources: Grassmann, Taksar & Heyman, *Operations Research* 33 (1985); O'Cinneide, *Numer. Math.*
65 (1993), for the entrywise bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray

# Pivots below this have lost digits, or whole terms, to underflow.
SMALLEST_PIVOT = 1e-290
# Nodes that are eliminated one by one before the rest is updated by a matrix product.
ELIMINATION_BLOCK = 48


@dataclass(frozen=True, kw_only=True, eq=False)
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
    return LaplacianFactor(lower=lower, pivots=pivots)


def _eliminate(work: FloatArray, k: int, low: int) -> float:
    """Take node k out of the block that begins at ``low``; its row becomes W_kj / pivot."""
    pivot = float(work[k, :k].sum())
    if pivot < SMALLEST_PIVOT:
        work[k, :k] = 0.0
        return 0.0
    work[k, :k] /= pivot
    work[low:k, :k] += work[low:k, k, None] * work[k, :k]
    return pivot


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
