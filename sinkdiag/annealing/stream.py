"""The costs a tracked run meets, step by step: a matrix with decaying noise, or a trajectory."""

from __future__ import annotations

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

    ``noise`` = 0 gives C itself at every step.
    """

    problem: Problem
    noise: float
    decay: float
    seed: tuple[int, ...]
    length: int | None = None

    def walk(self) -> CostWalk:
        """Start at step 0 with the replicate's own random numbers."""
        return _NoisyWalk(self)


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
