"""sup over ‖X‖_F = 1 of ‖DS[X]‖_2, by alternating directions and top singular pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.second_order import heaviest_free
from sinkdiag.jacobian.block import BlockOperator
from sinkdiag.results import Status

STARTS = 12
VALUE_TOL = 1e-9
# Steps of all the starts, then of the best of them, which may creep along a flat ridge.
FIRST_STEPS = 100
MAX_STEPS = 6000
# Power steps on each image between two uses of the operator.
_INNER = 3


@dataclass(frozen=True, kw_only=True)
class RankOneNorm:
    """eps·sup ‖DS[X]‖_2 as found: a lower estimate, attained."""

    value: float
    starts: int
    status: Status


def rank_one_norm(operator: BlockOperator, *, seed: int = 0) -> RankOneNorm:
    """The largest ‖H[uv']‖_F over unit u, v, with H = -eps DS: eps·sup_X ‖DS[X]‖_2 from below.

    H is symmetric, so u'H[X]v = <H[uv'], X>: for a given (u, v) the best X is H[uv'], and for a
    given X the best (u, v) is the top singular pair of H[X]. Neither step lowers the value.
    """
    u, v = _starts(operator, np.random.default_rng(seed))
    starts = len(u)
    value, u, v, _ = _alternate(operator, u, v, FIRST_STEPS)
    best = int(value.argmax())
    top, _, _, converged = _alternate(operator, u[best, None], v[best, None], MAX_STEPS)
    status = Status.CONVERGED if converged else Status.MAX_ITER
    return RankOneNorm(value=max(float(top[0]), float(value.max())), starts=starts, status=status)


def _alternate(
    operator: BlockOperator, u: FloatArray, v: FloatArray, steps: int
) -> tuple[FloatArray, FloatArray, FloatArray, bool]:
    """Values and directions after at most ``steps``, and whether all values have settled."""
    value = np.zeros(len(u))
    for _ in range(steps):
        image = operator.move(u[:, :, None] * v[:, None, :])
        before, value = value, np.sqrt(np.einsum("kij,kij->k", image, image))
        if np.all(value - before <= VALUE_TOL * value):
            return value, u, v, True
        twice = operator.move(image)
        for _ in range(_INNER):
            u = _unit(np.einsum("kij,kj->ki", twice, v), u)
            v = _unit(np.einsum("kij,ki->kj", twice, u), v)
    return value, u, v, False


def _unit(vectors: FloatArray, otherwise: FloatArray) -> FloatArray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(norms > 0, vectors / np.where(norms > 0, norms, 1.0), otherwise)


def _starts(operator: BlockOperator, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Half single pairs, the ones that can move most, half random directions."""
    n, m = operator.shape
    pairs = heaviest_free(operator.plan, STARTS // 2)
    u = rng.standard_normal((STARTS, n))
    v = rng.standard_normal((STARTS, m))
    for k, pair in enumerate(pairs):
        u[k], v[k] = 0.0, 0.0
        u[k, pair // m] = v[k, pair % m] = 1.0
    return _unit(u, u), _unit(v, v)
