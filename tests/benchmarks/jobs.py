"""Many matrices by one process and by several: seconds, and whether the bytes are the same.

    python tests/benchmarks/jobs.py                                  # spectrum, 200 of 60×60
    python tests/benchmarks/jobs.py calibrate --count 8 --size 30 --options=--quick

One JSON line a run: seconds by the wall clock, processor seconds of all its processes, the load
before it (1 minute average), and the machine. The first matrix is run before, so that no kernel is
compiled while the clock runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def write_matrices(folder: Path, count: int, size: int) -> list[str]:
    """Distances between uniform points of the unit square, one file each."""
    names = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        x, y = rng.random((size, 2)), rng.random((size, 2))
        names.append(f"m{seed:04d}.npy")
        np.save(folder / names[-1], np.linalg.norm(x[:, None] - y[None], axis=2))
    return names


def run(folder: Path, arguments: list[str]) -> tuple[float, float, bytes]:
    """Seconds by the clock and of processors, and standard output."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "sinkdiag", "-q", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used, done.stdout


def main() -> None:
    """Run the command once with each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", nargs="?", default="spectrum")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--size", type=int, default=60)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--options", default="", help="of the command")
    given = parser.parse_args()
    options = given.options.split()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_matrices(folder, given.count, given.size)
        run(folder, [given.command, *names[:1], *options])
        for jobs in given.jobs:
            load = os.getloadavg()[0]
            wall, used, out = run(folder, [given.command, *names, *options, "--jobs", str(jobs)])
            line = {
                "command": given.command,
                "options": options,
                "matrices": given.count,
                "size": given.size,
                "jobs": jobs,
                "seconds": round(wall, 2),
                "processor_seconds": round(used, 2),
                "load_before": round(load, 2),
                "sha256": hashlib.sha256(out).hexdigest()[:16],
                "machine": platform.platform(),
                "cores": os.cpu_count(),
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
