"""Time to a relative marginal error of 1e-9, beside other solvers, in one run.

    python tests/benchmarks/solve.py -o tests/benchmarks/results/peers.jsonl
    python tests/benchmarks/solve.py geometric:1000:1e-3 random:1000:1e-3 digits:64:1e-3
    python tests/benchmarks/solve.py --solvers sinkdiag,pot-log --limit 60 geometric:200:1e-2
    python tests/benchmarks/solve.py --growth | --cold | --batched

A cell is KIND:N:EPS with eps in units of the cost's range (problems.py); without cells the grid
below runs, sinkdiag last, when the machine is as tired as it gets. What the output file already
holds with the same limit is not run again. A first-order solver that missed the limit is not
tried on the same costs at lower temperatures. Needs the `bench` extra. `--clock cpu` counts
processor seconds and keeps every solver on one thread, for machines that are busy with other
things; a run that is pinned to one core (`taskset -c 1`) is a table of its own. How a peer is run,
and stopped, stands in peers.py.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

import numpy as np
from formats import reached
from lines import PACKAGES, Lines, add_output, read
from peers import NEWTON, SOLVERS, clock, marginal_error
from problems import Transport, make
from tables import show
from workers import Worker, environment

GRID = [
    f"{kind}:{n}:{eps}"
    for n in (200, 1000, 4000)
    for kind in ("geometric", "random")
    for eps in ("1e-1", "1e-2", "1e-3", "1e-4")
] + [f"digits:{n}:{eps}" for n in (64, 1024, 4096) for eps in ("1e-2", "1e-3")]
# POT's eps-scaling and GeomLoss reached the goal in no cell of n >= 1000 in 120 s: on request only.
DEFAULT = [name for name in SOLVERS if name not in {"pot-eps-scaling", "geomloss"}]
OWN = ("numpy", "scipy", "numba")
GROWTH_SIZES, GROWTH_EPS = (500, 1000, 2000, 4000), ("1e-2", "1e-3", "1e-4")


def seconds_allowed(cell, given):
    """The limit of a cell: 10 s, 20 s above n = 2000, unless given."""
    return given or (20.0 if int(cell.split(":")[1]) > 2000 else 10.0)


class Runner:
    """Measures cells, once each."""

    def __init__(self, args, table):
        self.args, self.table = args, table
        self.lines = Lines(args.output, PACKAGES if "peers" in table else OWN)
        self.known = {
            (record["solver"], record["cell"], record["limit"], record["clock"]): record
            for record in read(args.output)
            if record["table"] == table
        }

    def run(self, name, cells):
        """All cells of one solver."""
        worker, missed = Worker(name, self.args.clock), set()
        for cell in cells:
            kind, n, _ = cell.split(":")
            limit = seconds_allowed(cell, self.args.limit)
            if (kind, n) in missed:
                continue
            record = self.known.get((name, cell, limit, self.args.clock))
            record = record or self.measure(worker, cell, limit)
            if not reached(record) and name not in NEWTON:
                missed.add((kind, n))
        worker.close()

    def measure(self, worker, cell, limit):
        """One cell, written and told."""
        found = worker.solve(cell, limit)
        record = self.lines.add(
            self.table, solver=worker.name, cell=cell, limit=limit, clock=self.args.clock, **found
        )
        print(
            f"{cell} {worker.name} {found['seconds']:.3g} s, error {found['error']:.0e}",
            file=sys.stderr,
            flush=True,
        )
        return record

    def records(self):
        """What is known by now."""
        return [*self.known.values(), *self.lines.records]


def peers(args):
    """The grid, solver by solver."""
    name = "peers" if len(os.sched_getaffinity(0)) == 1 else "peers-both"
    runner = Runner(args, name)
    names = args.solvers.split(",")
    for solver in sorted(names, key=lambda name: name == "sinkdiag"):
        runner.run(solver, args.cells or GRID)
    show(name, runner.records())


def growth(args):
    """sinkdiag alone, by size."""
    runner = Runner(args, "growth")
    kinds = ("geometric", "random")
    cells = [f"{k}:{n}:{eps}" for k in kinds for eps in GROWTH_EPS for n in GROWTH_SIZES]
    runner.run("sinkdiag", args.cells or cells)
    show("growth", runner.records())


def cold(args):
    """Full accuracy at the coldest, and what the process took at its peak, in doubles an entry."""
    lines = Lines(args.output, OWN)
    cells = [f"{k}:{n}:1e-5" for n in (1000, 2000, 4000) for k in ("geometric", "random")]
    for cell in args.cells or [*cells, "geometric:5000:1e-3", "random:5000:1e-3"]:
        command = [sys.executable, __file__, "--worker", cell]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment(args.clock)
        )
        lines.add("cold", cell=cell, clock=args.clock, **json.loads(done.stdout.splitlines()[-1]))
        print(done.stdout.splitlines()[-1], file=sys.stderr, flush=True)
    show("cold", lines.records)


def cold_worker(cell):
    """One solve of a process that has done nothing larger."""
    import resource

    import sinkdiag

    kind, n, eps = cell.split(":")
    for size in (310, 800):
        sinkdiag.solve(make(kind, size).cost, float(eps))
    # In place: a cost made through temporaries would be the peak itself.
    rng, cost = np.random.default_rng(0), np.empty((int(n), int(n)))
    if kind == "random":
        rng.random(out=cost)
    else:
        x, y = rng.random((len(cost), 2)), rng.random((len(cost), 2))
        for point, line in zip(x, cost):
            line[:] = ((point - y) ** 2).sum(axis=1)
        cost /= cost.max()
    start = clock()
    solution = sinkdiag.solve(cost, float(eps))
    found = {"seconds": clock() - start, "status": solution.status.value}
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / cost.nbytes
    weight = np.ones(len(cost))
    found["error"] = marginal_error(solution.plan, Transport(cost=cost, row=weight, col=weight))
    print(json.dumps(found))


def batched(args, count=100_000, iters=20, eps=0.1):
    """A stack of 4×4 layers."""
    import torch

    from sinkdiag.solver.batch import solve_batch

    costs = np.random.default_rng(0).random((count, 4, 4))

    def numpy_layer():
        logits = -costs / eps
        for axis in (2, 1) * iters + (2,):
            top = logits.max(axis=axis, keepdims=True)
            logits = logits - top - np.log(np.exp(logits - top).sum(axis=axis, keepdims=True))
        return np.exp(logits)

    tensor = torch.from_numpy(costs)

    def torch_layer():
        logits = -tensor / eps
        for axis in (2, 1) * iters + (2,):
            logits = logits - torch.logsumexp(logits, dim=axis, keepdim=True)
        return torch.exp(logits)

    def own_layer():
        return solve_batch(costs, eps, iters=iters).plan

    assert np.abs(own_layer() - numpy_layer()).max() < 1e-12
    lines = Lines(args.output, (*OWN, "torch"))
    layers = {"sinkdiag": own_layer, "torch": torch_layer, "NumPy": numpy_layer}
    for name, layer in layers.items():
        best = float("inf")
        for _ in range(5):
            start = clock()
            layer()
            best = min(best, clock() - start)
        lines.add("batched", layer=name, rate=count / best)
    show("batched", lines.records)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cells", nargs="*")
    parser.add_argument("--solvers", default=",".join(DEFAULT))
    parser.add_argument("--limit", type=float, help="seconds a cell; default 10, 20 above n = 2000")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    for name in ("growth", "cold", "batched"):
        parser.add_argument(f"--{name}", action="store_true")
    add_output(parser)
    args = parser.parse_args()
    if args.worker:
        cold_worker(args.worker)
        return
    chosen = [run for run in (growth, cold, batched) if vars(args)[run.__name__]]
    (chosen or [peers])[0](args)


if __name__ == "__main__":
    main()
