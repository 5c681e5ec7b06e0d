import numpy as np
import pytest

from sinkdiag.annealing.kernels import track_step
from tests.helpers import uniform_cost
from tests.naive import annealing as naive
from tests.naive import solver as naive_solver

# One sweep is a handful of roundings of numbers of size max|C|/eps in an exponent; ten sweeps at
# max|C|/eps = 50 stay within 10·50·2.2e-16·(a few) of the twin.
TWIN = 2e-12


def test_track_step_agrees_with_its_twin():
    cost = uniform_cost(5, 7)
    row, col = np.ones(5), np.full(7, 5 / 7)
    f, g, previous = np.zeros(5), np.linspace(0, 0.3, 7), np.full((5, 7), 1 / 7)
    plan = np.empty((5, 7))
    wanted, wanted_f, wanted_g, wanted_plan = naive.track_step(
        cost, row, col, 0.02, 10, list(g), previous
    )
    drift = track_step(cost, row, col, 0.02, 10, f, g, plan, previous)
    np.testing.assert_allclose(plan, wanted_plan, rtol=TWIN, atol=TWIN)
    np.testing.assert_allclose(f, wanted_f, atol=TWIN)
    np.testing.assert_allclose(g, wanted_g, atol=TWIN)
    assert drift == pytest.approx(wanted, rel=TWIN)


def test_sweeps_survive_a_jump_that_underflows_the_kernel():
    """From eps = 1 to 1e-4: exponents reach -1e4, far below the smallest double."""
    cost = uniform_cost(6, 6)
    row = col = np.ones(6)
    f, g, plan = np.zeros(6), np.zeros(6), np.empty((6, 6))
    track_step(cost, row, col, 1e-4, 3, f, g, plan, plan.copy())
    _, _, wanted = naive_solver.sweeps(cost, row, col, 1e-4, 3, [0.0] * 6)
    # Exponents of size 1/1e-4 = 1e4 carry a rounding of about 1e4·2.2e-16·(a few sweeps).
    np.testing.assert_allclose(plan, wanted, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(plan.sum(axis=1), 1.0, rtol=1e-14)
