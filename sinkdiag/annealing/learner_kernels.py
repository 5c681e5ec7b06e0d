"""The part of a learning step that is neither the layer nor its adjoint: loss, drift, argmax."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit

# Losses by number, for compiled code: see `sinkdiag.annealing.learner.Loss`.
MSE, MASS, NLL = 0, 1, 2


@njit
def judge_step(
    plan: FloatArray,
    previous: FloatArray,
    target: FloatArray,
    known: np.ndarray[tuple[int], np.dtype[np.bool_]],
    loss: int,
    scale: float,
    eps: float,
    weighted: FloatArray,
    best: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> float:
    """W = P∘(dl/dP)/eps into ``weighted``, each row's argmax into ``best``; returns the drift.

    The drift is ‖P - previous‖_F. ``scale`` is n/N: losses are those of P and T rescaled to N = n.
    Unknown rows have W = 0.
    """
    n, m = plan.shape
    moved = np.zeros(m)
    for i in range(n):
        top, place = -1.0, 0
        for j in range(m):
            change = plan[i, j] - previous[i, j]
            moved[j] += change * change
            if plan[i, j] > top:
                top, place = plan[i, j], j
        best[i] = place
        if not known[i]:
            for j in range(m):
                weighted[i, j] = 0.0
        elif loss == MSE:
            for j in range(m):
                weighted[i, j] = plan[i, j] * (plan[i, j] - target[i, j]) * (scale * scale / eps)
        elif loss == MASS:
            for j in range(m):
                weighted[i, j] = -plan[i, j] * target[i, j] * (scale * scale / eps)
        else:
            for j in range(m):
                weighted[i, j] = -target[i, j] * (scale / eps)
    total = 0.0
    for j in range(m):
        total += moved[j]
    return np.sqrt(total)
