"""The claims that ``anneal --claims`` judges: on simulated runs of one matrix."""

from __future__ import annotations

from sinkdiag.annealing.schedules.evidence import EvidenceMaker
from sinkdiag.annealing.schedules.optimum import Optimum
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.claims.annealed import STATEMENTS, judge_annealed, undecided
from sinkdiag.claims.claim import Claim
from sinkdiag.claims.curve import Curve, curve_of
from sinkdiag.claims.freeze_cooling import COLLAPSE_AT_FREEZE, judge_collapse_at_freeze
from sinkdiag.claims.speed import SPEED_LIMIT, judge_speed_limit
from sinkdiag.derivatives.response import respond
from sinkdiag.jacobian.block import factor_block
from sinkdiag.problem import Problem
from sinkdiag.progress import Progress
from sinkdiag.solver.path import solve_path
from sinkdiag.studies.anneal_settings import AnnealSettings
from sinkdiag.temperature import automatic_grid

# Temperatures of the curve on which the speed limit is judged, and entries beyond which it is not.
POINTS, LARGEST_SIZE = 25, 40_000
_SCALE = 1000


def claims_on(
    setting: Setting, settings: AnnealSettings, optimum: Optimum, progress: Progress
) -> tuple[Claim, ...]:
    """All claims about annealing, undecided where they were not asked for or cannot be judged."""
    every = (SPEED_LIMIT, COLLAPSE_AT_FREEZE, *STATEMENTS)
    if not settings.claims:
        return undecided(every, "not judged in this run: ask for the claims")
    if not setting.static:
        return undecided(every, "these claims are about one cost, not about a trajectory")
    problem = setting.problem

    def told(share: float) -> None:
        progress("claims", int(share * _SCALE), _SCALE)

    evidence = EvidenceMaker(problem, optimum, told).make()
    return (*_about_sweeps(problem, settings), *judge_annealed(evidence))


def _about_sweeps(problem: Problem, settings: AnnealSettings) -> tuple[Claim, Claim]:
    if problem.cost.size > LARGEST_SIZE:
        reason = f"more than {LARGEST_SIZE:,} costs take too long"
        return SPEED_LIMIT.undecided(reason), COLLAPSE_AT_FREEZE.undecided(reason)
    curve = _curve(problem, settings)
    return judge_speed_limit(curve, [problem]), judge_collapse_at_freeze(curve, [problem])


def _curve(problem: Problem, settings: AnnealSettings) -> Curve:
    """What `sensitivity` measures, on its automatic grid."""
    responses = [
        respond(problem, solution, factor_block(solution.plan), seed=settings.seed, extended=False)
        for solution in solve_path(problem, automatic_grid(problem, POINTS))
    ]
    return curve_of([responses], problem)
