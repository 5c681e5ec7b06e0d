"""Eigenvalues, gaps and eigenvectors of the sweep's Jacobian, before any norm is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.dispersion import StoredPlan, quotient_gaps
from sinkdiag.jacobian.gaps import FROZEN_GAP, graded_modes
from sinkdiag.jacobian.metric import MetricFactor, plan_metric, potential_metric, sampled_metric
from sinkdiag.results import Status

# Singular vectors of slow modes mix by about 1e-15 over the distance of their eigenvalues, which
# the plan norm sees at first order. Below this gap the vectors come from GTH and Jacobi instead.
DIRECT_GAP = 1e-5
# Above 1/2 a gap is 1 - λ to full accuracy; below it λ is 1 - gap.
HALF = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class EigenBasis:
    """J x_k = λ_k x_k with X'D_c X = I and X orthogonal to the constants in the D_c product.

    J = diag(1/c) P' diag(1/r) P on g modulo constants, its eigenvalues σ_k², k >= 2, of
    D_r^{-1/2} P D_c^{-1/2}.

    Attributes
    ----------
    plan, row, col:
        What was decomposed, shapes (n, m), (n,), (m,).
    eigenvalues, gaps:
        λ descending and 1 - λ ascending, shapes (k,), k = m - 1. The smaller of the two has full
        relative accuracy, but for eigenvalues below ``floor``.
    vectors:
        X, shape (m, k).
    floor:
        Eigenvalues below this are rounding of the decomposition, 0 as far as one can tell.
    status:
        ``converged``; ``frozen`` when the smallest gap is below 1e-14; ``below_resolution``, with
        nan, where the plan's support falls apart in underflow.
    complete:
        Whether all m - 1 modes are here, and not the leading ones alone.
    """

    plan: StoredPlan
    row: FloatArray
    col: FloatArray
    eigenvalues: FloatArray
    gaps: FloatArray
    vectors: FloatArray
    floor: float
    status: Status
    complete: bool = True

    @cached_property
    def plan_metric(self) -> MetricFactor:
        """The plan metric on X, whatever the norm that is asked for: duality needs it too."""
        if not self.complete:
            return sampled_metric(self.plan, self.row, self.vectors)
        flux = self.gaps * self.col[:, None] * self.vectors
        return plan_metric(self.plan, self.row, self.vectors, flux)

    @cached_property
    def potential_metric(self) -> MetricFactor:
        """The Euclidean metric on the mean-free representatives of X."""
        return potential_metric(self.vectors)


def eigenbasis(plan: FloatArray, row: FloatArray, col: FloatArray) -> EigenBasis:
    """Decompose the Jacobian of one sweep at a plan (n, m) with marginals row (n,) and col (m,).

    Singular value decomposition of the scaled plan while every gap is above 1e-5, its gaps as
    Rayleigh quotients; otherwise GTH elimination of the Laplacian and one-sided Jacobi.
    """
    m = plan.shape[1]
    if m == 1:
        none = np.empty(0)
        return EigenBasis(
            plan=plan,
            row=row,
            col=col,
            eigenvalues=none,
            gaps=none,
            vectors=np.empty((1, 0)),
            floor=0.0,
            status=Status.CONVERGED,
        )
    scaled, status = plan / np.sqrt(row)[:, None] / np.sqrt(col), Status.CONVERGED
    values, x = _by_singular_vectors(scaled, row, col)
    floor = float((8.0 * max(plan.shape) * np.finfo(float).eps) ** 2)
    gaps = 1.0 - values
    if gaps[0] > DIRECT_GAP:
        near = np.flatnonzero(values > HALF)
        gaps[near] = quotient_gaps(plan, row, col, x[:, near])
    if gaps[0] <= DIRECT_GAP:
        small, x, status = _graded(plan, row, col, scaled)
        gaps = np.where(small < HALF, small, gaps)
        if status.failed:
            gaps, values = small, small
    order = np.argsort(gaps, kind="stable")
    gaps, x = gaps[order], np.ascontiguousarray(x[:, order])
    values = np.where(gaps < HALF, 1.0 - gaps, values[order])
    if status is Status.CONVERGED and gaps[0] < FROZEN_GAP:
        status = Status.FROZEN
    return EigenBasis(
        plan=plan,
        row=row,
        col=col,
        eigenvalues=values,
        gaps=gaps,
        vectors=x,
        floor=floor,
        status=status,
    )


def _by_singular_vectors(
    scaled: FloatArray, row: FloatArray, col: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """λ descending and X, from the SVD with the constants moved to σ = 2, away from all others."""
    gauge = np.sqrt(col / col.sum())
    shifted = scaled + np.outer(np.sqrt(row / row.sum()), gauge)
    n, m = scaled.shape
    _, sigma, right = np.linalg.svd(shifted, full_matrices=n < m)
    values = np.zeros(m - 1)
    values[: len(sigma) - 1] = sigma[1:] ** 2
    return np.minimum(values, 1.0), right[1:].T / np.sqrt(col)[:, None]


def _graded(
    plan: FloatArray, row: FloatArray, col: FloatArray, scaled: FloatArray
) -> tuple[FloatArray, FloatArray, Status]:
    """Gaps and X from the graded decomposition, carried to the columns when they are more.

    σ_k q_k = S'y_k for the row side's vectors y_k: an orthonormal basis follows from one QR of
    [c^{1/2}, S'Y], columns in order of falling σ, and its rest spans the kernel.
    """
    small, vectors, status = graded_modes(plan, row, col)
    n, m = plan.shape
    if status is Status.BELOW_RESOLUTION:
        return np.full(m - 1, np.nan), np.full((m, m - 1), np.nan), status
    if m <= n:
        return small, vectors, status
    images = scaled.T @ (np.sqrt(row)[:, None] * vectors)
    orthonormal, _ = np.linalg.qr(np.column_stack([np.sqrt(col), images]), mode="complete")
    gaps = np.ones(m - 1)
    gaps[: n - 1] = small
    return gaps, orthonormal[:, 1:] / np.sqrt(col)[:, None], status
