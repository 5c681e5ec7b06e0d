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
from contextlib import contextmanager

import numpy as np

GOAL = 1e-9


class OutOfTimeError(Exception):
    """The alarm of `until`."""


def clock():
    return time.process_time() if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter()


def marginal_error(plan, problem):
    """Largest relative error of either side of a plan."""
    with np.errstate(all="ignore"):
        sums = (plan.sum(axis=1) / problem.row, plan.sum(axis=0) / problem.col)
        error = max(np.abs(ratio - 1.0).max() for ratio in sums)
    return float(error) if np.isfinite(error) else float("inf")


def run_sinkdiag(problem, eps, _limit):
    import sinkdiag

    best = float("inf")
    for _ in range(3):
        start = clock()
        solution = sinkdiag.solve(problem.cost, eps, row=problem.row, col=problem.col, tol=GOAL)
        best = min(best, clock() - start)
    return best, marginal_error(solution.plan, problem)


def chunk_size(n, most):
    """Iterations between two looks at the clock: a few seconds' worth at n = 4000."""
    return max(20, min(most, int(most * (1000 / n) ** 2)))


def chunked(step, problem, limit):
    """Call ``step() -> plan, finished`` until the goal, a standstill or the limit."""
    spent = 0.0
    while True:
        start = clock()
        plan, finished = step()
        spent += clock() - start
        error = marginal_error(plan, problem)
        if error <= GOAL or finished or spent > limit:
            return spent, error


def run_pot(method, problem, eps, limit):
    from ot import bregman

    state = {"warmstart": None}
    solver = {"log": bregman.sinkhorn_log, "stabilized": bregman.sinkhorn_stabilized}[method]
    names = {"log": ("log_u", "log_v"), "stabilized": ("alpha", "beta")}[method]

    def step():
        plan, log = solver(
            problem.row,
            problem.col,
            problem.cost,
            eps,
            numItermax=chunk_size(len(problem.row), 200),
            stopThr=GOAL * problem.least,
            log=True,
            warn=False,
            warmstart=state["warmstart"],
        )
        state["warmstart"] = (log[names[0]], log[names[1]])
        return plan, not np.all(np.isfinite(log[names[0]]))

    return chunked(step, problem, limit)


@contextmanager
def alarm(limit):
    """Raises `OutOfTimeError` after that many seconds."""

    def ring(_signal, _frame):
        raise OutOfTimeError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run_pot_scaling(problem, eps, limit):
    """It cannot go on from its last state (a warm start begins its ladder anew)."""
    from ot import bregman

    row, col, cost = problem.row, problem.col, problem.cost
    start = clock()
    try:
        with alarm(limit):
            # Its criterion is the square of the error.
            goal = (GOAL * problem.least) ** 2
            plan = bregman.sinkhorn_epsilon_scaling(
                row, col, cost, eps, numItermax=10**6, stopThr=goal, warn=False
            )
    except OutOfTimeError as stop:
        spent = clock() - start
        return spent, marginal_error(pot_plan(stop.__traceback__, cost, eps), problem)
    return clock() - start, marginal_error(plan, problem)


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


def run_ott(momentum, problem, eps, limit):
    import jax

    jax.config.update("jax_enable_x64", True)
    from ott.geometry import geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import acceleration, sinkhorn

    n = len(problem.row)
    solver = sinkhorn.Sinkhorn(
        threshold=GOAL * problem.least,
        max_iterations=chunk_size(n, 1000),
        momentum=acceleration.Momentum(value=1.5) if momentum else None,
    )
    matrix, row, col = (jax.numpy.asarray(x) for x in (problem.cost, problem.row, problem.col))

    @jax.jit
    def chunk(matrix, f, g):
        geom = geometry.Geometry(matrix, epsilon=eps)
        out = solver(linear_problem.LinearProblem(geom, a=row, b=col), init=(f, g))
        return out.f, out.g, out.matrix

    state = [jax.numpy.zeros(n), jax.numpy.zeros(n)]
    chunk.lower(matrix, *state).compile()
    chunk(jax.numpy.zeros((n, n)), *state)[2].block_until_ready()

    def step():
        state[0], state[1], plan = chunk(matrix, *state)
        return np.asarray(plan.block_until_ready()), not bool(
            np.isfinite(np.asarray(state[0])).all()
        )

    return chunked(step, problem, limit)


