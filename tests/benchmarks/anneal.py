"""Annealing schedules at n = 1000 beside OTT-JAX's epsilon scheduler, in one run.

    OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python tests/benchmarks/anneal.py [--points 1000]
    python tests/benchmarks/anneal.py --five        # 1,000 steps of five schedules at n = 300

The geometric setting of arXiv 2408.11620. Everybody ends at its own temperature after the same
number of sweeps; what counts is the error of the rounded plan. Seconds are processor seconds of
this process, compilation not counted (a first short run makes it). OTT runs in float64.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from lines import Lines, add_output
from tables import show

import sinkdiag
from sinkdiag.annealing.schedules.optimum import optimum_of
from tests.annealing.chizat import geometric

SWEEPS = 1000
OURS = ("annealed", "debiased", "debiased:kappa=0.8", "symmetric-debiased")
# Rules for a layer of one sweep a step that carries its potentials: what OTT does.
RULES = ("exponential:alpha0=0.99",)
# OTT: from the source's first temperature to the debiased iteration's last, and to a tenth of it.
TARGETS, DECAYS = (1e-3, 1e-4), (0.99,)


def seconds(function, *arguments):
    began = time.process_time()
    found = function(*arguments)
    return found, time.process_time() - began


def line(lines, name, error, sweeps, took):
    lines.add(
        "anneal", what=name, suboptimality=float(error), sweeps=sweeps, seconds=took, clock="cpu"
    )
    print(f"{name}: {error:.3g}, {took:.3g} s", file=sys.stderr, flush=True)


def ours(problem, lines):
    def run(name, steps, target):
        return sinkdiag.anneal(
            problem.cost,
            [0.1, target],
            marginals="probability",
            schedules=[name],
            iters=1,
            start="warm",
            tv=False,
            max_steps=steps,
        )

    for name in (*OURS, *RULES):
        for target in TARGETS if name in RULES else TARGETS[:1]:
            run(name, 2, target)
            (row,) = run(name, SWEEPS, target).comparison
            title = f"{name}, eps 0.1 to {target:g}" if name in RULES else name
            line(lines, title, row.suboptimality, row.sweeps, row.seconds)


def ott_runs(problem, optimum, lines):
    import jax
    import jax.numpy as jnp
    from ott.geometry import epsilon_scheduler, geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    jax.config.update("jax_enable_x64", True)
    cost = jnp.array(problem.cost)
    for target in TARGETS:
        for decay in DECAYS:
            schedule = epsilon_scheduler.Epsilon(target=target, init=0.1 / target, decay=decay)
            geom = geometry.Geometry(cost_matrix=cost, epsilon=schedule)
            transport = linear_problem.LinearProblem(
                geom, a=jnp.array(problem.row), b=jnp.array(problem.col)
            )
            solver = jax.jit(
                sinkhorn.Sinkhorn(threshold=0.0, min_iterations=SWEEPS, max_iterations=SWEEPS)
            )
            compiled = solver.lower(transport).compile()
            found, took = seconds(finished, compiled, transport)
            error = optimum.suboptimality(found, problem)
            line(lines, f"OTT, eps 0.1 to {target:g}, decay {decay:g}", error, SWEEPS, took)


def finished(solver, transport):
    return np.array(solver(transport).matrix)


def five(lines):
    """The judged run: five schedules, 1,000 steps, without and with fixed points."""
    schedules = (
        "exponential:alpha0=0.9942", "quadratic", "eph-asc:alpha0=0.9942", "annealed", "debiased",
    )  # fmt: skip
    for name, cost in (
        ("geometric", geometric(1).cost), ("uniform", np.random.default_rng(0).random((300, 300))),
    ):  # fmt: skip
        for tv in (False, True):
            found, took = seconds(
                lambda cost=cost, tv=tv: sinkdiag.anneal(cost, schedules=schedules, tv=tv)
            )
            lines.add(
                "anneal-five", cost=name, fixed_points=tv, rows=len(found.rows), seconds=took,
                status=found.status.value, clock="cpu",
            )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--five", action="store_true")
    add_output(parser)
    given = parser.parse_args()
    lines = Lines(given.output, ("numpy", "scipy", "numba", "ott-jax", "jax"))
    if given.five:
        five(lines)
        show("anneal-five", lines.records)
        return
    problem = geometric(0, n=given.points)
    ours(problem, lines)
    ott_runs(problem, optimum_of(problem), lines)
    show("anneal", lines.records)


if __name__ == "__main__":
    main()
