"""The scripts of examples/ run from the repository's root, in seconds and not in minutes."""

from __future__ import annotations

import ast
import csv
import json
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
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sinkdiag.torch"):
            pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")
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


@pytest.fixture
def example(monkeypatch):
    """Imports a script of examples/ as a module."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    return import_module


def test_intervals_of_the_examples(example):
    cases = example("cases")
    # Wilson's interval for 1 of 10, from the formula by hand: (p + z²/2n ± ...)/(1 + z²/n).
    assert cases.wilson(1, 10) == pytest.approx((0.017876, 0.404150), abs=1e-6)
    low, high = cases.wilson(0, 20)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(1.959964**2 / (20 + 1.959964**2))
    values = np.random.default_rng(1).standard_normal(400)
    low, high = cases.bootstrap(400, lambda drawn: values[drawn].mean())
    # The mean's standard error is 1/20; 2,000 resamples know its quantiles to a tenth.
    assert (low, high) == pytest.approx(
        (values.mean() - 1.96 * values.std() / 20, values.mean() + 1.96 * values.std() / 20),
        abs=0.01,
    )


def test_the_slope_s_law_recovers_a_law(example):
    law = example("slope_law")
    random = np.random.default_rng(0)
    x = random.standard_normal((30, 2))
    exact = 0.7 + x @ [1.0, -0.5]
    data = law.Data(x=x, y=exact, low=exact + 0.1, high=exact + 0.3)
    assert data.coefficients() == pytest.approx([0.7, 1.0, -0.5])
    plain, shifted = law.predictions(data)
    assert plain == pytest.approx(exact)
    # Every window lies above its slope: the factor that serves the others moves into it.
    assert np.all((shifted >= data.low) & (shifted <= data.high))
    # What is not known of a problem cannot be predicted: noise left out has no positive R².
    noise = law.Data(x=x, y=random.standard_normal(30), low=exact, high=exact)
    assert law.r_squared(noise.y, law.predictions(noise)[0]) < 0.1


def test_support_changes_are_compared_with_like_steps_nearby(example):
    script = example("support_changes")

    def step(*, event, ratio, cooled=False):
        return script.Step(
            cooled=cooled,
            entries=int(event),
            components=False,
            argmax=False,
            ratio=ratio,
            gradient=1.0,
            braking=float(event),
        )

    quiet = [step(event=False, ratio=2.0) for _ in range(8)]
    # The cooled step and the one too far away would both change the quotient.
    far = step(event=False, ratio=50.0)
    run = [far, *quiet[:5], step(event=True, ratio=6.0), step(event=False, ratio=9.0, cooled=True)]
    assert [len(others) for _, others in script.neighbours(run, "S")] == [5]
    mean, low, high = script.compare([run, run], "S", lambda s: s.ratio, relative=True)
    assert (mean, low, high) == pytest.approx((3.0, 3.0, 3.0))
    assert script.compare([run], "S", lambda s: s.braking, relative=False)[0] == 1.0
    assert np.isnan(script.compare([run], "argmax", lambda s: s.ratio, relative=True)[0])


def _cells(text, *heads):
    """The table rows that begin with one of the heads."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith(tuple(f"| {head}" for head in heads))
    ]


@pytest.mark.slow
def test_transfer_shows_every_way_on_every_case():
    done = run_line(
        f"timeout {LIMIT} python3 examples/transfer.py --forms exponential linear --quick", ROOT
    )
    assert done.returncode == 0, done.stderr
    tables = _cells(done.stdout, "1 ", "2 ", "3 ", "4 ")
    assert len(tables) == 4 + 3 * 4
    # What was calibrated on the fast learner is too short for the slow one; its slope is safe.
    assert done.stdout.count("Carried over: the") == 3
    assert [row[0] for row in _cells(done.stdout, "slope", "exponential", "linear")] == [
        "slope", "slope, half of it", "exponential", "exponential, twice of it",
        "linear", "linear, twice of it", "slope", "exponential", "linear",
    ]  # fmt: skip
    best = {row[0]: row for row in _cells(done.stdout, "slope |", "linear |")[-2:]}
    assert best["slope"][2] == "4 of 4"
    assert float(best["slope"][-1]) < float(best["linear"][-1])


