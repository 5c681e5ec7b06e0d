"""What of a learner's fate is no matter of the schedule: sweeps, lost track, arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.learning.fates import Course
from sinkdiag.annealing.learning.learner import Learner
from sinkdiag.solver.layer import run_sweeps, sweep_plan
from sinkdiag.solver.solve import solve_problem
from sinkdiag.solver.truncation import iters_needed, lowest_eps, truncation_error

# Marginal error of the fixed points.
POINT_TOL = 1e-10


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What a cold layer of K sweeps makes of the given cost at eps_min, and down to where.

    Attributes
    ----------
    lowest:
        The temperature down to which it is right to 1 %, cost units (inf: none).
    needed:
        The sweeps that eps_min would take (nan: more than were tried, or no fixed point).
    unresolved:
        Total variation between the K-sweep plan and the fixed point at eps_min (nan: none found).
    arithmetic:
        Total variation between the K-sweep plans in float32 and in float64 at eps_min.
    """

    lowest: float
    needed: float
    unresolved: float
    arithmetic: float


def resolve(learner: Learner, course: Course) -> Resolution:
    """Measure it on the cost as given, without noise."""
    problem, iters, eps = learner.problem, learner.iters, course.eps_min
    plan = run_sweeps(problem, eps, iters).plan
    solution = solve_problem(problem, eps, tol=POINT_TOL)
    # What leaves single precision is the finding, not a fault.
    with np.errstate(all="ignore"):
        single = sweep_plan(problem, eps, iters, dtype=np.float32).astype(np.float64)
        difference = float(np.abs(single - plan).sum()) / (2.0 * problem.total)
    return Resolution(
        lowest=lowest_eps(problem, iters),
        needed=iters_needed(problem, eps),
        unresolved=truncation_error(plan, solution),
        arithmetic=difference if math.isfinite(difference) else math.nan,
    )
