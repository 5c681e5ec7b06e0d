"""Time to a relative marginal error of 1e-9, beside POT, OTT-JAX and GeomLoss, in one run.

    python tests/benchmarks/solve.py geometric:1000:1e-3 random:1000:1e-3
    python tests/benchmarks/solve.py --solvers sinkdiag,pot-log --limit 60 geometric:200:1e-2
    python tests/benchmarks/solve.py --growth
    python tests/benchmarks/solve.py --batched

A cell is KIND:N:EPS with eps in units of the cost's range; without cells the whole grid runs
(hours). Needs the `bench` extra. `--clock cpu` counts processor seconds and keeps every solver on
one thread, for machines that are busy with other things.

Compilation and imports are not timed: every solver first solves a small problem, and OTT's chunk is
compiled for the cell's shape. Peers run in chunks of iterations from their own last state, so that
a run can be stopped at the limit and its error measured; measuring is not timed. Tolerances are set
so that each peer's own criterion implies ours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np

GOAL = 1e-9
KINDS, SIZES, TEMPERATURES = (
    ("geometric", "random"),
    (200, 1000, 4000),
    ("1e-1", "1e-2", "1e-3", "1e-4"),
)
CHUNK = 200


def clock():
    return time.process_time() if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter()


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


def marginal_error(plan):
    """Largest relative error of either side of a plan with marginals 1/n."""
    with np.errstate(all="ignore"):
        n = len(plan)
        error = max(np.abs(plan.sum(axis=k) * n - 1.0).max() for k in (0, 1))
    return float(error) if np.isfinite(error) else float("inf")


def run_sinkdiag(cost, eps, _limit):
    import sinkdiag

    n = len(cost)
    weight = np.full(n, 1.0 / n)
    best = float("inf")
    for _ in range(3):
        start = clock()
        solution = sinkdiag.solve(cost, eps, row=weight, col=weight, tol=GOAL)
        best = min(best, clock() - start)
    return best, marginal_error(solution.plan)


def chunked(step, limit):
    """Call ``step() -> plan, finished`` until the goal, a standstill or the limit."""
    spent = 0.0
    while True:
        start = clock()
        plan, finished = step()
        spent += clock() - start
        error = marginal_error(plan)
        if error <= GOAL or finished or spent > limit:
            return spent, error


def run_pot(method, cost, eps, limit):
    from ot import bregman

    n = len(cost)
    weight = np.full(n, 1.0 / n)
    state = {"warmstart": None}
    solver = {"log": bregman.sinkhorn_log, "stabilized": bregman.sinkhorn_stabilized}[method]
    names = {"log": ("log_u", "log_v"), "stabilized": ("alpha", "beta")}[method]

    def step():
        plan, log = solver(
            weight,
            weight,
            cost,
            eps,
            numItermax=CHUNK,
            stopThr=GOAL / n,
            log=True,
            warn=False,
            warmstart=state["warmstart"],
        )
        state["warmstart"] = (log[names[0]], log[names[1]])
        return plan, not np.all(np.isfinite(log[names[0]]))

    return chunked(step, limit)


def run_pot_scaling(cost, eps, limit):
    from ot import bregman

    n = len(cost)
    weight = np.full(n, 1.0 / n)
    # Its criterion is the square of the error.
    outer = [0]

    def step():
        outer[0] = 100 if outer[0] == 0 else 4 * outer[0]
        plan = bregman.sinkhorn_epsilon_scaling(
            weight, weight, cost, eps, numItermax=outer[0], stopThr=(GOAL / n) ** 2, warn=False
        )
        return plan, outer[0] >= 1600

    return chunked(step, limit)


def run_ott(momentum, cost, eps, limit):
    import jax

    jax.config.update("jax_enable_x64", True)
    from ott.geometry import geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import acceleration, sinkhorn

    n = len(cost)
    solver = sinkhorn.Sinkhorn(
        threshold=GOAL / n,
        max_iterations=10 * CHUNK,
        momentum=acceleration.Momentum(value=1.5) if momentum else None,
    )
    matrix = jax.numpy.asarray(cost)

    @jax.jit
    def chunk(matrix, f, g):
        problem = linear_problem.LinearProblem(geometry.Geometry(matrix, epsilon=eps))
        out = solver(problem, init=(f, g))
        return out.f, out.g, out.matrix

    state = [jax.numpy.zeros(n), jax.numpy.zeros(n)]
    chunk.lower(matrix, *state).compile()
    chunk(jax.numpy.zeros((n, n)), *state)[2].block_until_ready()

    def step():
        state[0], state[1], plan = chunk(matrix, *state)
        return np.asarray(plan.block_until_ready()), not bool(
            np.isfinite(np.asarray(state[0])).all()
        )

    return chunked(step, limit)


def run_geomloss(cost, eps, limit):
    import torch
    from geomloss import ot

    matrix = torch.from_numpy(cost)
    count = [0]

    def step():
        count[0] = 10 * count[0] if count[0] else 100
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = ot.solve(matrix, reg=eps, max_iter=count[0]).plan
        return plan.numpy(), count[0] >= 100_000

    return chunked(step, limit)


SOLVERS = {
    "sinkdiag": run_sinkdiag,
    "pot-log": lambda *a: run_pot("log", *a),
    "pot-stabilized": lambda *a: run_pot("stabilized", *a),
    "pot-eps-scaling": run_pot_scaling,
    "ott": lambda *a: run_ott(False, *a),
    "ott-momentum": lambda *a: run_ott(True, *a),
    "geomloss": run_geomloss,
}


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
    command = [sys.executable, __file__, "--worker", name, "--limit", str(limit), cell]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=6 * limit + 120,
            env=environment(args.clock),
        )
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"solver": name, "cell": cell, "seconds": float("inf"), "error": float("nan")}
    except (IndexError, json.JSONDecodeError):
        print(done.stderr[-500:], file=sys.stderr)
        return {"solver": name, "cell": cell, "seconds": float("nan"), "error": float("nan")}


def words(result, limit):
    if result["error"] <= GOAL:
        return f"{result['seconds']:.3g} s"
    if result["seconds"] > limit:
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
    parser.add_argument("--worker")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--batched", action="store_true")
    args = parser.parse_args()
    if args.worker:
        worker(args.worker, args.cells[0], args.limit)
        return
    machine()
    if args.growth:
        growth(args)
    elif args.batched:
        batched()
    else:
        grid = [f"{k}:{n}:{e}" for n in SIZES for k in KINDS for e in TEMPERATURES]
        table(args.solvers.split(","), args.cells or grid, args)


if __name__ == "__main__":
    main()
