"""Time to a relative marginal error of 1e-9, beside POT, OTT-JAX and GeomLoss, in one run.

    python tests/benchmarks/solve.py geometric:1000:1e-3 random:1000:1e-3
    python tests/benchmarks/solve.py --solvers sinkdiag,pot-log --limit 60 geometric:200:1e-2
    python tests/benchmarks/solve.py --results grid.jsonl
    python tests/benchmarks/solve.py --growth
    python tests/benchmarks/solve.py --cold
    python tests/benchmarks/solve.py --batched

A cell is KIND:N:EPS with eps in units of the cost's range; without cells the whole grid runs
(hours: with --results, what a file already holds is not run again). Needs the `bench` extra.
`--clock cpu` counts processor seconds and keeps every solver on one thread, for machines that are
busy with other things.

Compilation and imports are not timed: every solver first solves a small problem, and OTT's chunk is
compiled for the cell's shape. How a peer is run, and stopped, stands in peers.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from peers import GOAL, SOLVERS, clock, marginal_error

KINDS, SIZES, TEMPERATURES = (
    ("geometric", "random"),
    (200, 1000, 4000),
    ("1e-1", "1e-2", "1e-3", "1e-4"),
)


def environment(kind):
    """The environment of a worker; one thread for everything when processor time is counted."""
    if kind == "wall":
        return dict(os.environ)
    one = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA")}
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return {**os.environ, **one, "XLA_FLAGS": flags, "BENCH_CLOCK": "cpu"}


def make_cost(kind, n):
    rng = np.random.default_rng(0)
    if kind == "random":
        return rng.random((n, n))
    x, y = rng.random((n, 2)), rng.random((n, 2))
    cost = ((x[:, None] - y) ** 2).sum(axis=-1)
    return cost / cost.max()


def worker(name, cell, limit):
    kind, n, eps = cell.split(":")
    solver = SOLVERS[name]
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    if name == "sinkdiag":
        solver(make_cost(kind, 310), float(eps), 1.0)
        solver(make_cost(kind, 800), float(eps), 1.0)
    else:
        solver(make_cost(kind, 30), 0.1, 1.0)
    seconds, error = solver(make_cost(kind, int(n)), float(eps), limit)
    print(json.dumps({"solver": name, "cell": cell, "seconds": seconds, "error": error}))


def measure(name, cell, limit, args):
    """One solver on one cell in a process of its own, or what the results file says of it."""
    known = {(r["solver"], r["cell"], r["limit"]): r for r in read_results(args.results)}
    if (name, cell, limit) in known:
        return known[name, cell, limit]
    command = [sys.executable, __file__, "--worker", name, "--limit", str(limit), cell]
    result = {"solver": name, "cell": cell, "seconds": float("inf"), "error": float("nan")}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=3 * limit + 120,
            env=environment(args.clock),
        )
        result = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        pass
    except (IndexError, json.JSONDecodeError):
        print(done.stderr[-500:], file=sys.stderr)
        result["seconds"] = float("nan")
    result |= {"limit": limit, "clock": args.clock, "cores": len(os.sched_getaffinity(0))}
    if args.results:
        with args.results.open("a") as file:
            file.write(json.dumps(result) + "\n")
    return result


def read_results(path):
    """The results of earlier runs, the latest of a cell last."""
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def words(result, limit):
    if result["error"] <= GOAL:
        return f"{result['seconds']:.3g} s"
    if result["seconds"] >= limit:
        return f">{limit:g} s ({result['error']:.0e})"
    return f"stops at {result['error']:.0e} ({result['seconds']:.2g} s)"


def table(names, cells, args):
    limit = args.limit
    print("| cost | n | eps/range | " + " | ".join(names) + " |")
    print("|---|---|---|" + "---|" * len(names))
    for cell in cells:
        results = []
        for name in names:
            results.append(words(measure(name, cell, limit, args), limit))
            print(f"{cell} {name} {results[-1]}", file=sys.stderr, flush=True)
        kind, n, eps = cell.split(":")
        print(f"| {kind} | {n} | {eps} | " + " | ".join(results) + " |", flush=True)


def growth(args):
    print("| cost | eps/range | n = 500 | 1000 | 2000 | 4000 | exponent |")
    print("|---|---|---|---|---|---|---|")
    sizes = (500, 1000, 2000, 4000)
    for kind in KINDS:
        for eps in ("1e-2", "1e-3", "1e-4"):
            times = [measure("sinkdiag", f"{kind}:{n}:{eps}", 120, args)["seconds"] for n in sizes]
            slope = np.polyfit(np.log(sizes), np.log(times), 1)[0]
            row = " | ".join(f"{t:.3g} s" for t in times)
            print(f"| {kind} | {eps} | {row} | {slope:.2f} |", flush=True)


def cold(args):
    """Full accuracy at the coldest, and what the process took at its peak, in doubles an entry."""
    print("| cost | n | eps/range | time | marginal error | status | peak, n·n doubles |")
    print("|---|---|---|---|---|---|---|")
    cells = [f"{k}:{n}:1e-5" for n in (1000, 2000, 4000) for k in KINDS]
    for cell in [*cells, "geometric:5000:1e-3", "random:5000:1e-3"]:
        command = [sys.executable, __file__, "--worker", "cold", cell]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment(args.clock)
        )
        print(done.stdout.splitlines()[-1], flush=True)


def cold_worker(cell):
    import resource

    import sinkdiag

    kind, n, eps = cell.split(":")
    for size in (310, 800):
        sinkdiag.solve(make_cost(kind, size), float(eps))
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
    seconds = clock() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / cost.nbytes
    error = marginal_error(solution.plan / len(cost))
    words = f"{seconds:.3g} s | {error:.0e} | {solution.status.value} | {peak:.1f}"
    print(f"| {kind} | {n} | {eps} | {words} |")


def batched(count=100_000, iters=20, eps=0.1):
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
    print("| layer | 4×4 matrices a second, 20 sweeps, float64 |\n|---|---|")
    for name, layer in (("sinkdiag", own_layer), ("NumPy", numpy_layer), ("torch", torch_layer)):
        best = float("inf")
        for _ in range(5):
            start = clock()
            layer()
            best = min(best, clock() - start)
        print(f"| {name} | {count / best:,.0f} |", flush=True)


def machine():
    names = ("numpy", "scipy", "numba", "POT", "ott-jax", "jax", "geomloss", "torch")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(versions)
    print(f"load average at the start {os.getloadavg()[0]:.1f}\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", nargs="*")
    parser.add_argument("--solvers", default=",".join(SOLVERS))
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--results", type=Path, help="append to this file, skip what it holds")
    parser.add_argument("--worker")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--batched", action="store_true")
    args = parser.parse_args()
    if args.worker == "cold":
        cold_worker(args.cells[0])
        return
    if args.worker:
        worker(args.worker, args.cells[0], args.limit)
        return
    machine()
    if args.growth:
        growth(args)
    elif args.cold:
        cold(args)
    elif args.batched:
        batched()
    else:
        grid = [f"{k}:{n}:{e}" for n in SIZES for k in KINDS for e in TEMPERATURES]
        table(args.solvers.split(","), args.cells or grid, args)


if __name__ == "__main__":
    main()
