"""Bring one temperature's potentials to its fixed point: sweeps, Newton, flux balance."""

from __future__ import annotations

import math

from sinkdiag.solver.balance import balance
from sinkdiag.solver.newton import newton_step
from sinkdiag.solver.parts import find_parts
from sinkdiag.solver.scaling import Scaling
from sinkdiag.solver.settings import SolverSettings


def relax(state: Scaling, goal: float, budget: int, span: float, *, last: bool) -> tuple[int, bool]:
    """Improve ``state`` until its columns are right to ``goal``.

    Returns the steps it took, and whether the potentials between all parts are settled.

    ``span`` is the range of the costs. On the ``last`` rung parts that hang together by next to
    nothing are balanced to full accuracy as well.
    """
    settings = state.settings
    spent = _sweeps(state, goal, budget)
    spent += _newton(state, max(goal, settings.near), budget - spent)
    if state.eps > settings.weakest_tie * span:
        return spent + _newton(state, goal, budget - spent), True
    exact = last and goal <= settings.exact_goal
    wanted = settings.final_spread if exact else settings.rung_spread
    for _ in range(settings.rounds):
        parts = find_parts(state)
        if parts.count == 1:
            spent += _newton(state, goal, budget - spent)
            # Newton may have found that the plan falls apart.
            parts = find_parts(state)
            if parts.count == 1:
                return spent, True
        if spent >= budget:
            return spent, False
        limit = min(budget - spent, settings.balance_steps)
        depth = (
            settings.balanced
            if exact and state.residual() <= settings.inside_done
            else settings.rung_spread
        )
        steps, first, spread = balance(state, parts, depth, limit)
        spent += steps
        settled = first <= wanted and spread <= wanted
        if settled and state.residual() <= goal:
            return spent, True
        spent += _newton(state, goal, budget - spent)
    return spent, False


def _sweeps(state: Scaling, goal: float, budget: int) -> int:
    """A few sweeps, then more while they converge fast."""
    settings = state.settings
    spent, error = 0, state.residual()
    while spent < budget and error > goal:
        state.sweep()
        spent += 1
        previous, error = error, state.residual()
        if spent >= settings.first_sweeps and error > goal:
            rate = math.log(previous / error) if 0.0 < error < previous else 0.0
            if rate * settings.patience < math.log(error / goal):
                break
    return spent


def _newton(state: Scaling, goal: float, budget: int) -> int:
    """Newton steps, each with a sweep behind it, until the goal or until nothing helps."""
    settings = state.settings
    spent, best, idle = 0, state.residual(), 0.0
    while spent < budget and best > goal and idle < settings.stall_rounds:
        moved = newton_step(state, forcing(state.residual(), settings))
        sweeps = 1 if moved > 0.0 else settings.stall_sweeps
        for _ in range(min(sweeps, budget - spent - 1)):
            state.sweep()
            spent += 1
        spent += 1
        error = state.residual()
        # A long step has raised the dual, whatever the residual says.
        if error < 0.9 * best:
            idle = 0.0
        else:
            idle += settings.stall_share if moved > settings.long_step else 1.0
        best = min(best, error)
    return spent


def forcing(error: float, settings: SolverSettings) -> float:
    """Relative accuracy asked of a Newton direction: its error stays below the quadratic one."""
    loosest = settings.loosest_solve
    return min(loosest, max(settings.closest_solve, loosest * error))
