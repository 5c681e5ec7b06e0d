"""Flux balance between the parts of a plan that nearly falls apart.

Where the mass between two parts of the plan is q, a marginal residual, known to 1e-16, leaves the
potential between them uncertain by 1e-16/q. What determines it is that as much mass leaves a part
as enters it: with Φ_ab the mass of the plan in the rows of part a and the columns of part b,

    Σ_b Φ_ab = Σ_b Φ_ba,   b ≠ a,

sums of positive numbers that are known to relative accuracy however small they are. Moving the
potential of part a by z_a turns Φ_ab into Φ_ab exp(z_b - z_a), up to the small share of its mass
that leaves a row for other parts. So the parts' potentials solve a matrix-balancing problem of
their own small size, whose Newton steps need L z = net flux with the Laplacian of the weights
Φ + Φ'. Its GTH elimination carries the antisymmetric fluxes along without a cancellation:
eliminating node k with shares N_kj adds N_kj A_ki - N_ki A_kj to A_ji, a share of k's own fluxes.

What goes on inside the parts is left to sweeps and Newton steps. The two in turn are the
aggregation-disaggregation iteration of nearly decomposable Markov chains, which gains a factor of
the size of the ties a round (Koury, McAllister & Stewart, *SIAM J. Alg. Disc. Meth.* 5, 1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.jit import njit
from sinkdiag.linearize.laplacian import (
    ELIMINATION_BLOCK,
    SMALLEST_PIVOT,
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
EQUAL_MASS = 1e-14
# Balance steps before the next, more cautious, kind.
CAUTION_STEPS = 25
# Largest spread of a step that is not safe, and the largest net flux per pivot that the boldest
# one believes (about 8 units of eps).
CAP = 8.0
STEEPEST = 0.999


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


def balance(state: Scaling, parts: Parts, goal: float, max_iter: int) -> tuple[int, float, float]:
    """Shift whole parts of ``state`` until the fluxes between them balance.

    Returns the steps taken, the spread of the first one and of the last one, in units of eps. The
    last one is at most ``goal``, or nan where the fluxes were not finite, unless ``max_iter`` came
    first.
    """
    flux = np.zeros((parts.count, parts.count))
    kernels.aggregate(state.plan(), parts.row, parts.col, flux)
    np.fill_diagonal(flux, 0.0)
    moved = np.zeros(parts.count)
    first = spread = float("nan")
    for spent in range(max_iter):
        direction = balance_direction(flux, bold=spent < CAUTION_STEPS)
        spread = float(np.ptp(direction))
        first = spread if spent == 0 else first
        if not np.isfinite(spread):
            return spent, first, spread
        step = direction * _damping(spread, spent // CAUTION_STEPS)
        moved += step
        flux *= np.exp(step - step[:, None])
        if spread <= goal:
            break
    state.shift(moved[parts.col])
    return spent + 1, first, spread


def _damping(spread: float, caution: int) -> float:
    """The share of a step of this spread that is taken.

    No line search could see fluxes of 1e-60. With ``caution`` 0 (for steps that take the logarithm
    of a node's fluxes in and out where Newton takes their difference: few steps from far away) and
    with 1 only the spread is capped. With 2 Newton's step of spread w is damped by log(1 + w)/w,
    with which it never overshoots on a sum of exponentials (generalised self-concordance; Bach,
    *Electron. J. Stat.* 4, 2010).
    """
    if spread == 0.0:
        return 1.0
    return float(np.log1p(spread) if caution > 1 else min(spread, CAP)) / spread


def balance_direction(flux: FloatArray, *, bold: bool = False) -> FloatArray:
    """The z with (diag(W1) - W) z = Φ1 - Φ'1 for W = Φ + Φ', mean-free; ``flux`` is Φ, (p, p)."""
    shares, net_flux = flux + flux.T, flux - flux.T
    size = len(flux)
    pivots, net = np.zeros(size), np.zeros(size)
    for high in range(size, 0, -ELIMINATION_BLOCK):
        low = max(high - ELIMINATION_BLOCK, 0)
        eliminate_block(shares, net_flux, pivots, net, low, high)
        block = shares[low:high, :low]
        shares[:low, :low] += block.T @ (block * pivots[low:high, None])
        moved = block.T @ net_flux[low:high, :low]
        net_flux[:low, :low] += moved
        net_flux[:low, :low] -= moved.T
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
