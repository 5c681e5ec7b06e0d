import csv
import hashlib
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from sinkdiag.annealing.trace import TraceRow
from sinkdiag.cli.main import group
from sinkdiag.columns import column_names
from sinkdiag.errors import InputError
from sinkdiag.load import load_costs
from sinkdiag.studies.calibrate_row import CalibrationRow
from tests.helpers import invoke, planar_cost, uniform_cost

QUICK = ["--quick", "--replicates", "3", "--max-steps", "100", "--alpha0", "0.6"]


@pytest.fixture
def cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, planar_cost(8))
    return path


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_calibrate_prints_one_csv_row_and_the_rest_on_standard_error(cost):
    outcome = invoke("calibrate", cost, *QUICK)
    assert outcome.status == 0
    (row,) = read(outcome.out)
    contract = list(column_names(CalibrationRow))[:13]
    assert contract[0] == "k_safe"
    assert contract[-1] == "verdict"
    assert list(row)[:13] == contract
    assert row["verdict"] in outcome.err
    assert "AdaptiveCooling(k_safe=" in outcome.err
    assert float(row["k_low"]) <= float(row["k_safe"]) <= float(row["k_high"])


def test_quiet_says_nothing_but_data(cost):
    outcome = invoke("-q", "calibrate", cost, *QUICK)
    assert outcome.err == ""
    assert len(read(outcome.out)) == 1


def test_same_command_same_bytes(cost):
    assert invoke("calibrate", cost, *QUICK).out == invoke("calibrate", cost, *QUICK).out


def test_json_document(cost):
    document = json.loads(invoke("calibrate", cost, *QUICK, "--format", "json").out)
    assert document["schema_version"] == 1
    assert document["command"] == "calibrate"
    (row,) = document["rows"]
    assert row["k_theory"] > 0
    assert list(row) == list(column_names(CalibrationRow))


def test_formats_agree(cost):
    (from_csv,) = read(invoke("calibrate", cost, *QUICK).out)
    (from_lines,) = (
        json.loads(line)
        for line in invoke("calibrate", cost, *QUICK, "--format", "jsonl").out.splitlines()
    )
    assert float(from_csv["k_safe"]) == from_lines["k_safe"]
    table = invoke("calibrate", cost, *QUICK, "--format", "table").out
    assert f"{from_lines['k_safe']:.6g}" in table


def test_output_files_and_their_endings(cost, tmp_path):
    for ending, start in ((".csv", "k_safe,"), (".json", "{"), (".jsonl", '{"k_safe"')):
        path = tmp_path / f"row{ending}"
        outcome = invoke("calibrate", cost, *QUICK, "-o", path)
        assert outcome.out == ""
        assert path.read_text().startswith(start)


def test_trace_and_plot(cost, tmp_path):
    trace, plot = tmp_path / "trace.csv", tmp_path / "run.png"
    outcome = invoke("calibrate", cost, *QUICK, "--trace", trace, "--plot", plot)
    assert outcome.status == 0
    rows = read(trace.read_text())
    assert list(rows[0])[:11] == list(column_names(TraceRow))[:11]
    assert sorted({row["replicate"] for row in rows}) == ["0", "1", "2"]
    assert not any(row["collapsed"] == "True" for row in rows)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_plots_repeat_to_the_byte(cost, tmp_path, ending):
    files = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for path in files:
        assert invoke("calibrate", cost, *QUICK, "--plot", path).status == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_several_files_put_source_and_index_first(cost, tmp_path):
    other = tmp_path / "other.csv"
    np.savetxt(other, uniform_cost(5, 4), delimiter=",")
    rows = read(invoke("calibrate", cost, other, *QUICK).out)
    assert [(row["source"], row["index"]) for row in rows] == [(str(cost), "0"), (str(other), "0")]


def test_a_batch_gives_a_row_a_matrix_and_a_trajectory_one(tmp_path):
    path = tmp_path / "costs.npy"
    np.save(path, np.stack([planar_cost(6, seed) for seed in range(3)]))
    rows = read(invoke("calibrate", path, "--layout", "batch", *QUICK).out)
    assert [row["index"] for row in rows] == ["0", "1", "2"]
    rows = read(invoke("calibrate", path, "--layout", "trajectory", *QUICK).out)
    assert len(rows) == 1


def test_standard_input(cost):
    outcome = invoke("calibrate", "-", *QUICK, stdin=cost.read_bytes())
    assert outcome.status == 0
    assert outcome.out == invoke("calibrate", cost, *QUICK).out


def test_eps_units_scale_the_temperatures(cost):
    span = np.ptp(np.load(cost))
    rows = read(invoke("calibrate", cost, *QUICK, "--eps", "1:0.01:2", "--eps-unit", "range").out)
    assert float(rows[0]["eps_min"]) == pytest.approx(0.01 * span)
    assert float(rows[0]["eps_start"]) == pytest.approx(span)


def test_fail_on(cost):
    assert invoke("calibrate", cost, *QUICK, "--fail-on", "k_high<1e9").status == 5
    assert invoke("calibrate", cost, *QUICK, "--fail-on", "k_high<0").status == 0
    assert invoke("calibrate", cost, *QUICK, "--fail-on", "k_theory<0").status == 0


