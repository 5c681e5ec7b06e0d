"""The Jacobian of K sweeps in coordinates that are orthonormal for a norm at its own plan P_K."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.metric import plan_metric, triangular
from sinkdiag.jacobian.modes import Norm
from sinkdiag.numerics.norms import singular_values
from sinkdiag.solver.layer import Layer

_UNIT = float(np.finfo(float).eps)
# Where u·cond(R)² exceeds this, rounding decides what J_K looks like in the norm.
RESOLVED = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepCoordinates:
    """J_K on g modulo constants: T = R M R^{-1}, M = Q' J_K Q for an orthonormal mean-free Q.

    Attributes
    ----------
    matrix:
        T (k, k), k = m - 1.
    potentials:
        Q R^{-1} (m, k): the potentials that its coordinates stand for.
    condition:
        cond(R).
    resolved:
        Whether u·cond(R)² is at most 1e-6; otherwise the matrix is nan.
    """

    matrix: FloatArray
    potentials: FloatArray
    condition: float
    resolved: bool


def sweep_coordinates(
    layer: Layer, row: FloatArray, col: FloatArray, norm: Norm
) -> SweepCoordinates:
    """J_K in coordinates orthonormal for a norm, R'R being its Gram matrix on Q.

    ``plan``: ‖P_K∘(a⊕b)‖_F, a = -diag(1/r)P_K b. ``potential``: Euclidean, mean-free. ``natural``:
    weighted by ``col`` (m,), and free of the mean so weighted. ``row`` has shape (n,).
    """
    basis = _mean_free(len(col))
    factor = _gram_factor(layer, basis, row=row, col=col, norm=norm)
    sigma = singular_values(factor) if np.isfinite(factor).all() else np.full(1, np.nan)
    condition = float(sigma[0] / sigma[-1]) if len(sigma) else 1.0
    # Negated, so that nan counts as unresolved.
    if not _UNIT * condition**2 <= RESOLVED:
        lost = np.full(factor.shape, np.nan)
        return SweepCoordinates(matrix=lost, potentials=basis, condition=condition, resolved=False)
    moved = factor @ (basis.T @ layer.sweep_product(basis))
    return SweepCoordinates(
        matrix=_over(moved, factor),
        potentials=_over(basis, factor),
        condition=condition,
        resolved=True,
    )


def _gram_factor(
    layer: Layer, basis: FloatArray, *, row: FloatArray, col: FloatArray, norm: Norm
) -> FloatArray:
    """R, upper triangular; nan where the norm is not resolved on the basis."""
    if norm == "potential" or not basis.size:
        return np.eye(basis.shape[1])
    if norm == "natural":
        free = basis - (col @ basis) / col.sum()
        return triangular(np.sqrt(col)[:, None] * free)
    metric = plan_metric(layer.plan, row, basis)
    return np.asarray(metric.factor * metric.scale)


def _over(left: FloatArray, factor: FloatArray) -> FloatArray:
    """The product of ``left`` (p, k) and R^{-1}."""
    if not factor.size:
        return left
    return np.asarray(scipy.linalg.solve_triangular(factor, left.T, trans="T").T)


def _mean_free(size: int) -> FloatArray:
    """An orthonormal basis (m, m - 1) of the vectors of mean 0."""
    return np.asarray(np.linalg.qr(np.ones((size, 1)), mode="complete")[0][:, 1:])
