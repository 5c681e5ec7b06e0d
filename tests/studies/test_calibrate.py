"""`calibrate` with learning in the loop: rows, verdicts, records, and what is refused."""

import dataclasses
import inspect
import io
import math

import numpy as np
import pandas as pd
import pytest

import sinkdiag
from sinkdiag.annealing.learning.fates import Fate
from sinkdiag.annealing.learning.learner import LearningRun, LearningState
from sinkdiag.annealing.learning.target import target_of
from sinkdiag.cli.calibrate import calibrate as command
from sinkdiag.columns import column_names
from sinkdiag.errors import InputError
from sinkdiag.jacobian.freeze import freeze_temperature
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from sinkdiag.solver.truncation import lowest_eps
from sinkdiag.studies.calibrate_row import CalibrationRow, FateRow
from sinkdiag.studies.calibrate_settings import CalibrateSettings
from tests.annealing.learning.helpers import gradient_by_hand, small_learner
from tests.helpers import frame_of, invoke, uniform_cost

COST = uniform_cost(12, 12)
TRUTH = np.roll(np.arange(12), 3)
CONTRACT = (
    "k_safe,k_low,k_high,k_theory,alpha0,beta,R,alpha_critical,eps_collapse,eps_freeze,collapses,"
    "replicates,verdict,mode,iters,start,learning_rate,noise,steps_safe,steps_plain,steps_linear,"
    "speedup,eps_floor,confirmed_safe,status"
)
BUDGET = {"replicates": 4, "max_steps": 160, "alpha0": 0.8}
QUICK = {"quick": True, "max_steps": 160, "alpha0": 0.8}


@pytest.fixture(scope="module")
def result():
    return sinkdiag.calibrate(COST, [1.0, 0.01], truth=TRUTH, **BUDGET)


def test_the_row_is_the_contract_s(result):
    assert ",".join(column_names(CalibrationRow)).startswith(CONTRACT)
    (row,) = result.rows
    assert (row.mode, row.iters, row.start, row.status) == (
        "learning",
        20,
        "cold",
        Status.CONVERGED,
    )
    assert row.learning_rate == pytest.approx(0.6 * COST.std() ** 2, rel=1e-14)
    assert row.noise == pytest.approx(0.05 * COST.std(), rel=1e-14)
    assert row.k_safe_std == row.k_safe * COST.std()
    assert row.k_low <= row.k_safe <= row.k_high
    assert row.speedup == row.steps_plain / row.steps_safe
    assert math.isnan(row.eps_floor)
    problem = make_problem(COST)
    assert row.eps_freeze == freeze_temperature(problem, 20)
    assert row.eps_resolved == lowest_eps(problem, 20)
    assert (row.locked + row.thrown, row.collapses) == (row.collapses, 4)
    assert math.isnan(row.lost_track)
    assert 0.0 < row.arithmetic < 1e-4


def test_the_verdict_opens_with_its_word_and_says_what_no_schedule_changes(result):
    (row,) = result.rows
    assert row.verdict.startswith(
        "window: with K = 20 from zero this layer is right to 1% on the costs as given down to "
        f"eps {row.eps_resolved:.4g}; for 0.01 it would need K = {row.iters_needed:.0f}"
    )
    assert f"k_safe = {row.k_safe:.4g} (k·std(C) = {row.k_safe_std:.3g}" in row.verdict
    assert "The paper's k = 0.5" in row.verdict
    assert result.findings[0] == f"cost: {row.verdict}"


def test_the_line_to_paste_holds_in_a_loop_by_hand(result):
    """Without the package's run_together: twenty fresh runs, one after the other."""
    line = result.summary.controllers[0]
    learner = small_learner(
        12, learning_rate=result.rows[0].learning_rate, noise=result.rows[0].noise
    )
    learner = dataclasses.replace(learner, target=target_of(learner.problem, TRUTH))
    safe, arrivals = 0, []
    for seed in range(20):
        random = np.random.default_rng([5, seed])
        controller = eval(line, {"AdaptiveCooling": sinkdiag.AdaptiveCooling})
        run, state, left = LearningRun(learner), LearningState(learner.problem.cost.copy()), 50
        for step in range(250):
            if controller.done:
                left -= 1
                if left == 49:
                    arrivals.append(step)
            run.step(state, controller.eps, learner.draw_noise(random))
            controller.step(state.plan)
            if left == 0:
                break
        plan, _, _ = gradient_by_hand(learner, state.cost, 0.01)
        safe += learner.target.wrong_mass(plan) <= 0.1
    assert safe >= 18
    assert np.median(arrivals) == pytest.approx(result.rows[0].steps_safe, rel=0.1)


