"""The scripts of examples/ run from the repository's root, in seconds and not in minutes."""

from __future__ import annotations

import ast
import csv
import re
import runpy
import shlex
from importlib import import_module

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from tests.shell import ROOT, run_line

# Seconds that one example may take here, compilation included.
LIMIT = 60


@pytest.mark.parametrize(
    "script", [*(ROOT / "examples").glob("*.py"), *(ROOT / "tests/benchmarks").glob("*.py")],
    ids=lambda script: script.name,
)  # fmt: skip
def test_what_a_script_imports_from_here_exists(script):
    """Benchmarks are not run here: what they take from the package must at least be there."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and re.match(r"(sinkdiag|tests)\b", node.module or ""):
            module = import_module(node.module)
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_vjp_trains_and_agrees_with_differences():
    done = run_line("python3 examples/vjp.py", ROOT)
    assert done.returncode == 0, done.stderr
    losses = [float(value) for value in re.findall(r"loss ([\d.]+)", done.stdout)]
    assert len(losses) == 5
    assert losses[-1] < 0.1 * losses[0]
    exact, differences = re.findall(r"(-?\d+\.\d{9})", done.stdout)
    assert float(exact) == pytest.approx(float(differences), rel=1e-5)


def test_the_bundled_sentences_are_rebuilt_byte_for_byte(tmp_path):
    script = runpy.run_path(str(ROOT / "examples" / "make_sentences.py"))
    if script["edition"]() != script["EDITION"]:
        pytest.skip("this Python's pydoc_data.topics is another edition than the bundled one's")
    script["main"](tmp_path)
    for name in ("sentences.npy", "sentences_truth.npy"):
        bundled = (ROOT / "examples" / "data" / name).read_bytes()
        assert (tmp_path / name).read_bytes() == bundled


@pytest.mark.parametrize(
    ("name", "size", "assigned", "nearest"), [("motorcycle", 60, 56, 52), ("sentences", 64, 56, 52)]
)
def test_the_bundled_problems_are_as_hard_as_they_say(name, size, assigned, nearest):
    cost, truth = (
        np.load(ROOT / "examples" / "data" / f"{name}{end}.npy") for end in ("", "_truth")
    )
    assert cost.shape == (size, size)
    assert sorted(truth) == list(range(size))
    assert (linear_sum_assignment(cost)[1] == truth).sum() == assigned
    assert (cost.argmin(axis=1) == truth).sum() == nearest


def test_initialisations_are_those_of_the_table():
    """The rules' numbers; a package that is installed gives the same ones."""
    done = run_line("python3 examples/initialisations.py", ROOT)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    table = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    assert len(lines) == 6
    for line in lines:
        assert line.rpartition("|")[0].rpartition("|")[0] in table
    assert [line.split(" | ")[4] for line in lines[:4]] == ["frozen", "mixing", "mixing", "uniform"]
    assert [line.split(" | ")[5] for line in lines[:3]] == ["never", "3,219", "4"]


@pytest.mark.slow
def test_tracking_control_compares_both_controllers():
    done = run_line(f"timeout {LIMIT} python3 examples/tracking_control.py --quick", ROOT)
    assert done.returncode == 0, done.stderr
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in done.stdout.splitlines()
        if line.startswith(("| uniform", "| geometric"))
    ]
    assert len(rows) == 2 * 3 + 4 * 3
    failures = {(row[0], row[1]): row[5] for row in rows}
    assert failures["uniform 24", "EPH-ASC"] == "0 of 2"
    assert failures["uniform 24", "tracking"] == "2 of 2"
    assert failures["geometric 24, K = 1", "tracking"] == "0 of 2"
    assert failures["geometric 24, K = 1", "plain"] == "2 of 2"
    assert done.stdout.count("One setting for all") == 6


def test_chizat_draws_both_settings(tmp_path):
    done = run_line(f"python3 examples/chizat.py {shlex.quote(str(tmp_path))} --quick", ROOT)
    assert done.returncode == 0, done.stderr
    for name in ("geometric", "random"):
        assert f"{name} setting, 300 sweeps" in done.stdout
        assert (tmp_path / f"chizat-{name}.png").stat().st_size > 10_000
    slopes = [float(value) for value in re.findall(r"row slope, kappa = 0.5 +(-\S+)", done.stdout)]
    # 60 and 30 points: the slope kappa - 1 is that of many, over a decade.
    assert slopes == pytest.approx([-0.5, -0.5], abs=0.15)


@pytest.mark.slow
def test_appendix_writes_every_case(tmp_path):
    done = run_line(
        f"timeout {LIMIT} examples/appendix.sh --quick {shlex.quote(str(tmp_path))}", ROOT
    )
    assert done.returncode == 0, done.stderr
    for name in ("random-20x20", "random-24x16", "motorcycle-60x60"):
        with (tmp_path / f"{name}.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == 4
        assert all(np.isfinite(float(row["C0_est"])) for row in rows)
        assert (tmp_path / f"{name}.png").stat().st_size > 0
        assert (tmp_path / f"{name}.manifest.json").stat().st_size > 0
        assert f"# {name}" in done.stdout
        assert "Lemma A.7" in (tmp_path / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_readme_s_picture_is_drawn(tmp_path):
    done = run_line(f"timeout {LIMIT} bash examples/figures.sh {shlex.quote(str(tmp_path))}", ROOT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calibrate.png").stat().st_size > 10_000
