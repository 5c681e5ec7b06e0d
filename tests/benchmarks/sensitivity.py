"""‖dP/dC‖ at n = 64: sinkdiag, automatic differentiation through the iterations, differences.

    python tests/benchmarks/sensitivity.py [--size 64] [--eps 0.05] [--scale]

Every way starts from the cost matrix and ends with the spectral norm of the 4096 × 4096 Jacobian.
The reference is the closed form -(1/eps)(diag(p) - B'A^+B), assembled and decomposed densely.
Torch runs K log-domain sweeps, K as many as reach 1e-12, and `torch.func.jacrev` in chunks.
``--scale`` instead times the whole command at n = 500 (25 temperatures) and n = 1500 (10), and
reports the peak memory.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch
from lines import Lines, add_output
from tables import show
from torch.func import jacrev

import sinkdiag
from sinkdiag.derivatives.response import plan_sensitivity
from sinkdiag.jacobian.block import factor_block

CHUNK = 128


def reference(cost, eps):
    plan = sinkdiag.solve(cost, eps).plan
    n, m = plan.shape
    block = np.block([[np.diag(plan.sum(axis=1)), plan], [plan.T, np.diag(plan.sum(axis=0))]])
    lift = np.zeros((n * m, n + m))
    for i in range(n):
        for j in range(m):
            lift[i * m + j, [i, n + j]] = plan[i, j]
    dense = np.diag(plan.ravel()) - lift @ np.linalg.pinv(block) @ lift.T
    return np.linalg.norm(dense, 2) / eps


def ours(cost, eps):
    plan = sinkdiag.solve(cost, eps).plan
    return plan_sensitivity(factor_block(plan)).value / eps


def sweeps_needed(cost, eps):
    g = torch.zeros(cost.shape[1], dtype=torch.float64)
    given = torch.tensor(cost)
    for k in range(1, 100_000):
        f = -eps * torch.logsumexp((g - given) / eps, dim=1)
        g = -eps * torch.logsumexp((f[:, None] - given) / eps, dim=0)
        plan = torch.exp((f[:, None] + g - given) / eps)
        if float((plan.sum(dim=1) - 1).abs().max()) < 1e-12:
            return k
    raise RuntimeError("no convergence")


def automatic(cost, eps, sweeps):
    def layer(given):
        g = torch.zeros(given.shape[1], dtype=torch.float64)
        for _ in range(sweeps):
            f = -eps * torch.logsumexp((g - given) / eps, dim=1)
            g = -eps * torch.logsumexp((f[:, None] - given) / eps, dim=0)
        return torch.exp((f[:, None] + g - given) / eps)

    jacobian = jacrev(layer, chunk_size=CHUNK)(torch.tensor(cost))
    return float(torch.linalg.matrix_norm(jacobian.reshape(cost.size, cost.size), 2))


def differences(cost, eps):
    base = sinkdiag.solve(cost, eps)
    step = 1e-4 * eps
    jacobian = np.empty((cost.size, cost.size))
    for k in range(cost.size):
        moved = cost.copy()
        moved.flat[k] += step
        up = sinkdiag.solve(moved, eps, init=base.g).plan
        moved.flat[k] -= 2 * step
        down = sinkdiag.solve(moved, eps, init=base.g).plan
        jacobian[:, k] = ((up - down) / (2 * step)).ravel()
    return float(np.linalg.norm(jacobian, 2))


def timed(run, *arguments):
    start = time.perf_counter()
    value = run(*arguments)
    return value, time.perf_counter() - start


def compare(size, eps, lines):
    cost = np.random.default_rng(0).random((size, size))
    expected = reference(cost, eps)
    ours(cost, eps)  # compile
    repeats = [timed(ours, cost, eps) for _ in range(9)]
    value, seconds = repeats[0][0], float(np.median([s for _, s in repeats]))
    sweeps = sweeps_needed(cost, eps)
    rows = [("sinkdiag (solve, factor, Lanczos)", value, seconds)]
    rows.append((f"torch jacrev, {sweeps} sweeps", *timed(automatic, cost, eps, sweeps)))
    rows.append(("central differences (sinkdiag.solve)", *timed(differences, cost, eps)))
    for name, found, spent in rows:
        error = float(abs(found / expected - 1))
        lines.add("sensitivity", n=size, eps=eps, way=name, seconds=spent, error=error)


def scale(lines):
    for size, count in ((500, 25), (1500, 10)):
        cost = np.random.default_rng(0).random((size, size))
        _, spent = timed(sinkdiag.sensitivity, cost, list(np.geomspace(1, 3e-3, count)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        lines.add("sensitivity-scale", n=size, temperatures=count, seconds=spent, peak_gb=peak)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--eps", type=float, default=0.05)
    parser.add_argument("--scale", action="store_true")
    add_output(parser)
    arguments = parser.parse_args()
    lines = Lines(arguments.output, ("numpy", "scipy", "numba", "torch"))
    if arguments.scale:
        scale(lines)
        show("sensitivity-scale", lines.records)
        return
    compare(arguments.size, arguments.eps, lines)
    show("sensitivity", lines.records)


if __name__ == "__main__":
    main()
