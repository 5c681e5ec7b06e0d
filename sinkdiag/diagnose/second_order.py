"""The norm of the second derivative of the plan in the cost, by symmetric power iteration.

With K(X) = X - A^+B(X) (the P-weighted least-squares residual), D²S[X, X] = P∘K(K(X)²)/eps², and
<D²S[X, X], X> = <P, K(X)³>/eps² is a totally symmetric cubic form up to sign. Hence the norm is its
largest value over ‖X‖_F = 1 (Banach), and a stationary X is an eigenvector of the cubic form.

Symmetric power iteration moves from X along its image with some shift (Kolda & Mayo, *SIAM J.
Matrix Anal. Appl.* 32, 2011), that is, on the great circle through X and the gradient. K is linear, so the
form on a great circle has four coefficients: the best shift is found exactly at the cost of one
step, and the direction is made conjugate to the one before (Polak-Ribière), which turns the slow
convergence next to degenerate maxima into a fast one. The value never falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.linearize.block import BlockOperator
from sinkdiag.linearize.tree import IntArray
from sinkdiag.problem import FloatArray
from sinkdiag.results import Status

# Starts that are run until they are stationary.
FINALISTS = 10
# Problems of at most this many pairs run every start to the end.
ALL_PAIRS = 200
RESIDUAL_TOL = 1e-3
POLISH_TOL = 1e-6
MAX_STEPS = 300
# Doubles held by the directions of the first round, and by one stack of them.
_FIRST_DOUBLES = 4_000_000
_STACK_DOUBLES = 8_000_000
_STEPS_A_ROUND = 3
_NEWTON_STEPS = 5
_SPACING = np.pi / 48
_ANGLES = np.arange(48) * _SPACING - np.pi / 2


@dataclass(frozen=True)
class CubicNorm:
    """eps²·‖D²S‖ as found: a lower estimate, attained at some X but perhaps not the largest.

    ``spread`` is the relative distance between the best and the worst start.
    """

    value: float
    spread: float
    starts: int
    status: Status


def cubic_norm(operator: BlockOperator, *, seed: int = 0) -> CubicNorm:
    """The largest <P, K(X)³> over ‖X‖_F = 1 that the starts lead to: eps²·‖D²S‖ from below.

    Starts are single pairs and random directions. A few steps are taken from each and the better
    half goes on, until at least ten are left, which are run until they are stationary.
    """
    x = _starts(operator, np.random.default_rng(seed))
    starts = len(x)
    if not operator.off.any():
        return CubicNorm(0.0, 0.0, starts, Status.CONVERGED)
    keep = starts if operator.plan.size <= ALL_PAIRS else FINALISTS
    while len(x) > keep:
        value, x, _ = _ascend(operator, x, RESIDUAL_TOL, _STEPS_A_ROUND)
        x = x[np.argsort(-value, kind="stable")[: max(keep, len(x) // 2)]]
    value, x, _ = _ascend(operator, x, RESIDUAL_TOL, MAX_STEPS)
    best = int(value.argmax())
    (top,), _, (residual,) = _ascend(operator, x[best : best + 1], POLISH_TOL, MAX_STEPS)
    top = max(float(top), float(value[best]))
    spread = float((top - value.min()) / top) if top > 0 else 0.0
    status = Status.CONVERGED if residual <= RESIDUAL_TOL else Status.MAX_ITER
    return CubicNorm(top, spread, starts, status)


def _ascend(
    operator: BlockOperator, starts: FloatArray, tol: float, max_steps: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Values, unit directions and relative residuals of the starts after at most ``max_steps``."""
    chunk = max(1, _STACK_DOUBLES // operator.plan.size)
    parts = [
        _ascend_stack(operator, starts[k : k + chunk], tol, max_steps)
        for k in range(0, len(starts), chunk)
    ]
    if len(parts) == 1:
        return parts[0]
    values, directions, residuals = zip(*parts, strict=True)
    return np.concatenate(values), np.concatenate(directions), np.concatenate(residuals)


def _ascend_stack(
    operator: BlockOperator, starts: FloatArray, tol: float, max_steps: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ascend on great circles through x and a conjugate direction, all starts side by side."""
    x = _unit(starts)
    kx = operator.residual(x)
    value = _cubic(operator.plan, kx, kx, kx)
    slope = _slope(operator, x, kx, value)
    residual = _norms(slope) / _scale(value, slope)
    along, before = slope.copy(), slope.copy()
    active = np.flatnonzero(residual > tol)
    for step in range(max_steps):
        if not len(active):
            break
        d = _unit(_conjugate(slope[active], before[active], along[active], x[active], step))
        kd = operator.residual(d)
        cosine, sine = _best_angle(operator.plan, kx[active], kd)
        before[active], along[active] = slope[active], cosine * d - sine * x[active]
        x[active] = cosine * x[active] + sine * d
        kx[active] = cosine * kx[active] + sine * kd
        new_value = _cubic(operator.plan, kx[active], kx[active], kx[active])
        slope[active] = _slope(operator, x[active], kx[active], new_value)
        value[active] = new_value
        residual[active] = _norms(slope[active]) / _scale(new_value, slope[active])
        active = active[residual[active] > tol]
    x *= np.where(value < 0, -1.0, 1.0)[:, None, None]
    return np.abs(value), x, residual


def _slope(operator: BlockOperator, x: FloatArray, kx: FloatArray, value: FloatArray) -> FloatArray:
    """The gradient / 3 of the cubic form, tangent to the sphere."""
    gradient = operator.move(kx**2)
    return np.asarray(gradient - value[:, None, None] * x)


def _conjugate(
    slope: FloatArray, before: FloatArray, along: FloatArray, x: FloatArray, step: int
) -> FloatArray:
    """Polak-Ribière direction on the sphere; the slope itself at first and where that descends."""
    if step == 0:
        return slope
    top = np.einsum("kij,kij->k", slope, slope - before)
    bottom = np.einsum("kij,kij->k", before, before)
    share = np.maximum(top / np.where(bottom > 0, bottom, 1.0), 0.0)[:, None, None]
    length = np.where(_norms(along) > 0, _norms(before) / _norms(along), 0.0)[:, None, None]
    direction = slope + share * length * along
    direction -= np.einsum("kij,kij->k", direction, x)[:, None, None] * x
    return np.asarray(direction)


def _best_angle(plan: FloatArray, kx: FloatArray, kd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The cos θ and sin θ with |<P, (cos θ K(x) + sin θ K(d))³>| largest on the great circle.

    A grid, then Newton on the derivative; the sign of the form at x is kept.
    """
    c0, c1 = _cubic(plan, kx, kx, kx), _cubic(plan, kx, kx, kd)
    c2, c3 = _cubic(plan, kx, kd, kd), _cubic(plan, kd, kd, kd)
    grid = _ANGLES[:, None]
    values = np.abs(_on_circle(np.cos(grid), np.sin(grid), c0, c1, c2, c3))
    angle = _ANGLES[values.argmax(axis=0)]
    for _ in range(_NEWTON_STEPS):
        c, s = np.cos(angle), np.sin(angle)
        first = 3 * (c1 * c**3 + (2 * c2 - c0) * c**2 * s + (c3 - 2 * c1) * c * s**2 - c2 * s**3)
        second = 3 * (2 * c2 - c0) * c**3 + 3 * (2 * c3 - 7 * c1) * c**2 * s
        second += 3 * (2 * c0 - 7 * c2) * c * s**2 + 3 * (2 * c1 - c3) * s**3
        step = np.where(second != 0, first / np.where(second != 0, second, 1.0), 0.0)
        angle = angle - np.clip(step, -_SPACING, _SPACING)
    c, s = np.cos(angle), np.sin(angle)
    worse = np.abs(_on_circle(c, s, c0, c1, c2, c3)) < np.abs(c0)
    c, s = np.where(worse, 1.0, c), np.where(worse, 0.0, s)
    return c[:, None, None], s[:, None, None]


def _on_circle(
    c: FloatArray, s: FloatArray, c0: FloatArray, c1: FloatArray, c2: FloatArray, c3: FloatArray
) -> FloatArray:
    return np.asarray(c0 * c**3 + 3 * c1 * c**2 * s + 3 * c2 * c * s**2 + c3 * s**3)


def _cubic(plan: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """<P, a∘b∘c> for stacks."""
    return np.asarray(np.einsum("kij,kij->k", plan * a, b * c))


def _scale(value: FloatArray, slope: FloatArray) -> FloatArray:
    """‖gradient‖ / 3, never 0."""
    return np.asarray(np.maximum(np.hypot(value, _norms(slope)), np.finfo(float).tiny))


def _norms(stack: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.einsum("kij,kij->k", stack, stack)))


def _unit(stack: FloatArray) -> FloatArray:
    norms = _norms(stack)
    return np.asarray(stack / np.where(norms > 0, norms, 1.0)[:, None, None])


def heaviest_free(plan: FloatArray, count: int) -> IntArray:
    """Flat indices of the ``count`` pairs with most room to move, P(1 - P/r)(1 - P/c) largest."""
    free = plan * (1 - plan / plan.sum(axis=1)[:, None]) * (1 - plan / plan.sum(axis=0))
    return np.asarray(np.argsort(-free, axis=None, kind="stable")[:count])


def _starts(operator: BlockOperator, rng: np.random.Generator) -> FloatArray:
    """Single pairs, the ones that can move most first, and random directions, as the plan moves."""
    shape = operator.shape
    size = operator.plan.size
    chosen = heaviest_free(operator.plan, max(FINALISTS // 2, min(size, _FIRST_DOUBLES // size)))
    randoms = max(FINALISTS - len(chosen), FINALISTS // 2)
    starts = np.zeros((len(chosen) + randoms, *shape))
    for k, pair in enumerate(chosen):
        starts[k].flat[pair] = 1.0
    starts[len(chosen) :] = rng.standard_normal((randoms, *shape))
    return operator.move(starts)
