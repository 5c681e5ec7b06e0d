"""Corollary 3.3 along exponential schedules, down to where the sweeps freeze.

A layer that carries g in cost units is cooled by a constant factor from the warmest temperature
down to the first one at which its K sweeps reduce an error by less than 10 (rho^K > 1/10), for
several factors and several K. Lost is a run that ends more than `LOST_TV` from the fixed point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.claims.claim import AnnealingKey, Claim, Statement
from sinkdiag.claims.cooling import LOST_TV
from sinkdiag.claims.curve import Curve
from sinkdiag.jacobian.freeze import SHRINK
from sinkdiag.problem import Problem
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.path import WarmPath

FACTORS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
SWEEPS = (1, 5, 20)
_POINT_TOL = 1e-8

COLLAPSE_AT_FREEZE = Statement(
    key=AnnealingKey.COLLAPSE_AT_FREEZE,
    claim="every exponential schedule has lost the plan where its sweeps freeze",
    source="Cor. 3.3, simulated",
)


@dataclass(frozen=True, kw_only=True)
class FrozenRun:
    """K, the cooling factor, and TV to the fixed point where K sweeps freeze (eps in cost units);
    nan where no fixed point was found.
    """

    iters: int
    factor: float
    eps: float
    tv: float

    @property
    def lost(self) -> bool:
        """More than `LOST_TV` of the mass is in the wrong place."""
        return self.tv > LOST_TV


def freeze_of(curve: Curve, iters: int) -> float:
    """The warmest temperature of a curve at which rho^K > 1/10, cost units; nan without one."""
    frozen = np.isfinite(curve.gap) & (
        iters * np.log1p(-np.minimum(curve.gap, 1 - 1e-16)) > -math.log(SHRINK)
    )
    return float(curve.eps[frozen][0]) if frozen.any() else math.nan


def cool_to_freeze(problem: Problem, curve: Curve) -> tuple[FrozenRun, ...]:
    """Every K that freezes on the curve with every factor, all from the warmest fixed point."""
    path, warm = WarmPath(problem, tol=_POINT_TOL), float(curve.eps[0])
    start = path.at(warm)
    runs = []
    for iters in SWEEPS:
        cold = freeze_of(curve, iters)
        if math.isnan(cold) or start.status.failed or cold >= warm:
            continue
        fixed = path.at(cold)
        for factor in FACTORS:
            steps = max(1, math.ceil(math.log(warm / cold) / -math.log(factor) - 1e-9))
            g = start.g
            for step in range(1, steps + 1):
                layer = run_sweeps(problem, max(warm * factor**step, cold), iters, init=g)
                g = layer.g
            away = float(np.abs(layer.plan - fixed.plan).sum()) / (2 * problem.total)
            tv = math.nan if fixed.status.failed else away
            runs.append(FrozenRun(iters=iters, factor=factor, eps=cold, tv=tv))
    return tuple(runs)


def judge_collapse_at_freeze(curve: Curve, problems: Sequence[Problem]) -> Claim:
    """Holds if every run is lost, of a batch on every matrix; fails where one is kept."""
    runs = [run for problem in problems for run in cool_to_freeze(problem, curve)]
    known = [run for run in runs if math.isfinite(run.tv)]
    if not known:
        return COLLAPSE_AT_FREEZE.undecided(
            f"no sweeps (K = {', '.join(map(str, SWEEPS))}) freeze between these temperatures"
        )
    kept = [run for run in known if not run.lost]
    told = "; ".join(_told(known, iters) for iters in dict.fromkeys(run.iters for run in known))
    sentence = (
        f"{len(kept)} of {len(known)} runs end within TV {LOST_TV:g} of the fixed point there: "
        f"{told}"
    )
    return COLLAPSE_AT_FREEZE.judged("fails" if kept else "holds", sentence)


def _told(runs: Sequence[FrozenRun], iters: int) -> str:
    """What becomes of one K."""
    mine = [run for run in runs if run.iters == iters]
    eps, worst = mine[0].eps, max(mine, key=lambda run: run.tv)
    lost = sorted({run.factor for run in mine if run.lost})
    said = f"lost with factors {', '.join(f'{x:g}' for x in lost)}" if lost else "never lost"
    return (
        f"K = {iters}, frozen at eps {eps:.3g}: {said} (largest TV {worst.tv:.2g}, factor "
        f"{worst.factor:g})"
    )
