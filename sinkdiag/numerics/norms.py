"""2-norms and singular values of dense matrices."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.numerics.lanczos import largest_eigenvalue

# Up to this order a dense decomposition is the quickest way to a 2-norm.
_DENSE_NORM = 200
_NORM_TOL, _NORM_STEPS = 1e-10, 120


def operator_norm(matrix: AnyArray) -> float:
    """The 2-norm of a real or complex matrix of finite entries.

    A large one goes through Lanczos on M*M, scaled so that no square leaves double precision; the
    relative error is about 1e-15 unless the two largest singular values nearly agree, and then
    below 1e-10.
    """
    size = float(np.abs(matrix).max())
    if len(matrix) <= _DENSE_NORM or size == 0.0:
        return float(singular_values(matrix)[0])
    matrix = matrix / size
    adjoint = matrix.conj().T
    start = (1.0 + 0.5 * np.cos(np.arange(matrix.shape[1]))).astype(matrix.dtype)
    top = largest_eigenvalue(
        lambda vector: adjoint @ (matrix @ vector),
        start,
        tol=_NORM_TOL,
        max_steps=_NORM_STEPS,
        reorthogonalise=True,
    )
    found = math.sqrt(top.value) if not top.status.failed else float(singular_values(matrix)[0])
    return size * found


def frobenius_norm(matrix: FloatArray) -> float:
    """The root of the sum of squares, none of which leaves double precision; nan stays nan."""
    size = float(np.abs(matrix).max(initial=0.0))
    return size * float(np.linalg.norm(matrix / size)) if size != 0.0 else 0.0


def singular_values(matrix: AnyArray) -> FloatArray:
    """All singular values, descending."""
    return np.asarray(np.linalg.svd(matrix, compute_uv=False))
