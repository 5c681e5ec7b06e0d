"""Combinations and files that once were ignored, or whose fault was said of something else."""

from __future__ import annotations

import numpy as np
import pytest

import sinkdiag
from tests.helpers import invoke, planar_cost, uniform_cost


@pytest.fixture(name="cost")
def _cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, uniform_cost(6, 6))
    return path


def line_of(outcome, status: int) -> str:
    """The one line of a command line that was refused."""
    assert (outcome.status, outcome.out) == (status, "")
    (line,) = outcome.err.splitlines()
    return line


@pytest.mark.parametrize("command", ["anneal", "calibrate"])
def test_annealing_has_room_between_its_ends(command, cost):
    line = line_of(invoke(command, cost, "--eps", "0.8"), 3)
    assert f"{cost}: annealing ends at a single eps" in line
    assert "--eps START --eps END" in line
    with pytest.raises(sinkdiag.InputError, match="leaves no room"):
        getattr(sinkdiag, command)(np.load(cost), 0.8)


def test_two_ends_are_taken_wherever_they_lie(cost):
    options = ["--eps", "30", "--eps", "10", "--max-steps", "10", "--no-tv"]
    assert invoke("anneal", cost, *options, "--schedule", "exponential").status == 0


@pytest.mark.parametrize(
    ("option", "value", "given"),
    [("noise", 0.1, "0.1"), ("loss", "nll", "nll"), ("immaturity", 0.5, "0.5"),
     ("learning_rate", 0.3, "0.3")],
)  # fmt: skip
def test_what_belongs_to_a_learner_needs_one(option, value, given, cost):
    name = f"--{option.replace('_', '-')}"
    line = line_of(invoke("anneal", cost, name, given), 2)
    assert line.startswith(f"sinkdiag: {name}: ")
    assert line.endswith("add --learn")
    with pytest.raises(sinkdiag.InputError, match=f"^{option}: "):
        sinkdiag.anneal(np.load(cost), **{option: value})


@pytest.mark.parametrize(
    ("command", "options", "settings"),
    [
        ("calibrate", ["--replay", "--quick"], {"replay": True, "quick": True}),
        ("calibrate", ["--replay", "--inner"], {"replay": True, "inner": True}),
        ("calibrate", ["--fewer-sweeps"], {"fewer_sweeps": True}),
        ("calibrate", ["--replay", "--learning-rate", "0.1"],
         {"replay": True, "learning_rate": 0.1}),
        ("calibrate", ["--replay", "--loss", "nll"], {"replay": True, "loss": "nll"}),
        ("calibrate", ["--replay", "--immaturity", "0.5"], {"replay": True, "immaturity": 0.5}),
        ("anneal", ["--learn", "--schedule", "debiased"],
         {"learn": True, "schedules": ["debiased"]}),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_a_usage_fault(command, options, settings, cost):
    assert line_of(invoke(command, cost, *options), 2).startswith("sinkdiag: --")
    with pytest.raises(sinkdiag.InputError):
        getattr(sinkdiag, command)(np.load(cost), **settings)


def test_a_truth_needs_a_learner(cost, tmp_path):
    np.save(tmp_path / "truth.npy", np.arange(6))
    line = line_of(invoke("anneal", cost, "--truth", tmp_path / "truth.npy"), 2)
    assert line == "sinkdiag: --truth: nothing is learned; add --learn"


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl"])
def test_results_of_two_commands_are_not_compared_value_by_value(ending, cost, tmp_path):
    files = {command: tmp_path / f"{command}.{ending}" for command in ("check", "spectrum")}
    for command, path in files.items():
        assert invoke("-q", command, cost, "--eps", "0.1", "-o", path).status == 0
    line = line_of(invoke("compare", *files.values()), 3)
    assert line.startswith(f"sinkdiag: {files['spectrum']}: ")
    assert line.endswith("compare two results of one command")
    more = tmp_path / f"more.{ending}"
    assert invoke("-q", "check", cost, "--eps", "0.1", "--extended", "-o", more).status == 0
    assert invoke("compare", files["check"], more).status == 0


@pytest.mark.parametrize(
    "text", ["1 1 1\n1 1 1\n", "1 1 1 1 1 -1\n1 1 1 1 1 1\n", "1 1 1 1 1 9\n1 1 1 1 1 1\n"]
)
def test_the_file_of_the_marginals_is_named(text, cost, tmp_path):
    path = tmp_path / "masses.txt"
    path.write_text(text, encoding="utf-8")
    line = line_of(invoke("check", cost, "--marginals", path), 3)
    assert str(path) in line
    assert str(cost) not in line


@pytest.mark.parametrize(
    "truth", [np.arange(5), np.array([0, 1, 2, 3, 4, 99]), np.ones((6, 6)), np.ones((6, 3))]
)
@pytest.mark.parametrize("command", [("calibrate", "--quick"), ("anneal", "--learn")])
def test_the_file_of_the_truth_is_named(command, truth, cost, tmp_path):
    path = tmp_path / "truth.npy"
    np.save(path, truth)
    name, *options = command
    line = line_of(invoke(name, cost, "--truth", path, *options), 3)
    assert line.startswith(f"sinkdiag: {path}: ")


def test_columns_beyond_any_matrix_are_said_to_be(cost, tmp_path):
    path = tmp_path / "truth.npy"
    np.save(path, np.array([0, 1, 2, 3, 4, 2**63 + 1], dtype=np.uint64))
    assert "beyond any matrix" in line_of(invoke("calibrate", cost, "--truth", path), 3)


@pytest.mark.parametrize("command", ["anneal", "calibrate"])
def test_a_number_of_steps_has_an_end(command, cost):
    line = line_of(invoke(command, cost, "--max-steps", "9" * 20), 2)
    assert "2<=x<=1000000" in line
    with pytest.raises(sinkdiag.InputError, match=r"^max_steps: .*from 2 to 1000000"):
        getattr(sinkdiag, command)(np.load(cost), max_steps=10**20)


def test_the_remedy_for_another_implementation_is_not_to_name_one(tmp_path):
    path = tmp_path / "logits.npz"
    np.savez(path, weights=np.ones((3, 4)), others=np.ones((2, 2)))
    line = line_of(invoke("stack", path, "--implementation", "megatron"), 3)
    assert "give --implementation NAME" not in line


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (np.ones((5, 5)), "all costs are equal: eps changes no plan"),
        (np.arange(5.0)[None], "a 1×5 cost has one plan at every eps"),
        (np.arange(5.0)[:, None], "a 5×1 cost has one plan at every eps"),
    ],
)
def test_no_other_temperature_is_advised_where_none_helps(cost, said):
    findings = " ".join(sinkdiag.check(cost).findings)
    assert said in findings
    assert "lower eps" not in findings
    assert "raise eps" not in findings


