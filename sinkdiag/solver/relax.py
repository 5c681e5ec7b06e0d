"""Bring one temperature's potentials to its fixed point: sweeps, Newton, flux balance."""

from __future__ import annotations

import math

from sinkdiag.solver.balance import balance
from sinkdiag.solver.newton import newton_step
from sinkdiag.solver.parts import find_parts
from sinkdiag.solver.scaling import Scaling

# A rung of the ladder that is not the last is left at this relative marginal error: its potentials
# then predict the next rung's to within Newton's basin.
RUNG_ERROR = 0.1
FIRST_SWEEPS = 5
# While sweeps promise the goal within this many more they are cheaper than Newton steps.
PATIENCE = 24
# Rounds without a fall of the residual by a tenth before the solve is called stalled, and what a
# round counts that has moved the potentials by more than LONG_STEP (in units of eps).
STALL_ROUNDS = 4
STALL_SHARE = 0.1
LONG_STEP = 0.1
STALL_SWEEPS = 20
# Parts of a plan mean something once its columns are right to this.
NEAR = 1e-2
# Times that Newton and balance take turns.
ROUNDS = 12
# Spread of the first balance step of a round, in units of eps, at which the parts are settled. On
# the last rung, once the columns are right to INSIDE_DONE, the round balances to BALANCED, and what
# the inside of the parts then has to add is smaller than the spread by the factor LINK.
RUNG_SPREAD = 0.5
FINAL_SPREAD = 1e-3
BALANCED = 1e-9
INSIDE_DONE = 1e-6
BALANCE_STEPS = 200
# Who asks for less than this asks for a plan, not for the fluxes between its parts.
EXACT_GOAL = 1e-11
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
    wanted = FINAL_SPREAD if exact else RUNG_SPREAD
    for _ in range(ROUNDS):
        parts = find_parts(state)
        if parts.count == 1:
            spent += _newton(state, goal, budget - spent)
            # Newton may have found that the plan falls apart.
            parts = find_parts(state)
            if parts.count == 1:
                return spent, True
        if spent >= budget:
            return spent, False
        limit = min(budget - spent, BALANCE_STEPS)
        depth = BALANCED if exact and state.residual() <= INSIDE_DONE else RUNG_SPREAD
        steps, first, spread = balance(state, parts, depth, limit)
        spent += steps
        settled = first <= wanted and spread <= wanted
        if settled and state.residual() <= goal:
            return spent, True
        spent += _newton(state, goal, budget - spent)
    return spent, False


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
        sweeps = 1 if moved > 0.0 else STALL_SWEEPS
        for _ in range(min(sweeps, budget - spent - 1)):
            state.sweep()
            spent += 1
        spent += 1
        error = state.residual()
        # A long step has raised the dual, whatever the residual says.
        if error < 0.9 * best:
            idle = 0.0
        else:
            idle += STALL_SHARE if moved > LONG_STEP else 1.0
        best = min(best, error)
    return spent


def forcing(error: float) -> float:
    """Relative accuracy asked of a Newton direction: its error stays below the quadratic one."""
    return min(0.1, max(1e-6, 0.1 * error))
