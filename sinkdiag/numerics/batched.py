"""Largest eigenvalues of many Hermitian operators at once: Lanczos, one column per operator.

Columns run in one batch and share every matrix product; a column that has converged makes room for
the next one waiting, so the products stay wide. Trefethen & Embree, *Spectra and Pseudospectra*
(2005), chapter 39, has the inverse Lanczos iteration for one point at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from sinkdiag.arrays import BoolArray, FloatArray, IntArray
from sinkdiag.numerics.kernels import judge, lanczos_step

Apply = Callable[[IntArray, FloatArray], FloatArray]

# Relative errors of the eigenvalue sigma²: the estimate residual²/gap must fall below TOL, and the
# residual itself below LOOSE. Two eigenvalues that are not separated yet share one Ritz value, with
# the weight w on the smaller; its error is then residual·sqrt(w/(1-w)), and w is that of a random
# vector: beyond 2e-6 it needs w > 0.9975 and eigenvalues that agree to 1e-5.
TOL = 1e-10
LOOSE = 1e-7
MAX_STEPS = 1000
WIDTH = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class Tops:
    """Largest eigenvalue of each operator, whether it met the tolerance, and the steps taken."""

    values: FloatArray
    converged: BoolArray
    steps: IntArray


def top_eigenvalues(
    apply: Apply,
    size: int,
    count: int,
    *,
    tol: float = TOL,
    max_steps: int = MAX_STEPS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Tops:
    """Largest eigenvalue of ``count`` positive semidefinite Hermitian operators of order ``size``.

    Ritz values are lower bounds; every operator starts from the same random vector.

    Parameters
    ----------
    size, count:
        Order of the operators, and how many there are.
    seed:
        Of the start vector.
    apply:
        ``apply(which, x)`` returns H_which[j] x_j in a new array for a split batch x, shape
        (size, 2p): real parts first, imaginary parts last.
    tol:
        Relative error of an eigenvalue.
    max_steps:
        Limit on Lanczos steps; a column that meets it is not converged.
    progress:
        Called with the number of finished operators and their total.
    """
    result = Tops(
        values=np.full(count, np.nan),
        converged=np.zeros(count, dtype=bool),
        steps=np.zeros(count, dtype=np.int64),
    )
    waiting = iter(range(count))
    batch = _Batch(size, _take(waiting, min(WIDTH, count)), seed, max_steps)
    finished = 0
    while len(batch.which):
        ended = batch.step(apply, tol)
        if not len(ended):
            continue
        names = batch.which[ended]
        result.values[names] = batch.theta[ended]
        result.converged[names] = batch.done[ended]
        result.steps[names] = batch.taken[ended]
        finished += len(ended)
        batch.replace(ended, _take(waiting, len(ended)))
        if progress is not None:
            progress(finished, count)
    return result


class _Batch:
    """Lanczos columns in flight; column j serves the operator which[j]."""

    def __init__(self, size: int, which: list[int], seed: int, max_steps: int) -> None:
        p = len(which)
        vector = np.random.default_rng(seed).standard_normal((2, size))
        self.start = vector / np.linalg.norm(vector)
        self.max_steps = max_steps
        self.which = np.array(which, dtype=np.int64)
        self.current = np.repeat(self.start, p, axis=0).T.copy()
        self.previous = np.zeros_like(self.current)
        self.alpha, self.beta = np.zeros(p), np.zeros(p)
        self.theta, self.weight = np.zeros(p), np.ones(p)
        self.taken, self.done = np.zeros(p, dtype=np.int64), np.zeros(p, dtype=bool)
        room = min(max_steps, 64)
        self.alphas, self.betas = np.zeros((p, room)), np.zeros((p, room))

    def step(self, apply: Apply, tol: float) -> IntArray:
        """One Lanczos step of every column; the columns that have ended."""
        image = apply(self.which, self.current)
        lanczos_step(image, self.current, self.previous, self.alpha, self.beta)
        self.previous, self.current = self.current, image
        if self.taken.max() == self.alphas.shape[1]:
            self.alphas = np.pad(self.alphas, ((0, 0), (0, self.alphas.shape[1])))
            self.betas = np.pad(self.betas, ((0, 0), (0, self.betas.shape[1])))
        columns = np.arange(len(self.which))
        self.alphas[columns, self.taken] = self.alpha
        self.betas[columns, self.taken] = self.beta
        self.taken += 1
        judge(self.alphas, self.betas, self.taken, self.theta, self.weight, tol, LOOSE, self.done)
        return np.flatnonzero(self.done | (self.taken >= self.max_steps))

    def replace(self, ended: IntArray, fresh: list[int]) -> None:
        """Give ended columns to fresh operators, and drop those that are left."""
        p = len(self.which)
        reused, dropped = ended[: len(fresh)], ended[len(fresh) :]
        self.which[reused] = fresh
        self.current[:, reused] = self.start[0][:, None]
        self.current[:, p + reused] = self.start[1][:, None]
        self.previous[:, reused] = self.previous[:, p + reused] = 0.0
        self.beta[reused] = self.theta[reused] = 0.0
        self.weight[reused] = 1.0
        self.taken[reused] = 0
        if len(dropped):
            self._drop(dropped)

    def _drop(self, dropped: IntArray) -> None:
        keep = np.ones(len(self.which), dtype=bool)
        keep[dropped] = False
        both = np.concatenate([keep, keep])
        self.current = np.ascontiguousarray(self.current[:, both])
        self.previous = np.ascontiguousarray(self.previous[:, both])
        for name in ("which", "alpha", "beta", "theta", "weight", "taken", "done"):
            setattr(self, name, getattr(self, name)[keep])
        self.alphas, self.betas = self.alphas[keep], self.betas[keep]


def _take(waiting: Iterator[int], count: int) -> list[int]:
    return list(islice(waiting, count))
