"""The answers of a report: right about what is wrong, and made from shared fixed points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives import response
from sinkdiag.results import Status
from sinkdiag.solver.path import SharedPath
from sinkdiag.studies.report import study_report
from sinkdiag.studies.report_focus import ENOUGH
from sinkdiag.studies.report_names import SECTIONS
from sinkdiag.studies.report_row import ReportRow
from sinkdiag.studies.report_settings import ReportSettings
from sinkdiag.studies.report_verdicts import cooling_answer
from sinkdiag.studies.subjects import subject_of
from sinkdiag.temperature import Temperatures
from tests.checkpoints.written import deepseek, save
from tests.helpers import planar_cost, uniform_cost
from tests.rendering.pages import small_report
from tests.studies.test_calibrate_record import TRUTH, record


def answers(result):
    """The rows by their topics."""
    return {row.topic: row for row in result.rows}


def checked(cost, eps=None, **options):
    return answers(sinkdiag.report(cost, eps, only="check", **options))


def test_every_topic_is_answered_in_order():
    result = small_report()
    assert [row.topic for row in result.rows] == [
        "input", "temperature", "sweeps", "float32", "bfloat16", "float16", "gradient",
        "contraction", "derivative", "cooling", "schedule",
    ]  # fmt: skip
    assert {row.verdict for row in result.rows} <= {"ok", "act", "unknown"}
    assert all(row.answer and row.section in SECTIONS for row in result.rows)
    assert result.summary.act == sum(row.verdict == "act" for row in result.rows)
    assert result.summary.sections == SECTIONS[:-1]


def test_a_good_layer_is_told_so():
    found = checked(planar_cost(10), 0.15)
    assert {row.verdict for row in found.values()} == {"ok"}
    assert "eps = 0.15 is inside" in found["temperature"].answer
    assert found["temperature"].value == found["temperature"].eps == 0.15
    assert "nothing suspicious" in found["input"].answer


def test_too_few_sweeps_are_counted_and_the_window_says_where_to_go():
    cost = planar_cost(10)
    found = checked(cost, 0.01, iters=3)
    needed = sinkdiag.check(cost, 0.01, iters=3).rows[0].iters_needed
    assert found["sweeps"].verdict == "act"
    assert found["sweeps"].value == needed
    assert f"K = {needed:.0f} are needed" in found["sweeps"].answer
    assert found["temperature"].verdict == "act"
    assert "too cold" in found["temperature"].answer
    assert checked(cost, found["temperature"].value * 1.01, iters=3)["sweeps"].verdict == "ok"


def test_a_saturated_gradient_asks_for_a_higher_temperature_a_uniform_one_for_a_lower():
    cost = 1.0 - np.eye(8)
    cold = checked(cost, 0.05)
    assert cold["gradient"].verdict == "act"
    assert "dead because saturated" in cold["gradient"].answer
    assert "raise the temperature" in cold["gradient"].answer
    hot = checked(cost, 60.0)
    assert "the plan is uniform" in hot["gradient"].answer
    assert "lower the temperature" in hot["gradient"].answer
    assert "too hot" in hot["temperature"].answer
    assert checked(cost, hot["temperature"].value * 0.98)["gradient"].verdict == "ok"
    assert checked(cost, cold["temperature"].value * 1.01)["gradient"].verdict == "ok"


def test_low_precision_is_judged_dtype_by_dtype():
    big = 1e5 * planar_cost(6)
    found = checked(big, 1e4)
    assert found["float16"].value == np.inf
    assert "overflows" in found["float16"].answer
    assert found["bfloat16"].verdict == "ok"
    cold = checked(planar_cost(10), 0.001, iters=2000)
    assert "underflows to no numbers: keep logsumexp" in cold["float32"].answer
    assert cold["float32"].verdict == "ok"


def test_suspicious_input_is_said():
    points = np.random.default_rng(0).standard_normal((14, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    similarities = points @ points.T
    found = checked(similarities)
    assert found["input"].verdict == "act"
    assert "--score" in found["input"].answer
    assert "costs' range" in checked(planar_cost(6), 1e-7)["input"].answer


@pytest.mark.parametrize("cost", [np.ones((4, 4)), uniform_cost(1, 5)])
def test_costs_that_decide_nothing_are_no_reason_for_advice(cost):
    result = sinkdiag.report(cost, skip=["sensitivity", "constants", "pseudospectrum", "anneal"])
    found = answers(result)
    assert found["temperature"].verdict == found["gradient"].verdict == "unknown"
    assert any(note.startswith("calibrate: left out") for note in result.notes)
    with pytest.raises(sinkdiag.InputError):
        sinkdiag.report(cost, only="calibrate")


def test_sections_are_the_commands_own_results():
    result = sinkdiag.report(planar_cost(8), [0.5, 0.2, 0.1, 0.05], skip=["calibrate", "anneal"])
    grid = [0.5, 0.2, 0.1, 0.05]
    assert len(grid) == ENOUGH
    for name in ("spectrum", "sensitivity"):
        options = {"replicates": 2} if name == "sensitivity" else {}
        alone = getattr(sinkdiag, name)(planar_cost(8), grid, **options)
        a = result.section(name).frame().select_dtypes("number")
        np.testing.assert_allclose(a, alone.frame()[a.columns], rtol=1e-9, atol=1e-12)
    assert result.section("check").rows[0].eps == 0.05
    with pytest.raises(KeyError):
        result.section("anneal")


def test_every_temperature_is_solved_once(monkeypatch):
    solved, measured = [], []

    class Counted(SharedPath):
        def _known(self, problem, eps, tol, max_iter):
            known = super()._known(problem, eps, tol, max_iter)
            solved.extend([] if known else [(problem.name, eps)])
            return known

    def respond(problem, solution, operator, **options):
        measured.append(solution.eps)
        return original(problem, solution, operator, **options)

    original = response.respond
    monkeypatch.setattr(response, "respond", respond)
    monkeypatch.setattr("sinkdiag.studies.report_sections.SharedPath", Counted)
    grid = [1.0, 0.5, 0.2, 0.1]
    sections = ["check", "spectrum", "pseudospectrum", "sensitivity", "constants"]
    sinkdiag.report(planar_cost(8), grid, only=sections)
    assert sorted(eps for name, eps in solved if name == "cost") == sorted(grid)
    assert measured == grid


def test_of_a_batch_all_are_checked_and_the_worst_is_looked_at():
    stack = np.stack([planar_cost(6), 1.0 - np.eye(6), planar_cost(6, 1)])
    result = sinkdiag.report(stack, 0.1, layout="batch", only=["check", "spectrum"])
    assert result.summary.name == "cost[1]"
    assert len(result.section("check").rows) == 3
    assert result.section("spectrum").parts[0].name == "cost[1]"
    assert answers(result)["gradient"].verdict == "act"
    assert result.sections[0].drawn.parts[0].name == "cost[1]"
    assert any("1 of 3 frozen" in note for note in result.notes)


def test_of_a_record_the_last_step_is_looked_at_at_its_own_temperature():
    costs, eps = record()
    given = {"layout": "trajectory", "truth": TRUTH, "record_eps": eps}
    result = sinkdiag.report(costs, only=["check", "calibrate"], **given)
    assert result.summary.name == f"cost[{len(costs) - 1}]"
    assert result.summary.eps == eps[-1]
    assert result.section("calibrate").rows[0].mode == "record"
    assert answers(result)["cooling"].section == "calibrate"


def test_a_truth_that_does_not_fit_is_refused_whatever_is_made():
    with pytest.raises(sinkdiag.InputError, match="truth"):
        sinkdiag.report(planar_cost(6), truth=[0, 1], only="check")


def test_a_checkpoint_has_a_section_of_its_own(tmp_path):
    path = str(tmp_path / "model.safetensors")
    save(Path(path), deepseek(np.random.default_rng(1).standard_normal((2, 4, 4))))
    result = sinkdiag.report(path)
    assert [row.topic for row in result.rows] == ["network"]
    assert result.section("stack").rows == sinkdiag.stack(path).rows
    assert "sites" in result.text()
    with pytest.raises(sinkdiag.InputError, match="costs"):
        sinkdiag.report(path, only="check")


def test_large_matrices_do_without_what_takes_minutes(monkeypatch):
    monkeypatch.setattr("sinkdiag.studies.report_plan.LARGEST", 30)
    result = sinkdiag.report(planar_cost(6), only=["check"])
    assert result.notes == ()
    result = sinkdiag.report(planar_cost(6), skip=["spectrum", "pseudospectrum"])
    assert [section.name for section in result.sections] == ["check"]
    assert "calibrate: left out, it takes minutes at 6×6: --only calibrate" in result.notes


def test_cooling_is_answered_in_each_of_its_ways():
    row = small_report().section("calibrate").rows[0]
    nan = float("nan")
    window = replace(
        row, verdict="window: ...", k_safe=0.5, steps_safe=40.0, steps_plain=90.0,
        steps_linear=80.0, confirmed_safe=1.0, collapses=3, replicates=3,
    )  # fmt: skip
    cases = {
        "no controller is needed": replace(row, verdict="no collapse provoked: ..."),
        "yes: EPH-ASC with k_safe = 0.5": window,
        "only if the right length is not known": replace(window, steps_linear=30.0),
        "do not cool further": replace(window, steps_safe=nan, eps_floor=0.1),
        "no slope of a controller is safe": replace(window, verdict="empty: ...", k_safe=nan),
        "the record does not tell": replace(
            window, status=Status.BELOW_RESOLUTION, verdict="the record does not tell"
        ),
    }
    for words, case in cases.items():
        found = cooling_answer(case, "LINE")
        assert words in found.answer
        assert found.verdict == ("ok" if case is cases["no controller is needed"] else
                                 "unknown" if case.status.failed else "act")  # fmt: skip
    assert cooling_answer(window, "LINE").answer.endswith("; LINE")


@pytest.mark.parametrize("bad", [{"only": "spectra"}, {"skip": SECTIONS}, {"iters": 0}])
def test_settings_that_cannot_be_used_are_refused(bad):
    with pytest.raises(sinkdiag.InputError):
        sinkdiag.report(planar_cost(4), **bad)


def test_the_text_fits_eighty_columns_and_says_everything():
    result = small_report()
    text = result.text()
    assert max(map(len, text.splitlines())) <= 80
    flat = " ".join(text.split())
    for row in result.rows:
        assert " ".join(f"{row.verdict} {row.topic}: {row.answer}".split()) in flat
    assert isinstance(result.rows[0], ReportRow)


def test_progress_goes_on_from_section_to_section():
    told = []
    subject = subject_of(planar_cost(6))
    settings = ReportSettings(only=("check", "spectrum", "sensitivity"))

    def progress(stage, done, total):
        told.append((stage, done / total))

    study_report([subject], Temperatures(), settings, progress)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {stage for stage, _ in told} >= {"check", "spectrum"}
