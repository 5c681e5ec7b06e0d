"""Help pages, hints, shell completion, and what a terminal gets to see."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from sinkdiag.cli.main import COMMANDS
from tests.checkpoints.written import deepseek, save
from tests.helpers import invoke, planar_cost
from tests.shell import ROOT, run_line
from tests.studies.test_calibrate_record import TRUTH, record

SCRIPT = [sys.executable, "-m", "sinkdiag"]


def on_terminal(arguments, folder, **variables):
    """What a terminal of 80 columns would show of a command: both streams, as one."""
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [*SCRIPT, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "TERM": "xterm", **variables},
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    parts = []
    while True:
        try:
            part = os.read(reader, 65536)
        except OSError:  # Linux says so when the last writer has gone.
            break
        if not part:
            break
        parts.append(part)
    os.close(reader)
    assert process.wait() == 0
    return b"".join(parts).decode()


@pytest.fixture(name="folder")
def _folder(tmp_path):
    np.save(tmp_path / "cost.npy", planar_cost(8))
    np.save(tmp_path / "costs.npy", np.stack([planar_cost(6, k) for k in range(12)]))
    return tmp_path


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"info", "compare", "stack"}))
def test_what_matters_comes_first_and_the_rest_in_groups(command):
    lines = invoke(command, "--help").out.splitlines()
    titles = [line for line in lines if re.fullmatch(r"\w+:", line)]
    assert titles[0] == "Options:"
    assert titles[-1] == "Output:"
    assert lines.index("Options:") < lines.index("Input:") < lines.index("Output:")
    # A report is a page with figures, and draws none beside it.
    figure = "-o, --output" if command == "report" else "--plot"
    place = {
        option: next(k for k, line in enumerate(lines) if line.lstrip().startswith(option))
        for option in ("--eps V", figure, "--score", "--manifest")
    }
    assert place["--eps V"] < place[figure] < lines.index("Input:") < place["--score"]
    assert lines.index("Output:") < place["--manifest"]


def examples():
    """Every command line that a help page shows."""
    for command in COMMANDS:
        for line in invoke(command, "--help").out.splitlines():
            if line.startswith("    sinkdiag "):
                slow = command in ("anneal", "calibrate") or re.search(r"costs\.npy|\.html", line)
                yield pytest.param(line.strip(), marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize("line", list(examples()))
def test_the_examples_of_the_help_pages_run(folder, line, monkeypatch):
    monkeypatch.chdir(folder)
    network = deepseek(np.random.default_rng(1).standard_normal((2, 4, 4)))
    save(folder / "model.safetensors", network)
    (folder / "folder").mkdir()
    save(folder / "folder" / "model.safetensors", network)
    if "run.npz" in line:
        costs, eps = record()
        np.savez(folder / "run.npz", cost=costs, eps=eps, truth=TRUTH)
    np.save(folder / "truth.npy", np.arange(8))
    np.save(folder / "grcar.npy", np.random.default_rng(0).standard_normal((8, 8)))
    for name in ("before", "after") if " compare " in line else ():
        (folder / f"{name}.csv").write_text("eps,gap\n1.0,0.5\n")
    for name in ("a", "b") if "--manifests" in line else ():
        files = f"-o {name}.json --manifest {name}.manifest.json"
        assert invoke(*shlex.split(f"spectrum cost.npy --eps 1 {files}")).status == 0
    outcome = invoke(*shlex.split(line)[1:])
    assert outcome.status == 0, outcome.err


HINTS = {
    "calibrat cost.npy": "did you mean calibrate?",
    "SPECTRUM cost.npy": "did you mean spectrum?",
    "cost.npy": "try: sinkdiag check cost.npy",
    "frobnicate": "there are anneal, calibrate, check,",
    "spectrum cost.npy -v": "it stands before the command, sinkdiag -v COMMAND",
    "spectrum cost.npy --quiet": "it stands before the command, sinkdiag -q COMMAND",
    "spectrum cost.npy --formt csv": "--format",
    "spectrum cost.npy -o rows.xlsx": "use one of .csv .json .jsonl .txt",
    "spectrum cost.npy --fail-on gapp<1": "there are eps, rho, gap",
}


@pytest.mark.parametrize("line", HINTS)
def test_slips_get_a_hint(line):
    outcome = invoke(*shlex.split(line))
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert HINTS[line] in outcome.err


def test_an_unknown_ending_with_a_format_is_what_was_asked_for(folder):
    path = folder / "rows.dat"
    assert invoke("spectrum", folder / "cost.npy", "--eps", "1", "-o", path).status == 2
    options = ["--eps", "1", "-o", path, "--format", "csv"]
    assert invoke("spectrum", folder / "cost.npy", *options).status == 0
    assert path.read_text().startswith("eps,rho")


def test_files_and_folders_that_are_no_costs_say_what_to_do(folder):
    (folder / "cost.pt").write_bytes(b"PK")
    assert "numpy.save('cost.npy', cost.detach()" in invoke("check", folder / "cost.pt").err
    (folder / "cost.xlsx").write_bytes(b"PK")
    assert "export the sheet as .csv" in invoke("check", folder / "cost.xlsx").err
    assert "such as cost.npy" in invoke("check", folder).err


def complete(shell, words, current, folder):
    """What a shell is told for a half-written line, as the script that it has sourced asks."""
    line = " ".join(["sinkdiag", *words])
    given = {
        "bash": {"COMP_WORDS": f"{line} {current}", "COMP_CWORD": str(len(words) + 1)},
        "zsh": {"COMP_WORDS": f"{line} {current}", "COMP_CWORD": str(len(words) + 1)},
        "fish": {"COMP_WORDS": line, "COMP_CWORD": current},
    }[shell]
    variables = {**given, "_SINKDIAG_COMPLETE": f"{shell}_complete"}
    setting = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    done = run_line(f"{setting} sinkdiag", folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_options_words_and_files(folder, shell):
    source = run_line(f"_SINKDIAG_COMPLETE={shell}_source sinkdiag", folder)
    assert source.returncode == 0
    assert f"_SINKDIAG_COMPLETE={shell}_complete" in source.stdout
    assert "spectrum" in complete(shell, [], "spec", folder)
    assert "--eps-unit" in complete(shell, ["spectrum"], "--eps", folder)
    assert "potential" in complete(shell, ["spectrum", "cost.npy", "--norm"], "p", folder)
    assert "file" in complete(shell, ["spectrum"], "co", folder)
    assert "file" in complete(shell, ["spectrum", "cost.npy", "-o"], "ro", folder)


def test_a_terminal_sees_a_table_that_fits_and_how_to_see_the_rest(folder):
    shown = on_terminal(["spectrum", "cost.npy", "--eps", "1:0.1:3"], folder)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    table = text[: text.index("not shown:")].splitlines()
    assert max(len(line.rstrip("\r")) for line in table) <= 80
    assert "converged" in text
    assert "a wider terminal, --format csv, or -o" in text.replace("\r\n", " ")


def test_a_batch_and_a_grid_do_not_scroll_a_terminal(folder):
    shown = on_terminal(["pseudospectrum", "cost.npy", "--eps", "0.3", "--grid", "40"], folder)
    assert "820 rows are not shown here: --format table, or -o PATH" in shown or (
        "1,600 rows are not shown here: --format table, or -o PATH" in shown
    )
    assert "kappa(V)" in shown
    assert len(shown.splitlines()) < 30
    batch = ["check", "costs.npy", "--layout", "batch", "--eps", "0.1"]
    # The progress bar wipes its line each time it draws.
    assert len(on_terminal(batch, folder).rpartition("\x1b[2K")[2].splitlines()) <= 3
    rows = on_terminal([*batch, "--rows"], folder)
    assert rows.count(" ok") >= 12
    assert "verdict" in rows


def test_no_color_is_obeyed(folder):
    command = ["spectrum", "cost.npy", "--eps", "1:0.1:3"]
    coloured = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])[;\d]*m")
    assert not coloured.search(on_terminal(command, folder, NO_COLOR="1"))
    dumb = on_terminal(command, folder, TERM="dumb", NO_COLOR="1")
    assert "\x1b[" not in dumb
    for text in (invoke("--help").out, invoke("spectrum", "--help").out):
        assert "\x1b" not in text


def test_a_condition_names_the_row(folder):
    options = ["--layout", "batch", "--eps", "0.1", "--fail-on", "index==2"]
    outcome = invoke("check", folder / "costs.npy", *options)
    assert outcome.status == 2  # labels are no columns of the row type
    options[-1] = "tv>0.0001"
    outcome = invoke("check", folder / "costs.npy", *options)
    assert outcome.status == 5
    last = outcome.err.splitlines()[-1]
    assert re.search(r"row \d+ \(\S+costs\.npy\[\d+\], eps = 0\.1\) has tv = ", last)
