"""Both sides of the paper's duality (Theorem A.2), in the natural norm, where kappa(V) = 1."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.block import BlockOperator
from sinkdiag.numerics.lanczos import largest_eigenvalue

_TOL = 1e-4


def duality_bound(operator: BlockOperator) -> float:
    """‖∂_CΦ‖/‖DS_θ‖, which Theorem A.2 says is at least the gap; inf where g cannot move.

    Φ is the g-sweep and DS_θ = dg*/dC = (I - J)^{-1} ∂_CΦ; Frobenius norm in, c-weighted norm
    out. ∂_CΦ ∂_CΦ' = D_c^{-1} G D_c^{-1} and DS_θ DS_θ' = L^+ G L^+ with the plan metric G, so
    rhs² = λmax(D_c^{-1/2} G D_c^{-1/2}) / λmax(D_c^{1/2} L^+ G L^+ D_c^{1/2}).
    """
    plan = operator.plan
    n, m = plan.shape
    if m == 1:
        return math.inf
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    half = np.sqrt(col)
    squares = plan**2

    def metric(b: FloatArray) -> FloatArray:
        a = -(plan @ b) / row
        by_row = a * squares.sum(axis=1) + squares @ b
        by_col = squares.T @ a + b * squares.sum(axis=0)
        return np.asarray(by_col - plan.T @ (by_row / row))

    def forced(x: FloatArray) -> FloatArray:
        return np.asarray(metric(x / half) / half)

    def answered(x: FloatArray) -> FloatArray:
        moved = plan * operator.spread(np.zeros(n), _sumless(half * x, col))
        outer = operator.potentials(moved)[1]
        return np.asarray(half * (outer - (col @ outer) / col.sum()))

    start = np.random.default_rng(0).standard_normal(m)
    start -= half * (half @ start) / col.sum()
    top = largest_eigenvalue(forced, start, tol=_TOL).value
    bottom = largest_eigenvalue(answered, start, tol=_TOL).value
    return math.sqrt(top / bottom) if bottom > 0 else math.inf


def _sumless(values: FloatArray, col: FloatArray) -> FloatArray:
    return np.asarray(values - col * (values.sum() / col.sum()))
