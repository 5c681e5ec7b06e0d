"""Whether exponential cooling loses the plan (Cor. 3.3): simulated, not deduced.

The paper's condition for a tracked run is sufficient, so that where it fails nothing follows. One
run is made instead: from the fixed point at the warmest temperature the layer makes `SWEEPS` sweeps
a step, carries g in cost units and cools by the factor `ALPHA`, down to the coldest temperature.
TV = ‖P_t - P*‖_1/(2N) to the fixed point of the moment is measured at every fourth step and at the
last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.claims.claim import Claim, ClaimKey, Statement
from sinkdiag.claims.curve import Curve, ratio
from sinkdiag.claims.slopes import wide
from sinkdiag.problem import Problem
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.path import WarmPath

SWEEPS = 1
ALPHA = 0.95
# TV from which a plan is lost.
LOST_TV = 0.1
# Steps from one fixed point to the next, and the accuracy of these: TV is a matter of percents.
EVERY = 4
POINT_TOL = 1e-7
# Entries, and steps, beyond which no run is made in passing.
LARGEST_SIZE = 1_000_000
MOST_STEPS = 2_000
# Share of the remaining error that all later sweeps together may remove in a run that stays lost.
_LITTLE = 0.5

COLLAPSE = Statement(
    key=ClaimKey.COLLAPSE, claim="exponential cooling collapses in the end", source="Cor. 3.3"
)


@dataclass(frozen=True, kw_only=True)
class CoolingRun:
    """A simulated run: the largest TV with its temperature, and the last."""

    peak: float
    peak_eps: float
    end: float


def cool(problem: Problem, warm: float, cold: float) -> CoolingRun | None:
    """One run from ``warm`` to ``cold`` (cost units); None where an end has no fixed point."""
    steps = max(1, math.ceil(math.log(warm / cold) / -math.log(ALPHA) - 1e-9))
    path = WarmPath(problem, tol=POINT_TOL)
    start = path.at(warm)
    if start.status.failed:
        return None
    g, found = start.g, [(0.0, warm)]
    for step in range(1, steps + 1):
        eps = max(warm * ALPHA**step, cold)
        plan = (layer := run_sweeps(problem, eps, SWEEPS, init=g)).plan
        g = layer.g
        if step % EVERY and step < steps:
            continue
        fixed = path.at(eps)
        if not fixed.status.failed:
            found.append((float(np.abs(plan - fixed.plan).sum()) / (2 * problem.total), eps))
        elif step == steps:
            return None
    peak, peak_eps = max(found)
    return CoolingRun(peak=peak, peak_eps=peak_eps, end=found[-1][0])


def judge_collapse(curve: Curve, problems: Sequence[Problem]) -> Claim:
    """Collapse where the plan is lost at the coldest temperature and the sweeps freeze there.

    No collapse where it is kept there and the plan has not far enough to go to be lost later. Of a
    batch the run that ends worst counts.
    """
    known = np.flatnonzero(np.isfinite(curve.gap) & (curve.gap > 0))
    if len(known) < 2 or not wide(np.log(curve.eps[known])):
        return COLLAPSE.undecided("less than half a decade of temperatures was resolved")
    warm, cold = float(curve.eps[known[0]]), float(curve.eps[known[-1]])
    if sum(problem.cost.size for problem in problems) > LARGEST_SIZE:
        return COLLAPSE.undecided(
            f"no run was simulated: more than {LARGEST_SIZE:,} costs take too long"
        )
    if math.log(warm / cold) > MOST_STEPS * -math.log(ALPHA):
        return COLLAPSE.undecided(f"no run was simulated: it would take over {MOST_STEPS:,} steps")
    made = [cool(problem, warm, cold) for problem in problems]
    runs = [run for run in made if run is not None]
    if not runs or len(runs) < len(made):
        return COLLAPSE.undecided("no run was simulated between fixed points at both ends")
    last = int(known[-1])
    worst = max(runs, key=lambda run: run.end)
    verdict, cause = _verdict(curve, last, worst, _to_come(curve, last, problems))
    return COLLAPSE.judged(verdict, f"{_told(curve, last, worst, warm)}: {cause}")


def _to_come(curve: Curve, last: int, problems: Sequence[Problem]) -> float:
    """TV that the plan moves below the coldest temperature, if its motion goes on to fall.

    Pairs on their way out fall faster than eps^(1/2), so that the motion adds up to no more than
    2 eps·‖dP/deps‖ in the Frobenius norm, and sqrt(nm)/(2N) times that in TV.
    """
    size = max(math.sqrt(problem.cost.size) / problem.total for problem in problems)
    return size * float(curve.drift[last])


def _verdict(curve: Curve, last: int, run: CoolingRun, to_come: float) -> tuple[str, str]:
    if run.end > LOST_TV:
        later = SWEEPS * float(curve.gap[last]) / (1 - ALPHA)
        if curve.limit_components > 1 and later < _LITTLE:
            return "holds", f"the plan is lost, and the sweeps are frozen there; {curve.shape}"
        return "cannot tell", f"the plan is lost there, but sweeps may catch up; {curve.shape}"
    if run.end + to_come < LOST_TV:
        return "fails", f"the plan is kept, and has hardly farther to go; {curve.shape}"
    return "cannot tell", f"the plan is kept so far, but it still moves there; {curve.shape}"


def _told(curve: Curve, last: int, run: CoolingRun, warm: float) -> str:
    sweeps = "sweep" if SWEEPS == 1 else "sweeps"
    told = (
        f"simulated with {SWEEPS} {sweeps} a step, g carried, cooling by {ALPHA:g} a step from "
        f"eps = {warm:.3g} to {curve.eps[last]:.3g}, TV to the fixed points (every {EVERY}th step) "
        f"peaks at {run.peak:.2g} at eps = {run.peak_eps:.3g} and ends at {run.end:.2g}, lost "
        f"above {LOST_TV:g}"
    )
    share = float(ratio(curve.gap * curve.radius, curve.drift)[last])
    if not math.isfinite(share):
        return told
    return f"{told} (the paper's sufficient condition admits a cooling share of {share:.2g} there)"
