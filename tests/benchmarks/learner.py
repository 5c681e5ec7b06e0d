"""One step of the learner beside torch, and how long `calibrate` takes.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python tests/benchmarks/learner.py          # one step
    python tests/benchmarks/learner.py --calibrate uniform 60                         # a whole job

One step: noise, K = 20 cold sweeps, loss mse, the exact gradient, the update, drift. torch makes
the same step from logsumexp and autograd (in place of float32's log domain also from products of
exp(-C/eps), which underflow at low temperatures: nan there); both answers are compared. Everything
has one thread. Seconds are processor seconds; of each, the fastest of several turns, in turn.

A whole job: `sinkdiag.calibrate` with its defaults on one matrix; processor seconds, seconds by the
wall clock, learning steps made, and the load before it (1 minute average).
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from lines import Lines, add_output
from tables import show

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import sinkdiag
from sinkdiag.annealing.learning.calibration import make_learner
from sinkdiag.annealing.learning.learner import LearningRun, LearningState
from sinkdiag.annealing.learning.settings import LearningSettings
from sinkdiag.annealing.learning.target import planted_target
from sinkdiag.problem import make_problem

SIZES = (60, 300, 1000)
# Temperatures, as shares of the costs' range.
SHARES = (0.3, 0.03, 0.003)
TURNS = 3
# Processor seconds that one turn takes at least.
TURN = 0.1


def uniform_cost(n):
    return np.random.default_rng(0).random((n, n))


def geometric_cost(n):
    """Distances between two uniform samples of the unit square."""
    random = np.random.default_rng(0)
    x, y = random.random((n, 2)), random.random((n, 2))
    return np.linalg.norm(x[:, None] - y[None], axis=2)


COSTS = {"uniform": uniform_cost, "geometric": geometric_cost}


class TorchStep:
    """The same step in torch; `products` sweeps by u = r/(Kv), v = c/(K'u), else by logsumexp."""

    def __init__(self, learner, *, products):
        import torch

        torch.set_num_threads(1)
        self.torch, self.learner, self.products = torch, learner, products
        dtype = torch.float64 if learner.dtype is np.float64 else torch.float32

        def tensor(values):
            return torch.tensor(values, dtype=dtype)

        self.tensor, self.target = tensor, tensor(learner.target.plan)
        self.row, self.col = tensor(learner.problem.row), tensor(learner.problem.col)
        self.previous = torch.zeros_like(self.target)

    def plan(self, cost, eps):
        return (self._by_products if self.products else self._by_logsumexp)(cost, eps)

    def _by_logsumexp(self, cost, eps):
        torch = self.torch
        scaled, g = -cost / eps, torch.zeros_like(self.col)
        log_row, log_col = self.row.log(), self.col.log()
        for _ in range(self.learner.iters):
            f = log_row - torch.logsumexp(scaled + g, dim=1)
            g = log_col - torch.logsumexp(scaled + f[:, None], dim=0)
        f = log_row - torch.logsumexp(scaled + g, dim=1)
        return torch.exp(scaled + f[:, None] + g)

    def _by_products(self, cost, eps):
        kernel, v = self.torch.exp(-cost / eps), self.torch.ones_like(self.col)
        for _ in range(self.learner.iters):
            u = self.row / (kernel @ v)
            v = self.col / (kernel.T @ u)
        u = self.row / (kernel @ v)
        return u[:, None] * kernel * v

    def step(self, cost, eps, noise):
        """Updates `cost` in place; returns drift, gradient and plan."""
        leaf = (cost + noise).requires_grad_(True)
        plan = self.plan(leaf, eps)
        loss = 0.5 * ((plan - self.target) ** 2).sum()
        (gradient,) = self.torch.autograd.grad(loss, leaf)
        plan = plan.detach()
        drift = self.torch.linalg.norm(plan - self.previous).item()
        self.previous = plan
        cost -= self.learner.learning_rate * gradient
        return drift, gradient, plan


def learner_of(cost, dtype):
    problem = make_problem(cost)
    return replace(make_learner(problem, planted_target(problem), LearningSettings()), dtype=dtype)


def per_call(function):
    """Processor seconds of one call; calls are repeated for `TURN` seconds."""
    done, start = 0, time.process_time()
    while (spent := time.process_time() - start) < TURN:
        function()
        done += 1
    return spent / done


def steppers(learner, eps):
    """The three steps from the same costs with the same noise, and their first answers."""
    random = np.random.default_rng(1)
    start, noise = learner.start(random), learner.draw_noise(random)
    run, state = LearningRun(learner), LearningState(start.copy())
    run.step(state, eps, noise)
    calls = {"sinkdiag": lambda: run.step(state, eps, noise)}
    answers = {"sinkdiag": (run.gradient.copy(), state.plan.copy())}
    for name, products in (("torch", False), ("torch, products", True)):
        peer = TorchStep(learner, products=products)
        cost, xi = peer.tensor(start), peer.tensor(noise)
        _, gradient, plan = peer.step(cost, eps, xi)
        answers[name] = (gradient.numpy(), plan.numpy())
        calls[name] = lambda peer=peer, cost=cost, xi=xi: peer.step(cost, eps, xi)
    return calls, answers


def off(answer, reference):
    """The largest difference of gradients and of plans, over the largest entry."""
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(answer, reference))


def one_step(sizes, lines):
    for n, dtype in itertools.product(sizes, (np.float64, np.float32)):
        cost = uniform_cost(n)
        learner = learner_of(cost, dtype)
        for share in SHARES:
            calls, answers = steppers(learner, share * np.ptp(cost))
            best = dict.fromkeys(calls, np.inf)
            for _ in range(TURNS):
                for name, call in calls.items():
                    best[name] = min(best[name], per_call(call))
            finite = np.isfinite(answers["torch, products"][0]).all()
            lines.add(
                "learner", n=n, precision=dtype.__name__, share=share, clock="cpu",
                sinkdiag_ms=1e3 * best["sinkdiag"], torch_ms=1e3 * best["torch"],
                products_ms=1e3 * best["torch, products"] if finite else None,
                off=float(off(answers["torch"], answers["sinkdiag"])),
            )  # fmt: skip
            print(f"n = {n}, {dtype.__name__}, {share}: done", file=sys.stderr, flush=True)


def whole_job(kind, n, lines):
    counter, step = itertools.count(), LearningRun.step

    def counted(self, *args):
        next(counter)
        return step(self, *args)

    cost = COSTS[kind](n)
    load = os.getloadavg()[0]
    LearningRun.step = counted
    wall, spent = time.perf_counter(), time.process_time()
    found = sinkdiag.calibrate(cost)
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    row = found.rows[0]
    lines.add(
        "calibrations", cost=kind, n=n, processor_seconds=spent, wall_seconds=wall,
        load_before=load, steps=next(counter), k_safe_std=float(row.k_safe_std),
        steps_safe=float(row.steps_safe), verdict=row.verdict.split(":")[0],
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calibrate", nargs=2, metavar=("KIND", "N"), help="uniform|geometric N")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    add_output(parser)
    options = parser.parse_args()
    lines = Lines(options.output, ("numpy", "scipy", "numba", "torch"))
    if options.calibrate is None:
        one_step(options.sizes, lines)
        show("learner", lines.records)
    else:
        whole_job(options.calibrate[0], int(options.calibrate[1]), lines)
        show("calibrations", lines.records)


if __name__ == "__main__":
    main()