USAGE = {
    "eps zero": ["--eps", "0"],
    "eps negative": ["--eps", "-1"],
    "eps nan": ["--eps", "nan"],
    "eps grid": ["--eps", "1:2"],
    "iters": ["--iters", "0"],
    "alpha0": ["--alpha0", "1"],
    "option": ["--no-such-option"],
    "plot": ["--plot", "figure.xyz"],
    "condition": ["--fail-on", "k_safe"],
    "column": ["--fail-on", "nothing<1"],
    "noise": ["--noise", "inf"],
    "layout": ["--layout", "both"],
    "beta": ["--beta", "nan"],
    "huge eps": ["--eps", "1e300"],
    "huge grid": ["--eps", "1:2:999999999"],
    "same file": ["--plot", "same.png", "--trace", "same.png"],
    "words": ["--fail-on", "k_safe<abc"],
}


@pytest.mark.parametrize("name", USAGE)
def test_usage_errors_are_one_line_and_status_2(cost, name):
    outcome = invoke("calibrate", cost, *USAGE[name])
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1


def test_commands_that_do_not_exist():
    outcome = invoke("calibrat")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert invoke("calibrate").status == 2
    assert invoke("-q", "-v", "calibrate", "x.npy").status == 2


BAD = {
    "missing": None,
    "nan": np.array([[0.0, np.nan], [1.0, 1.0]]),
    "empty": np.empty((0, 0)),
    "vector": np.ones(4),
    "stack": np.ones((3, 2, 2)),
    "complex": np.ones((2, 2)) * 1j,
    "object": np.array([[1, None]], dtype=object),
    "row": np.ones((1, 4)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_status_3(tmp_path, name):
    path, output = tmp_path / "cost.npy", tmp_path / "out.csv"
    if BAD[name] is not None:
        np.save(path, BAD[name], allow_pickle=True)
    outcome = invoke("calibrate", path, "-o", output)
    assert outcome.status == 3
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert str(path) in outcome.err
    assert not output.exists()


def test_an_output_folder_that_does_not_exist(cost, tmp_path):
    outcome = invoke("calibrate", cost, "-o", tmp_path / "none" / "row.csv")
    assert outcome.status == 3
    assert "does not exist" in outcome.err


def test_marginals_from_a_file(cost, tmp_path):
    path = tmp_path / "marginals.npz"
    np.savez(path, row=np.linspace(0.5, 1.5, 8))
    assert invoke("calibrate", cost, "--marginals", path, *QUICK).status == 0
    np.savez(path, row=np.linspace(0.5, 1.5, 8), col=np.ones(8) * 2)
    outcome = invoke("calibrate", cost, "--marginals", path, *QUICK)
    assert outcome.status == 3
    assert "different totals" in outcome.err


def test_every_help_ends_in_an_example():
    for command in ("", *group.commands):
        outcome = invoke(*filter(None, [command]), "--help")
        assert outcome.status == 0
        assert "Example" in outcome.out
        assert f"sinkdiag {command}" in outcome.out


def test_version():
    assert invoke("--version").out == "sinkdiag 0.1.0\n"


def test_help_imports_nothing_heavy():
    """No numba, no matplotlib, no pandas, not even numpy: help is instant."""
    code = (
        "import sys; from sinkdiag.cli.main import run; run(['--help']); "
        "run(['calibrate', '--help']); "
        "print([m for m in ('numpy', 'numba', 'pandas', 'scipy', 'matplotlib', 'rich') "
        "if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_closed_pipe_is_quiet(cost):
    """The reader leaves before the row is written."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "sinkdiag", "-q", "calibrate"]
    done = subprocess.run(
        [*command, str(cost), *QUICK], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("command", ["calibrate", "spectrum", "sensitivity", "constants"])
def test_manifest_names_the_input_and_its_digest(cost, tmp_path, command):
    path = tmp_path / "manifest.json"
    options = QUICK if command == "calibrate" else ["--eps", "0.2"]
    assert invoke(command, cost, *options, "--manifest", path).status == 0
    text = path.read_text()
    assert hashlib.sha256(cost.read_bytes()).hexdigest() in text
    assert str(cost) in text


@pytest.mark.parametrize("command", ["spectrum", "sensitivity", "constants"])
def test_separate_blocks_give_rows_a_status_and_no_figure(tmp_path, command):
    cost = uniform_cost(5, 5)
    cost[:2, 2:] = cost[2:, :2] = np.inf
    path, plot = tmp_path / "blocks.npy", tmp_path / "figure.png"
    np.save(path, cost)
    outcome = invoke(command, path, "--eps", "1:0.1:3", "--plot", plot)
    assert outcome.status == 4
    assert len(read(outcome.out)) == 3
    assert "no figure" in outcome.err
    assert "2 blocks that exchange no mass: the gap is 0 at every eps" in outcome.err
    assert not plot.exists()


def test_unusable_noise_is_below_resolution_and_not_a_verdict(cost):
    outcome = invoke("calibrate", cost, "--replay", "--replicates", "2", "--noise", "1e300")
    assert outcome.status == 4
    assert "below resolution:" in outcome.out
    assert "nan" not in read(outcome.out)[0]["verdict"]


def test_an_output_without_a_name(cost):
    outcome = invoke("spectrum", cost, "--eps", "0.2", "-o", "")
    assert outcome.status == 3
    assert outcome.err == "sinkdiag: output: the file name is empty; name a file\n"


def test_closed_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="standard input: it is closed"):
        load_costs("-")
