"""The Newton system L = diag(P'1) - P' diag(1/r) P, dense or without its negligible entries.

Where the plan is sparse its negligible entries are dropped while the full column sums stay on the
diagonal: the truncated system is still definite, and only the direction, never the residual, is
approximate. Plans that are nearly permutations, on which conjugate gradients are slow, have a
sparse factor.

Source: Tang et al., *Accelerating Sinkhorn with sparse Newton iterations*, arXiv 2401.12253.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit
from sinkdiag.solver.kernels import IntArray
from sinkdiag.solver.scaling import Scaling

# Up to this order a dense system is factored on one thread.
DIRECT_SIZE = 300
# Sparse plans pay above this size and up to this share of entries; an operation costs this much
# more than a dense one. Entries below NEGLIGIBLE c_j / n do not change a direction.
SPARSE_SIZE = 500_000
DENSEST = 0.08
SPARSE_PENALTY = 3.0
NEGLIGIBLE = 1e-9
# Mean entries in a row of a sparse L up to which its factor, filled in, beats the dense one, and
# mean products a column of the plan that make L, up to which it beats conjugate gradients too.
FACTOR_SPARSE = 20
DIRECT_PRODUCTS = 40
# Regularisation of the factored L; weaker ties than this are left to flux balance.
SHIFT = 1e-10

Operator = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class System:
    """L as an operator, the cost of one product with it, and a way to solve it directly."""

    apply: Operator
    direct: Callable[[FloatArray], FloatArray | None]
    diagonal: FloatArray
    flops: float
    direct_first: bool = False


def make_system(state: Scaling, col_sum: FloatArray) -> System:
    """The system of the present plan, sparse where that pays."""
    if state.kernel.size > SPARSE_SIZE:
        sparse = _sparse_system(state, col_sum)
        if sparse is not None:
            return sparse
    return _dense_system(state, col_sum)


def _dense_system(state: Scaling, col_sum: FloatArray) -> System:
    kernel, v = state.kernel, state.v
    inner = state.u**2 / state.row

    def apply(x: FloatArray) -> FloatArray:
        product = kernel @ (v * x)
        product *= inner
        return np.asarray(col_sum * x - v * (kernel.T @ product))

    def direct(residual: FloatArray) -> FloatArray | None:
        half = kernel * (state.u / np.sqrt(state.row))[:, None]
        half *= v
        product = half.T @ half
        del half
        return _solve_dense(product, col_sum, residual)

    return System(apply, direct, col_sum, 4.0 * kernel.size)


def _sparse_system(state: Scaling, col_sum: FloatArray) -> System | None:
    """L from the entries that matter, or None where more than a fraction DENSEST of them do."""
    n, m = state.kernel.shape
    floor = NEGLIGIBLE * state.col / n
    starts = np.empty(n + 1, dtype=np.int32)
    count_above(state.kernel, state.u, state.v, floor, starts)
    count = int(starts[-1])
    if count > DENSEST * n * m:
        return None
    columns, values = np.empty(count, dtype=np.int32), np.empty(count)
    take_above(state.kernel, state.u, state.v, floor, columns, values)
    row, counts = state.row, np.diff(starts)

    def apply(x: FloatArray) -> FloatArray:
        image = col_sum * x
        subtract_product(starts, columns, values, row, x, image)
        return image

    def direct(residual: FloatArray) -> FloatArray | None:
        plan = scipy.sparse.csr_array((values, columns, starts), shape=(n, m))
        scaled = scipy.sparse.csr_array((values / np.repeat(row, counts), columns, starts), (n, m))
        product = plan.T.tocsr() @ scaled
        if product.nnz > FACTOR_SPARSE * m:
            return _solve_dense(product.toarray(), col_sum, residual)
        return _solve_sparse(product, col_sum, residual)

    few = int(np.sum(counts.astype(np.int64) ** 2)) <= DIRECT_PRODUCTS * m
    return System(apply, direct, col_sum, SPARSE_PENALTY * 4.0 * count, direct_first=few)


def _solve_sparse(
    product: scipy.sparse.csr_array, diagonal: FloatArray, residual: FloatArray
) -> FloatArray | None:
    """`_solve_dense` by a sparse factor, in an order that keeps it so."""
    laplacian = scipy.sparse.diags_array((1.0 + SHIFT) * diagonal) - product
    try:
        factor = scipy.sparse.linalg.splu(
            laplacian.tocsc()[:-1, :-1],
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except RuntimeError:
        return None
    return _mean_free(factor.solve(residual[:-1]))


def _solve_dense(
    product: FloatArray, diagonal: FloatArray, residual: FloatArray
) -> FloatArray | None:
    """D with (diag(P'1) (1 + SHIFT) - product) d = residual, the gauge fixed at the last column.

    The shift keeps directions in which the residual is rounding where they are. Small systems stay
    on one thread: waiting for a second one would cost more than it saves. Large ones go to NumPy,
    so that one BLAS thread pool does everything.
    """
    np.negative(product, out=product)
    product.flat[:: len(diagonal) + 1] += (1.0 + SHIFT) * diagonal
    solved: FloatArray = residual[:-1].copy()
    if len(solved) <= DIRECT_SIZE:
        if not solve_definite(np.ascontiguousarray(product[:-1, :-1]), solved):
            return None
    else:
        try:
            solved = np.asarray(np.linalg.solve(product[:-1, :-1], solved), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
    return _mean_free(solved)


def _mean_free(solved: FloatArray) -> FloatArray | None:
    direction = np.append(solved, 0.0)
    return direction - direction.mean() if np.all(np.isfinite(direction)) else None


@njit
def count_above(
    kernel: FloatArray, u: FloatArray, v: FloatArray, floor: FloatArray, starts: IntArray
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
    columns: IntArray,
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
    starts: IntArray,
    columns: IntArray,
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
