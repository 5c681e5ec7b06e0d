"""Damped Newton on the semi-dual D(g) = <c, g> + <r, f(g)>, whose Hessian is -L / eps.

L = diag(P'1) - P' diag(1/r) P. The direction comes from conjugate gradients while they are cheaper
than a dense factor, on the plan without its negligible entries where that is sparse; the full
column sums stay on the diagonal, so that the truncated system is still definite and only the
direction, never the residual, is approximate. Plans that are nearly permutations, on which
conjugate gradients are slow, have a sparse factor.

Sources: Tang et al., *Accelerating Sinkhorn with sparse Newton iterations*, arXiv 2401.12253;
Brauer et al., *A Sinkhorn-Newton method for entropic optimal transport*, arXiv 1710.06635.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from sinkdiag.problem import FloatArray
from sinkdiag.solver import kernels
from sinkdiag.solver.scaling import Scaling

# Largest spread of one step, in units of eps; the line search on the dual takes it from there.
LONGEST_STEP = 30.0
HALVINGS = 10
# A capped step after which the dual still rises at this share of its rate is prolonged.
LINEAR = 0.5
ARMIJO = 1e-4
# Up to this order a factor is always cheaper than conjugate gradients.
DIRECT_SIZE = 300
# A factor of order m costs as much as products with P of FACTOR_FLOPS m^3 operations (BLAS-3 runs
# about eight times as fast as products with a vector). A product costs this much before it starts.
FACTOR_FLOPS = 0.25
STEP_FLOPS = 4e5
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
class _System:
    """L as an operator, the cost of one product with it, and a way to solve it directly."""

    apply: Operator
    direct: Callable[[FloatArray], FloatArray | None]
    diagonal: FloatArray
    flops: float
    direct_first: bool = False


def newton_step(state: Scaling, forcing: float) -> float:
    """Move ``state`` along the Newton direction, by a spread in units of eps that is returned.

    It is 0 where nothing improves the state.

    ``forcing`` is the relative accuracy asked of the linear solve.
    """
    col_sum = state.col_sum
    residual = state.col - col_sum
    # The two totals differ by rounding, which only the heaviest column can take up unnoticed.
    residual[np.argmax(state.col)] -= residual.sum()
    direction = newton_direction(state, residual, col_sum, forcing)
    if direction is None:
        return 0.0
    slope = float(residual @ direction)
    if not np.isfinite(slope) or slope <= 0.0:
        return 0.0
    return _line_search(state, direction, slope)


def newton_direction(
    state: Scaling, residual: FloatArray, col_sum: FloatArray, forcing: float
) -> FloatArray | None:
    """An approximate solution of L d = c - P'1, in units of eps, or None if there is none."""
    size = len(residual)
    if size == 1:
        return None
    system = _system(state, col_sum)
    if size > DIRECT_SIZE and not system.direct_first:
        budget = int(FACTOR_FLOPS * float(size) ** 3 / (system.flops + STEP_FLOPS))
        direction, done = _conjugate_gradients(system, residual, forcing, budget)
        if done:
            return direction
    return system.direct(residual)


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

    def direct(residual: FloatArray) -> FloatArray | None:
        half = kernel * (state.u / np.sqrt(state.row))[:, None]
        half *= v
        product = half.T @ half
        del half
        return _solve_dense(product, col_sum, residual)

    return _System(apply, direct, col_sum, 4.0 * kernel.size)


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
    row, counts = state.row, np.diff(starts)

    def apply(x: FloatArray) -> FloatArray:
        image = col_sum * x
        kernels.subtract_product(starts, columns, values, row, x, image)
        return image

    def direct(residual: FloatArray) -> FloatArray | None:
        plan = scipy.sparse.csr_array((values, columns, starts), shape=(n, m))
        scaled = scipy.sparse.csr_array((values / np.repeat(row, counts), columns, starts), (n, m))
        product = plan.T.tocsr() @ scaled
        if product.nnz > FACTOR_SPARSE * m:
            return _solve_dense(product.toarray(), col_sum, residual)
        return _solve_sparse(product, col_sum, residual)

    few = int(np.sum(counts.astype(np.int64) ** 2)) <= DIRECT_PRODUCTS * m
    return _System(apply, direct, col_sum, SPARSE_PENALTY * 4.0 * count, direct_first=few)


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
        if not kernels.solve_definite(np.ascontiguousarray(product[:-1, :-1]), solved):
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


def _line_search(state: Scaling, direction: FloatArray, slope: float) -> float:
    """The spread of the step that was taken, in units of eps, or 0.

    Halve the step until the dual rises or, where that is rounding, the residual falls.
    """
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
            if step < 1.0 and _slope(state, direction) > LINEAR * slope:
                return _stride(state, direction, step * spread, spread)
            return step * spread
        if gain >= ARMIJO * step * slope - rounding:
            old_u, old_v, old_image = state.u, state.v, state.image
            state.u, state.v, state.image = u, v, state.kernel.T @ u
            if state.residual() < 0.9 * start:
                return step * spread
            state.u, state.v, state.image = old_u, old_v, old_image
        step *= 0.5
    return 0.0


def _slope(state: Scaling, direction: FloatArray) -> float:
    """Rate at which the dual rises along ``direction``, in units of eps."""
    return float((state.col - state.col_sum) @ direction)


def _stride(state: Scaling, direction: FloatArray, moved: float, spread: float) -> float:
    """Go on along ``direction``, on which the dual rises as good as linearly, to where it ends.

    Mass has to move between parts of the plan whose costs are many eps apart, and until the
    potentials have closed that distance no entry of the kernel tells of it. The dual is concave:
    where its slope is positive it is higher than at any point before. The kernel is built anew for
    every look. ``moved`` is the spread of the first step, and of the shortest interval.
    """
    start, unit = state.potentials()[1], direction * (state.eps / spread)
    low, high = 0.0, 2.0 * moved
    while high < spread:
        state.build(state.eps, start + high * unit)
        if _slope(state, direction) <= 0.0:
            break
        low, high = high, 4.0 * high
    while high - low > moved:
        middle = 0.5 * (low + high)
        state.build(state.eps, start + middle * unit)
        if _slope(state, direction) > 0.0:
            low = middle
        else:
            high = middle
    state.build(state.eps, start + low * unit)
    return moved + low
