"""``sinkdiag anneal``: options, files beside the rows, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.helpers import frame_of, invoke, planar_cost


@pytest.fixture
def cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, planar_cost(10))
    return path


def test_schedules_are_compared_on_standard_error_and_in_the_summary(cost, tmp_path):
    outcome = invoke(
        "anneal", cost, "--schedule", "exponential", "--schedule", "debiased:kappa=0.7,steps=50",
        "--comparison", tmp_path / "c.csv", "--plot", tmp_path / "p.png", "-o", tmp_path / "r.json",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    comparison = frame_of((tmp_path / "c.csv").read_text(encoding="utf-8"))
    assert list(comparison.schedule) == ["exponential", "debiased:kappa=0.7,steps=50"]
    assert list(comparison.steps)[1] == 50
    for name in comparison.schedule:
        assert f"{name}: " in outcome.err
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [row["fate"] for row in document["summary"]["comparison"]] == list(comparison.fate)
    assert "seconds" not in document["summary"]["comparison"][0]
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_command_gives_the_same_bytes(cost, tmp_path):
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        invoke("anneal", cost, "--schedule", "gumbel", "--max-steps", 20, "-o", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_schedules_are_listed():
    outcome = invoke("anneal", "--schedules")
    assert outcome.status == 0
    for name in ("exponential", "tracking", "symmetric-debiased"):
        assert f"\n{name}\n" in f"\n{outcome.out}"
    assert "arXiv 2408.11620" in outcome.out


@pytest.mark.parametrize(
    "text", ["linear", "power:kappa", "power:kappa=-1", "exponential:alpha0=2"]
)
def test_a_schedule_that_cannot_be_read_is_a_fault_of_usage(cost, text):
    outcome = invoke("anneal", cost, "--schedule", text)
    assert outcome.status == 2
    assert len(outcome.err.splitlines()) == 1
    assert outcome.out == ""


def test_a_schedule_given_twice_is_refused(cost):
    outcome = invoke("anneal", cost, "--schedule", "power", "--schedule", "power:kappa=0.5")
    assert outcome.status == 3
    assert "twice" in outcome.err


def test_conditions_and_failures_are_exit_statuses(cost):
    line = ["anneal", cost, "--schedule", "exponential", "--max-steps", 20]
    assert invoke(*line, "--fail-on", "suboptimality>0").status == 5
    assert invoke(*line, "--max-iter", 1).status == 4
    assert invoke(*line, "--no-tv").status == 0


def test_learning_takes_a_truth_from_a_file(cost, tmp_path):
    np.savetxt(tmp_path / "truth.csv", np.arange(10), fmt="%d")
    line = ["anneal", cost, "--schedule", "eph-asc", "--learn", "--truth", tmp_path / "truth.csv"]
    outcome = invoke(*line, "--max-steps", 100, "--no-tv", "--plot", tmp_path / "l.png")
    assert outcome.status == 0, outcome.err
    assert "wrong mass" in outcome.err
    assert float(frame_of(outcome.out).right_rows.iloc[-1]) > 0.5
    assert invoke("anneal", cost, "--truth", tmp_path / "truth.csv").status == 2
    assert invoke(*line, "--schedule", "annealed").status == 2
    assert invoke(*line, "-o", tmp_path / "truth.csv").status == 2
