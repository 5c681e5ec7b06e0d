"""One run of each solver on one problem: seconds until a relative marginal error of GOAL.

Peers run in chunks of iterations from their own last state, so that a run can be stopped at the
limit and its error measured; measuring is not timed. Tolerances are set so that each peer's own
criterion implies ours. Where a peer cannot go on from its last state, an alarm stops it at the
limit and the error is that of the potentials it holds at that moment.
"""

from __future__ import annotations

import os
import signal
import time
import warnings

import numpy as np

GOAL = 1e-9


class OutOfTimeError(Exception):
    """The alarm of `until`."""


def clock():
    return time.process_time() if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter()


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


def chunk_size(n, most):
    """Iterations between two looks at the clock: a few seconds' worth at n = 4000."""
    return max(20, min(most, int(most * (1000 / n) ** 2)))


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
            numItermax=chunk_size(n, 200),
            stopThr=GOAL / n,
            log=True,
            warn=False,
            warmstart=state["warmstart"],
        )
        state["warmstart"] = (log[names[0]], log[names[1]])
        return plan, not np.all(np.isfinite(log[names[0]]))

    return chunked(step, limit)


def run_pot_scaling(cost, eps, limit):
    """It cannot go on from its last state (a warm start begins its ladder anew)."""
    from ot import bregman

    n = len(cost)
    weight = np.full(n, 1.0 / n)

    def ring(_signal, _frame):
        raise OutOfTimeError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    start = clock()
    try:
        # Its criterion is the square of the error.
        plan = bregman.sinkhorn_epsilon_scaling(
            weight, weight, cost, eps, numItermax=10**6, stopThr=(GOAL / n) ** 2, warn=False
        )
    except OutOfTimeError as stop:
        return clock() - start, marginal_error(pot_plan(stop.__traceback__, cost, eps))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return clock() - start, marginal_error(plan)


def pot_plan(traceback, cost, eps):
    """The plan of the potentials that POT's stabilised solver held when it was stopped."""
    held = {}
    while traceback is not None:
        names = traceback.tb_frame.f_locals
        if "alpha" in names and "beta" in names:
            held = {name: names.get(name) for name in ("alpha", "beta", "u", "v", "reg")}
        traceback = traceback.tb_next
    f, g = held["alpha"], held["beta"]
    if held["u"] is not None and held["v"] is not None:
        f, g = f + held["reg"] * np.log(held["u"]), g + held["reg"] * np.log(held["v"])
    return np.exp((f[:, None] + g - cost) / eps)


def run_ott(momentum, cost, eps, limit):
    import jax

    jax.config.update("jax_enable_x64", True)
    from ott.geometry import geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import acceleration, sinkhorn

    n = len(cost)
    solver = sinkhorn.Sinkhorn(
        threshold=GOAL / n,
        max_iterations=chunk_size(n, 1000),
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
    """A run's length is fixed beforehand, and its last step alone is at eps: 20, 200, … iterations.

    The last run is as long as the limit allows.
    """
    import torch
    from geomloss import ot

    matrix = torch.from_numpy(cost)
    count, spent = 20, 0.0
    while True:
        start = clock()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = ot.solve(matrix, reg=eps, max_iter=count).plan
        last = clock() - start
        spent += last
        error = marginal_error(plan.numpy())
        growth = min(10.0, (limit - spent) / last)
        if error <= GOAL or growth < 1.0:
            return (spent, error) if error <= GOAL else (max(spent, limit), error)
        count = int(count * growth)


SOLVERS = {
    "sinkdiag": run_sinkdiag,
    "pot-log": lambda *a: run_pot("log", *a),
    "pot-stabilized": lambda *a: run_pot("stabilized", *a),
    "pot-eps-scaling": run_pot_scaling,
    "ott": lambda *a: run_ott(False, *a),
    "ott-momentum": lambda *a: run_ott(True, *a),
    "geomloss": run_geomloss,
}
