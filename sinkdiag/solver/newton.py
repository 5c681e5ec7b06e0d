"""Damped Newton on the semi-dual D(g) = <c, g> + <r, f(g)>, whose Hessian is -L / eps.

L = diag(P'1) - P' diag(1/r) P. The direction comes from conjugate gradients while they are cheaper
than a factor; see `sinkdiag.solver.system`.

Sources: Tang et al., *Accelerating Sinkhorn with sparse Newton iterations*, arXiv 2401.12253;
Brauer et al., *A Sinkhorn-Newton method for entropic optimal transport*, arXiv 1710.06635.
"""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.products import transposed_product
from sinkdiag.solver.scaling import Scaling
from sinkdiag.solver.system import System, make_system


def newton_step(state: Scaling, forcing: float) -> float:
    """Move ``state`` along the Newton direction, by a spread in units of eps that is returned.

    It is 0 where nothing improves the state.

    ``forcing`` is the relative accuracy asked of the linear solve.
    """
    col_sum = state.col_sum
    if not float(col_sum.min()) > 0.0:
        # A column that underflowed is a sweep's business: L knows nothing of it.
        return 0.0
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
    settings = state.settings
    system = make_system(state, col_sum)
    if not (system.direct_first or state.factor_first):
        if size <= settings.direct_size:
            budget = size // settings.small_share
        else:
            budget = int(
                settings.factor_flops * float(size) ** 3 / (system.flops + settings.step_flops)
            )
        direction, done = _conjugate_gradients(system, residual, forcing, budget)
        if done:
            return direction
        state.factor_first = True
    return system.direct(residual)


def _conjugate_gradients(
    system: System, rhs: FloatArray, tol: float, budget: int
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
    settings = state.settings
    start = state.residual()
    spread = float(np.ptp(direction))
    step = min(1.0, settings.longest_step / spread) if spread > 0.0 else 1.0
    total = float(state.row.sum())
    for _ in range(settings.halvings):
        u, v = state.trial(step * direction)
        gain = step * float(state.col @ direction) + float(state.row @ np.log(u / state.u))
        rounding = 1e-15 * total * max(1.0, step * spread)
        if gain >= settings.armijo * step * slope + rounding:
            state.accept(u, v)
            if step < 1.0 and _slope(state, direction) > settings.linear * slope:
                return _stride(state, direction, step * spread, spread)
            return step * spread
        if gain >= settings.armijo * step * slope - rounding:
            old_u, old_v, old_image = state.u, state.v, state.image
            state.u, state.v, state.image = u, v, transposed_product(state.kernel, u)
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
    # Far out the doubles themselves are further apart than the shortest interval.
    while high - low > max(moved, high * state.settings.finest):
        middle = 0.5 * (low + high)
        state.build(state.eps, start + middle * unit)
        if _slope(state, direction) > 0.0:
            low = middle
        else:
            high = middle
    state.build(state.eps, start + low * unit)
    return moved + low
