"""The largest eigenvalue of a symmetric positive semidefinite operator, by Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.results import Status

RITZ_TOL = 1e-9
MAX_STEPS = 600
_CHECK_EVERY = 5


@dataclass(frozen=True)
class Extreme:
    """A Ritz value: never above the largest eigenvalue beyond rounding.

    Some eigenvalue lies within ``residual`` of ``value``; close to the top of the spectrum the
    error is of the order of residual² over the distance to the next eigenvalue.
    """

    value: float
    residual: float
    status: Status


def largest_eigenvalue(
    apply: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    *,
    tol: float = RITZ_TOL,
    max_steps: int = MAX_STEPS,
) -> Extreme:
    """Largest eigenvalue of ``apply`` in the Krylov space of ``start`` (any shape; 0 gives 0).

    Three vectors are kept. Without reorthogonalisation copies of converged values appear, which
    leaves the largest as accurate as it was (Paige 1980; Parlett, *The Symmetric Eigenvalue
    Problem*, section 13.3).
    """
    old, size = np.zeros_like(start), float(np.linalg.norm(start))
    if size == 0.0:
        return Extreme(0.0, 0.0, Status.CONVERGED)
    now = start / size
    alpha: list[float] = []
    beta: list[float] = []
    ritz, residual = 0.0, np.inf
    for step in range(max_steps):
        image = apply(now)
        alpha.append(float(np.vdot(now, image)))
        image -= alpha[-1] * now
        if beta:
            image -= beta[-1] * old
        length = float(np.linalg.norm(image))
        exhausted = length <= 1e-15 * max(np.abs(alpha).max(), 1e-300)
        if exhausted or step < 3 or step % _CHECK_EVERY == 0:
            ritz, last = _top(alpha, beta)
            residual = 0.0 if exhausted else length * last
        if residual <= tol * ritz or exhausted:
            return Extreme(max(ritz, 0.0), residual, Status.CONVERGED)
        beta.append(length)
        old, now = now, image / length
    return Extreme(max(ritz, 0.0), residual, Status.MAX_ITER)


def _top(alpha: list[float], beta: list[float]) -> tuple[float, float]:
    """Largest eigenvalue of the tridiagonal matrix, and the last entry of its eigenvector."""
    size = len(alpha)
    values, vectors = scipy.linalg.eigh_tridiagonal(
        np.array(alpha), np.array(beta), select="i", select_range=(size - 1, size - 1)
    )
    return float(values[0]), float(abs(vectors[-1, 0]))
