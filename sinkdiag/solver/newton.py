"""Damped Newton on the semi-dual D(g) = <c, g> + <r, f(g)>, whose Hessian is -L / eps.

L = diag(P'1) - P' diag(1/r) P. The direction comes from conjugate gradients while they are cheaper
than a dense Cholesky factor, on the plan without its negligible entries where that is sparse; the
full column sums stay on the diagonal, so that the truncated system is still definite and only the
direction, never the residual, is approximate.

Sources: Tang et al., *Accelerating Sinkhorn with sparse Newton iterations*, arXiv 2401.12253;
Brauer et al., *A Sinkhorn-Newton method for entropic optimal transport*, arXiv 1710.06635.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from sinkdiag.problem import FloatArray
from sinkdiag.solver import kernels
from sinkdiag.solver.scaling import Scaling

# Largest spread of one step, in units of eps; the line search on the dual takes it from there.
LONGEST_STEP = 30.0
HALVINGS = 10
ARMIJO = 1e-4
# Up to this order a factor is always cheaper than conjugate gradients.
DIRECT_SIZE = 300
# A factor of order m costs as much as products with P of FACTOR_FLOPS m^3 operations (BLAS-3 runs
# about eight times as fast as products with a vector).
FACTOR_FLOPS = 0.25
# Sparse plans pay above this size and up to this share of entries; an operation costs this much
# more than a dense one. Entries below NEGLIGIBLE c_j / n do not change a direction.
SPARSE_SIZE = 500_000
DENSEST = 0.08
SPARSE_PENALTY = 3.0
NEGLIGIBLE = 1e-9
# Regularisation of the factored L; weaker ties than this are left to flux balance.
SHIFT = 1e-10

Operator = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class _System:
    """L as an operator, the cost of one product with it, and a way to its dense matrix."""

    apply: Operator
    dense: Callable[[], FloatArray]
    diagonal: FloatArray
    flops: float


def newton_step(state: Scaling, forcing: float) -> bool:
    """Move ``state`` along the Newton direction; False, unmoved, when nothing improves it.

    ``forcing`` is the relative accuracy asked of the linear solve.
    """
    col_sum = state.col_sum
    residual = state.col - col_sum
    direction = newton_direction(state, residual, col_sum, forcing)
    if direction is None:
        return False
    slope = float(residual @ direction)
    if not np.isfinite(slope) or slope <= 0.0:
        return False
    return _line_search(state, direction, slope)


def newton_direction(
    state: Scaling, residual: FloatArray, col_sum: FloatArray, forcing: float
) -> FloatArray | None:
    """An approximate solution of L d = c - P'1, in units of eps, or None if there is none."""
    size = len(residual)
    if size == 1:
        return None
    system = _system(state, col_sum)
    if size > DIRECT_SIZE:
        budget = int(FACTOR_FLOPS * float(size) ** 3 / system.flops)
        direction, done = _conjugate_gradients(system, residual, forcing, budget)
        if done:
            return direction
    return _direct(system.dense(), residual)


def _system(state: Scaling, col_sum: FloatArray) -> _System:
    if state.kernel.size > SPARSE_SIZE:
        sparse = _sparse_system(state, col_sum)
        if sparse is not None:
            return sparse
    return _dense_system(state, col_sum)


def _dense_system(state: Scaling, col_sum: FloatArray) -> _System:
    kernel, v = state.kernel, state.v
    inner = state.u**2 / state.row

    def apply(x: FloatArray) -> FloatArray:
        product = kernel @ (v * x)
        product *= inner
        return np.asarray(col_sum * x - v * (kernel.T @ product))

    def dense() -> FloatArray:
        half = kernel * (state.u / np.sqrt(state.row))[:, None]
        half *= v
        return _with_diagonal(half.T @ half, col_sum)

    return _System(apply, dense, col_sum, 4.0 * kernel.size)


