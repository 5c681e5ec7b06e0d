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

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.gth import ELIMINATION_BLOCK, factor_from_shares
from sinkdiag.solver.parts import Parts
from sinkdiag.solver.parts_kernels import eliminate_block, log_aggregate
from sinkdiag.solver.scaling import Scaling
from sinkdiag.solver.settings import SolverSettings


def balance(state: Scaling, parts: Parts, goal: float, max_iter: int) -> tuple[int, float, float]:
    """Shift whole parts of ``state`` until the fluxes between them balance.

    Returns the steps taken, the spread of the first one and of the last one, in units of eps. The
    last one is at most ``goal``, or nan where the fluxes were not finite, unless ``max_iter`` came
    first. From far away Φ is balanced by way of Φ^θ, with θ doubling up to 1: a ladder of
    temperatures eps/θ for the parts alone.
    """
    log_flux = np.empty((parts.count, parts.count))
    f, g = state.potentials()
    log_aggregate(state.cost, f, g, state.eps, parts.row, parts.col, log_flux)
    np.fill_diagonal(log_flux, -np.inf)
    first = spread = float(np.ptp(balance_direction(np.exp(log_flux))))
    shift, spent = np.zeros(parts.count), 0
    for theta in _thetas(log_flux, state.settings) if first > state.settings.far else [1.0]:
        start = np.exp(theta * (log_flux + shift - shift[:, None]))
        wanted = goal if theta == 1.0 else state.settings.stage_spread
        steps, moved, spread = _balance_fluxes(start, wanted, max_iter - spent, state.settings)
        shift += moved / theta
        spent += steps
        if not np.isfinite(spread) or spent >= max_iter:
            break
    state.shift(shift[parts.col])
    return spent, first, spread


def _thetas(log_flux: FloatArray, settings: SolverSettings) -> list[float]:
    """Doubling powers, from one that brings all fluxes within exp(`flattest`) of each other."""
    finite = log_flux[np.isfinite(log_flux)]
    count = max(0, math.ceil(math.log2(max(1.0, float(np.ptp(finite)) / settings.flattest))))
    return [0.5**k for k in range(count, -1, -1)]


def _balance_fluxes(
    flux: FloatArray, goal: float, max_iter: int, settings: SolverSettings
) -> tuple[int, FloatArray, float]:
    """Balance ``flux``, in place: the steps, the potentials' shift and the last step's spread."""
    moved, spread = np.zeros(len(flux)), float("nan")
    for spent in range(1, max_iter + 1):
        direction = balance_direction(flux)
        spread = float(np.ptp(direction))
        if not np.isfinite(spread):
            return spent, moved, spread
        step = direction * _damping(spread, settings.cap, cautious=spent > settings.caution_steps)
        moved += step
        flux *= np.exp(step - step[:, None])
        if spread <= goal:
            return spent, moved, spread
    return max_iter, moved, spread


def _damping(spread: float, cap: float, *, cautious: bool) -> float:
    """The share of a Newton step of this spread that is taken.

    No line search could see fluxes of 1e-60. A step is capped; the ``cautious`` one of spread w is
    damped by log(1 + w)/w, with which it never overshoots on a sum of exponentials (generalised
    self-concordance; Bach, *Electron. J. Stat.* 4, 2010).
    """
    if spread == 0.0:
        return 1.0
    return float(np.log1p(spread) if cautious else min(spread, cap)) / spread


def balance_direction(flux: FloatArray) -> FloatArray:
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
    return factor_from_shares(shares, pivots).finish(net)
