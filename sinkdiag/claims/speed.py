"""The speed limit (Thm. 3.2), measured: the largest step of the temperature that sweeps follow.

The paper's admissible step gap·R/‖dP/deps‖ is a formula. Here the layer itself is run: it makes
`SWEEPS` sweeps a step, carries g in cost units, and starts from a fixed point above eps. Followed
is a run whose plan at eps is within R(eps) of the fixed point, in the Frobenius norm: inside the
linearisation radius. The largest followed step delta is that of one jump from eps + delta, where
one from `FAR`·eps is followed, else that of equal steps from `FAR`·eps down to eps. It is
interpolated between runs whose starts, or numbers of steps, double.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.claims.claim import AnnealingKey, Claim, Statement, held_in
from sinkdiag.claims.curve import Curve
from sinkdiag.claims.power_law import Law, judge_law
from sinkdiag.claims.slopes import trend_of, wide
from sinkdiag.problem import Problem
from sinkdiag.results import Solution
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.path import WarmPath

SWEEPS = 1
FAR = 2.0
# The farthest start of one jump, in units of eps, and the steps of the longest run: beyond them
# nothing limits the step, or none is measured.
FARTHEST, MOST_STEPS = 2.0**10, 2**12
# Temperatures one after another that are not followed, after which no colder one is tried.
_GIVEN_UP = 2
_POINT_TOL = 1e-10

SPEED_LIMIT = Statement(
    key=AnnealingKey.SPEED_LIMIT,
    claim="the largest step that sweeps follow is Θ(eps²)",
    source="Thm. 3.2, simulated",
)


def fastest_steps(problem: Problem, eps: FloatArray, radius: FloatArray) -> FloatArray:
    """The largest followed step at each temperature (k,), cost units, warmest first.

    nan where R is not known or no run of at most `MOST_STEPS` is followed; inf where one jump from
    `FARTHEST`·eps is, so that nothing limits the step.
    """
    path, found, missed = WarmPath(problem, tol=_POINT_TOL), [], 0
    for temperature, within in zip(eps, radius, strict=True):
        step = math.nan
        if missed < _GIVEN_UP and within > 0:
            step = _fastest(path, float(temperature), float(within))
            missed = missed + 1 if math.isnan(step) else 0
        found.append(step)
    return np.array(found)


def _fastest(path: WarmPath, eps: float, within: float) -> float:
    fixed = path.at(eps)
    if fixed.status.failed:
        return math.nan

    def jump(far: float) -> float:
        return _error(path.problem, path.at(far * eps), fixed, 1)

    far = _crossing(jump, FAR, FARTHEST, within)
    if far > FAR:
        return (far - 1.0) * eps
    start = path.at(FAR * eps)

    def walk(steps: float) -> float:
        return -_error(path.problem, start, fixed, round(steps))

    steps = _crossing(walk, 1.0, float(MOST_STEPS), -within)
    return (FAR - 1.0) * eps / steps if math.isfinite(steps) else math.nan


def _crossing(value: Callable[[float], float], least: float, most: float, level: float) -> float:
    """Where a growing value exceeds a level, by doubling from ``least``; linear between logs.

    ``least`` where it does at once, inf where it does not up to ``most``; nan stays nan.
    """
    before, at = math.nan, least
    while at <= most:
        now = value(at)
        if math.isnan(now):
            return math.nan
        if now > level:
            if at == least:
                return least
            low, high, middle = (math.log(max(abs(x), 1e-300)) for x in (before, now, level))
            return at / 2.0 * 2.0 ** ((middle - low) / (high - low))
        before, at = now, 2.0 * at
    return math.inf


def _error(problem: Problem, start: Solution, fixed: Solution, steps: int) -> float:
    """‖P - P*‖_F at the end of ``steps`` equal steps between two fixed points' temperatures."""
    if start.status.failed:
        return math.nan
    g, delta = start.g, (start.eps - fixed.eps) / steps
    for left in range(steps - 1, -1, -1):
        layer = run_sweeps(problem, fixed.eps + left * delta, SWEEPS, init=g)
        g = layer.g
    return float(np.linalg.norm(layer.plan - fixed.plan))


def judge_speed_limit(curve: Curve, problems: Sequence[Problem]) -> Claim:
    """The exponent of the largest followed step beside the paper's 2; of a batch the least step.

    Where nothing limits the step there is no such law, and where it is limited the law is judged.
    """
    measured = np.min(
        [fastest_steps(problem, curve.eps, curve.radius) for problem in problems], axis=0
    )
    known = ~np.isnan(measured)
    if known.sum() < 3 or not wide(np.log(curve.eps[known])):
        return SPEED_LIMIT.undecided("fewer than three temperatures, or less than half a decade")
    limited = known & np.isfinite(measured)
    sentence = _told(curve, measured)
    if limited.sum() < 3:
        return SPEED_LIMIT.judged("fails", sentence)
    values = np.where(limited, measured, np.nan)
    claim = judge_law(curve, _law(values, sentence))
    trend = trend_of(np.log(curve.eps[limited]), np.log(measured[limited]))
    sentence += (
        f"; its fitted exponent there is {trend.slope:.2f} ({trend.low:.2f} to {trend.high:.2f} "
        "between neighbours), the paper's 2"
    )
    if claim.window is None:
        return SPEED_LIMIT.judged("fails", sentence, trend=trend)
    # What holds only between temperatures at which nothing limits the step holds in a window.
    return SPEED_LIMIT.judged(held_in(claim.window), sentence, trend=trend, window=claim.window)


def _told(curve: Curve, measured: FloatArray) -> str:
    said = (
        f"simulated with {SWEEPS} sweep a step, g carried, within R(eps) of the fixed point at the "
        "end"
    )
    free = int(np.isposinf(measured).sum())
    if free:
        said += (
            f"; at {free} of {len(measured)} temperatures one jump from {FARTHEST:g}·eps is "
            "followed, and nothing limits the step"
        )
    share = (measured / curve.eps)[np.isfinite(measured)]
    if len(share):
        said += f"; where it is limited it is {share.min():.3g} to {share.max():.3g} times eps"
    formula = (curve.admissible_step / curve.eps)[np.isfinite(curve.admissible_step)]
    if len(formula):
        said += (
            f" (the paper's sufficient gap·R/‖dP/deps‖: {formula.min():.2g} to "
            f"{formula.max():.2g} times eps)"
        )
    return said


def _law(values: FloatArray, cause: str) -> Law:
    def never(curve: Curve) -> bool:
        del curve
        return False

    def measured(curve: Curve) -> FloatArray:
        del curve
        return values

    return Law(
        key=SPEED_LIMIT.key,
        claim=SPEED_LIMIT.claim,
        source=SPEED_LIMIT.source,
        name="the largest followed step",
        values=measured,
        slope=2,
        lasts=never,
        cause=lambda curve: f"{curve.shape} ({cause})",
    )
