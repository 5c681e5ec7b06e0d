"""The gap against the sensitivity of the potentials: both sides of the paper's Theorem A.2.

Φ is the sweep on g, ∂_CΦ[X] = D_c^{-1}K X with K X = (P∘X)'1 - P'D_r^{-1}(P∘X)1, and the potentials
of the fixed point move by DS_θ = (I - J)^{-1}∂_CΦ = L^+K. KK' is the plan metric G. Input in the
Frobenius norm, output in the chosen norm; X the D_c-orthonormal modes, N = X'GX, Δ the gaps:

    plan       ‖∂_CΦ‖  = λmax(N)        ‖DS_θ‖  = λmax(Δ^{-1/2} N Δ^{-1/2})
    natural    ‖∂_CΦ‖² = λmax(N)        ‖DS_θ‖² = λmax(Δ^{-1} N Δ^{-1})
    potential  ‖∂_CΦ‖² = λmax(TN)       ‖DS_θ‖² = λmax(T Δ^{-1} N Δ^{-1}),   T = X'(I - 11'/m)X

gap <= ‖∂_CΦ‖/‖DS_θ‖ holds in `plan` and `natural`, where (I - J)^{-1} is compared with the
symmetric form it comes from; in `potential` it can fail, and gap <= κ(V) times it holds.
`duality_rhs` reads it off modes that are at hand; `natural_duality` needs no modes, only A.
arXiv 2601.23039, Theorem A.2.
"""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.block import BlockOperator
from sinkdiag.jacobian.modes import Norm
from sinkdiag.numerics.gth import column_weights, factor_laplacian
from sinkdiag.numerics.lanczos import largest_eigenvalue
from sinkdiag.numerics.norms import operator_norm

# Rounding of the probe's flux, relative to what drives the slowest mode, that is still reported.
LOST = 1e-6
# Relative residual of the two norms that `natural_duality` compares: the claim is about a factor.
DUALITY_TOL = 1e-4


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


def natural_duality(operator: BlockOperator) -> float:
    """‖∂_CΦ‖/‖DS_θ‖ in the natural norm, to `DUALITY_TOL`, from the factored A.

    ∂_CΦ ∂_CΦ' = D_c^{-1} G D_c^{-1} and DS_θ DS_θ' = L^+ G L^+, so
    rhs² = λmax(D_c^{-1/2} G D_c^{-1/2}) / λmax(D_c^{1/2} L^+ G L^+ D_c^{1/2}).
    Near a permutation G is tiny beside the plan and is applied without cancellation. inf where g
    cannot move; nan where a row's lighter pairs are all 0 in double precision.
    """
    plan = operator.plan
    n, m = plan.shape
    if m == 1:
        return math.inf
    forcing = _Forcing(plan)
    if not forcing.scale > 0:
        return math.nan
    col = plan.sum(axis=0)
    half = np.sqrt(col)

    def answered(x: FloatArray) -> FloatArray:
        flux = half * x
        moved = plan * operator.spread(np.zeros(n), flux - col * (flux.sum() / col.sum()))
        outer = operator.potentials(moved)[1]
        return np.asarray(half * (outer - (col @ outer) / col.sum()))

    start = np.random.default_rng(0).standard_normal(m)
    start -= half * (half @ start) / col.sum()
    top = largest_eigenvalue(lambda x: forcing.apply(x / half) / half, start, tol=DUALITY_TOL).value
    bottom = largest_eigenvalue(answered, start, tol=DUALITY_TOL).value
    return forcing.scale * math.sqrt(top / bottom) if bottom > 0 else math.inf


class _Forcing:
    """G/scale² with G = KK', K' b = P_ij (b_j - Σ_l q_il b_l), from the pairs off each row's lead.

    The lead of a row is its heaviest pair. What multiplies it is a sum over the others, so that
    nothing of the size of the lead is subtracted; ``scale`` is the heaviest of those others.
    """

    def __init__(self, plan: FloatArray) -> None:
        self.rows, self.lead = np.arange(len(plan)), plan.argmax(axis=1)
        off = plan.copy()
        off[self.rows, self.lead] = 0.0
        self.scale = float(off.max())
        row = plan.sum(axis=1)
        self.heavy = plan[self.rows, self.lead]
        self.share = off / row[:, None]
        self.rest = self.share.sum(axis=1)
        self.off = off / self.scale if self.scale > 0 else off
        # Of the lead only its product with a sum over the others is needed, divided by the scale.
        self.part = self.share / self.scale if self.scale > 0 else self.share
        self.sum = self.part.sum(axis=1)

    def apply(self, b: FloatArray) -> FloatArray:
        """(G/scale²) b, both (m,)."""
        top = b[self.lead]
        away = self.sum * top - self.part @ b
        moved = self.off * (b - (top - self.scale * away)[:, None])
        ahead = self.heavy * away
        excess = self.rest * ahead - np.einsum("ij,ij->i", self.share, moved)
        flux = (self.off * (moved - (ahead - excess)[:, None])).sum(axis=0)
        np.add.at(flux, self.lead, self.heavy * excess / self.scale)
        return np.asarray(flux)


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
