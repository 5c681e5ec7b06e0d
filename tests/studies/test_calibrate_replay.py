import functools
import io
import math
import re

import numpy as np
import pytest

import sinkdiag
from sinkdiag.annealing.trace import TraceRow
from sinkdiag.columns import column_names
from sinkdiag.errors import InputError
from sinkdiag.jacobian.freeze import freeze_temperature
from sinkdiag.problem import make_problem
from sinkdiag.studies.calibrate import study_calibrate
from sinkdiag.studies.calibrate_row import CalibrationRow
from sinkdiag.studies.calibrate_settings import CalibrateSettings
from sinkdiag.studies.subjects import subject_of
from sinkdiag.temperature import Temperatures
from tests.helpers import planar_cost, uniform_cost

COST = planar_cost(24, seed=3)
# As `calibrate` was before it had a learner: runs of a carried layer, K lowered where it must be.
replayed = functools.partial(sinkdiag.calibrate, replay=True, fewer_sweeps=True)


def replay_by_hand(cost, controller, iters, budget=500):
    """The loop of a user: (plans made, eps reached, plan three steps later), all by hand."""
    g, count, settling = None, 0, 0
    while count < budget and settling <= 3:
        count += 1
        settling += controller.done
        solution = sinkdiag.solve(cost, controller.eps, iters=iters, init=g)
        g = solution.g
        controller.step(solution.plan)
    return count, controller.eps, solution.plan


def controller_of(row, k_safe):
    return sinkdiag.AdaptiveCooling(
        k_safe, row.alpha0, beta=row.beta, eps_start=row.eps_start, eps_min=row.eps_min
    )


def distance(cost, eps, plan):
    return np.abs(plan - sinkdiag.solve(cost, eps).plan).sum() / (2 * len(cost))


def has_collapsed(cost, eps, plan):
    return distance(cost, eps, plan) > 0.1


@pytest.fixture(scope="module")
def result():
    return replayed(COST, extended=True)


@pytest.fixture(scope="module")
def row(result):
    return result.rows[0]


def test_a_window_is_finite_and_says_so(row):
    assert row.verdict.startswith("window:")
    assert 0 < row.k_low <= row.k_safe <= row.k_high < math.inf
    assert row.k_safe == pytest.approx(math.sqrt(row.k_low * row.k_high))
    assert row.replicates == 10
    assert row.collapses == 10
    assert row.confirmed_safe == 1.0


def test_k_safe_arrives_whole_and_four_times_k_high_collapses(row):
    _, eps, plan = replay_by_hand(COST, controller_of(row, row.k_safe), row.iters)
    assert eps == row.eps_min
    assert not has_collapsed(COST, eps, plan)
    _, eps, plan = replay_by_hand(COST, controller_of(row, 4 * row.k_high), row.iters)
    assert eps == row.eps_min
    assert has_collapsed(COST, eps, plan)


def test_the_plain_schedule_of_the_row_collapses(row):
    _, eps, plan = replay_by_hand(COST, controller_of(row, math.inf), row.iters)
    assert has_collapsed(COST, eps, plan)


def test_same_seed_same_row_other_seed_another(row):
    again = replayed(COST).rows[0]
    assert repr(again) == repr(row)  # nan equals nan
    assert replayed(COST, seed=1).rows[0].k_collapse != row.k_collapse


def test_the_paper_s_thresholds_are_taken_where_the_plain_schedule_is_lost(row):
    """R and k_theory of the 24 points at eps_collapse, against the definitions on a dense J."""
    solution = sinkdiag.solve(COST, row.eps_collapse)
    plan, eps, iters = solution.plan, row.eps_collapse, int(row.iters)
    constants = sinkdiag.constants(COST, eps).rows[0]
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
    scaled = replayed(4.0 * COST).rows[0]
    assert scaled.k_safe == pytest.approx(row.k_safe / 4.0, rel=1e-6)
    assert scaled.eps_collapse == pytest.approx(row.eps_collapse * 4.0, rel=1e-9)


def test_many_sweeps_and_a_gentle_range_provoke_no_collapse():
    row = replayed(COST, eps=[1.0, 0.3]).rows[0]
    assert row.verdict.startswith("no collapse provoked:")
    assert math.isnan(row.k_safe)
    assert row.collapses == 0


def test_a_budget_too_small_for_any_slope_is_empty():
    row = replayed(COST, alpha0=0.5, max_steps=5, iters=1).rows[0]
    assert row.verdict.startswith("empty:")
    assert "within the budget" in row.verdict
    assert math.isnan(row.k_safe)


def test_a_trajectory_of_fresh_costs():
    costs = np.random.default_rng(0).random((60, 12, 12))
    row = replayed(costs, eps=[1.0, 0.02], layout="trajectory", iters=2).rows[0]
    opening = row.verdict.partition(":")[0]
    assert opening in {"window", "empty"}
    if opening == "window":
        assert row.k_low > 0.5
        assert "above the usual 0.5" in row.verdict


def test_a_given_alpha0_is_kept():
    row = replayed(COST, alpha0=0.4, iters=2).rows[0]
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
        replayed(cost, **arguments)


def test_uniform_costs_give_one_of_the_four_verdicts():
    row = replayed(uniform_cost(9, 5), replicates=2).rows[0]
    openings = {"window", "empty", "no collapse provoked", "below resolution"}
    assert row.verdict.partition(":")[0] in openings