@pytest.mark.slow
def test_slope_law_fits_every_model():
    done = run_line(f"timeout {LIMIT} python3 examples/slope_law.py --quick", ROOT)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ of 10 problems have a safe slope", done.stdout)
    assert len(_cells(done.stdout, "constant", "std(C)", "rate", "noise", "n ", "all")) == 8


@pytest.mark.slow
def test_phase_one_runs_every_rule():
    done = run_line(f"timeout {LIMIT} python3 examples/phase_one.py --quick", ROOT)
    assert done.returncode == 0, done.stderr
    assert len(_cells(done.stdout, "uniform", "geometric")) == 4
    summary = {row[0]: row for row in _cells(done.stdout, "measured", "phase I", "theory", "0.")}
    assert summary["measured"][4].startswith("4 of 4")
    assert summary["theory"][4].startswith("0 of 4")


def test_support_changes_shows_every_event():
    done = run_line(f"timeout {LIMIT} python3 examples/support_changes.py --quick", ROOT)
    assert done.returncode == 0, done.stderr
    rows = _cells(done.stdout, "uniform", "geometric")
    assert len(rows) == 2 * 2 * 2 * 3
    for row in rows:
        assert (row[-1] == "-") is (row[1] == "linear")
        assert 0.0 < float(row[3]) < 1.0


@pytest.mark.slow
def test_matching_is_trained_and_tabled(tmp_path):
    pytest.importorskip("torch", reason="pip install '.[examples]'")
    pytest.importorskip("skimage", reason="pip install '.[examples]'")
    folder = shlex.quote(str(tmp_path))
    done = run_line(
        f"timeout 120 python3 examples/train_matching.py --quick --output {folder}", ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("### ") == 3
    with (tmp_path / "runs.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["fate"] for row in rows} <= {"safe", "held", "locked", "thrown"}
    # 100 steps at a gentle temperature are enough for the synthetic pairs, on every seed.
    shares = [float(row["right"]) for row in rows if row["schedule"] == "EPH-ASC k = 0.3"]
    assert min(shares[:3]) > 0.9
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["reported_seeds"] == [1, 2]
    assert {"processor", "cores", "versions", "date"} <= manifest.keys()
    with (tmp_path / "traces.csv").open(encoding="utf-8") as stream:
        traces = list(csv.DictReader(stream))
    norms = [[float(row[f"gradient{end}"]) for end in ("_low", "", "_high")] for row in traces]
    assert all(row == sorted(row) for row in norms)
    assert (tmp_path / "gradients-synthetic-16-sgd-0.1.png").stat().st_size > 10_000
    assert (tmp_path / "proxy.npz").exists()


@pytest.mark.slow
def test_a_language_model_is_trained_and_drawn(tmp_path):
    pytest.importorskip("torch", reason="pip install '.[examples]'")
    pytest.importorskip("hyper_connections", reason="pip install '.[examples]'")
    folder = shlex.quote(str(tmp_path))
    done = run_line(f"timeout 120 python3 examples/train_mhc.py --quick --output {folder}", ROOT)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "steps.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * 60
    for schedule in ("exponential", "EPH-ASC"):
        losses = [float(row["loss"]) for row in rows if row["schedule"] == schedule]
        assert losses[0] > np.log(256) - 0.5
        assert np.mean(losses[-10:]) < losses[0] - 1.0
    assert float(rows[59]["eps"]) == pytest.approx(0.01 ** (59 / 60), rel=1e-6)
    assert (tmp_path / "mhc.png").stat().st_size > 10_000
    with np.load(tmp_path / "tokens.npz") as held:
        assert {held[name].shape for name in held} == {(32, 4, 4)}
