"""The norm of the second derivative of the plan in the cost, by symmetric power iteration.

With K(X) = X - A^+B(X) (the P-weighted least-squares residual), D²S[X, X] = P∘K(K(X)²)/eps², and
<D²S[X, X], X> = <P, K(X)³>/eps² is a totally symmetric cubic form up to sign. Hence the norm is its
largest value over ‖X‖_F = 1 (Banach), and a stationary X is an eigenvector of the cubic form.

Symmetric power iteration moves from X along its image with some shift (Kolda & Mayo, *SIAM J.
Matrix Anal. Appl.* 32, 2011), that is, on the great circle through X and the gradient. K is
linear, so the form on a great circle has four coefficients: the best shift is found exactly at the
cost of one step, and the direction is made conjugate to the one before (Polak-Ribière), which turns
the slow convergence next to degenerate maxima into a fast one. The value never falls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.arrays import FloatArray, IntArray
from sinkdiag.derivatives import kernels
from sinkdiag.jacobian.block import BlockOperator
from sinkdiag.results import Status

# Starts that are run until they are stationary.
FINALISTS = 10
# Problems of at most this many pairs run every start to the end.
ALL_PAIRS = 200
RESIDUAL_TOL = 1e-3
POLISH_TOL = 1e-6
MAX_STEPS = 300
# A form whose best value is this share of the masses that can move, and which has no stationary
# direction, is rounding around 0.
NOTHING = 1e-12
# Doubles held by the directions of the first round, and by one stack of them.
_FIRST_DOUBLES = 1_000_000
_STACK_DOUBLES = 8_000_000
_STEPS_A_ROUND = 3
_TINY = float(np.finfo(float).tiny)
# Four directions: a cubic form in the plane vanishes on three at most.
_APART = np.arange(4)[:, None] * (np.pi / 4)


@dataclass(frozen=True, kw_only=True)
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
    found = _cubic_norm(operator.in_free_units, seed)
    return replace(found, value=found.value * operator.free)


def _cubic_norm(operator: BlockOperator, seed: int) -> CubicNorm:
    x = _starts(operator, np.random.default_rng(seed))
    starts = len(x)
    if not operator.off.any():
        return CubicNorm(value=0.0, spread=0.0, starts=starts, status=Status.CONVERGED)
    keep = starts if operator.plan.size <= ALL_PAIRS else FINALISTS
    while len(x) > keep:
        value, x, _ = _ascend(operator, x, RESIDUAL_TOL, _STEPS_A_ROUND)
        x = x[np.argsort(-value, kind="stable")[: max(keep, len(x) // 2)]]
    value, x, _ = _ascend(operator, x, RESIDUAL_TOL, MAX_STEPS)
    best = int(value.argmax())
    (top,), _, (residual,) = _ascend(operator, x[best : best + 1], POLISH_TOL, MAX_STEPS)
    top = max(float(top), float(value[best]))
    spread = float((top - value.min()) / top) if top > 0 else 0.0
    if residual > RESIDUAL_TOL and top <= NOTHING * _free(operator.plan).max():
        return CubicNorm(value=0.0, spread=0.0, starts=starts, status=Status.CONVERGED)
    status = Status.CONVERGED if residual <= RESIDUAL_TOL else Status.MAX_ITER
    return CubicNorm(value=top, spread=spread, starts=starts, status=status)


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
    plan = operator.plan
    x = _unit(starts)
    kx = operator.residual(x)
    slope, before, along = np.empty_like(x), np.zeros_like(x), np.zeros_like(x)
    value, residual, share = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    active = np.arange(len(x))
    for step in range(max_steps + 1):
        squares = kx[active]
        squares *= squares
        kk = operator.residual(squares)
        sums = np.empty((len(active), 4))
        kernels.tangent_slope(plan, kk, x, slope, before, active, sums)
        value[active], size = sums[:, 0], np.sqrt(sums[:, 1])
        residual[active] = size / np.maximum(np.hypot(sums[:, 0], size), _TINY)
        share[active] = _share(sums)
        active = active[residual[active] > tol]
        if step == max_steps or not len(active):
            break
        d = np.empty((len(active), *plan.shape))
        kernels.conjugate(slope, along, x, share[active], active, d)
        kd = operator.residual(d)
        circle = np.empty((len(active), 4))
        kernels.circle_coefficients(plan, kx, kd, active, circle)
        cosine, sine = best_angle(circle)
        kernels.turn(x, kx, slope, before, along, d, kd, active, cosine, sine)
    x *= np.where(value < 0, -1.0, 1.0)[:, None, None]
    return np.abs(value), x, residual


def _share(sums: FloatArray) -> FloatArray:
    """Polak-Ribière: how much of the last direction to keep; none at first, and none negative.

    ``sums`` are those of `tangent_slope`. The last direction is kept as a unit vector, so the share
    is scaled by the last slope.
    """
    _, now, mixed, old = sums.T
    size = np.where(old > 0, np.sqrt(old), 1.0)
    return np.asarray(np.where(old > 0, np.maximum(now - mixed, 0.0) / size, 0.0))


def best_angle(circle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The cos θ and sin θ with |c0 cos³ + 3 c1 cos² sin + 3 c2 cos sin² + c3 sin³| largest.

    ``circle`` (k, 4) holds c0..c3. A third of the derivative is again a cubic form,

        c1 cos³ + (2 c2 - c0) cos² sin + (c3 - 2 c1) cos sin² - c2 sin³,

    and its roots are all the extrema. In x = cot(θ - φ), with φ where the form is not small, they
    are the eigenvalues of a companion matrix; one Newton step each takes off their rounding. The
    value is never below that at θ = 0.
    """
    c0, c1, c2, c3 = circle.T
    form = np.stack([c1, 2 * c2 - c0, c3 - 2 * c1, -c2])
    values = np.abs(_cubic(form, np.cos(_APART), np.sin(_APART)))
    pole = _APART[values.argmax(axis=0), 0]
    c, s = np.cos(pole), np.sin(pole)
    lead = _cubic(form, c, s)
    monic = np.stack([_turned(form, c, s), -_turned(form, -s, c), _cubic(form, -s, c)])
    angle = pole + np.arctan2(1.0, _roots(monic / np.where(lead != 0, lead, 1.0)))
    c, s = np.cos(angle), np.sin(angle)
    bend = _turned(form, c, s)
    angle -= np.where(bend != 0, _cubic(form, c, s) / np.where(bend != 0, bend, 1.0), 0.0)
    c = np.vstack([np.ones_like(c0), c, np.cos(angle)])
    s = np.vstack([np.zeros_like(c0), s, np.sin(angle)])
    best = np.abs(_cubic(np.stack([c0, 3 * c1, 3 * c2, c3]), c, s)).argmax(axis=0)
    each = np.arange(len(circle))
    return c[best, each], s[best, each]