def _sparse_system(state: Scaling, col_sum: FloatArray) -> _System | None:
    """L from the entries that matter, or None where more than a fraction DENSEST of them do."""
    n, m = state.kernel.shape
    floor = NEGLIGIBLE * state.col / n
    starts = np.empty(n + 1, dtype=np.int32)
    kernels.count_above(state.kernel, state.u, state.v, floor, starts)
    count = int(starts[-1])
    if count > DENSEST * n * m:
        return None
    columns, values = np.empty(count, dtype=np.int32), np.empty(count)
    kernels.take_above(state.kernel, state.u, state.v, floor, columns, values)
    plan = scipy.sparse.csr_array((values, columns, starts), shape=(n, m))
    transposed = plan.T.tocsr()
    row = state.row

    def apply(x: FloatArray) -> FloatArray:
        return np.asarray(col_sum * x - transposed @ ((plan @ x) / row))

    def dense() -> FloatArray:
        scaled = scipy.sparse.csr_array((values / np.repeat(row, np.diff(starts)), columns, starts))
        return _with_diagonal((transposed @ scaled).toarray(), col_sum)

    return _System(apply, dense, col_sum, SPARSE_PENALTY * 4.0 * count)


def _with_diagonal(product: FloatArray, diagonal: FloatArray) -> FloatArray:
    """diag(P'1) (1 + SHIFT) - product: directions in which the residual is rounding stay put."""
    np.negative(product, out=product)
    product.flat[:: len(diagonal) + 1] += (1.0 + SHIFT) * diagonal
    return product


def _direct(laplacian: FloatArray, residual: FloatArray) -> FloatArray | None:
    """L d = residual with the gauge fixed at the last column.

    Small systems stay on one thread: waiting for a second one would cost more than it saves. Large
    ones go to NumPy, so that one BLAS thread pool does everything.
    """
    solved: FloatArray = residual[:-1].copy()
    if len(solved) <= DIRECT_SIZE:
        if not kernels.solve_definite(np.ascontiguousarray(laplacian[:-1, :-1]), solved):
            return None
    else:
        try:
            solved = np.asarray(np.linalg.solve(laplacian[:-1, :-1], solved), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
    direction = np.append(solved, 0.0)
    return direction - direction.mean() if np.all(np.isfinite(direction)) else None


def _conjugate_gradients(
    system: _System, rhs: FloatArray, tol: float, budget: int
) -> tuple[FloatArray, bool]:
    """Jacobi-preconditioned; ends at a relative residual of ``tol`` or after ``budget`` steps."""
    x = np.zeros_like(rhs)
    r = rhs.copy()
    z = r / system.diagonal
    p, rz = z, float(r @ z)
    goal = tol * tol * rz
    for _ in range(budget):
        image = system.apply(p)
        curvature = float(p @ image)
        if curvature <= 0.0:
            return x, False
        alpha = rz / curvature
        x += alpha * p
        r -= alpha * image
        z = r / system.diagonal
        previous, rz = rz, float(r @ z)
        if rz <= goal:
            return x, True
        p = z + (rz / previous) * p
    return x, False


def _line_search(state: Scaling, direction: FloatArray, slope: float) -> bool:
    """Halve the step until the dual rises or, where that is rounding, the residual falls."""
    start = state.residual()
    spread = float(np.ptp(direction))
    step = min(1.0, LONGEST_STEP / spread) if spread > 0.0 else 1.0
    total = float(state.row.sum())
    for _ in range(HALVINGS):
        u, v = state.trial(step * direction)
        gain = step * float(state.col @ direction) + float(state.row @ np.log(u / state.u))
        rounding = 1e-15 * total * max(1.0, step * spread)
        if gain >= ARMIJO * step * slope + rounding:
            state.accept(u, v)
            return True
        if gain >= ARMIJO * step * slope - rounding:
            old_u, old_v, old_image = state.u, state.v, state.image
            state.u, state.v, state.image = u, v, state.kernel.T @ u
            if state.residual() < 0.9 * start:
                return True
            state.u, state.v, state.image = old_u, old_v, old_image
        step *= 0.5
    return False
