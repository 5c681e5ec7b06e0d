"""The gap against the sensitivity of the potentials: both sides of the paper's Theorem A.2.

Φ is the sweep on g, ∂_CΦ[X] = D_c^{-1}K X with K X = (P∘X)'1 - P'D_r^{-1}(P∘X)1, and the potentials
of the fixed point move by DS_θ = (I - J)^{-1}∂_CΦ = L^+K. KK' is the plan metric G. Input in the
Frobenius norm, output in the chosen norm; X the D_c-orthonormal modes, N = X'GX, Δ the gaps:

    plan       ‖∂_CΦ‖  = λmax(N)        ‖DS_θ‖  = λmax(Δ^{-1/2} N Δ^{-1/2})
    natural    ‖∂_CΦ‖² = λmax(N)        ‖DS_θ‖² = λmax(Δ^{-1} N Δ^{-1})
    potential  ‖∂_CΦ‖² = λmax(TN)       ‖DS_θ‖² = λmax(T Δ^{-1} N Δ^{-1}),   T = X'(I - 11'/m)X

gap <= ‖∂_CΦ‖/‖DS_θ‖ holds in `plan` and `natural`, where (I - J)^{-1} is compared with the
symmetric form it comes from; in `potential` it can fail, and gap <= κ(V) times it holds.
arXiv 2601.23039, Theorem A.2.
"""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.modes import Norm
from sinkdiag.numerics.gth import column_weights, factor_laplacian
from sinkdiag.numerics.norms import operator_norm

# Rounding of the probe's flux, relative to what drives the slowest mode, that is still reported.
LOST = 1e-6


def duality_rhs(basis: EigenBasis, norm: Norm) -> float:
    """‖∂_CΦ‖/‖DS_θ‖; nan where the plan metric is not resolved or only leading modes are known."""
    if not basis.complete or not len(basis.gaps):
        return math.nan
    metric = basis.plan_metric
    if not metric.resolved:
        return math.nan
    factor, gaps = metric.factor * metric.scale, basis.gaps
    if norm == "plan":
        return (operator_norm(factor) / operator_norm(factor / np.sqrt(gaps))) ** 2
    if norm == "natural":
        return operator_norm(factor) / operator_norm(factor / gaps)
    potential = basis.potential_metric
    left = potential.factor * potential.scale
    return operator_norm(left @ factor.T) / operator_norm((left / gaps) @ factor.T)


def implicit_residual(basis: EigenBasis, seed: int = 0) -> float:
    """Relative difference of DS_θ[X] by implicit differentiation and by (I - J)^{-1}∂_CΦ[X].

    The one side solves L v = K X by elimination, the other sums the modes; X is Gaussian (n, m),
    the difference is measured with weights c, v orthogonal to the constants. nan where the flow
    between the parts of a nearly disconnected support is lost in the rounding of K X.
    """
    plan, row, col = basis.plan, basis.row, basis.col
    moved = _row_balanced(plan, row, np.random.default_rng(seed).standard_normal(plan.shape))
    flux = moved.sum(axis=0)
    solved = factor_laplacian(column_weights(plan, row)).solve(flux, weight=col)
    summed = basis.vectors @ ((basis.vectors.T @ flux) / basis.gaps)
    size = _size(solved, col)
    rounding = float(np.finfo(float).eps) * _size(np.abs(moved).sum(axis=0) / col, col)
    if rounding > LOST * float(basis.gaps[0]) * size:
        return math.nan
    return _size(solved - summed, col) / size


def _row_balanced(plan: FloatArray, row: FloatArray, change: FloatArray) -> FloatArray:
    """P_ij (X_ij - Σ_l q_il X_il), (n, m), a row's largest entry from differences to the rest."""
    share = plan / row[:, None]
    lead, rows = plan.argmax(axis=1), np.arange(len(plan))
    away = change - np.einsum("ij,ij->i", share, change)[:, None]
    top = change[rows, lead][:, None] - change
    away[rows, lead] = np.einsum("ij,ij->i", share, top)
    return np.asarray(plan * away)


def _size(vector: FloatArray, weight: FloatArray) -> float:
    return math.sqrt(float(weight @ (vector * vector)))
