"""One matrix on several processes: its temperatures are shared, and its bytes are the same."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.cli.lines import ROOT, SCRIPT, line
from tests.helpers import invoke, planar_cost

OPTIONS = {"pseudospectrum": ["--grid", "8"]}


@pytest.fixture(autouse=True)
def _matrix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("m.npy", planar_cost(10))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["constants", "pseudospectrum", "sensitivity", "spectrum"])
def test_the_temperatures_of_one_matrix_are_shared_among_processes(command):
    np.save("large.npy", planar_cost(120))  # BLAS would take all threads
    options = ["large.npy", *OPTIONS.get(command, []), "--eps", "0.2:0.01:4", "--format", "json"]
    one, two = line(command, *options), line(command, *options, "--jobs", "2")
    assert (one.stdout, one.stderr) == (two.stdout, two.stderr)
    assert one.returncode == two.returncode
    assert one.stdout.count(b'"eps"') >= 4


def test_two_processes_share_the_temperatures_of_one_matrix():
    options = ["m.npy", "--eps", "0.3:0.1:3"]
    one = line("spectrum", *options)
    two = line("spectrum", *options, "--jobs", "2")
    assert (one.returncode, one.stdout, one.stderr) == (two.returncode, two.stdout, two.stderr)
    assert one.stdout.count(b"\n") == 4


def test_jobs_that_have_nothing_to_share_are_said():
    for command in (["check", "m.npy"], ["sensitivity", "m.npy", "--eps", "0.1"]):
        outcome = invoke(*command, "--jobs", "2")
        assert outcome.err.count("--jobs has nothing to share here") == 1
        assert outcome.out == invoke(*command).out
    assert "--jobs" not in invoke("check", "m.npy", "m.npy", "--jobs", "2").err


@pytest.mark.parametrize(("eps", "threads"), [("0.3:0.1:3", "1"), ("0.3", None)])
def test_blas_has_one_thread_for_several_temperatures_and_all_for_one(eps, threads):
    unset = {f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "BLIS")}
    unset.add("VECLIB_MAXIMUM_THREADS")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    subprocess.run(
        [*SCRIPT, "spectrum", "m.npy", "--eps", eps, "-o", "o.csv", "--manifest", "m.json"],
        env={**kept, "PYTHONPATH": ROOT},
        check=True,
        capture_output=True,
    )
    found = json.loads(Path("m.json").read_text())["thread_variables"]
    assert found.get("OPENBLAS_NUM_THREADS") == threads
