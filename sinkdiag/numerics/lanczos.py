"""The largest eigenvalue of one symmetric positive semidefinite operator, by Lanczos.

Golub & Van Loan, *Matrix Computations* (2013), section 10.1. For many operators at once see
`sinkdiag.numerics.batched`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.results import Status

RITZ_TOL = 1e-9
MAX_STEPS = 600
CHECK_EVERY = 5
# A new direction this much shorter than the operator's norm is rounding: the space is exhausted.
_EXHAUSTED = 1e-15


@dataclass(frozen=True, kw_only=True)
class Extreme:
    """A Ritz value: never above the largest eigenvalue beyond rounding.

    Some eigenvalue lies within ``residual`` of ``value``; close to the top of the spectrum the
    error is of the order of residual² over the distance to the next eigenvalue.
    """

    value: float
    residual: float
    status: Status


def largest_eigenvalue(
    apply: Callable[[AnyArray], AnyArray],
    start: AnyArray,
    *,
    tol: float = RITZ_TOL,
    max_steps: int = MAX_STEPS,
    check_every: int = CHECK_EVERY,
    reorthogonalise: bool = False,
    deflate: FloatArray | None = None,
) -> Extreme:
    """Largest eigenvalue of ``apply`` in the Krylov space of ``start``, a lower estimate.

    Parameters
    ----------
    apply:
        The operator, on arrays of the shape of ``start``, real or complex; it returns a new array.
    start:
        Any shape, one-dimensional with ``reorthogonalise``; 0 gives 0.
    tol:
        Residual, relative to the value, at which it is ``converged``.
    max_steps:
        Limit on products (``max_iter`` where it is met first).
    check_every:
        Steps between two looks at the residual, after the first three.
    reorthogonalise:
        Keep every vector and each new one orthogonal to all of them: for small operators, or few
        steps. Without it three vectors are kept, and copies of converged values appear, which
        leaves the largest as accurate as it was (Paige 1980; Parlett, *The Symmetric Eigenvalue
        Problem*, section 13.3).
    deflate:
        With ``reorthogonalise``: an eigenvector that is kept out of the space.
    """
    size = float(np.abs(start).max(initial=0.0))
    if size == 0.0:
        return Extreme(value=0.0, residual=0.0, status=Status.CONVERGED)
    # Squares of a tiny or huge start would leave double precision; a power of 2 changes no digit.
    start = start / math.ldexp(1.0, math.frexp(size)[1] - 1)
    space = _Basis(start, max_steps, deflate) if reorthogonalise else _ThreeTerms(start)
    alpha: list[float] = []
    beta: list[float] = []
    ritz, residual = 0.0, np.inf
    for step in range(max_steps):
        image = apply(space.now)
        alpha.append(float(np.vdot(space.now, image).real))
        rest = space.remainder(image, alpha[-1], beta[-1] if beta else 0.0)
        length = float(np.linalg.norm(rest))
        exhausted = space.full or length <= _EXHAUSTED * max(np.abs(alpha).max(), 1e-300)
        if exhausted or step < 3 or step % check_every == 0 or step + 1 == max_steps:
            ritz, last = _top(alpha, beta)
            residual = 0.0 if exhausted else length * last
        if residual <= tol * ritz or exhausted:
            return Extreme(value=max(ritz, 0.0), residual=residual, status=Status.CONVERGED)
        beta.append(length)
        space.extend(rest / length)
    return Extreme(value=max(ritz, 0.0), residual=residual, status=Status.MAX_ITER)


class _ThreeTerms:
    """The present vector and the one before it."""

    full = False

    def __init__(self, start: AnyArray) -> None:
        self.before = np.zeros_like(start)
        self.now = start / np.linalg.norm(start)

    def remainder(self, image: AnyArray, alpha: float, beta: float) -> AnyArray:
        """What the image adds to the space, in the image's memory."""
        image -= alpha * self.now
        image -= beta * self.before
        return image

    def extend(self, vector: AnyArray) -> None:
        """Go on to the next vector."""
        self.before, self.now = self.now, vector


class _Basis:
    """All vectors, as rows, the deflated one first."""

    def __init__(self, start: AnyArray, max_steps: int, deflate: FloatArray | None) -> None:
        size = start.size
        self.kept = 0 if deflate is None else 1
        self.most = size - self.kept
        self.rows = np.empty((self.kept + min(max_steps + 1, self.most), size), dtype=start.dtype)
        self.count = self.kept
        if deflate is not None:
            self.rows[0] = deflate / np.linalg.norm(deflate)
        first = self._orthogonal(start)
        self.extend(first / np.linalg.norm(first))

    @property
    def full(self) -> bool:
        """Whether no direction is left."""
        return self.count - self.kept >= self.most

    def remainder(self, image: AnyArray, alpha: float, beta: float) -> AnyArray:
        """What the image adds to the space."""
        del alpha, beta
        return self._orthogonal(image)

    def extend(self, vector: AnyArray) -> None:
        """Keep a vector."""
        self.rows[self.count] = self.now = vector
        self.count += 1

    def _orthogonal(self, vector: AnyArray) -> AnyArray:
        known = self.rows[: self.count]
        for _ in range(2):
            vector = vector - known.T @ (known @ vector.conj()).conj()
        return vector


def _top(alpha: list[float], beta: list[float]) -> tuple[float, float]:
    """Largest eigenvalue of the tridiagonal matrix, and the last entry of its eigenvector."""
    size = len(alpha)
    if size == 1:
        return alpha[0], 1.0
    values, vectors = scipy.linalg.eigh_tridiagonal(
        np.array(alpha), np.array(beta), select="i", select_range=(size - 1, size - 1)
    )
    return float(values[0]), float(abs(vectors[-1, 0]))
