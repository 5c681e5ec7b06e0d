"""One process a solver, that takes cells and gives results; stopped where it overruns its limit.

A cell is KIND:N:EPS with eps in units of the cost's range. Compilation and imports are not timed:
every solver first solves a small problem, and OTT's chunk is compiled for the cell's shape.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from peers import SOLVERS
from problems import make

# Seconds beyond the limit: compilation, the problem's making, the last chunk.
GRACE, START = 15.0, 120.0


def environment(clock):
    """The environment of a worker; one thread for everything when processor time is counted."""
    if clock == "wall":
        return dict(os.environ)
    one = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA")}
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return {**os.environ, **one, "XLA_FLAGS": flags, "BENCH_CLOCK": "cpu"}


class Worker:
    """A solver in a process of its own, started when it is first asked."""

    def __init__(self, name, clock):
        self.name, self.clock, self.process = name, clock, None

    def solve(self, cell, limit):
        """Seconds and error, and for sinkdiag its passes; nothing was reached: inf and nan."""
        if self.process is None:
            self._start()
        self.process.stdin.write(json.dumps({"cell": cell, "limit": limit}) + "\n")
        self.process.stdin.flush()
        answer = self._read((4 if self.name == "sinkdiag" else 1) * limit + GRACE)
        return answer or {"seconds": float("inf"), "error": float("nan")}

    def close(self):
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _start(self):
        command = [sys.executable, str(Path(__file__)), self.name]
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env=environment(self.clock),
        )  # fmt: skip
        if self._read(START) is None:
            raise RuntimeError(f"{self.name} does not start")

    def _read(self, seconds):
        """The next answer, or None after killing a process that gives none."""
        if select.select([self.process.stdout], [], [], seconds)[0]:
            line = self.process.stdout.readline()
            if line:
                return json.loads(line)
            self.errors.seek(0)
            print(f"{self.name}: {self.errors.read()[-500:]}", file=sys.stderr)
        self.close()
        return None


def warm_up(name):
    """Imports and compilation; sinkdiag's parallel and sparse kernels need larger problems."""
    sizes = (310, 800) if name == "sinkdiag" else (30,)
    for n in sizes:
        SOLVERS[name](make("geometric", n), 0.01 if name == "sinkdiag" else 0.1, 1.0)


def passes_of(problem, eps):
    """What one more solve, not timed, reads."""
    from passes import counted
    from peers import GOAL

    import sinkdiag

    with counted() as count:
        sinkdiag.solve(problem.cost, eps, row=problem.row, col=problem.col, tol=GOAL)
    return {**vars(count), "reads": round(count.reads, 1)}


def serve(name):
    """Cells on standard input, results on standard output."""
    out, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    warm_up(name)
    print(json.dumps({}), file=out, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        kind, n, eps = asked["cell"].split(":")
        problem = make(kind, int(n))
        seconds, error = SOLVERS[name](problem, float(eps), asked["limit"])
        found = {"seconds": seconds, "error": error}
        if name == "sinkdiag":
            found["passes"] = passes_of(problem, float(eps))
        print(json.dumps(found), file=out, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
