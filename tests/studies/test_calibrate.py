import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag.annealing.calibration import CalibrationSettings
from sinkdiag.annealing.escalate import LADDER, escalate
from sinkdiag.annealing.stream import NoisyMatrix
from sinkdiag.annealing.track import TrackSettings
from sinkdiag.annealing.window import ControllerTrial, Fate, bracket
from sinkdiag.errors import InputError
from sinkdiag.jacobian.freeze import freeze_temperature
from sinkdiag.problem import make_problem
from sinkdiag.studies.calibrate import calibrate_problem
from tests.helpers import planar_cost, uniform_cost

COST = planar_cost(24, seed=3)


def replay_by_hand(cost, row, k_safe, budget=500):
    """The loop of a user: (steps, eps reached, plan), with nothing of the calibrator in it."""
    controller = sinkdiag.AdaptiveCooling(
        k_safe, row.alpha0, beta=row.beta, eps_start=row.eps_start, eps_min=row.eps_min
    )
    g = None
    for _step in range(budget):
        solution = sinkdiag.solve(cost, controller.eps, iters=int(row.iters), init=g)
        g = solution.g
        if controller.done:
            return controller.eps, solution.plan
        controller.step(solution.plan)
    return controller.eps, solution.plan


def has_collapsed(cost, eps, plan):
    fixed = sinkdiag.solve(cost, eps, tol=1e-9).plan
    tv = np.abs(plan - fixed).sum() / (2 * len(cost))
    return tv > 0.1 and bool(np.any(plan.argmax(axis=1) != fixed.argmax(axis=1)))


@pytest.fixture(scope="module")
def row():
    return sinkdiag.calibrate(COST).iloc[0]


def test_a_window_is_finite_and_says_so(row):
    assert row.verdict.startswith("window:")
    assert 0 < row.k_low <= row.k_safe <= row.k_high < math.inf
    assert row.k_safe == pytest.approx(math.sqrt(row.k_low * row.k_high))
    assert row.replicates == 10
    assert row.collapses == 10
    assert row.confirmed_safe == 1.0


def test_k_safe_arrives_whole_and_four_times_k_high_collapses(row):
    eps, plan = replay_by_hand(COST, row, row.k_safe)
    assert eps == row.eps_min
    assert not has_collapsed(COST, eps, plan)
    eps, plan = replay_by_hand(COST, row, 4 * row.k_high)
    assert eps == row.eps_min
    assert has_collapsed(COST, eps, plan)


def test_the_plain_schedule_of_the_row_collapses(row):
    eps, plan = replay_by_hand(COST, row, math.inf)
    assert has_collapsed(COST, eps, plan)


def test_same_seed_same_row_other_seed_another(row):
    again = sinkdiag.calibrate(COST).iloc[0]
    assert again.equals(row)
    assert sinkdiag.calibrate(COST, seed=1).iloc[0].k_collapse != row.k_collapse


def test_the_paper_s_thresholds_are_taken_where_the_plain_schedule_is_lost(row):
    """R and k_theory of the 24 points at eps_collapse, against the definitions on a dense J."""
    solution = sinkdiag.solve(COST, row.eps_collapse)
    plan, eps, iters = solution.plan, row.eps_collapse, int(row.iters)
    constants = sinkdiag.constants(COST, eps).iloc[0]
    assert pytest.approx(constants.R, rel=1e-6) == row.R
    jacobian = plan.T @ plan
    basis = np.linalg.svd(np.ones((1, 24)))[2][1:].T  # g modulo constants
    jacobian = basis.T @ jacobian @ basis
    step = np.vstack([-plan @ basis, basis])  # (a, b) of ‖P∘(a⊕b)‖_F
    squares = plan**2
    metric = np.block([[np.diag(squares.sum(1)), squares], [squares.T, np.diag(squares.sum(0))]])
    root = np.linalg.cholesky(step.T @ metric @ step).T
    power = np.linalg.matrix_power(jacobian, iters)
    summed = root @ power @ np.linalg.inv(np.eye(23) - power) @ np.linalg.inv(root)
    # The dense construction loses about cond(metric)·1e-16.
    assert row.k_theory == pytest.approx(row.R / np.linalg.norm(summed, 2) / eps, rel=1e-4)


def test_scaling_cost_and_eps_together_scales_the_slopes(row):
    """P(sC, s eps) = P(C, eps), so drift stays and drift/eps is divided by s (a power of two)."""
    scaled = sinkdiag.calibrate(4.0 * COST).iloc[0]
    assert scaled.k_safe == pytest.approx(row.k_safe / 4.0, rel=1e-6)
    assert scaled.eps_collapse == pytest.approx(row.eps_collapse * 4.0, rel=1e-9)


def test_many_sweeps_and_a_gentle_range_provoke_no_collapse():
    row = sinkdiag.calibrate(COST, eps=[1.0, 0.3]).iloc[0]
    assert row.verdict.startswith("no collapse provoked:")
    assert math.isnan(row.k_safe)
    assert row.collapses == 0


