"""What a run will need is said first, and refused beyond --max-memory."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from sinkdiag.cli import limits
from tests.helpers import invoke, planar_cost

COMMANDS = {
    "anneal": "part of the matrix",
    "calibrate": "--quick",
    "check": "--iters",
    "constants": "part of the matrix",
    "pseudospectrum": "--grid",
    "sensitivity": "part of the matrix",
    "spectrum": "--modes 6",
}


@pytest.fixture(name="cost")
def _cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, planar_cost(10))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_that_needs_more_is_refused_by_name(command, cost):
    outcome = invoke(command, cost, "--max-memory", "100M")
    assert (outcome.status, outcome.out) == (3, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"sinkdiag: {cost}: {command} needs about ")
    assert "--max-memory allows 100 MiB" in line
    assert COMMANDS[command] in line


def test_what_the_machine_has_free_is_the_limit_if_none_is_given(cost, monkeypatch):
    monkeypatch.setattr(limits, "available_memory", lambda: 50.0 * 2**20)
    outcome = invoke("check", cost)
    assert outcome.status == 3
    assert "50 MiB is free" in outcome.err
    assert invoke("check", cost, "--max-memory", "2G").status == 0


def test_much_is_announced(cost, monkeypatch):
    outcome = invoke("check", cost, "--max-memory", "250M")
    assert outcome.status == 0
    assert "check needs about 18" in outcome.err
    monkeypatch.setattr(limits, "LONG", 1.0)
    outcome = invoke("spectrum", cost, "--eps", "0.1")
    assert (
        outcome.err.splitlines()[0] == "spectrum takes about 1 s; less: --modes 6, or fewer --eps"
    )
    assert "takes about" not in invoke("-q", "spectrum", cost, "--eps", "0.1").err


def test_nothing_is_said_of_what_is_little(cost):
    assert "about" not in invoke("check", cost, "--max-memory", "4G").err


@pytest.mark.parametrize("size", ["", "x", "0", "-1", "nan", "inf", "1e400", "4GG", "G"])
def test_sizes_that_are_none(size, cost):
    outcome = invoke("check", cost, "--max-memory", size)
    assert (outcome.status, len(outcome.err.splitlines())) == (2, 1)


@pytest.mark.parametrize("size", ["4G", "4GiB", "4gb", "4194304K", "4294967296", "4096m"])
def test_sizes_as_people_write_them(size, cost):
    assert invoke("check", cost, "--max-memory", size, "--eps", "0.1").status == 0


def test_files_are_refused_before_they_are_read(tmp_path):
    big = tmp_path / "big.npy"
    with big.open("wb") as stream:
        stream.truncate(2**30)
    outcome = invoke("check", big, "--max-memory", "1G")
    assert outcome.status == 3
    assert f"{big}: reading it needs about 2 GiB" in outcome.err
    bomb = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("cost.npy", "w") as member,
    ):
        for _ in range(64):
            member.write(bytes(2**20))
    outcome = invoke("check", bomb, "--max-memory", "100M")
    assert f"{bomb}: reading it needs about 128 MiB" in outcome.err


def test_memory_that_is_free_is_some():
    assert 0.0 < limits.available_memory() < 2**60


def test_sizes_and_times_are_read_at_a_glance():
    assert [limits.in_bytes(size) for size in (2e5, 3e8, 6e9)] == ["196 KiB", "286 MiB", "5.6 GiB"]
    assert [limits.in_time(t) for t in (62.0, 600.0, 7200.0)] == ["62 s", "10 min", "2 h"]
