"""Extreme eigenvalues of A and of its part on the active support, near a permutation too."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.block import BlockOperator, factor_block, power_of_four
from sinkdiag.jacobian.support import ActiveSupport
from sinkdiag.numerics.lanczos import Extreme, largest_eigenvalue
from sinkdiag.results import Status

# What is told of an operator that double precision does not hold.
UNRESOLVED = Extreme(value=math.nan, residual=math.nan, status=Status.BELOW_RESOLUTION)


def smallest_eigenvalue(operator: BlockOperator) -> Extreme:
    """The smallest eigenvalue of A off its null vector (1, -1), to relative accuracy.

    Lanczos on A^+; the value is never below the truth beyond rounding.
    """
    n, m = operator.shape
    # ‖A^+‖ is that of a flow through the lightest cut.
    unit = power_of_four(float(operator.scale.max()) ** -2)

    def apply(vector: FloatArray) -> FloatArray:
        signed = vector * sign
        signed -= signed.mean()
        signed *= sign * unit
        return np.concatenate(operator.solve(signed[:n], signed[n:]))

    sign = np.concatenate([np.ones(n), -np.ones(m)])
    start = sign * np.random.default_rng(0).standard_normal(n + m)
    start -= sign * (sign @ start) / (n + m)
    top = largest_eigenvalue(apply, start)
    return Extreme(
        value=unit / top.value, residual=unit * top.residual / top.value**2, status=top.status
    )


def smallest_on_support(plan: FloatArray, support: ActiveSupport) -> Extreme:
    """The smallest eigenvalue of A_S on the complement of one gauge for each component of S.

    A_S is the block operator of the plan masked to S, its diagonal recomputed from that; it falls
    apart into the components. The gauges are (1, -1) on one component each (Lemma A.5 fixes two
    global ones instead, which is one too many for a connected support and too few otherwise).
    """
    masked = np.where(support.mask, plan, 0.0)
    least = Extreme(value=math.inf, residual=0.0, status=Status.CONVERGED)
    rows_of = np.split(
        np.argsort(support.row_labels, kind="stable"),
        np.cumsum(np.bincount(support.row_labels, minlength=support.components))[:-1],
    )
    cols_of = np.split(
        np.argsort(support.col_labels, kind="stable"),
        np.cumsum(np.bincount(support.col_labels, minlength=support.components))[:-1],
    )
    for rows, cols in zip(rows_of, cols_of, strict=True):
        block = masked[np.ix_(rows, cols)]
        if block.size == 1:
            found = Extreme(value=2.0 * float(block[0, 0]), residual=0.0, status=Status.CONVERGED)
        else:
            operator = factor_block(block)
            if operator is None:
                return UNRESOLVED
            found = smallest_eigenvalue(operator)
        if found.value < least.value:
            least = found
    return least


def off_support_norm(plan: FloatArray, support: ActiveSupport) -> float:
    """‖A - A_S‖_2: the block operator of what S leaves out; mass."""
    rest = np.where(support.mask, 0.0, plan)
    if not rest.any():
        return 0.0
    n, unit = len(rest), power_of_four(float(rest.max()))
    rest /= unit
    rows, cols = rest.sum(axis=1), rest.sum(axis=0)

    def apply(vector: FloatArray) -> FloatArray:
        a, b = vector[:n], vector[n:]
        return np.concatenate([rows * a + rest @ b, rest.T @ a + cols * b])

    return unit * largest_eigenvalue(apply, np.concatenate([rows, cols])).value
