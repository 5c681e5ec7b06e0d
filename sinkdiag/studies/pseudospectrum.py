"""From a transport problem to the pseudospectra of its Jacobian, temperature by temperature."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import EigenBasis, eigenbasis
from sinkdiag.jacobian.modes import Norm
from sinkdiag.problem import Problem
from sinkdiag.resolvent.operator import Operator, at_fixed_point, of_sweeps
from sinkdiag.resolvent.pseudomode import ModeEntry, entries_at
from sinkdiag.resolvent.structured import Shift, structured_shifts
from sinkdiag.solver.solve import DEFAULT_MAX_ITER, DEFAULT_TOL, solve_problem
from sinkdiag.studies.portrait import Portrait, Settings, Tell, compute


@dataclass(frozen=True)
class Question:
    """What is asked about every temperature.

    ``norms`` side by side; ``iters`` K for the Jacobian of K sweeps (0: fixed point);
    ``structured`` size of cost perturbations, cost units; ``mode_at`` points for pseudo-modes;
    ``tol`` and ``max_iter`` of the fixed point.
    """

    norms: tuple[Norm, ...] = ("plan",)
    iters: int = 0
    structured: float | None = None
    mode_at: tuple[complex, ...] = ()
    tol: float = DEFAULT_TOL
    max_iter: int = DEFAULT_MAX_ITER


def portraits_of(
    problem: Problem,
    temperatures: Iterable[float],
    question: Question,
    settings: Settings,
    index: int = 0,
    tell: Tell | None = None,
) -> Iterator[tuple[Portrait, list[ModeEntry]]]:
    """One portrait, with its pseudo-modes, for each temperature and norm.

    ``index`` is the matrix's place in its stack; ``tell`` hears of the progress.
    """
    warm: FloatArray | None = None
    for eps in temperatures:
        solution = solve_problem(
            problem, eps, tol=question.tol, max_iter=question.max_iter, init=warm
        )
        warm = solution.g
        basis = eigenbasis(solution.plan, problem.row, problem.col)
        shifts = _shifts(problem, basis, eps, question, solution.g)
        for norm in question.norms:
            if question.iters:
                operator = of_sweeps(problem, basis, norm, eps=eps, iters=question.iters)
            else:
                operator = at_fixed_point(
                    basis, norm, name=problem.name, eps=eps, status=solution.status
                )
            size = math.nan if question.structured is None else question.structured
            portrait = compute(
                operator, settings, structured=(size, shifts), index=index, tell=tell
            )
            yield portrait, _modes(operator, question.mode_at)


def _shifts(
    problem: Problem, basis: EigenBasis, eps: float, question: Question, start: FloatArray
) -> tuple[Shift, ...]:
    if question.structured is None:
        return ()

    def solve(moved: Problem) -> FloatArray:
        return solve_problem(
            moved, eps, tol=question.tol, max_iter=question.max_iter, init=start
        ).plan

    return structured_shifts(problem, basis, eps, question.structured, solve)


def _modes(operator: Operator, points: tuple[complex, ...]) -> list[ModeEntry]:
    return [entry for z in points for entry in entries_at(operator, z)]
