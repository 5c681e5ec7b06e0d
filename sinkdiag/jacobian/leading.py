"""The leading modes of a plan too large to decompose: block Lanczos on products with the plan.

Memory beyond the stored plan is one basis of at most `LARGEST_BASIS` vectors of length m and a few
blocks of length n: linear in the plan, dense or sparse. Golub & Van Loan, *Matrix Computations*
(2013), section 10.3.6 (block Lanczos, full reorthogonalisation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.dispersion import StoredPlan, is_sparse, quotient_gaps
from sinkdiag.jacobian.gaps import FROZEN_GAP
from sinkdiag.results import Status

DEFAULT_COUNT = 6
LARGEST_BASIS = 800
# Spare vectors in a block: they separate the last wanted mode from those behind it.
_SPARE = 2
# Residual, relative to ‖J‖ = 1, at which a Ritz pair is taken; the gap's own error is its square.
RESIDUAL_TOL = 1e-9
GAP_TOL = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ritz:
    values: FloatArray
    vectors: FloatArray
    residuals: FloatArray


def leading_basis(
    plan: StoredPlan, row: FloatArray, col: FloatArray, count: int = DEFAULT_COUNT, seed: int = 0
) -> EigenBasis:
    """The ``count`` leading modes of J at a plan (n, m), dense or a scipy sparse array.

    Works on D_c^{-1/2} P' D_r^{-1} P D_c^{-1/2}, orthogonal to c^{1/2}. Gaps are Rayleigh quotients
    summed as squares, Σ P_ij (x_j - a_i)²: their error is (residual)² over the distance to the
    next eigenvalues.

    Returns
    -------
    EigenBasis
        With ``complete`` False and ``status`` ``max_iter`` when 800 basis vectors did not bring the
        residuals below 1e-9; ``below_resolution`` (the smallest gaps nan) when their error
        estimate exceeds 1e-6 of a gap.
    """
    if not is_sparse(plan):
        plan = np.ascontiguousarray(plan)
    m = len(col)
    count = min(count, m - 1)
    root = np.sqrt(col)
    ritz = _block_lanczos(plan, row, root, count, seed)
    x = np.ascontiguousarray(ritz.vectors / root[:, None])
    gaps = quotient_gaps(plan, row, col, x)
    order = np.argsort(gaps, kind="stable")
    gaps, x, residuals = gaps[order], np.ascontiguousarray(x[:, order]), ritz.residuals[order]
    status = _judge(gaps, residuals)
    return EigenBasis(
        plan=plan,
        row=row,
        col=col,
        eigenvalues=1.0 - gaps,
        gaps=gaps,
        vectors=x,
        floor=RESIDUAL_TOL,
        status=status,
        complete=False,
    )


def _judge(gaps: FloatArray, residuals: FloatArray) -> Status:
    """The status of leading gaps; those that are not resolved become nan, in place."""
    spread = np.maximum(1.0 - gaps, 1e-300)
    apart = np.maximum(np.abs(np.diff(gaps, append=gaps[-1] + spread[-1])), residuals)
    # Kato-Temple with the distance to the next gap; 1e-31 is rounding in the sum of squares.
    error = residuals**2 / apart + 1e-31
    unresolved = error > GAP_TOL * gaps
    if np.any(unresolved):
        gaps[unresolved] = np.nan
        return Status.BELOW_RESOLUTION
    if np.any(residuals > RESIDUAL_TOL):
        return Status.MAX_ITER
    return Status.FROZEN if gaps[0] < FROZEN_GAP else Status.CONVERGED


def _block_lanczos(
    plan: StoredPlan, row: FloatArray, root: FloatArray, count: int, seed: int
) -> _Ritz:
    m = len(root)
    block = min(count + _SPARE, m - 1)
    limit = min(max(LARGEST_BASIS, 2 * block), m - 1)
    basis = np.empty((m, limit + 1 + block))
    basis[:, 0] = root / np.linalg.norm(root)
    start = np.random.default_rng(seed).standard_normal((m, block))
    new = _orthonormalise(start, basis[:, :1])
    projected = np.zeros((limit + block, limit + block))
    size, ritz = 0, None
    while True:
        width = new.shape[1]
        basis[:, size + 1 : size + 1 + width] = new
        image = _apply(plan, row, root, new)
        inner = basis[:, 1 : size + 1 + width]
        column = inner.T @ image
        projected[: size + width, size : size + width] = column
        projected[size : size + width, : size + width] = column.T
        size += width
        rest = image - basis[:, : size + 1] @ (basis[:, : size + 1].T @ image)
        new, link = _next_block(rest, basis[:, : size + 1])
        ritz = _ritz(projected[:size, :size], inner, link, width, count)
        done = bool(np.all(ritz.residuals <= RESIDUAL_TOL * 0.1))
        if done or new.shape[1] == 0 or size + new.shape[1] > limit:
            return ritz


def _apply(plan: StoredPlan, row: FloatArray, root: FloatArray, block: FloatArray) -> FloatArray:
    half = (plan @ (block / root[:, None])) / row[:, None]
    return np.asarray((plan.T @ half) / root[:, None])


def _orthonormalise(block: FloatArray, basis: FloatArray) -> FloatArray:
    for _ in range(2):
        block = block - basis @ (basis.T @ block)
    return np.asarray(np.linalg.qr(block)[0])


def _next_block(rest: FloatArray, basis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """An orthonormal block for what is left of the image, without directions at rounding level."""
    rest = rest - basis @ (basis.T @ rest)
    left, sigma, right = np.linalg.svd(rest, full_matrices=False)
    keep = int(np.count_nonzero(sigma > 1e-14))
    new = _orthonormalise(left[:, :keep], basis) if keep else left[:, :0]
    return new, sigma[:, None] * right


def _ritz(
    projected: FloatArray, basis: FloatArray, link: FloatArray, width: int, count: int
) -> _Ritz:
    values, vectors = np.linalg.eigh(projected)
    top = vectors[:, ::-1][:, :count]
    residuals = np.linalg.norm(link @ top[-width:], axis=0)
    return _Ritz(values=values[::-1][:count], vectors=basis @ top, residuals=np.asarray(residuals))
