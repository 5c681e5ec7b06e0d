"""Gram factors of eigenvectors in a norm, built so that near-permutations do not cancel.

The plan metric is b'Gb = ‖P∘(a⊕b)‖_F² with a = -diag(1/r)Pb. Written as a sum over pairs,
G = Lap(w) with w_jk = Σ_i r_i² q_ij q_ik (q_ij + q_ik - ‖q_i‖²), q = diag(1/r)P. That is fast, and
right while the modes' plan norm is not far below the plan's own size. Below that the entries
P_ij (x_j + a_i) = P_ij Σ_l q_il (x_j - x_l) themselves are built, from differences x_j - x_l that
come out of the elimination one by one and never as a difference of stored numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.dispersion import StoredPlan, is_sparse
from sinkdiag.numerics.gth import (
    ELIMINATION_BLOCK,
    LaplacianFactor,
    column_weights,
    factor_laplacian,
)

# Relative error of a Gram entry that is accepted from the pair weights.
GRAM_TOL = 1e-10
# Largest n·m·k for which the entries P_ij(x_j + a_i) of k modes are built (800 MB): of all modes
# below the first limit, then only of those that the pair weights do not resolve.
WHOLE_LIMIT = 4_000_000
ENTRY_LIMIT = 100_000_000
_CHUNK = 4_000_000
# Squares below this have lost digits, or everything, to underflow; and so have entries.
_SMALLEST_SQUARE = 1e-280
_SMALLEST_ENTRY = 1e-300


@dataclass(frozen=True, kw_only=True, eq=False)
class MetricFactor:
    """X'GX = diag(scale) R'R diag(scale), the columns of R of unit length.

    ``factor`` is R (k, k), upper triangular; ``scale`` (k,) holds the norms of X's columns.
    ``resolved`` is False, and both are nan, where double precision cannot tell.
    """

    factor: FloatArray
    scale: FloatArray
    resolved: bool


def potential_metric(vectors: FloatArray) -> MetricFactor:
    """Factor of X'(I - 11'/m)X."""
    return _from_columns(vectors - vectors.mean(axis=0))


def plan_metric(
    plan: FloatArray, row: FloatArray, vectors: FloatArray, flux: FloatArray | None = None
) -> MetricFactor:
    """Factor of X'GX in the plan metric.

    ``vectors`` are potentials X (m, k) and ``flux`` = LX (m, k), each column to relative accuracy;
    without it only what the pair weights resolve is resolved.
    """
    if not np.all(np.isfinite(vectors)):
        return _unresolved(vectors.shape[1])
    weights, size = pair_weights(plan, row)
    gram = vectors.T @ (weights.sum(axis=1)[:, None] * vectors - weights @ vectors)
    noise = 4 * np.finfo(float).eps * (size @ (vectors * vectors))
    square = np.diagonal(gram)
    hidden = ~((noise <= GRAM_TOL * square) & (square > _SMALLEST_SQUARE))
    count = len(hidden)
    if not hidden.any():
        return _cholesky(gram) or _unresolved(count)
    if flux is None or plan.size * np.count_nonzero(hidden) > ENTRY_LIMIT:
        return _unresolved(count)
    if plan.size * count <= WHOLE_LIMIT:
        return _from_columns(mode_entries(plan, row, flux))
    entries = mode_entries(plan, row, flux[:, hidden])
    size = np.ones(count)
    size[hidden] = np.abs(entries).max(axis=0)
    if not np.all(size > _SMALLEST_ENTRY):
        return _unresolved(count)
    means = (plan @ vectors[:, ~hidden]) / row[:, None]
    entries /= size[hidden]
    hard = entries.T @ entries
    _fill_hidden(gram, hidden, hard, _cross(plan, entries, vectors[:, ~hidden], means))
    found = _cholesky(gram)
    return replace(found, scale=found.scale * size) if found else _unresolved(count)


def _cross(
    plan: FloatArray, entries: FloatArray, seen: FloatArray, means: FloatArray
) -> FloatArray:
    """Σ_ij M_ij P_ij (x_j + a_i) of hidden modes M with resolved ones x, (h, s).

    Only the column and row sums of M∘P are needed; ``means`` is -a. ``entries`` is used up.
    """
    weighted = entries.reshape(*plan.shape, -1)
    weighted *= plan[:, :, None]
    return np.asarray(weighted.sum(axis=0).T @ seen - weighted.sum(axis=1).T @ means)


def _fill_hidden(
    gram: FloatArray, hidden: NDArray[np.bool_], own: FloatArray, cross: FloatArray
) -> None:
    """Replace the rows and columns of the hidden modes, in place."""
    gram[np.ix_(hidden, hidden)] = own
    gram[np.ix_(hidden, ~hidden)] = cross
    gram[np.ix_(~hidden, hidden)] = cross.T


def sampled_metric(plan: StoredPlan, row: FloatArray, x: FloatArray) -> MetricFactor:
    """Factor of X'GX in the plan metric for few modes x (m, k) of a large plan.

    Σ_ij M_ijp M_ijq for M_ij = P_ij (x_j + a_i), in one pass over slices of rows.
    """
    mean = (plan @ x) / row[:, None]
    count = x.shape[1]
    gram, square = np.zeros((count, count)), 0.0
    step = max(1, _CHUNK // (len(x) * count))
    for start in range(0, len(row), step):
        rows = slice(start, start + step)
        part = plan[rows].toarray() if is_sparse(plan) else plan[rows]
        entries = (part[:, :, None] * (x[None] - mean[rows, None, :])).reshape(-1, count)
        gram += entries.T @ entries
        square += float(np.einsum("ij,ij->", part, part))
    noise = square * (4 * np.finfo(float).eps * np.abs(x).max(axis=0)) ** 2
    resolved = bool(np.all(noise <= GRAM_TOL * np.diagonal(gram)))
    return (_cholesky(gram) if resolved else None) or _unresolved(count)


def pair_weights(plan: FloatArray, row: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Signed weights w (m, m) of the plan metric G = Lap(w), and Σ_k of their parts' sizes (m,).

    In row i the factor q_ij + q_ik - ‖q_i‖² is positive when j or k is the row's largest entry,
    and then ‖q‖² is taken off that entry term by term; for two smaller ones it is their sum less
    ‖q‖², which does not cancel next to a permutation.
    """
    n = len(plan)
    share = plan / row[:, None]
    lead = share.argmax(axis=1)
    rows = np.arange(n)
    top = share[rows, lead]
    square = row * row
    rest = share.copy()
    rest[rows, lead] = 0.0
    excess = np.einsum("ij,ij->i", rest, top[:, None] - rest)
    mass = np.einsum("ij,ij->i", share, share)
    led = (square * top)[:, None] * rest * (excess[:, None] + rest)
    weights = np.zeros((plan.shape[1],) * 2)
    np.add.at(weights, lead, led)
    weights += weights.T
    # Pairs of smaller entries: r² q_j q_k (q_j + q_k - ‖q‖²), never both large.
    bent = square[:, None] * rest
    cross = (bent * rest).T @ rest
    spread = (bent * mass[:, None]).T @ rest
    size = weights.sum(axis=1) + (cross + cross.T + spread).sum(axis=1)
    weights += cross + cross.T - spread
    np.fill_diagonal(weights, 0.0)
    return weights, size