def _cubic(form: FloatArray, c: FloatArray, s: FloatArray) -> FloatArray:
    """The form a cos³ + b cos² sin + d cos sin² + e sin³, its coefficients the rows of ``form``."""
    a, b, d, e = form
    return np.asarray(a * c**3 + b * c**2 * s + d * c * s**2 + e * s**3)


def _turned(form: FloatArray, c: FloatArray, s: FloatArray) -> FloatArray:
    """The derivative of `_cubic` in the angle."""
    a, b, d, e = form
    return _cubic(np.stack([b, 2 * d - 3 * a, 3 * e - 2 * b, -d]), c, s)


def _roots(monic: FloatArray) -> FloatArray:
    """Real parts (3, k) of the roots of x³ + b x² + d x + e, its rows b, d, e being (k,)."""
    companion = np.zeros((monic.shape[1], 3, 3))
    companion[:, 0] = -monic.T
    companion[:, 1, 0] = companion[:, 2, 1] = 1.0
    return np.asarray(np.linalg.eigvals(companion).real.T)


def _norms(stack: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.einsum("kij,kij->k", stack, stack)))


def _unit(stack: FloatArray) -> FloatArray:
    norms = _norms(stack)
    return np.asarray(stack / np.where(norms > 0, norms, 1.0)[:, None, None])


def heaviest_free(plan: FloatArray, count: int) -> IntArray:
    """Flat indices of the ``count`` pairs with most room to move, P(1 - P/r)(1 - P/c) largest."""
    return heaviest(_free(plan), count)


def heaviest(values: FloatArray, count: int) -> IntArray:
    """Flat indices of the ``count`` largest entries, largest first, equal ones in order."""
    flat = values.ravel()
    count = min(count, flat.size)
    least = np.partition(flat, flat.size - count)[flat.size - count]
    found = np.flatnonzero(flat >= least)
    return np.asarray(found[np.argsort(-flat[found], kind="stable")[:count]])


def _free(plan: FloatArray) -> FloatArray:
    return np.asarray(plan * _others(plan) * _others(plan.T).T)


def _others(plan: FloatArray) -> FloatArray:
    """1 - P_ij/r_i, what is left of row i for the others; next to 0 a sum, no difference."""
    lead, rows = plan.argmax(axis=1), np.arange(len(plan))
    rest = plan.copy()
    rest[rows, lead] = 0.0
    row = plan.sum(axis=1)
    left = 1.0 - plan / row[:, None]
    left[rows, lead] = rest.sum(axis=1) / row
    return left


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
