"""Compiled loops of the Newton system: a plan without its negligible entries, small factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit

# Indices of compressed rows, as SciPy takes them.
IndexArray = NDArray[np.int32]


@njit
def count_above(
    kernel: FloatArray, u: FloatArray, v: FloatArray, floor: FloatArray, starts: IndexArray
) -> None:
    """Number of entries u_i K_ij v_j >= floor_j of each row, as running sums (n + 1,)."""
    n, m = kernel.shape
    starts[0] = 0
    for i in range(n):
        count = 0
        for j in range(m):
            count += u[i] * kernel[i, j] * v[j] >= floor[j]
        starts[i + 1] = starts[i] + count


@njit
def take_above(
    kernel: FloatArray,
    u: FloatArray,
    v: FloatArray,
    floor: FloatArray,
    columns: IndexArray,
    values: FloatArray,
) -> None:
    """The entries that `count_above` counted, row by row, with their columns."""
    n, m = kernel.shape
    place = 0
    for i in range(n):
        for j in range(m):
            entry = u[i] * kernel[i, j] * v[j]
            if entry >= floor[j]:
                columns[place] = j
                values[place] = entry
                place += 1


@njit
def subtract_product(
    starts: IndexArray,
    columns: IndexArray,
    values: FloatArray,
    row: FloatArray,
    x: FloatArray,
    image: FloatArray,
) -> None:
    """Image -= P' diag(1/r) P x for P in compressed rows, in place and in one pass over P."""
    for i in range(len(row)):
        mass = 0.0
        for k in range(starts[i], starts[i + 1]):
            mass += values[k] * x[columns[k]]
        mass /= row[i]
        for k in range(starts[i], starts[i + 1]):
            image[columns[k]] -= values[k] * mass


@njit
def solve_definite(matrix: FloatArray, rhs: FloatArray) -> bool:
    """Solve A x = b for a symmetric positive definite A, both overwritten, x in ``rhs``.

    Right-looking Cholesky on the upper triangle, by rows. False where a pivot is not positive.
    """
    size = len(rhs)
    for k in range(size):
        pivot = matrix[k, k]
        if not pivot > 0.0:
            return False
        root = np.sqrt(pivot)
        for j in range(k, size):
            matrix[k, j] /= root
        rhs[k] /= root
        for i in range(k + 1, size):
            factor = matrix[k, i]
            for j in range(i, size):
                matrix[i, j] -= factor * matrix[k, j]
            rhs[i] -= factor * rhs[k]
    for k in range(size - 1, -1, -1):
        for j in range(k + 1, size):
            rhs[k] -= matrix[k, j] * rhs[j]
        rhs[k] /= matrix[k, k]
    return True
