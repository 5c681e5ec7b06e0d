"""Claims about single temperatures: Lemma A.5 and Theorem A.2."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sinkdiag.arrays import BoolArray, FloatArray
from sinkdiag.claims.claim import Claim, ClaimKey, Statement, held_in
from sinkdiag.claims.curve import Curve
from sinkdiag.claims.slopes import runs
from sinkdiag.derivatives.duality import DUALITY_TOL
from sinkdiag.derivatives.eigenvalues import SINGULAR, smallest_on_two_gauges
from sinkdiag.jacobian.support import support_of
from sinkdiag.problem import Problem
from sinkdiag.solver.solve import solve_problem

GAUGES = Statement(
    key=ClaimKey.GAUGES, claim="A_S is invertible on the active subspace", source="Lemma A.5"
)
DUALITY = Statement(key=ClaimKey.DUALITY, claim="gap <= ‖∂_CΦ‖/‖DS_θ‖", source="Thm. A.2")

# The edge of a window is found to this distance in log eps, on problems of no more entries.
_EDGE = 0.02
_LARGEST_SIZE = 250_000
_POINT_TOL = 1e-8


def judge_gauges(curve: Curve, problems: Sequence[Problem]) -> Claim:
    """Whether A_S is invertible once the paper's two global gauges are fixed, as measured."""
    known = np.isfinite(curve.two_gauges)
    if not known.any():
        return GAUGES.undecided("no eigenvalue of A_S was computed: the matrix is too large")
    eps, lowest = curve.eps[known], curve.two_gauges[known]
    least, worst = float(lowest.min()), float(eps[int(lowest.argmin())])
    parts = curve.components[-1]
    size = f"{least:.3g} of its norm" if least > SINGULAR else "0 to within rounding"
    sentence = (
        f"on the paper's two global gauges the smallest eigenvalue of A_S falls to {size}, at "
        f"eps = {worst:.3g}; at the coldest temperature the active support has {parts} "
        f"component{'s' if parts > 1 else ''}, and one gauge for each is needed"
    )
    if parts != curve.limit_components:
        sentence += f"; {curve.shape}"
    claim = _pointwise(GAUGES, eps, lowest > SINGULAR, sentence)
    small = sum(problem.cost.size for problem in problems) <= _LARGEST_SIZE
    if claim.window is None or claim.verdict == "holds" or not problems or not small:
        return claim
    window = _sharpened(claim.window, eps, problems)
    return GAUGES.judged(held_in(window), sentence, window=window)


def _sharpened(
    window: tuple[float, float], eps: FloatArray, problems: Sequence[Problem]
) -> tuple[float, float]:
    """Both edges moved outwards to where A_S becomes singular, short of the next temperature."""
    low, high = window
    below, above = eps[eps < low], eps[eps > high]
    return (
        _edge(low, float(below.max()), problems) if len(below) else low,
        _edge(high, float(above.min()), problems) if len(above) else high,
    )


def _edge(inside: float, outside: float, problems: Sequence[Problem]) -> float:
    """Bisection for the end of invertibility; ``inside`` is where every A_S is invertible."""
    while abs(math.log(outside / inside)) > _EDGE:
        middle = math.sqrt(inside * outside)
        if all(_invertible(problem, middle) for problem in problems):
            inside = middle
        else:
            outside = middle
    return inside


def _invertible(problem: Problem, eps: float) -> bool:
    plan = solve_problem(problem, eps, tol=_POINT_TOL).plan
    return smallest_on_two_gauges(plan, support_of(plan)) > SINGULAR


def judge_duality(curve: Curve) -> Claim:
    """Judge gap <= rhs·(1 + `DUALITY_TOL`): equality, as for every 2x2, counts as holding."""
    known = np.isfinite(curve.gap) & np.isfinite(curve.duality)
    if not known.any():
        return DUALITY.undecided("neither side was resolved")
    gap, bound = curve.gap[known], curve.duality[known]
    loosest = float((bound / gap).max())
    sentence = (
        f"in the natural norm the right side is up to {loosest:.3g} times the gap (equal counts as "
        f"holding, to the {DUALITY_TOL:g} that the right side is computed to); the paper's proof "
        "chains two inequalities the wrong way, and in the potential norm the claim can fail"
    )
    return _pointwise(DUALITY, curve.eps[known], gap <= bound * (1 + DUALITY_TOL), sentence)


def _pointwise(statement: Statement, eps: FloatArray, true: BoolArray, sentence: str) -> Claim:
    """A statement about single temperatures: where it is true."""
    if not true.any():
        return statement.judged("fails", sentence)
    first, last = max(runs(true), key=lambda run: (eps[run[0]] / eps[run[1] - 1], run[1]))
    window = (float(eps[last - 1]), float(eps[first]))
    return statement.judged("holds" if true.all() else held_in(window), sentence, window=window)
