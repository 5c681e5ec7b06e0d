"""Many files: one process or several, rows as they come, faulty ones, shards, broken runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from sinkdiag.cli.partial_rows import PartialRows
from tests.cli.lines import ROOT, SCRIPT, line
from tests.helpers import invoke, planar_cost

COUNT = 6


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    for seed in range(COUNT):
        np.save(tmp_path / f"m{seed}.npy", planar_cost(10, seed))
    np.save(tmp_path / "stack.npy", np.stack([planar_cost(10, seed) for seed in range(COUNT)]))
    (tmp_path / "bad.csv").write_text("a,b\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILES = [f"m{seed}.npy" for seed in range(COUNT)]
QUICK = {
    "anneal": ["--max-steps", "10"],
    "calibrate": ["--quick", "--replicates", "2", "--max-steps", "30"],
    "check": [],
    "constants": ["--eps", "0.3:0.1:2"],
    "pseudospectrum": ["--eps", "0.1", "--grid", "8"],
    "sensitivity": ["--eps", "0.3:0.1:2"],
    "spectrum": ["--eps", "0.3:0.1:2"],
}


@pytest.mark.usefixtures("folder")
def test_two_processes_write_the_bytes_of_one():
    one = line("check", *FILES[:3])
    two = line("check", *FILES[:3], "--jobs", "2")
    assert (one.returncode, two.returncode) == (0, 0)
    assert one.stdout == two.stdout
    assert two.stdout.count(b"\n") > 3


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("command", QUICK)
@pytest.mark.usefixtures("folder")
def test_two_processes_write_the_bytes_of_one_in_every_command(command, form):
    sources = FILES if form == "csv" else ["stack.npy", "--layout", "trajectory"]
    options = [*sources, *QUICK[command], "--format", form]
    one, two = line(command, *options), line(command, *options, "--jobs", "2")
    assert one.returncode == two.returncode
    assert one.stdout == two.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_the_members_of_a_batch_are_shared_among_processes():
    options = ["stack.npy", "--layout", "batch", *QUICK["sensitivity"], "--format", "json"]
    one, two = line("sensitivity", *options), line("sensitivity", *options, "--jobs", "2")
    assert (one.stdout, one.stderr) == (two.stdout, two.stderr)
    assert one.returncode == two.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", ["spectrum", "sensitivity"])
def test_sixty_matrices_and_two_processes(tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [f"m{seed:02d}.npy" for seed in range(60)]
    for seed, name in enumerate(names):
        np.save(name, planar_cost(20 + 2 * seed, seed))
    one = line(command, *names, "--eps-unit", "range", "--eps", "0.1:0.02:2")
    two = line(command, *names, "--eps-unit", "range", "--eps", "0.1:0.02:2", "--jobs", "2")
    assert one.stdout == two.stdout
    assert one.stdout.count(b"\n") == 121


@pytest.mark.parametrize("command", ["anneal", "calibrate"])
@pytest.mark.usefixtures("folder")
def test_several_matrices_get_one_summary_and_v_shows_each(command):
    outcome = invoke(command, *FILES[:3], *QUICK[command])
    assert not any(text.startswith(FILES[0]) for text in outcome.err.splitlines())
    assert len(outcome.err.splitlines()) <= 8
    assert "-v shows each" in outcome.err
    each = invoke("-v", command, *FILES[:3], *QUICK[command]).err.splitlines()
    assert all(any(text.startswith(f"{name}: ") for text in each) for name in FILES[:3])


@pytest.mark.usefixtures("folder")
def test_a_faulty_file_ends_the_run_before_any_row():
    outcome = invoke("check", FILES[0], "bad.csv", FILES[1])
    assert (outcome.status, outcome.out) == (3, "")


@pytest.mark.usefixtures("folder")
def test_keep_going_leaves_it_out_says_so_and_ends_with_3():
    whole = invoke("check", *FILES)
    sources = [*FILES[:2], "bad.csv", "missing.npy", *FILES[2:]]
    outcome = invoke("check", *sources, "--keep-going")
    assert (outcome.status, outcome.out) == (3, whole.out)
    assert outcome.out.count("source,index") == 1
    said = [line for line in outcome.err.splitlines() if line.startswith("sinkdiag: ")]
    assert [text.split(":")[1].strip() for text in said] == ["bad.csv", "missing.npy"]
    assert "2 inputs were left out" in outcome.err


@pytest.mark.usefixtures("folder")
def test_keep_going_leaves_out_what_a_study_cannot_use():
    np.save("flat.npy", np.ones((1, 5)))
    options = QUICK["calibrate"]
    outcome = invoke("calibrate", "flat.npy", FILES[0], *options, "--keep-going")
    assert outcome.status == 3
    assert [row.split(",")[0] for row in outcome.out.splitlines()] == ["source", FILES[0]]
    assert "flat.npy: a 1×5 cost has one plan" in outcome.err


@pytest.mark.usefixtures("folder")
def test_nothing_but_faulty_files_writes_nothing():
    outcome = invoke("check", "bad.csv", "missing.npy", "--keep-going", "-o", "rows.csv")
    assert outcome.status == 3
    assert not Path("rows.csv").exists()


@pytest.mark.usefixtures("folder")
def test_rows_leave_as_they_come():
    np.save("slow.npy", planar_cost(300, 0))
    process = subprocess.Popen(
        [*SCRIPT, "-q", "spectrum", FILES[0], "slow.npy", "--format", "jsonl"],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    alive = process.poll() is None
    process.kill()
    process.communicate()
    assert json.loads(first)["source"] == FILES[0]
    assert alive


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.usefixtures("folder")
def test_shards_one_after_another_are_the_whole(form):
    whole = invoke("check", *FILES, "--format", form).out.splitlines(keepends=True)
    parts = []
    for number in range(1, 5):
        rows = invoke("check", *FILES, "--format", form, "--shard", f"{number}/4").out
        parts += rows.splitlines(keepends=True)[1 if form == "csv" and parts else 0 :]
    assert parts == whole


@pytest.mark.parametrize("share", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_a_share_is_i_of_n(folder, share):
    assert invoke("check", *FILES, "--shard", share).status == 2
    del folder


def broken(monkeypatch, *arguments, lines):
    """A run that ends after so many lines of its side file, in the middle of the next."""
    with monkeypatch.context() as patch:
        patch.setattr(PartialRows, "remove", lambda self: self.close())
        assert invoke(*arguments).status == 0
    side = Path(arguments[-1] + ".partial.jsonl")
    kept = side.read_text().splitlines(keepends=True)
    side.write_text("".join(kept[:lines]) + kept[lines][:40])
    Path(arguments[-1]).unlink()
    return side


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
@pytest.mark.parametrize("command", ["check", "spectrum"])
@pytest.mark.usefixtures("folder")
def test_a_resumed_run_writes_the_bytes_of_an_unbroken_one(monkeypatch, command, name):
    arguments = [command, *FILES, *QUICK[command], "-o", name]
    assert invoke(*arguments).status == 0
    whole = Path(name).read_bytes()
    side = broken(monkeypatch, *arguments, lines=3)
    outcome = invoke(*arguments, "--resume")
    assert outcome.status == 0
    assert Path(name).read_bytes() == whole
    assert "2 of 6 units were done before" in outcome.err
    assert not side.exists()


@pytest.mark.usefixtures("folder")
def test_a_changed_input_is_run_again(monkeypatch):
    arguments = ["check", *FILES, "-o", "rows.csv"]
    broken(monkeypatch, *arguments, lines=4)
    np.save(FILES[1], planar_cost(10, 99))
    assert "2 of 6 units were done before" in invoke(*arguments, "--resume").err
    resumed = Path("rows.csv").read_bytes()
    invoke(*arguments)
    assert Path("rows.csv").read_bytes() == resumed


@pytest.mark.parametrize("more", [["--iters", "7"], ["--score"], ["--marginals", "probability"]])
@pytest.mark.usefixtures("folder")
def test_other_options_are_another_run(monkeypatch, more):
    broken(monkeypatch, "check", *FILES, "-o", "rows.csv", lines=4)
    outcome = invoke("check", *FILES, *more, "-o", "rows.csv", "--resume")
    assert outcome.status == 3
    assert "rows of another run" in outcome.err
    assert not Path("rows.csv").exists()


@pytest.mark.usefixtures("folder")
def test_rows_that_cannot_be_kept_name_their_file(monkeypatch):
    class Full:
        def write(self, _text):
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(PartialRows, "_opened", lambda *_: Full())
    outcome = invoke("check", *FILES[:2], "-o", "rows.csv")
    assert outcome.status == 3
    assert "rows.csv.partial.jsonl: cannot be written (No space left on device)" in outcome.err
    assert outcome.err.count("\n") == 1
    assert not Path("rows.csv").exists()


@pytest.mark.usefixtures("folder")
def test_conditions_and_statuses_of_earlier_rows_count(monkeypatch):
    arguments = ["check", *FILES, "-o", "rows.csv"]
    side = broken(monkeypatch, *arguments, lines=3)
    outcome = invoke(*arguments, "--resume", "--fail-on", "verdict==ok")
    assert outcome.status == 5
    assert "row 0 (m0.npy[0]" in outcome.err
    broken(monkeypatch, *arguments, lines=3)
    side.write_text(side.read_text().replace('"failed": false', '"failed": true'))
    assert invoke(*arguments, "--resume").status == 4


@pytest.mark.parametrize(
    "options",
    [
        ["--resume"],
        ["--resume", "-o", "rows.json"],
        ["--resume", "-o", "rows.csv", "--plot", "x.png"],
        ["--jobs", "0"],
        ["--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"],
    ],
)
@pytest.mark.usefixtures("folder")
def test_options_that_do_not_go_together(options):
    assert invoke("check", *FILES, *options).status == 2
    assert not Path("rows.csv").exists()


@pytest.mark.usefixtures("folder")
def test_an_interrupted_run_ends_its_workers_and_leaves_its_rows():
    arguments = ["spectrum", *FILES, "--eps", "0.5:0.05:400", "-o", "rows.csv", "--jobs", "2"]
    process = subprocess.Popen(
        [*SCRIPT, *arguments],
        env={**os.environ, "PYTHONPATH": ROOT},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    side = Path("rows.csv.partial.jsonl")
    while process.poll() is None and not (side.exists() and side.read_text().count("\n") > 1):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.count(b"\n") == 1
    for _ in range(100):  # the group is empty once the killed workers are gone
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("a worker outlives its parent")
    assert not Path("rows.csv").exists()
    assert len(side.read_text().splitlines()) > 1