def run_geomloss(problem, eps, limit):
    """A run's length is fixed beforehand, and its last step alone is at eps: 20, 200, … iterations.

    The last run is as long as the limit allows.
    """
    import torch
    from geomloss import ot

    matrix, row, col = (torch.from_numpy(x) for x in (problem.cost, problem.row, problem.col))
    count, spent = 20, 0.0
    while True:
        start = clock()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = ot.solve(matrix, a=row, b=col, reg=eps, max_iter=count).plan
        last = clock() - start
        spent += last
        error = marginal_error(plan.numpy(), problem)
        growth = min(10.0, (limit - spent) / last)
        if error <= GOAL or growth < 1.0:
            return (spent, error) if error <= GOAL else (max(spent, limit), error)
        count = int(count * growth)


def run_regot(method, problem, eps, limit):
    """Newton's and a quasi-Newton method, restarted from its own dual in longer and longer chunks.

    Its criterion is the gradient of one side; the plan's error falls a little behind it.
    """
    import regot

    solver = {"ssns": regot.sinkhorn_ssns, "splr": regot.sinkhorn_splr}[method]
    cost = np.asfortranarray(problem.cost)
    state = {"count": 5 if len(cost) > 2000 else 25, "errors": []}

    def step():
        given = {"x0": state["dual"]} if "dual" in state else {}
        goal = (0.1 if given else 1.0) * GOAL * problem.least
        out = solver(
            cost, problem.row, problem.col, eps, tol=goal, max_iter=state["count"], **given
        )
        state["dual"] = out.dual
        state["count"] *= 2
        state["errors"].append(marginal_error(out.plan, problem))
        stands = len(state["errors"]) > 2 and state["errors"][-1] > 0.5 * state["errors"][-3]
        return out.plan, stands and state["errors"][-1] < 1e-5

    return chunked(step, problem, limit)


def run_mdot(problem, eps, limit):
    """The package's ladder of temperatures with its defaults, without rounding.

    Its last temperature ends at smoothed marginals; its own projection, from there, takes the exact
    ones to the goal. Its criterion is the sum of all rows' errors: it is tightened tenfold until
    the largest relative one is small enough.
    """
    import torch
    from mdot_tnt.mdot import mdot
    from mdot_tnt.truncated_newton import TruncatedNewtonProjector

    row, col, cost = (torch.from_numpy(x) for x in (problem.row, problem.col, problem.cost))
    spent, error, start = 0.0, float("inf"), clock()
    try:
        with alarm(limit):
            u, v = mdot(row, col, cost, 1.0 / eps)[:2]
            goal = GOAL
            while error > GOAL and goal > 0.01 * GOAL * problem.least:
                projector = TruncatedNewtonProjector(cost.device, cost.dtype)
                asked = torch.tensor(goal, dtype=cost.dtype)
                u, v, _, _ = projector.project(cost / eps, row.log(), col.log(), asked, u, v)
                spent += clock() - start
                plan = torch.exp(u[:, None] + v - cost / eps).numpy()
                error, goal, start = marginal_error(plan, problem), 0.1 * goal, clock()
    except (OutOfTimeError, ValueError):
        spent += clock() - start
    return spent, error


SOLVERS = {
    "sinkdiag": run_sinkdiag,
    "pot-log": lambda *a: run_pot("log", *a),
    "pot-stabilized": lambda *a: run_pot("stabilized", *a),
    "pot-eps-scaling": run_pot_scaling,
    "ott": lambda *a: run_ott(False, *a),
    "ott-momentum": lambda *a: run_ott(True, *a),
    "regot-ssns": lambda *a: run_regot("ssns", *a),
    "regot-splr": lambda *a: run_regot("splr", *a),
    "mdot": run_mdot,
    "geomloss": run_geomloss,
}
# Newton's methods may fail at a warm temperature, where systems are dense, and not at a cold one.
NEWTON = {"regot-ssns", "regot-splr", "mdot"}
