"""Rows and exit status do not depend on the other stream, on signals or on how a file is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import uniform_cost

SCRIPT = [sys.executable, "-m", "sinkdiag"]
FULL = Path("/dev/full")


@pytest.fixture(name="cost")
def _cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, uniform_cost(6, 6))
    return path


def shell(command, folder):
    """The command line in a shell, so that streams can be closed and redirected."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.format(s=" ".join(SCRIPT))],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=False,
    )


@pytest.mark.usefixtures("cost")
@pytest.mark.parametrize("end", ["2>&-", "2>/dev/full", "2> >(true)"])
def test_rows_do_not_need_standard_error(tmp_path, end):
    whole = shell("{s} spectrum cost.npy --eps 0.1", tmp_path)
    assert whole.returncode == 0
    assert len(whole.stdout.splitlines()) == 2
    done = shell("{s} spectrum cost.npy --eps 0.1 " + end, tmp_path)
    assert done.stdout == whole.stdout
    assert done.returncode == 0


@pytest.mark.usefixtures("cost")
def test_a_file_does_not_need_standard_output(tmp_path):
    done = shell("{s} spectrum cost.npy --eps 0.1 -o rows.csv >&-", tmp_path)
    assert done.returncode == 0
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 2


@pytest.mark.usefixtures("cost")
def test_closed_and_full_outputs_are_named(tmp_path):
    done = shell("{s} spectrum cost.npy --eps 0.1 >&-", tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)
    if FULL.exists():
        done = shell("{s} -q spectrum cost.npy --eps 0.1 >/dev/full", tmp_path)
        assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)


@pytest.mark.usefixtures("cost")
def test_a_reader_that_leaves_is_no_fault(tmp_path):
    done = shell("{s} -q spectrum cost.npy --eps 1:0.1:300 | head -n 1", tmp_path)
    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.parametrize(
    "name", ["[/red]x.npy", "[red]x.npy", "$\\frac$.npy", "a\tb.npy", os.fsdecode(b"\xff.npy")]
)
def test_names_of_files_are_nothing_but_names(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    np.save(tmp_path / name, uniform_cost(5, 5))
    for form in ("table", "csv", "json"):
        arguments = ["spectrum", name, "--layout", "batch", "--eps", "0.1", "--format", form]
        done = subprocess.run(
            [*SCRIPT, *arguments, "--plot", "p.png"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert b"\t" not in done.stderr
        if name.startswith("["):
            assert name.encode() in done.stdout.replace(b"\n", b"").replace(b" ", b"") or (
                form == "table"
            )


@pytest.mark.usefixtures("cost")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_process_and_leave_nothing(tmp_path, number):
    process = subprocess.Popen(
        [*SCRIPT, "spectrum", "cost.npy", "--eps", "1:0.001:3000", "-o", "rows.csv"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
    )
    time.sleep(0.7)
    process.send_signal(number)
    start = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - start < 5.0
    assert process.returncode == 128 + number
    assert b"Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cost.npy"]


@pytest.mark.usefixtures("cost")
def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real.csv").write_text("before")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    done = shell("{s} -q spectrum cost.npy --eps 0.1 -o link.csv", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("eps,")


@pytest.mark.parametrize("how", ["same", "link", "hard"])
@pytest.mark.parametrize("option", ["-o", "--plot", "--manifest", "--eigenvalues"])
def test_no_input_is_ever_overwritten(tmp_path, how, option):
    source = tmp_path / "k.npz"
    np.savez(source, cost=uniform_cost(4, 4), row=np.ones(4), col=np.ones(4))
    before = source.read_bytes()
    target = source
    if how == "link":
        target = tmp_path / "other.png"
        target.symlink_to(source)
    elif how == "hard":
        target = tmp_path / "other.png"
        os.link(source, target)
    for arguments in ("k.npz:cost", "c.npy --marginals k.npz"):
        np.save(tmp_path / "c.npy", uniform_cost(4, 4))
        done = shell(f"{{s}} spectrum {arguments} --eps 0.1 {option} {target.name}", tmp_path)
        assert done.returncode == 2, done.stderr
        assert done.stdout == b""
        assert source.read_bytes() == before
