"""Newton by flux balance, for plans that nearly fall apart into components.

Where the mass between two parts of the plan is q, a marginal residual, known to 1e-16, leaves the
potential between them uncertain by 1e-16/q. What determines it is that as much mass leaves a part
as enters it, and those fluxes are known to relative accuracy. With M any matrix that has the
marginals of the plan and no mass between parts, the residual of the columns is

    c - P'1 = A 1,   A = M' D_r^{-1} P - P' D_r^{-1} M   (antisymmetric),

and A_jk between parts is a difference of two sums of positive fluxes, never a difference of masses.
The GTH elimination of L carries A along without meeting the large entries inside a part:
eliminating node k with shares N_kj adds N_kj A_ki - N_ki A_kj to A_ji, a share of k's own fluxes.

For a permutation this is matrix balancing: row flux off the support = column flux off the support.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.jit import njit
from sinkdiag.linearize.laplacian import (
    ELIMINATION_BLOCK,
    SMALLEST_PIVOT,
    column_weights,
    factor_from_shares,
)
from sinkdiag.problem import FloatArray
from sinkdiag.solver import kernels
from sinkdiag.solver.kernels import IntArray
from sinkdiag.solver.scaling import Scaling

# Entries below this share of their marginals do not tie two parts together.
LINK = 1e-6
LOWEST_LINK = 1e-14
# Marginals of a part agree if they do to this accuracy, relative to the whole mass.
EQUAL_MASS = 1e-13
# Largest spread of a step that is not safe, and the largest net flux per pivot that the boldest
# one believes (2 units of eps).
CAP = 8.0
STEEPEST = 0.96


@dataclass(frozen=True, eq=False)
class Parts:
    """Components of the plan's strong entries: a label for each row and each column."""

    row: IntArray
    col: IntArray
    count: int


def find_parts(plan: FloatArray, row: FloatArray, col: FloatArray) -> Parts:
    """Parts joined by less than LINK whose two marginals carry the same mass.

    Where the masses differ some flux must pass, however weak the ties are; the bar is then
    lowered until only balanced parts remain.
    """
    link = LINK
    n, m = plan.shape
    label = np.empty(n + m, dtype=np.int32)
    while True:
        count = kernels.label_parts(plan, row, col, link, label)
        parts = Parts(label[:n], label[n:], count)
        if count == 1:
            return parts
        surplus = np.bincount(parts.row, row, parts.count)
        surplus -= np.bincount(parts.col, col, parts.count)
        if float(np.abs(surplus).max()) <= EQUAL_MASS * float(row.sum()):
            return parts
        link *= 1e-2
        if link < LOWEST_LINK:
            return Parts(np.zeros_like(parts.row), np.zeros_like(parts.col), 1)


def balance_step(state: Scaling, parts: Parts, caution: int) -> float:
    """One damped Newton step on all potentials; returns its spread, in units of eps.

    No line search could see fluxes of 1e-60. With ``caution`` 0 the step takes the logarithm of a
    node's fluxes in and out where Newton takes their difference, and only its spread is capped:
    few steps from far away. With 1 it is Newton's step, capped. With 2 Newton's step of spread w is
    damped by log(1 + w)/w, with which it never overshoots on a sum of exponentials (generalised
    self-concordance; Bach, *Electron. J. Stat.* 4, 2010).
    """
    direction = flux_direction(state.plan(), state.row, state.col, parts, bold=caution == 0)
    spread = float(np.ptp(direction))
    if not np.isfinite(spread):
        return float("nan")
    if spread > 0.0:
        state.shift(direction * (np.log1p(spread) if caution > 1 else min(spread, CAP)) / spread)
    return spread


def flux_direction(
    plan: FloatArray, row: FloatArray, col: FloatArray, parts: Parts, *, bold: bool = False
) -> FloatArray:
    """The d with L d = c - P'1, mean-free, the potentials between parts to relative accuracy."""
    reference = _reference(plan, row, col, parts)
    half = (reference / row[:, None]).T @ plan
    flux = half - half.T
    shares, pivots = column_weights(plan, row), np.zeros(len(col))
    net = np.zeros(len(col))
    for high in range(len(col), 0, -ELIMINATION_BLOCK):
        low = max(high - ELIMINATION_BLOCK, 0)
        eliminate_block(shares, flux, pivots, net, low, high)
        block = shares[low:high, :low]
        shares[:low, :low] += block.T @ (block * pivots[low:high, None])
        moved = block.T @ flux[low:high, :low]
        flux[:low, :low] += moved
        flux[:low, :low] -= moved.T
    if bold:
        net = _log_ratio(net, pivots)
    return factor_from_shares(shares, pivots).finish(net)


@njit
def eliminate_block(
    shares: FloatArray, flux: FloatArray, pivots: FloatArray, net: FloatArray, low: int, high: int
) -> None:
    """Take nodes high - 1 … low (but never 0) out, in place, up to the columns below the block.

    ``shares`` are the weights, and row k becomes node k's shares; ``pivots`` and ``net`` take its
    pivot and its net flux.
    """
    for k in range(high - 1, max(low, 1) - 1, -1):
        pivot = 0.0
        for j in range(k):
            pivot += shares[k, j]
        if pivot < SMALLEST_PIVOT:
            shares[k, :k] = 0.0
            pivots[k] = 0.0
            net[k] = 0.0
            continue
        own = 0.0
        for j in range(k):
            shares[k, j] /= pivot
            own += flux[k, j]
        pivots[k] = pivot
        net[k] = own
        for i in range(low, k):
            share, leaving = shares[k, i], flux[k, i]
            for j in range(k):
                shares[i, j] += pivot * share * shares[k, j]
                flux[i, j] += share * flux[k, j] - leaving * shares[k, j]


def _log_ratio(net: FloatArray, pivots: FloatArray) -> FloatArray:
    """Net flux per pivot is tanh of half the log ratio of flux in to flux out: undo the tanh."""
    ratio = np.zeros_like(net)
    np.divide(net, pivots, out=ratio, where=pivots > 0)
    return np.asarray(np.arctanh(np.clip(ratio, -STEEPEST, STEEPEST)) * pivots)


def _reference(plan: FloatArray, row: FloatArray, col: FloatArray, parts: Parts) -> FloatArray:
    """M: the plan inside the parts, its marginals mended there by two matrices of rank one."""
    inside = parts.row[:, None] == parts.col
    reference = np.where(inside, plan, 0.0)
    col_share = col / np.bincount(parts.col, col, parts.count)[parts.col]
    row_share = row / np.bincount(parts.row, row, parts.count)[parts.row]
    missing = row - reference.sum(axis=1)
    reference += np.where(inside, missing[:, None] * col_share, 0.0)
    missing = col - reference.sum(axis=0)
    reference += np.where(inside, row_share[:, None] * missing, 0.0)
    return reference
