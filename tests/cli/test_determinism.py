"""The same bytes on as many threads; on another number digits to 1e-10, and equal decisions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sinkdiag
from tests.helpers import planar_cost, uniform_cost

ROOT = Path(__file__).parents[2]
# All command lines of one case in one process, which is what takes the time.
CHILD = """
import json, sys
from sinkdiag.cli.main import run
for line in json.loads(sys.argv[1]):
    assert run(["-q", *line]) in (0, 4), line
"""
SMALL = {
    "check": ["check", "small.npy"],
    "spectrum": ["spectrum", "small.npy", "--eps", "0.2", "--eps", "0.05", "--extended"],
    # Beyond 60,000 entries kernels are shared among threads.
    "large": ["check", "large.npy", "--eps", "0.1"],
}
WHOLE = {
    "sensitivity": ["sensitivity", "small.npy", "--eps", "0.2", "--eps", "0.05"],
    "constants": ["constants", "small.npy", "--eps", "0.2", "--eps", "0.05"],
    "pseudospectrum": ["pseudospectrum", "small.npy", "--eps", "0.1", "--grid", "12"],
    "anneal": ["anneal", "small.npy", "--max-steps", "60"],
    "learn": ["anneal", "small.npy", "--learn", "--no-tv", "--max-steps", "60"],
    "calibrate": ["calibrate", "tiny.npy", "--quick", "--max-steps", "60"],
    # Beyond 10,000 entries replicates run side by side, in single precision.
    "threads": ["calibrate", "wide.npy", "--quick", "--max-steps", "12", "--alpha0", "0.5",
                "--eps", "0.05"],
    "spectra": ["spectrum", "large.npy", "--eps", "0.1"],
}  # fmt: skip


def written(folder: Path, lines: dict[str, list[str]], run: str, threads: int) -> dict[str, Path]:
    """The JSON of every command line, from a process with so many threads."""
    found = {name: folder / f"{name}-{run}.json" for name in lines}
    commands = [[*line, "-o", str(found[name])] for name, line in lines.items()]
    number = {f"{owner}_NUM_THREADS": str(threads) for owner in ("NUMBA", "OPENBLAS", "OMP", "MKL")}
    subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(commands)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **number},
        check=True,
        capture_output=True,
    )
    return found


@pytest.mark.parametrize(
    "lines",
    [pytest.param(SMALL, id="small"), pytest.param(WHOLE, id="whole", marks=pytest.mark.slow)],
)
def test_threads_move_no_digit_that_is_promised_and_no_decision(lines, tmp_path):
    np.save(tmp_path / "tiny.npy", uniform_cost(10, 10))
    np.save(tmp_path / "small.npy", planar_cost(30))
    np.save(tmp_path / "wide.npy", uniform_cost(104, 104))
    np.save(tmp_path / "large.npy", planar_cost(260))
    one = written(tmp_path, lines, "one", 1)
    two, again = (written(tmp_path, lines, run, 2) for run in ("two", "again"))
    for name in lines:
        assert two[name].read_bytes() == again[name].read_bytes(), name
        # Words are compared as they stand, and so are verdicts; of numbers 1e-10 is stated.
        changed = sinkdiag.compare(str(one[name]), str(two[name]))
        assert [row for row in changed.rows if row.beyond] == [], name