def test_the_fates_are_a_csv_file_of_every_slope_and_replicate(result):
    stream = io.BytesIO()
    result.write_fates(stream)
    frame = pd.read_csv(io.BytesIO(stream.getvalue()))
    assert list(frame.columns) == ["slope", "replicate", "fate", "steps", "wrong_mass", "eps"]
    assert set(frame.fate) <= {str(fate) for fate in Fate}
    assert set(frame.replicate) == {0, 1, 2, 3}
    row = result.rows[0]
    chosen = frame[frame.slope == row.k_safe]
    assert list(chosen.fate) == ["safe"] * 4
    assert chosen.steps.median() == row.steps_safe
    plain = frame[np.isinf(frame.slope)]
    assert plain.fate.isin(["locked", "thrown"]).sum() == row.collapses
    late = frame[frame.fate == "late"]
    assert late.steps.isna().all()
    finite = np.sort(frame.slope[np.isfinite(frame.slope)].unique())
    assert finite[-1] / finite[0] > 1e4
    assert (finite[1:] / finite[:-1]).max() < 1.26


def test_the_trace_is_that_of_k_safe(result):
    stream = io.BytesIO()
    result.write_trace(stream)
    frame = pd.read_csv(io.BytesIO(stream.getvalue()))
    assert set(frame.replicate) == {0, 1, 2, 3}
    first = frame[frame.eps <= 0.01].groupby("replicate").step.min()
    assert first.median() == result.rows[0].steps_safe


def test_the_picture_has_the_map_and_the_runs(result, tmp_path):
    figure = result.figure()
    assert len(figure.axes) == 6
    assert "k_safe" in figure.get_suptitle()
    assert "Frobenius" in figure.get_suptitle()
    result.plot(str(tmp_path / "map.png"))
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_the_function_s_defaults_are_the_study_s():
    parameters = inspect.signature(sinkdiag.calibrate).parameters
    for entry in dataclasses.fields(CalibrateSettings):
        assert parameters[entry.name].default == entry.default


def test_the_command_s_defaults_are_the_study_s():
    options = {option.name: option.default for option in command.params}
    for entry in dataclasses.fields(CalibrateSettings):
        if entry.default not in (None, False):
            assert options[entry.name] == entry.default, entry.name


def test_scaled_costs_give_scaled_slopes():
    one = sinkdiag.calibrate(COST, [1.0, 0.01], truth=TRUTH, **QUICK).rows[0]
    other = sinkdiag.calibrate(4 * COST, [4.0, 0.04], truth=TRUTH, **QUICK).rows[0]
    assert other.steps_plain == one.steps_plain
    # The grid is that of k·std(C), but for the paper's 0.5 in it.
    assert other.k_safe_std == pytest.approx(one.k_safe_std, rel=0.45)


def test_rectangles_masses_forbidden_pairs_and_unknown_rows():
    cost = uniform_cost(8, 12).copy()
    cost[0, 1] = np.inf
    row = sinkdiag.calibrate(
        cost, truth=[0, 3, 2, -1, 4, 5, 6, 7], quick=True, max_steps=120, alpha0=0.8
    ).rows[0]
    assert row.replicates == 4
    assert "a quick look" in row.verdict
    masses = np.linspace(0.5, 1.5, 8)
    row = sinkdiag.calibrate(
        uniform_cost(8, 8), row=masses, col=masses[::-1], quick=True, max_steps=120, alpha0=0.8
    ).rows[0]
    assert row.mode == "learning"


def test_probability_masses_move_the_grid_of_slopes_with_them():
    whole = sinkdiag.calibrate(COST, [1.0, 0.01], truth=TRUTH, **QUICK)
    part = sinkdiag.calibrate(COST, [1.0, 0.01], truth=TRUTH, marginals="probability", **QUICK)
    assert part.rows[0].k_safe * 12 == pytest.approx(whole.rows[0].k_safe, rel=0.45)
    assert part.rows[0].steps_plain == whole.rows[0].steps_plain


def test_where_no_slope_arrives_the_floor_is_the_answer():
    """A learner with much noise never settles enough to be let down to eps_min."""
    result = sinkdiag.calibrate(
        COST, [1.0, 0.001], truth=TRUTH, replicates=3, max_steps=60, noise=0.6, alpha0=0.97
    )
    (row,) = result.rows
    assert row.verdict.startswith(("window:", "empty:"))
    assert "No slope" in row.verdict
    if math.isfinite(row.eps_floor):
        assert row.eps_min < row.eps_floor < row.eps_start
        assert "do not cool below it" in row.verdict


