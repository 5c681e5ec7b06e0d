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
from sinkdiag.numerics.products import product, transposed_product
from sinkdiag.solver.scaling import Scaling
from sinkdiag.solver.settings import SolverSettings
from sinkdiag.solver.system_kernels import (
    count_above,
    solve_definite,
    subtract_product,
    take_above,
)

Operator = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, kw_only=True, eq=False)
class System:
    """L as an operator, the cost of one product with it, and a way to solve it directly."""

    apply: Operator
    direct: Callable[[FloatArray], FloatArray | None]
    diagonal: FloatArray
    flops: float
    direct_first: bool = False


def make_system(state: Scaling, col_sum: FloatArray) -> System:
    """The system of the present plan, sparse where that pays."""
    if state.kernel.size > state.settings.sparse_size:
        sparse = _sparse_system(state, col_sum)
        if sparse is not None:
            return sparse
    return _dense_system(state, col_sum)


def _dense_system(state: Scaling, col_sum: FloatArray) -> System:
    kernel, v = state.kernel, state.v
    inner = state.u**2 / state.row

    def apply(x: FloatArray) -> FloatArray:
        moved = product(kernel, v * x)
        moved *= inner
        return np.asarray(col_sum * x - v * transposed_product(kernel, moved))

    def direct(residual: FloatArray) -> FloatArray | None:
        half = kernel * (state.u / np.sqrt(state.row))[:, None]
        half *= v
        gram = half.T @ half
        del half
        return _solve_dense(gram, col_sum, residual, state.settings)

    return System(apply=apply, direct=direct, diagonal=col_sum, flops=4.0 * kernel.size)


def _sparse_system(state: Scaling, col_sum: FloatArray) -> System | None:
    """L from the entries that matter, or None where more than a share `densest` of them do."""
    settings = state.settings
    n, m = state.kernel.shape
    floor = settings.negligible * state.col / n
    starts = np.empty(n + 1, dtype=np.int32)
    count_above(state.kernel, state.u, state.v, floor, starts)
    count = int(starts[-1])
    if count > settings.densest * n * m:
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
        if product.nnz > settings.factor_sparse * m:
            return _solve_dense(product.toarray(), col_sum, residual, settings)
        return _solve_sparse(product, col_sum, residual, settings.shift)

    few = int(np.sum(counts.astype(np.int64) ** 2)) <= settings.direct_products * m
    return System(
        apply=apply,
        direct=direct,
        diagonal=col_sum,
        flops=settings.sparse_penalty * 4.0 * count,
        direct_first=few,
    )


def _solve_sparse(
    product: scipy.sparse.csr_array, diagonal: FloatArray, residual: FloatArray, shift: float
) -> FloatArray | None:
    """`_solve_dense` by a sparse factor, in an order that keeps it so."""
    laplacian = scipy.sparse.diags_array((1.0 + shift) * diagonal) - product
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
    product: FloatArray, diagonal: FloatArray, residual: FloatArray, settings: SolverSettings
) -> FloatArray | None:
    """D with (diag(P'1) (1 + shift) - product) d = residual, the gauge fixed at the last column.

    The shift keeps directions in which the residual is rounding where they are. Small systems stay
    on one thread: waiting for a second one would cost more than it saves. Large ones go to NumPy,
    so that one BLAS thread pool does everything.
    """
    np.negative(product, out=product)
    product.flat[:: len(diagonal) + 1] += (1.0 + settings.shift) * diagonal
    solved: FloatArray = residual[:-1].copy()
    if len(solved) <= settings.direct_size:
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
