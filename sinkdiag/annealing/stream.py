"""The costs a tracked run meets, step by step: a matrix with decaying noise, or a trajectory."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem

# Increments are permuted within blocks of this many steps, so that a replicate keeps the pace and
# the drift of the recorded trajectory and meets it again at every block's end.
BLOCK = 10
# Noise below this fraction of the cost's spread is rounding and is not drawn.
NEGLIGIBLE = 1e-12
# Memory for the noisy costs of one replicate: all of them at 60×60, none at 100×100.
KEPT_BYTES = 8_000_000


class CostStream(Protocol):
    """Costs C_0, C_1, … of one replicate; every walk over a stream gives the same costs."""

    @property
    def problem(self) -> Problem:
        """Marginals, name, and the cost of the first step without noise."""

    @property
    def length(self) -> int | None:
        """Number of steps, or None when the stream does not end."""

    def walk(self) -> CostWalk:
        """Start at step 0."""


class CostWalk(Protocol):
    """One pass over a stream."""

    def __next__(self) -> FloatArray:
        """The cost of the next step, shape (n, m)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NoisyMatrix:
    """C_t = C + noise·std(C)·decay^t·Z_t, Z_t standard normal and fresh at every step.

    ``noise`` = 0 gives C itself at every step. Drawing costs as much as a sweep, so what was drawn
    is kept for the next walk where it takes no more than `KEPT_BYTES`. Walks in several threads at
    a time are not for one stream.
    """

    problem: Problem
    noise: float
    decay: float
    seed: tuple[int, ...]
    length: int | None = None

    def walk(self) -> CostWalk:
        """Start at step 0 with the replicate's own random numbers."""
        if self.noise > 0.0 and self._noisy_steps * self.problem.cost.nbytes > KEPT_BYTES:
            return _NoisyWalk(self)
        return self._replayed()

    def _replayed(self) -> Iterator[FloatArray]:
        for index in itertools.count():
            if index == len(self._drawn):
                self._drawn.append(next(self._first_walk))
            yield self._drawn[index]

    @property
    def _noisy_steps(self) -> float:
        """Steps until the noise is negligible."""
        if self.decay <= 0.0:
            return 1.0
        return max(1.0, math.log(NEGLIGIBLE / self.noise) / math.log(self.decay))

    @functools.cached_property
    def _first_walk(self) -> _NoisyWalk:
        return _NoisyWalk(self)

    @functools.cached_property
    def _drawn(self) -> list[FloatArray]:
        return []


class _NoisyWalk:
    def __init__(self, stream: NoisyMatrix) -> None:
        cost = stream.problem.cost
        finite = cost[np.isfinite(cost)]
        self._cost = cost
        self._size = stream.noise * float(finite.std())
        self._floor = NEGLIGIBLE * float(finite.std())
        self._decay = stream.decay
        self._random = np.random.default_rng(stream.seed)

    def __next__(self) -> FloatArray:
        if self._size <= self._floor:
            return self._cost
        noisy = self._random.standard_normal(self._cost.shape)
        noisy *= self._size
        noisy += self._cost
        self._size *= self._decay
        return noisy


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory:
    """Recorded costs C_0 … C_{T-1}, or a replicate whose increments are permuted within blocks."""

    problem: Problem
    costs: FloatArray
    seed: tuple[int, ...] | None = None

    @property
    def length(self) -> int:
        """T."""
        return len(self.costs)

    def walk(self) -> CostWalk:
        """Start at step 0."""
        return iter(self.costs if self.seed is None else _bridge(self.costs, self.seed))


def _bridge(costs: FloatArray, seed: tuple[int, ...]) -> FloatArray:
    """C_s plus the increments of a block in random order: it rejoins the record at block ends."""
    if not np.all(np.isfinite(costs)):
        costs = np.where(np.isfinite(costs), costs, np.inf)
    random = np.random.default_rng(seed)
    replicate = costs.copy()
    for start in range(0, len(costs) - 1, BLOCK):
        stop = min(start + BLOCK, len(costs) - 1)
        with np.errstate(invalid="ignore"):
            increments = np.diff(costs[start : stop + 1], axis=0)
        order = random.permutation(stop - start)
        replicate[start + 1 : stop] = (
            costs[start] + np.cumsum(np.nan_to_num(increments[order]), axis=0)[:-1]
        )
    return replicate
