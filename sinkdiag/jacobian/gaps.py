"""The gaps 1 - σ_k² of a plan, to full relative accuracy however small they are.

Sources: `sinkdiag.numerics.gth` for the factor; Demmel et al., *Linear Algebra Appl.* 299 (1999),
for singular values of a product of a well-conditioned and a diagonal matrix.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.gth import LaplacianFactor, column_weights, factor_laplacian
from sinkdiag.numerics.lanczos import largest_eigenvalue
from sinkdiag.results import Solution, Status

# A gap below this is resolved, but sweeps no longer move double-precision potentials.
FROZEN_GAP = 1e-14
# The inverse operator is diagonalised to this residual, relative to its norm.
_RITZ_TOL = 1e-12
_RITZ_STEPS = 400
_ORTHOGONAL_TOL = 1e-9


def spectral_gap(solution: Solution) -> tuple[float, Status]:
    """1 - σ_2² of a solved problem, the rate 1 - ρ of its sweeps, to full relative accuracy.

    See `plan_gap`. The gap of a plan that is not converged is that plan's, and carries the plan's
    status.
    """
    gap, status = plan_gap(solution.plan, solution.row, solution.col)
    return gap, solution.status if solution.status.failed else status


def plan_gap(plan: FloatArray, row: FloatArray, col: FloatArray) -> tuple[float, Status]:
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
    gaps = np.minimum((values * (work[0] / work[1])) ** 2 * scale, 1.0)
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


def _lanczos_gap(factor: LaplacianFactor, col: FloatArray) -> tuple[float, bool]:
    """1 / (largest eigenvalue of D_c^{1/2} L^+ D_c^{1/2}), and whether its residual is small.

    All vectors are kept, and orthogonal to the null vector c^{1/2}. Pivots are taken relative to
    the smallest, so that the operator's norm stays near 1.
    """
    scale = float(factor.pivots[1:].min())
    unit = LaplacianFactor(lower=factor.lower, pivots=factor.pivots / scale)
    half = np.sqrt(col)
    top = largest_eigenvalue(
        lambda x: half * unit.solve(half * x, weight=col),
        np.random.default_rng(0).standard_normal(len(col)),
        tol=_RITZ_TOL,
        max_steps=_RITZ_STEPS,
        reorthogonalise=True,
        deflate=half,
    )
    # Rounding alone puts a gap above 1.
    return min(scale / top.value, 1.0), not top.status.failed