def mode_entries(plan: FloatArray, row: FloatArray, flux: FloatArray) -> FloatArray:
    """M (n·m, k), M_ij = P_ij (x_j + a_i) for the solutions x of Lx = flux (m, k)."""
    n, m = plan.shape
    count = flux.shape[1]
    share = plan / row[:, None]
    factor = factor_laplacian(column_weights(plan, row))
    entries = np.empty((n, m, count))
    step = max(1, _CHUNK // (m * m))
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        away = differences(factor, flux[:, part])
        mean = -(share @ away.reshape(m, -1)).reshape(n, m, -1)
        entries[:, :, part] = plan[:, :, None] * mean
    return entries.reshape(n * m, count)


def differences(factor: LaplacianFactor, flux: FloatArray) -> FloatArray:
    """x_j - x_l for all pairs, shape (m, m, k), from the factor of L and Lx = flux (m, k).

    Elimination gives x_k = z_k + Σ_{j<k} u_kj x_j with u >= 0 and Σ_j u_kj = 1, hence
    x_k - x_l = z_k + Σ_{j<k} u_kj (x_j - x_l): each difference is made of differences, so that one
    of 1e-40 within a block stands beside one of 1 between blocks.
    """
    m, count = flux.shape
    inner = scipy.linalg.solve_triangular(
        factor.lower, flux, trans=1, lower=True, unit_diagonal=True, check_finite=False
    )
    step = np.zeros_like(inner)
    np.divide(inner, factor.pivots[:, None], out=step, where=factor.pivots[:, None] > 0)
    share = -factor.lower
    away = np.zeros((m, m, count))
    flat = away.reshape(m, m * count)
    for low in range(0, m, ELIMINATION_BLOCK):
        high = min(low + ELIMINATION_BLOCK, m)
        outside = low * count
        flat[low:high, :outside] = share[low:high, :low] @ flat[:low, :outside]
        for k in range(max(low, 1), high):
            flat[k, :outside] += share[k, low:k] @ flat[low:k, :outside]
            away[k, low:k] = np.tensordot(share[k, :k], away[:k, low:k], axes=1)
            away[k, :k] += step[k]
            away[:k, k] = -away[k, :k]
    return away


def _cholesky(gram: FloatArray) -> MetricFactor | None:
    square = np.diagonal(gram)
    if not np.all((square > _SMALLEST_SQUARE) & np.isfinite(square)):
        return None
    scale = np.sqrt(square)
    try:
        factor = np.linalg.cholesky(gram / scale / scale[:, None]).T
    except np.linalg.LinAlgError:
        return None
    return MetricFactor(factor=np.ascontiguousarray(factor), scale=scale, resolved=True)


def _from_columns(columns: FloatArray) -> MetricFactor:
    """By QR of the columns, which are brought to size 1 before anything is squared."""
    size = np.abs(columns).max(axis=0)
    if not np.all((size > _SMALLEST_ENTRY) & np.isfinite(size)):
        return _unresolved(columns.shape[1])
    columns = columns / size
    length = np.linalg.norm(columns, axis=0)
    return MetricFactor(factor=triangular(columns / length), scale=size * length, resolved=True)


def triangular(columns: FloatArray) -> FloatArray:
    """R of a QR factorisation, square, with a positive diagonal."""
    factor = np.linalg.qr(columns, mode="r")
    sign = np.where(np.diagonal(factor) < 0, -1.0, 1.0)
    return np.asarray(factor * sign[:, None])


def _unresolved(count: int) -> MetricFactor:
    return MetricFactor(
        factor=np.full((count, count), np.nan), scale=np.full(count, np.nan), resolved=False
    )
