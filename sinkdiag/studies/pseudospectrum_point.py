"""One temperature of ``pseudospectrum``: from a fixed point to a pseudospectrum in each norm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checks import check_choice, check_count, check_share, check_size
from sinkdiag.errors import InputError
from sinkdiag.jacobian.basis import EigenBasis, eigenbasis
from sinkdiag.jacobian.modes import Norm
from sinkdiag.problem import Problem
from sinkdiag.progress import Progress
from sinkdiag.resolvent.operator import Operator, at_fixed_point, of_sweeps
from sinkdiag.resolvent.pseudomode import ModeEntry, entries_at
from sinkdiag.resolvent.pseudospectrum import Pseudospectrum, pseudospectrum_of
from sinkdiag.resolvent.structured import Shift, structured_shifts
from sinkdiag.results import Solution
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.solver.solve import solve_problem
from sinkdiag.studies.stretches import Stretch
from sinkdiag.studies.subjects import Case

# Points of the plane and levels beyond this, whose squares leave double precision, are refused.
LARGEST = 1e100
# Sweeps beyond this are far past the fixed point of anything that can be unrolled.
MOST_ITERS = 100_000
# Cost changes beyond this multiple of the cost's range and of eps leave nothing of the cost.
LARGEST_CHANGE = 1e9


@dataclass(frozen=True, kw_only=True)
class PseudospectrumSettings:
    """What is computed at every temperature; None and empty tuples are automatic.

    Attributes
    ----------
    norm:
        Norms of perturbations, one pseudospectrum each.
    iters:
        K: the Jacobian of K sweeps; None: that of the fixed point.
    grid, axes:
        Points along re and im; (re_min, re_max, im_min, im_max).
    levels:
        The eps of the curves ‖(z-J)^{-1}‖ = 1/eps, descending.
    structured:
        Also the reach of the eigenvalues under cost changes of this Frobenius norm, cost units.
    mode_at:
        Points (re, im) for pseudo-modes.
    tol, max_iter, seed:
        Of the fixed point; of the first vectors of the iterations on the grid.
    extended:
        Whether the extended columns are written.
    """

    norm: tuple[Norm, ...] = ("plan",)
    iters: int | None = None
    grid: tuple[int, int] | None = None
    axes: tuple[float, float, float, float] | None = None
    levels: tuple[float, ...] = ()
    structured: float | None = None
    mode_at: tuple[tuple[float, float], ...] = ()
    tol: float = 1e-12
    max_iter: int = 10_000
    extended: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no study can use."""
        if not self.norm:
            raise InputError("norm", "none is given", f"give one of {', '.join(get_args(Norm))}")
        for norm in self.norm:
            check_choice("norm", norm, get_args(Norm))
        for size in self.grid or ():
            check_count("grid", size, 2)
        for level in self.levels:
            check_size("levels", level)
        if self.structured is not None:
            check_size("structured", self.structured)
        if self.iters is not None:
            check_count("iters", self.iters, 1)
            if self.iters > MOST_ITERS:
                raise InputError("iters", "too many sweeps", f"give at most {MOST_ITERS}")
        check_share("tol", self.tol)
        check_count("max_iter", self.max_iter, 1)
        check_count("seed", self.seed, 0)
        self._check_plane()

    def check_no_cost(self, **given: object) -> None:
        """Refuse, by name, what means nothing beside a matrix: settings, and what else is given."""
        default = PseudospectrumSettings()
        named = [name for name, value in given.items() if value is not None]
        named += [
            name
            for name in ("norm", "iters", "structured", "tol", "max_iter")
            if getattr(self, name) != getattr(default, name)
        ]
        if named:
            raise InputError(
                "matrix", f"{', '.join(named)} can be used with a cost only", "leave them out"
            )

    def _check_plane(self) -> None:
        points = tuple(x for point in self.mode_at for x in point)
        for name, numbers in (
            ("axes", self.axes or ()), ("levels", self.levels), ("mode_at", points),
        ):  # fmt: skip
            if not all(abs(x) <= LARGEST for x in numbers):
                raise InputError(
                    name, f"a number is nan or beyond {LARGEST:g}", "give smaller numbers"
                )
        if self.grid is not None and len(self.grid) != 2:
            raise InputError(
                "grid", f"{self.grid} are not two numbers", "give (along re, along im)"
            )
        if self.axes is not None:
            ordered = len(self.axes) == 4 and self.axes[0] < self.axes[1]
            if not (ordered and self.axes[2] < self.axes[3]):
                raise InputError(
                    "axes", f"{self.axes} are not in order", "give (re_min, re_max, im_min, im_max)"
                )


def pseudospectra_of(
    stretch: Stretch,
    progress: Progress,
    *,
    grid: Sequence[float],
    settings: PseudospectrumSettings,
    solutions: SolvePath = solve_path,
) -> list[tuple[Pseudospectrum, tuple[ModeEntry, ...]]]:
    """One pseudospectrum, with its pseudo-modes, for each temperature of a stretch and each norm.

    ``grid`` has all temperatures of the matrix; ``solutions`` gives fixed points.
    """
    found = stretch.fixed_points(grid, solutions, tol=settings.tol, max_iter=settings.max_iter)
    return [
        measure_operator(operator, settings, progress, shifts)
        for place, solution in found
        if place >= stretch.start
        for operator, shifts in _operators(stretch, solution, settings)
    ]


def _operators(
    case: Case, solution: Solution, settings: PseudospectrumSettings
) -> Iterator[tuple[Operator, tuple[Shift, ...]]]:
    """The Jacobian in each norm, and how far cost changes move its eigenvalues."""
    problem, index = case.problem, case.label.index
    basis = eigenbasis(solution.plan, problem.row, problem.col)
    shifts = _shifts(problem, basis, solution, settings)
    for norm in dict.fromkeys(settings.norm):
        if settings.iters is not None:
            operator = of_sweeps(problem, norm, eps=solution.eps, iters=settings.iters, index=index)
        else:
            operator = at_fixed_point(
                basis,
                norm,
                name=problem.name,
                index=index,
                eps=solution.eps,
                status=solution.status,
            )
        yield operator, shifts


def measure_operator(
    operator: Operator,
    settings: PseudospectrumSettings,
    progress: Progress,
    structured: Sequence[Shift] = (),
) -> tuple[Pseudospectrum, tuple[ModeEntry, ...]]:
    """The pseudospectrum and the pseudo-modes of one operator."""
    found = pseudospectrum_of(
        operator,
        axes=settings.axes,
        shape=settings.grid,
        levels=settings.levels,
        structured_size=math.nan if settings.structured is None else settings.structured,
        structured=structured,
        seed=settings.seed,
        progress=progress,
    )
    modes = [entry for point in settings.mode_at for entry in entries_at(operator, complex(*point))]
    return found, tuple(modes)


def _shifts(
    problem: Problem, basis: EigenBasis, solution: Solution, settings: PseudospectrumSettings
) -> tuple[Shift, ...]:
    if settings.structured is None:
        return ()
    finite = problem.cost[np.isfinite(problem.cost)]
    if settings.structured > LARGEST_CHANGE * max(float(np.ptp(finite)), solution.eps):
        raise InputError(
            "structured",
            f"{settings.structured:.3g} is more than {LARGEST_CHANGE:g} times the cost's range",
            "give a smaller change",
        )

    def solve(moved: Problem) -> FloatArray | None:
        found = solve_problem(
            moved, solution.eps, tol=settings.tol, max_iter=settings.max_iter, init=solution.g
        )
        return None if found.status.failed else found.plan

    return structured_shifts(problem, basis, solution.eps, settings.structured, solve)
