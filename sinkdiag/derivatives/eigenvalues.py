"""Extreme eigenvalues of A and of its part on the active support, near a permutation too."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.block import BlockOperator, factor_block, power_of_four
from sinkdiag.jacobian.support import ActiveSupport
from sinkdiag.numerics.lanczos import Extreme, largest_eigenvalue
from sinkdiag.results import Status

# What is told of an operator that double precision does not hold.
UNRESOLVED = Extreme(value=math.nan, residual=math.nan, status=Status.BELOW_RESOLUTION)

# An eigenvalue below this share of the norm is not told from 0 in double precision.
SINGULAR = 1e-12
# Rows and columns together beyond which no dense eigenvalue is computed in passing.
LARGEST_SIDE = 3000


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


def smallest_on_two_gauges(plan: FloatArray, support: ActiveSupport) -> float:
    """The smallest eigenvalue of A_S where both potentials have mean 0, relative to ‖A_S‖.

    That is the paper's own gauge (Lemma A.5), the complement of (1, 0) and (0, 1): A_S is singular
    on it where its components have rows and columns in one proportion, and 0 to within
    `SINGULAR` is what is measured then. inf where that complement is {0}; nan beyond `LARGEST_SIDE`
    rows and columns, where a dense eigenvalue takes too long.
    """
    n, m = plan.shape
    if n + m > LARGEST_SIDE:
        return math.nan
    if n + m == 2:
        return math.inf
    masked = np.where(support.mask, plan, 0.0)
    rows, cols = masked.sum(axis=1), masked.sum(axis=0)
    whole = np.block([[np.diag(rows), masked], [masked.T, np.diag(cols)]])
    inner = _without_means(_without_means(whole, n).T, n)
    lowest = scipy.linalg.eigh(inner, eigvals_only=True, subset_by_index=[0, 0])[0]
    return max(float(lowest), 0.0) / (2.0 * max(rows.max(), cols.max()))


def _without_means(stack: FloatArray, n: int) -> FloatArray:
    """Rows in an orthonormal basis of the vectors whose first n, and other, entries sum to 0."""
    return np.concatenate([_reflected(stack[:n]), _reflected(stack[n:])])


def _reflected(stack: FloatArray) -> FloatArray:
    """All but the first row of H times the rows, H the reflection that takes 1/√k to e_1."""
    count = len(stack)
    axis = np.full(count, 1.0 / math.sqrt(count))
    axis[0] -= 1.0
    size = float(axis @ axis)
    if size == 0.0:
        return stack[1:]
    return np.asarray(stack[1:] - np.outer(axis[1:], (2.0 / size) * (axis @ stack)))


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
