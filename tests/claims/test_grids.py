"""Verdicts and windows are those of the matrix: 25, 49 and 97 temperatures find the same."""

from pathlib import Path

import numpy as np
import pytest

from sinkdiag.claims.curve import curve_of
from sinkdiag.claims.judge import judge
from sinkdiag.derivatives.response import respond
from sinkdiag.jacobian.block import factor_block
from sinkdiag.problem import make_problem
from sinkdiag.solver.path import solve_path
from sinkdiag.temperature import automatic_grid
from tests.claims.test_claims import TIES
from tests.helpers import planar_cost, uniform_cost

MOTORCYCLE = Path(__file__).parents[2] / "examples" / "data" / "motorcycle.npy"
# Agreement of the ends of windows, in log eps.
AGREE = 0.05

COSTS = {
    "12x12": lambda: uniform_cost(12, 12),
    "20x20": lambda: uniform_cost(20, 20),
    "8x4": lambda: uniform_cost(8, 4),
    "7x5": lambda: uniform_cost(7, 5),
    "planar": lambda: planar_cost(24),
    "ties": lambda: TIES,
    "integers": lambda: np.random.default_rng(3).integers(0, 4, (6, 6)).astype(float),
    "motorcycle": lambda: np.load(MOTORCYCLE),
}


SLOW = {"12x12", "20x20", "planar", "motorcycle"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in COSTS],
)
def test_verdicts_do_not_depend_on_the_number_of_temperatures(name):
    problem = make_problem(COSTS[name]())
    fine = [
        respond(problem, solution, factor_block(solution.plan))
        for solution in solve_path(problem, automatic_grid(problem, 97))
    ]
    # Every second and every fourth temperature are the grids of 49 and of 25.
    judged = [judge(curve_of([fine[::step]], problem), [problem]) for step in (1, 2, 4)]
    for claims in zip(*judged, strict=True):
        words = {claim.verdict.partition(" in ")[0] for claim in claims}
        windows = [claim.window for claim in claims]
        assert len(words) == 1, claims
        assert len({" in [" in claim.verdict for claim in claims}) == 1, claims
        if windows[0] is not None:
            assert np.ptp(np.log(windows), axis=0).max() <= AGREE, claims
