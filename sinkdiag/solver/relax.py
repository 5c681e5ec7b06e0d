"""Bring one temperature's potentials to its fixed point: sweeps, Newton, flux balance."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.solver.balance import Parts, balance_step, find_parts
from sinkdiag.solver.newton import newton_step
from sinkdiag.solver.scaling import Scaling

# A rung of the ladder that is not the last is left at this relative marginal error: its potentials
# then predict the next rung's to within Newton's basin.
RUNG_ERROR = 0.1
FIRST_SWEEPS = 5
# While sweeps promise the goal within this many more they are cheaper than Newton steps.
PATIENCE = 24
# Rounds without a fall of the residual by a tenth before the solve is called stalled, and what a
# round counts that is far from the solution, where the dual may rise without.
STALL_ROUNDS = 4
STALL_SHARE = 0.1
STALL_SWEEPS = 20
# Parts of a plan mean something once its columns are right to this.
NEAR = 1e-2
# Times that Newton and balance take turns.
ROUNDS = 4
# Spread of a balance step, in units of eps, after which a rung or the last one is done: what is
# left is about its square.
RUNG_SPREAD = 0.5
FINAL_SPREAD = 1e-6
BALANCE_STEPS = 200
# Who asks for less than this asks for a plan, not for the fluxes between its parts.
EXACT_GOAL = 1e-11
# Balance steps before the next, more cautious, kind.
CAUTION_STEPS = 25
# Above this share of the cost's range no entry is small enough to cut the plan apart.
WEAKEST_TIE = 0.1


def relax(state: Scaling, goal: float, budget: int, span: float, *, last: bool) -> tuple[int, bool]:
    """Improve ``state`` until its columns are right to ``goal``.

    Returns the steps it took, and whether the potentials between all parts are settled.

    ``span`` is the range of the costs. On the ``last`` rung parts that hang together by next to
    nothing are balanced to full accuracy as well.
    """
    spent = _sweeps(state, goal, budget)
    spent += _newton(state, max(goal, NEAR), budget - spent)
    if state.eps > WEAKEST_TIE * span:
        return spent + _newton(state, goal, budget - spent), True
    exact = last and goal <= EXACT_GOAL
    settled, wanted = True, FINAL_SPREAD if exact else RUNG_SPREAD
    for _ in range(ROUNDS):
        if _parts(state).count == 1:
            spent += _newton(state, goal, budget - spent)
        # Newton may have found that the plan falls apart.
        steps, settled = _balance(state, budget - spent, wanted)
        spent += steps
        if state.residual() <= goal or spent >= budget:
            break
    return spent, settled


def _sweeps(state: Scaling, goal: float, budget: int) -> int:
    """A few sweeps, then more while they converge fast."""
    spent, error = 0, state.residual()
    while spent < budget and error > goal:
        state.sweep()
        spent += 1
        previous, error = error, state.residual()
        if spent >= FIRST_SWEEPS and error > goal:
            rate = math.log(previous / error) if 0.0 < error < previous else 0.0
            if rate * PATIENCE < math.log(error / goal):
                break
    return spent


def _newton(state: Scaling, goal: float, budget: int) -> int:
    """Newton steps, each with a sweep behind it, until the goal or until nothing helps."""
    spent, best, idle = 0, state.residual(), 0.0
    while spent < budget and best > goal and idle < STALL_ROUNDS:
        moved = newton_step(state, forcing(state.residual()))
        sweeps = 1 if moved else STALL_SWEEPS
        for _ in range(min(sweeps, budget - spent - 1)):
            state.sweep()
            spent += 1
        spent += 1
        error = state.residual()
        # Far away a step has raised the dual, whatever the residual says.
        if error < 0.9 * best:
            idle = 0.0
        else:
            idle += STALL_SHARE if moved and best > NEAR else 1.0
        best = min(best, error)
    return spent


def forcing(error: float) -> float:
    """Relative accuracy asked of a Newton direction: its error stays below the quadratic one."""
    return min(0.1, max(1e-6, 0.1 * error))


def _parts(state: Scaling) -> Parts:
    return find_parts(state.plan(), state.row, state.col)


def _balance(state: Scaling, budget: int, goal: float) -> tuple[int, bool]:
    """Balance steps while the plan falls into parts, which are found anew as the fluxes change."""
    limit = min(budget, BALANCE_STEPS)
    for spent in range(limit + 1):
        parts = _parts(state)
        if parts.count == 1:
            return spent, True
        if spent == limit:
            break
        spread = balance_step(state, parts, spent // CAUTION_STEPS)
        if not np.isfinite(spread) or spread <= goal:
            return spent + 1, bool(spread <= goal)
    return limit, False