@pytest.mark.parametrize("truth", [[[1, 2], [3]], [0, [1, 2]], [object()] * 4])
def test_a_truth_that_is_no_array_is_said_to_be_none(truth):
    with pytest.raises(sinkdiag.InputError, match=r"^truth: "):
        sinkdiag.calibrate(planar_cost(4), truth=truth)


def test_a_matrix_is_no_trajectory(tmp_path):
    path = tmp_path / "run.npz"
    np.savez(path, cost=uniform_cost(6, 6), eps=[0.5, 0.2])
    line = line_of(invoke("calibrate", path, "--layout", "trajectory"), 3)
    assert line == f"sinkdiag: {path}: a trajectory has shape (6, 6); give T×n×m costs"


def test_a_metric_without_points_is_refused(cost):
    line = line_of(invoke("check", cost, "--metric", "cosine"), 2)
    assert line == "sinkdiag check: --metric is the cost of --points, and none are given"


def test_points_of_the_wrong_shape_are_called_points(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((4, 2)))
    np.save(tmp_path / "y.npy", np.ones(4))
    line = line_of(invoke("check", "--points", tmp_path / "x.npy", tmp_path / "y.npy"), 3)
    assert line.startswith(f"sinkdiag: {tmp_path / 'y.npy'}: the array of points has 1 dimension")


@pytest.mark.parametrize("text", ["1;2\n3;4\n", "1,5;2,5\n3,5;4,5\n"])
def test_semicolons_are_named(text, tmp_path):
    path = tmp_path / "cost.csv"
    path.write_text(text, encoding="utf-8")
    line = line_of(invoke("check", path), 3)
    assert line.startswith(f"sinkdiag: {path}: semicolons between the numbers; put commas there")


def test_of_rows_that_have_no_partner_no_more_are_changed_than_compared(cost, tmp_path):
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path, eps in zip(files, ("0.1:0.2:3", "0.3:0.4:2"), strict=True):
        assert invoke("-q", "check", cost, "--eps", eps, "-o", path).status == 0
    result = sinkdiag.compare(*map(str, files))
    assert result.summary.changed <= result.summary.compared


def test_one_temperature_is_named_and_not_counted(cost):
    assert "duality: gap <= rhs at eps = 0.1 (" in invoke("spectrum", cost, "--eps", "0.1").err


def test_the_help_of_the_program_fits_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, invoke("--help").out.splitlines())) <= 60


@pytest.mark.parametrize("where", [["check"], ["check", "COST", "-o"]])
def test_a_name_that_no_file_can_have_is_named(where, cost):
    name = "a" * 300 + ".csv"
    line = line_of(invoke(*[cost if word == "COST" else word for word in where], name), 3)
    assert name in line
    assert "standard" not in line


def test_an_empty_name_is_no_folder(cost):
    del cost
    assert line_of(invoke("check", ""), 3) == "sinkdiag: COST: the file name is empty; name a file"


def test_a_document_without_a_command_is_no_result(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"rows": [{"eps": 1.0}]}', encoding="utf-8")
    line = line_of(invoke("compare", path, path), 3)
    assert "does not say which command it is a result of" in line
