"""Several matrices, or several temperatures of one, by one process and by several.

    python tests/benchmarks/jobs.py -o tests/benchmarks/results/jobs.jsonl
    python tests/benchmarks/jobs.py calibrate:8:30:--quick sensitivity:1:600 --jobs 1 2

A cell is COMMAND:COUNT:SIZE or COMMAND:COUNT:SIZE:OPTIONS; without cells the grid below runs. A
line a run: seconds by the wall clock, processor seconds of all its processes, and what its bytes
hash to. The command is run on a small part before, so that no kernel is compiled meanwhile.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from lines import Lines, add_output
from tables import show

ROOT = Path(__file__).resolve().parents[2]
GRID = [
    "spectrum:200:60",
    "calibrate:6:30:--quick",
    "spectrum:1:1000",
    "sensitivity:1:300",
    "sensitivity:1:600",
    "constants:1:300",
    "pseudospectrum:1:300",
]


def write_matrices(folder, count, size):
    """Distances between uniform points of the unit square, one file each."""
    names = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        x, y = rng.random((size, 2)), rng.random((size, 2))
        names.append(f"m{seed:04d}.npy")
        np.save(folder / names[-1], np.linalg.norm(x[:, None] - y[None], axis=2))
    return names


def run(folder, arguments):
    """Seconds by the clock and of processors, and standard output."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "sinkdiag", "-q", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode not in (0, 4):  # 4: some row is below resolution
        raise RuntimeError(f"{' '.join(arguments)} left with status {done.returncode}")
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used, done.stdout


def measure(cell, jobs, lines):
    """One cell with each number of processes."""
    command, count, size, *options = cell.split(":", 3)
    options = options[0].split() if options else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_matrices(folder, int(count), int(size))
        part = [] if len(names) > 1 else ["--eps-unit", "range", "--eps", "0.1:0.05:2"]
        run(folder, [command, names[0], *options, *part])
        for number in jobs:
            wall, used, out = run(folder, [command, *names, *options, "--jobs", str(number)])
            digest = hashlib.sha256(out).hexdigest()[:16]
            lines.add(
                "jobs",
                cell=cell,
                jobs=number,
                seconds=wall,
                processor_seconds=used,
                sha256=digest,
            )
            print(f"{cell} {number} processes {wall:.2f} s", file=sys.stderr, flush=True)


def main():
    """Run the cells."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cells", nargs="*")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    add_output(parser)
    args = parser.parse_args()
    lines = Lines(args.output, ("numpy", "scipy", "numba"))
    for cell in args.cells or GRID:
        measure(cell, args.jobs, lines)
    show("jobs", lines.records)


if __name__ == "__main__":
    main()
