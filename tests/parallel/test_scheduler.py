"""A real scheduler with real workers on this machine, one of which is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import invoke, planar_cost

ROOT = str(Path(__file__).parents[2])
SCRIPT = [sys.executable, "-m", "sinkdiag"]
COUNT = 24


def environment(**variables):
    path = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **variables}


@pytest.fixture(name="cluster")
def _cluster(tmp_path):
    """The scheduler's address, and its two workers, which see other folders than the tests."""
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    place = tmp_path / "scheduler.json"
    module = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment()}
    processes = [
        subprocess.Popen([*module, *options, "--scheduler-file", str(place)], **quiet),
    ]
    module = [sys.executable, "-m", "distributed.cli.dask_worker"]
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
    (tmp_path / "elsewhere").mkdir()
    processes += [
        subprocess.Popen(
            [*module, *options, "--scheduler-file", str(place)],
            cwd=tmp_path / "elsewhere",
            **quiet,
        )
        for _ in range(2)
    ]
    while not place.exists():
        assert processes[0].poll() is None
        time.sleep(0.1)
    yield json.loads(place.read_text())["address"], processes[1:]
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_bytes_are_those_of_one_process_though_a_worker_is_killed(tmp_path, cluster):
    address, workers = cluster
    np.save(tmp_path / "stack.npy", np.stack([planar_cost(30, seed) for seed in range(COUNT)]))
    line = [*SCRIPT, "spectrum", "stack.npy", "--layout", "batch"]
    one = subprocess.run(line, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    process = subprocess.Popen(
        [*line, "--scheduler", address],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # what was buffered here, communicate() would not see
    )
    assert process.stdout is not None
    first = b"".join(process.stdout.readline() for _ in range(30))  # rows of the third matrix
    workers[0].send_signal(signal.SIGKILL)
    assert process.poll() is None
    out, err = process.communicate(timeout=300)
    assert process.returncode == one.returncode
    assert first + out == one.stdout
    assert b"Traceback" not in err


@pytest.mark.slow
def test_what_workers_do_not_see_is_sent_to_them(tmp_path, cluster):
    address, _ = cluster
    arrays = np.stack([planar_cost(8, seed) for seed in range(4)])
    np.save(tmp_path / "stack.npy", arrays)
    line = [*SCRIPT, "check", "-", "--layout", "batch"]
    data = (tmp_path / "stack.npy").read_bytes()
    one = subprocess.run(line, input=data, env=environment(), capture_output=True, check=True)
    two = subprocess.run(
        [*line, "--scheduler", address],
        input=data,
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert two.returncode == 0, two.stderr
    assert one.stdout == two.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", ["sensitivity", "spectrum"])
def test_workers_share_the_temperatures_of_one_matrix(tmp_path, cluster, command):
    address, _ = cluster
    np.save(tmp_path / "cost.npy", planar_cost(30))
    line = [*SCRIPT, command, "cost.npy", "--eps", "0.3:0.05:5", "--format", "json"]
    one, two = (
        subprocess.run(
            [*line, *more], cwd=tmp_path, env=environment(), capture_output=True, check=False
        )
        for more in ([], ["--scheduler", address])
    )
    assert two.returncode == one.returncode == 0, two.stderr
    assert one.stdout == two.stdout


def test_without_a_scheduler_or_without_dask_one_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("sinkdiag.parallel.scheduler.PATIENCE", 1)
    np.save(tmp_path / "cost.npy", planar_cost(5, 0))
    outcome = invoke("spectrum", tmp_path / "cost.npy", "--scheduler", "tcp://127.0.0.1:1")
    assert outcome.status == 3
    assert outcome.err.count("\n") == 1
    assert "dask" in outcome.err
