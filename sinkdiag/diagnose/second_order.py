"""The norm of the second derivative of the plan in the cost, by symmetric power iteration.

With K(X) = X - A^+B(X) (the P-weighted least-squares residual), D²S[X, X] = P∘K(K(X)²)/eps², and
<D²S[X, X], X> = <P, K(X)³>/eps² is a totally symmetric cubic form up to sign. Hence the norm is its
largest value over ‖X‖_F = 1 (Banach), and a stationary X is an eigenvector of the cubic form.
Shifted symmetric higher-order power iteration: Kolda & Mayo, *SIAM J. Matrix Anal. Appl.* 32
(2011); the shift adapts in the manner of their 2014 paper: it grows when the value falls.
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


def cubic_gradient(
    operator: BlockOperator, directions: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(<P, K(X)³>, P∘K(K(X)²)) for a stack of X (k, n, m): the cubic form and its gradient / 3."""
    residual = operator.residual(directions)
    gradient = operator.move(residual**2)
    return np.einsum("kij,kij->k", gradient, directions), gradient


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
    x = _unit(starts)
    value, gradient = cubic_gradient(operator, x)
    x *= np.where(value < 0, -1.0, 1.0)[:, None, None]
    value = np.abs(value)
    shift = np.zeros(len(x))
    residual = _stationarity(value, gradient, x)
    active = np.flatnonzero((residual > tol) & (_norms(gradient) > 0))
    for _ in range(max_steps):
        if not len(active):
            break
        trial = _unit(gradient[active] + shift[active, None, None] * x[active])
        trial_value, trial_gradient = cubic_gradient(operator, trial)
        better = trial_value >= value[active] * (1 - 1e-14)
        taken, refused = active[better], active[~better]
        x[taken], value[taken] = trial[better], trial_value[better]
        gradient[taken] = trial_gradient[better]
        shift[taken] *= 0.5
        shift[refused] = np.maximum(2 * shift[refused], 0.5 * _norms(gradient[refused]))
        residual[taken] = _stationarity(value[taken], gradient[taken], x[taken])
        active = active[residual[active] > tol]
    return value, x, residual


def _stationarity(value: FloatArray, gradient: FloatArray, x: FloatArray) -> FloatArray:
    """‖gradient - value X‖ / ‖gradient‖: the value is within about its square of stationary."""
    size = np.maximum(_norms(gradient), np.finfo(float).tiny)
    return np.asarray(_norms(gradient - value[:, None, None] * x) / size)


def _norms(stack: FloatArray) -> FloatArray:
    return np.sqrt(np.einsum("kij,kij->k", stack, stack))


def _unit(stack: FloatArray) -> FloatArray:
    norms = _norms(stack)
    return np.asarray(stack / np.where(norms > 0, norms, 1.0)[:, None, None])


def heaviest_free(plan: FloatArray, count: int) -> IntArray:
    """Flat indices of the ``count`` pairs with most room to move, P(1 - P/r)(1 - P/c) largest."""
    free = plan * (1 - plan / plan.sum(axis=1)[:, None]) * (1 - plan / plan.sum(axis=0))
    return np.argsort(-free, axis=None, kind="stable")[:count]


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