def test_a_budget_that_nothing_meets_is_empty():
    result = sinkdiag.calibrate(
        COST, truth=TRUTH, replicates=2, max_steps=5, alpha0=0.9, learning_rate=1e-4
    )
    (row,) = result.rows
    assert row.verdict.startswith("empty:")
    assert "allow more --max-steps" in row.verdict
    assert result.controller is None
    assert result.summary.controllers == (None,)
    assert math.isnan(row.k_safe)


def test_easy_costs_need_no_controller():
    easy = 5.0 - 4.0 * np.eye(6) + 0.1 * uniform_cost(6, 6)
    row = sinkdiag.calibrate(easy, truth=np.arange(6), replicates=3, max_steps=80).rows[0]
    assert row.verdict.startswith("no collapse provoked:")
    assert math.isfinite(row.k_safe)
    assert row.collapses == 0


def test_other_rates_are_tried_on_request():
    row = sinkdiag.calibrate(COST, [1.0, 0.01], truth=TRUTH, extended=True, **QUICK).rows[0]
    assert row.k_safe_fast > row.k_safe or math.isnan(row.k_safe_fast)
    assert "At a quarter of the learning rate" in row.verdict


def test_a_tied_optimum_is_said():
    cost = np.round(4 * uniform_cost(6, 6)) / 4
    cost[:, 0] = cost[:, 1]
    row = sinkdiag.calibrate(cost, quick=True, max_steps=40, alpha0=0.5).rows[0]
    assert "tied" in row.verdict


def test_a_warm_layer_tells_how_far_it_lost_track():
    row = sinkdiag.calibrate(
        COST, [1.0, 0.01], truth=TRUTH, start="warm", quick=True, max_steps=100, alpha0=0.8
    ).rows[0]
    assert row.start == "warm"
    assert 0.0 <= row.lost_track <= 1.0


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"truth": [0, 1]}, "12 column indices"),
        ({"loss": "huber"}, "loss: 'huber' is not known"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"noise": math.nan}, "noise"),
        ({"immaturity": -0.1}, "immaturity"),
        ({"start": "hot"}, "start: 'hot' is not known"),
        ({"fewer_sweeps": True}, "add --replay"),
        ({"replay": True, "inner": True}, "a replay has no truth"),
        ({"replay": True, "quick": True}, "a replay knows no quick look"),
        ({"collapse_tv": 0.0}, "collapse_tv"),
        ({"max_steps": 1}, "max_steps"),
        (
            {"layout": "trajectory", "cost": np.stack([COST] * 4), "record_eps": [0.1] * 4},
            "is no cooling",
        ),
        ({"inner": True, "truth": [11] * 12}, "drop --inner"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, fault):
    with pytest.raises(InputError, match=fault):
        sinkdiag.calibrate(**{"cost": COST, **arguments})


def test_constant_costs_are_refused():
    with pytest.raises(InputError, match="all costs are equal"):
        sinkdiag.calibrate(np.ones((4, 4)))


def test_a_truth_from_a_file_reaches_the_learner(tmp_path):
    np.save(tmp_path / "cost.npy", COST)
    np.save(tmp_path / "truth.npy", TRUTH)
    options = ["--eps", "1:0.01:2", "--replicates", "4", "--max-steps", "160", "--alpha0", "0.8"]
    outcome = invoke(
        "calibrate",
        tmp_path / "cost.npy",
        "--truth",
        tmp_path / "truth.npy",
        *options,
        "--fates",
        tmp_path / "fates.csv",
    )
    row = sinkdiag.calibrate(COST, [1.0, 0.01], truth=TRUTH, **BUDGET).rows[0]
    assert frame_of(outcome.out)["k_safe"][0] == row.k_safe
    assert (tmp_path / "fates.csv").read_text().startswith("slope,replicate,fate")
    np.save(tmp_path / "bad.npy", TRUTH[:-1])
    outcome = invoke("calibrate", tmp_path / "cost.npy", "--truth", tmp_path / "bad.npy")
    assert (outcome.status, outcome.out) == (3, "")
    assert len(outcome.err.splitlines()) == 1
    assert "12 column indices" in outcome.err


def test_the_columns_of_the_fates_are_documented():
    outcome = invoke("calibrate", "--columns")
    assert all(f"`{name}`" in outcome.out for name in column_names(FateRow))
