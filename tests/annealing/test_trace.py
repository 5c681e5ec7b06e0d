import math
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.stream import NoisyMatrix
from sinkdiag.annealing.trace import braking_zones, trace_run
from sinkdiag.annealing.track import track
from sinkdiag.problem import make_problem
from sinkdiag.solver import solve_problem
from tests.annealing.helpers import settings
from tests.helpers import planar_cost


def test_trace_columns_are_what_they_say():
    problem = make_problem(planar_cost(10))
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))
    judge = Judge(stream, 0.1, settings())
    rows = trace_run(judge, CoolingRule(k_safe=math.inf, alpha0=0.3), settings(), replicate=3)
    run = track(stream, CoolingRule(k_safe=math.inf, alpha0=0.3), settings(), keep=True)
    last = rows[-1]
    plan = run.plan
    fixed = solve_problem(problem, 0.003).plan
    assert last.replicate == 3
    assert last.step == run.judged[-1].index
    assert last.eps == 0.003
    assert last.drift_ratio == pytest.approx(last.drift / 0.003, rel=1e-15)
    # The judge's fixed points are certified to 1e-9, and so are distances from them.
    assert last.tv == pytest.approx(np.abs(plan - fixed).sum() / 20, abs=1e-8)
    positive = plan[plan > 0]
    assert last.entropy == pytest.approx(-(positive * np.log(positive)).sum() / (10 * math.log(10)))
    assert last.row_error < 1e-14
    assert last.col_error == pytest.approx(np.abs(plan.sum(axis=0) - 1).sum() / 10, rel=1e-9)
    assert math.isnan(rows[0].drift)
    assert 0.9 < rows[0].entropy <= 1.0


def test_braking_zones_are_runs_of_steps_above_the_lowest_temperature():
    problem = make_problem(planar_cost(6))
    stream = NoisyMatrix(problem=problem, noise=0.0, decay=0.9, seed=(0,))
    judge = Judge(stream, 0.1, settings())
    (first, *_) = trace_run(
        judge, CoolingRule(k_safe=math.inf, alpha0=0.3), settings(), replicate=0
    )
    rows = [
        replace(first, step=step, braking=braking, eps=eps)
        for step, (braking, eps) in enumerate(
            [(0, 1), (1, 1), (0.5, 0.5), (0, 0.4), (1, 0.3), (1, 0.1), (1, 0.2)]
        )
    ]
    assert braking_zones(rows, 0.1) == [(1, 2), (4, 4), (6, 6)]
