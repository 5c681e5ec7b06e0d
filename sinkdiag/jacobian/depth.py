"""How deep a stack of the same layer is before it forgets its input."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray

# Total variation between a row and the limit at which a stack counts as uniform.
CONTRAST = 1e-2
# Rows that differ by less than this are the limit; 2 to this power layers are not exceeded.
_SAME, _MOST_DOUBLINGS = 1e-9, 24


def mixing_depth(plan: FloatArray, row: FloatArray) -> float:
    """The least d with every row of (diag(1/r)P)^d within 1 % of the limit; nan if there is none.

    Distances are total variation, ½ Σ_j |·|; the limit is uniform for equal marginals. By repeated
    squaring, up to 2^24 layers (nan beyond), and for square plans (nan for others: the product of
    the layers is not defined).
    """
    n, m = plan.shape
    if n != m:
        return math.nan
    power = _stochastic(plan / row[:, None])
    powers = [power]
    while _spread(power) > _SAME:
        if len(powers) > _MOST_DOUBLINGS:
            return math.nan
        power = _stochastic(power @ power)
        powers.append(power)
    limit = power.mean(axis=0)
    product, depth = np.eye(n), 0
    for k in range(len(powers) - 1, -1, -1):
        further = product @ powers[k]
        if 0.5 * float(np.abs(further - limit).sum(axis=1).max()) > CONTRAST:
            product, depth = further, depth + 2**k
    return float(depth + 1)


def _spread(power: FloatArray) -> float:
    return float(np.ptp(power, axis=0).max())


def _stochastic(matrix: FloatArray) -> FloatArray:
    """Rows that sum to 1 again: rounding would grow with every squaring."""
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))
