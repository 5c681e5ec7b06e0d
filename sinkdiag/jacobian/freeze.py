"""The temperature below which K sweeps no longer move the plan towards its fixed point."""

from __future__ import annotations

import math

import numpy as np
import scipy.optimize

from sinkdiag.jacobian.gaps import plan_gap
from sinkdiag.problem import Problem
from sinkdiag.results import Status
from sinkdiag.solver.path import WarmPath
from sinkdiag.temperature import geometric

# K sweeps that shrink the error by less than this factor leave the layer frozen.
SHRINK = 10.0
# Where the search ends, in units of the cost's range, and the ratio of its first looks: a crossing,
# and one back, would hardly hide between two of them.
LOWEST, RATIO = 1e-4, 1.6
# Where it begins with forbidden pairs, on which there is no such bound.
WARMEST = 10.0
# Relative accuracy of the answer, and of the fixed points on the way.
EPS_TOL = 1e-6
POINT_TOL = 1e-10
# Entries beyond which twenty and more solves are not made in passing.
LARGEST_SIZE = 4_000_000


def freeze_temperature(problem: Problem, iters: int) -> float:
    """The largest eps with rho^K > 1/10, in cost units; nan when there is none.

    rho = sigma_2², the contraction of one sweep at the fixed point. The search begins where
    Birkhoff's bound rho <= tanh²(range/(2 eps)) rules a freeze out, ends at 1e-4 of the range, and
    solves for the crossing to a relative 1e-6: the answer belongs to the matrix and to K =
    ``iters``, not to any grid of temperatures.

    Source of the bound: Franklin & Lorenz, *Linear Algebra Appl.* 114/115 (1989).
    """
    contraction = _Contraction(problem, iters)
    span = problem.cost_range
    highest = span * (
        0.5 / math.atanh(SHRINK ** (-0.5 / iters)) if np.isfinite(problem.cost).all() else WARMEST
    )
    lowest = min(LOWEST * span, highest)
    count = 2 + int(math.log(highest / lowest) / math.log(RATIO))
    warm = math.nan
    for eps in geometric(highest, lowest, count):
        excess = contraction.excess(eps)
        if math.isnan(excess):
            continue
        if excess > 0.0:
            return eps if math.isnan(warm) else contraction.root(warm, eps)
        warm = eps
    return math.nan


class _Contraction:
    """ln(10 rho^K) along falling temperatures, each fixed point started from the one before."""

    def __init__(self, problem: Problem, iters: int) -> None:
        self.path, self.iters = WarmPath(problem, tol=POINT_TOL), iters

    def excess(self, eps: float) -> float:
        """Above 0 where K sweeps shrink an error less than tenfold; nan without a fixed point."""
        solution = self.path.at(eps)
        if solution.status.failed:
            return math.nan
        gap, status = plan_gap(solution.plan, solution.row, solution.col)
        if status is Status.BELOW_RESOLUTION:
            return math.nan
        return self.iters * math.log1p(-gap) + math.log(SHRINK) if gap < 1.0 else -math.inf

    def root(self, warm: float, cold: float) -> float:
        """Where the excess crosses 0 between two temperatures."""

        def crossing(log_eps: float) -> float:
            excess = self.excess(math.exp(log_eps))
            # A finite stand-in keeps the bracket where there is nothing to contract.
            return max(excess, -1e3) if not math.isnan(excess) else 0.0

        low, high = math.log(cold), math.log(warm)
        return math.exp(scipy.optimize.brentq(crossing, low, high, xtol=EPS_TOL))