def test_settings_reach_the_run():
    subject = subject_of(COST)
    settings = CalibrateSettings(iters=2, replicates=3, replay=True, fewer_sweeps=True)
    result = study_calibrate([subject], Temperatures(values=(1.0, 0.003)), settings)
    assert result.rows[0].replicates == 3
    assert result.rows[0].iters <= 2
    assert (result.rows[0].eps_start, result.rows[0].eps_min) == (1.0, 0.003)
    assert {step.replicate for step in result.parts[0].trace} == {0, 1, 2, 3}


def test_settings_of_the_function_are_checked():
    with pytest.raises(InputError, match=r"^alpha0: nan "):
        replayed(COST, alpha0=math.nan)


@pytest.mark.parametrize("digits", ["exact", "6 digits"])
def test_the_line_to_paste_takes_the_steps_that_were_measured(result, digits):
    line = result.summary.controllers[0]
    if digits == "6 digits":
        line = re.sub(r"=([0-9.e-]+)", lambda found: f"={float(found[1]):.6g}", line)
    controller = eval(line, {"AdaptiveCooling": sinkdiag.AdaptiveCooling})
    count, eps, plan = replay_by_hand(COST, controller, result.rows[0].iters)
    steps = [step for step in result.parts[0].trace if step.replicate == 0]
    assert count == len(steps) > 3
    assert eps == controller.eps_min
    assert not has_collapsed(COST, eps, plan)


def test_findings_are_the_verdict_and_the_line_to_paste(result):
    (verdict, line) = result.findings
    assert verdict == f"cost: {result.rows[0].verdict}"
    assert line == repr(result.controllers[0])
    assert verdict.strip() == verdict


def test_without_a_window_there_is_no_line_to_paste():
    result = replayed(COST, eps=[1.0, 0.3], replicates=2)
    assert result.controllers == (None,)
    assert result.summary.controllers == (None,)
    assert len(result.findings) == 1
    assert not result.parts[0].window.found
    assert {step.eps for step in result.parts[0].trace} == {1.0, 0.3}  # one jump
    axes = result.figure().axes
    assert [line.get_label() for line in axes[0].lines] == ["plain schedule"]


def test_without_collapse_the_given_schedule_is_traced_and_drawn():
    result = replayed(COST, eps=[1.0, 0.3], alpha0=0.8, replicates=2)
    assert result.rows[0].verdict.startswith("no collapse provoked:")
    data = [step.eps for step in result.parts[0].trace if step.replicate == 0]
    np.testing.assert_allclose(data[:6], 0.8 ** np.arange(6), rtol=1e-12)
    assert data[6:] == [0.3] * 4
    figure = result.figure()
    assert "alpha0 = 0.8" in figure.get_suptitle()
    assert list(figure.axes[0].lines[0].get_ydata()) == data


def test_extended_columns_follow_the_others(result, row):
    names = column_names(CalibrationRow)
    frame = result.frame()
    assert tuple(frame.columns) == column_names(CalibrationRow, extended=True)
    assert tuple(frame.columns[: len(names)]) == names
    assert len(frame.columns) > len(names)
    assert row.k_low_min <= row.k_low
    assert row.k_high_max >= row.k_high
    assert row.k_free >= row.k_high
    assert (row.runs_late, row.runs_lost, row.runs_unresolved) == (0, 0, 0)
    assert 0 < row.tau_max < row.R


def test_eps_freeze_is_that_of_the_matrix_and_the_users_sweeps(row):
    assert row.eps_freeze == freeze_temperature(make_problem(COST), 20)


def test_the_figure_shows_both_runs_on_three_axes(result, row):
    figure = result.figure()
    top, middle, bottom = figure.axes
    assert top.get_ylabel() == "temperature eps (cost)"
    controller, plain = top.lines
    assert controller.get_ydata()[-1] == plain.get_ydata()[-1] == row.eps_min
    assert len(controller.get_ydata()) > len(plain.get_ydata())
    threshold = middle.lines[-1]
    np.testing.assert_allclose(
        threshold.get_ydata(), row.k_safe * np.asarray(controller.get_ydata()), rtol=1e-15
    )
    assert bottom.lines[-1].get_label() == "collapse above 0.1"
    assert f"k_safe = {row.k_safe:.3g}" in figure.get_suptitle()


def test_a_batch_is_calibrated_matrix_by_matrix_and_a_trajectory_as_a_whole():
    costs = np.stack([planar_cost(6, seed) for seed in range(3)])
    told = []
    settings = CalibrateSettings(
        iters=2, replicates=2, max_steps=20, replay=True, fewer_sweeps=True
    )

    def study(layout):
        subject = subject_of(costs, layout=layout)
        return study_calibrate(
            [subject], Temperatures(), settings, lambda *report: told.append(report)
        )

    batch = study("batch")
    assert [part.label.index for part in batch.parts] == [0, 1, 2]
    assert [row.eps_start for row in batch.rows] == [np.ptp(cost) for cost in costs]
    alone = replayed(costs[1], iters=2, replicates=2, max_steps=20)
    assert repr(batch.rows[1]) == repr(alone.rows[0])
    assert told[-1][1:] == (9, 9)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    whole = study("trajectory")
    assert len(whole.rows) == 1
    assert list(whole.frame().columns[:2]) == ["source", "index"]


def test_the_trace_is_a_csv_file_of_every_step(result):
    stream = io.BytesIO()
    result.write_trace(stream)
    lines = stream.getvalue().decode().splitlines()
    assert lines[0] == ",".join(column_names(TraceRow))
    assert len(lines) == 1 + len(result.parts[0].trace)