def test_a_budget_too_small_for_any_slope_is_empty():
    row = sinkdiag.calibrate(COST, alpha0=0.5, max_steps=5, iters=1).iloc[0]
    assert row.verdict.startswith("empty:")
    assert "within the budget" in row.verdict
    assert math.isnan(row.k_safe)


def test_a_trajectory_of_fresh_costs():
    costs = np.random.default_rng(0).random((60, 12, 12))
    row = sinkdiag.calibrate(costs, eps=[1.0, 0.02], layout="trajectory", iters=2).iloc[0]
    opening = row.verdict.partition(":")[0]
    assert opening in {"window", "empty"}
    if opening == "window":
        assert row.k_low > 0.5
        assert "above the usual 0.5" in row.verdict


def test_a_given_alpha0_is_kept():
    row = sinkdiag.calibrate(COST, alpha0=0.4, iters=2).iloc[0]
    assert row.alpha0 == 0.4


@pytest.mark.parametrize(
    ("cost", "arguments", "fault"),
    [
        (np.ones((1, 5)), {}, "one plan at every eps"),
        (COST, {"eps": [0.0]}, "not positive"),
        (COST, {"eps": [np.nan]}, "not positive"),
        (COST, {"layout": "trajectory"}, r"a trajectory has shape \(24, 24\)"),
        (np.ones((2, 3, 3)), {"layout": "trajectory"}, "trajectory of 2 steps"),
    ],
)
def test_what_cannot_be_calibrated(cost, arguments, fault):
    with pytest.raises(InputError, match=fault):
        sinkdiag.calibrate(cost, **arguments)


def test_escalation_finds_the_gentlest_schedule_that_collapses():
    problem = make_problem(COST)
    streams = [NoisyMatrix(problem, 0.0, 0.9, (0,))]
    settings = TrackSettings(1.0, 0.003, 2, 60)
    found = escalate(streams, settings, 0.1)
    first = found.provoked[0]
    assert first.share() == 1.0
    assert first.tv > 0.125
    gentler = escalate(streams, settings, 0.1, alpha0=first.alpha ** (1 / 3))
    assert all(outcome.alpha == first.alpha ** (1 / 3) for outcome in gentler.provoked)
    assert LADDER[0] == 2


def test_a_bracket_separates_what_it_says_it_separates():
    problem = make_problem(COST)
    stream = NoisyMatrix(problem, 0.0, 0.9, (0,))
    trial = ControllerTrial(TrackSettings(1.0, 0.003, 2, 100), 0.3, 1.0, 0.1)
    ends = bracket(trial, stream)
    assert trial.replay(stream, ends.low).fate is Fate.SAFE
    assert trial.replay(stream, ends.low / 1.06).fate is Fate.LATE
    assert trial.replay(stream, ends.high).fate is Fate.SAFE
    assert trial.replay(stream, ends.high * 1.06).fate is Fate.COLLAPSED
    assert ends.plain.fate is Fate.COLLAPSED


def test_a_hint_changes_the_cost_and_not_the_bracket():
    problem = make_problem(COST)
    stream = NoisyMatrix(problem, 0.01, 0.9, (0, 1))
    trial = ControllerTrial(TrackSettings(1.0, 0.003, 2, 100), 0.3, 1.0, 0.1)
    plain = bracket(trial, stream)
    hinted = bracket(trial, stream, plain)
    # Both are within the search's resolution of the same end.
    assert hinted.low == pytest.approx(plain.low, rel=0.05)
    assert hinted.high == pytest.approx(plain.high, rel=0.05)


def test_freeze_temperature_of_two_points_is_the_closed_form():
    """Gap 4p(1-p), p = 1/(1 + exp(-d/eps)), C = [[0, d], [d, 0]]; frozen at 1 - 10^(-1/K)."""
    problem = make_problem([[0.0, 1.0], [1.0, 0.0]])
    gap = 1 - 10 ** (-1 / 20)
    p = 0.5 * (1 + math.sqrt(1 - gap))
    wanted = 1.0 / math.log(p / (1 - p))
    found = freeze_temperature(problem, 1.0, 0.01, 20)
    # 16 grid points and 8 halvings of a ratio 100^(1/15): resolved to 0.2 %, from below.
    assert wanted / 1.002 <= found <= wanted
    assert math.isnan(freeze_temperature(problem, 1.0, 0.5, 20))


def test_uniform_costs_give_one_of_the_four_verdicts():
    row = sinkdiag.calibrate(uniform_cost(9, 5), replicates=2).iloc[0]
    openings = {"window", "empty", "no collapse provoked", "below resolution"}
    assert row.verdict.partition(":")[0] in openings


def test_settings_reach_the_run():
    problem = make_problem(COST)
    result = calibrate_problem(problem, CalibrationSettings(1.0, 0.003, iters=2, replicates=3))
    assert result.row.replicates == 3
    assert result.row.iters <= 2
    assert len(result.streams) == 4
