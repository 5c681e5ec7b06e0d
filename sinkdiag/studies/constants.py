"""``constants``: the constants of the paper's appendix A.7 along eps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from numpy.typing import ArrayLike

from sinkdiag.checks import check_count, check_share
from sinkdiag.derivatives.response import Respond, Response, respond
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.support import ActiveSupport, support_of
from sinkdiag.parallel.workers import Workers
from sinkdiag.problem import MarginalKind, Problem
from sinkdiag.progress import Progress, silent
from sinkdiag.results import Solution
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.studies.constants_row import (
    ConstantsRow,
    Recipe,
    constants_row,
    follow_recipe,
)
from sinkdiag.studies.judged import JudgedPart, JudgedResult, judged_part
from sinkdiag.studies.stretches import Stretch, measure_along
from sinkdiag.studies.subjects import (
    Case,
    Layout,
    Subject,
    are_labelled,
    notes_of,
    subject_of,
)
from sinkdiag.studies.units import HERE, Work, run_units
from sinkdiag.temperature import EpsUnit, Temperatures, temperatures_of

__all__ = ["ConstantsResult", "ConstantsRow", "ConstantsSettings", "constants", "study_constants"]

# Temperatures of the automatic grid.
AUTO_COUNT = 25


@dataclass(frozen=True, kw_only=True)
class ConstantsSettings:
    """How fixed points are found, the seed of random starts, and what is shown.

    ``extended`` writes the extended columns; ``claims`` tells each of the paper's claims.
    """

    tol: float = 1e-12
    max_iter: int = 10_000
    seed: int = 0
    extended: bool = False
    claims: bool = False

    def __post_init__(self) -> None:
        """Refuse what no study can use."""
        check_share("tol", self.tol)
        check_count("max_iter", self.max_iter, 1)
        check_count("seed", self.seed, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstantsResult(JudgedResult):
    """The constants of one or several matrices."""

    command: ClassVar[str] = "constants"
    row_type: ClassVar[type] = ConstantsRow


def constants(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    extended: bool = False,
    claims: bool = False,
    seed: int = 0,
) -> ConstantsResult:
    """Follow the recipe of the paper's appendix A.7 on a cost, along eps.

    ‖P‖_op, the smallest eigenvalue of A = [[diag(r), P], [P', diag(c)]], the forcing norms
    ‖A^+ m_kl‖ on the active support S, C1 of Lemma A.9, the separation of S, and C0, K_quad, R and
    tau_max, which bound what an annealing step may change; every claim of the paper is judged.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; +inf forbids a pair. Or (T, n, m) with ``layout``.
    eps:
        Temperatures; None: 25 from the cost's range down to 3e-3 of it. Rows come warmest first.
    eps_unit:
        ``none``: eps is in cost units; else in units of this statistic of each matrix.
    row, col, marginals:
        Marginals; those not given are 1 and n/m (``unit``) or 1/n and 1/m (``probability``).
    layout:
        What the first axis of a stack is; every matrix of it stands alone here.
    tol, max_iter:
        Relative marginal error of a fixed point, and limit on its sweeps and Newton steps.
    extended:
        Write the extended columns.
    claims:
        Tell each claim of the paper in the findings, not how many hold; ``summary`` has all.
    seed:
        Of random starts.

    Raises
    ------
    InputError
        When the cost, the marginals, the temperatures or a parameter cannot be used.

    Source: arXiv 2601.23039, appendix A.7, Table 2.
    """
    subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
    settings = ConstantsSettings(
        tol=tol, max_iter=max_iter, seed=seed, extended=extended, claims=claims
    )
    return study_constants([subject], temperatures_of(eps, eps_unit), settings)


def study_constants(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: ConstantsSettings,
    progress: Progress = silent,
    *,
    work: Work = HERE,
    solutions: SolvePath = solve_path,
    responses: Respond = respond,
) -> ConstantsResult:
    """`constants` for checked subjects: one part a matrix.

    ``solutions`` and ``responses`` give fixed points and their derivatives.
    """
    make = partial(
        _parts,
        temperatures=temperatures,
        settings=settings,
        solutions=solutions,
        responses=responses,
    )
    return ConstantsResult(
        parts=run_units(subjects, make, divisible=True, work=work, progress=progress),
        extended=settings.extended,
        labelled=are_labelled(subjects),
        notes=notes_of(subjects, temperatures),
    )


def _parts(
    case: Case,
    progress: Progress,
    *,
    workers: Workers,
    temperatures: Temperatures,
    settings: ConstantsSettings,
    solutions: SolvePath,
    responses: Respond,
) -> tuple[JudgedPart]:
    grid = temperatures.grid(case.problems, AUTO_COUNT)
    measure = partial(
        _measure, grid=grid, settings=settings, solutions=solutions, responses=responses
    )
    found = measure_along(workers, case, grid, measure, progress)
    rows = tuple(row for each in found for row in each.rows)
    curve = [response for each in found for response in each.curve]
    return (judged_part(case, rows, [curve], claims=settings.claims),)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Measured:
    """The rows and responses of a stretch, temperature by temperature."""

    rows: tuple[ConstantsRow, ...]
    curve: tuple[Response, ...]


def _measure(
    stretch: Stretch,
    progress: Progress,
    *,
    grid: Sequence[float],
    settings: ConstantsSettings,
    solutions: SolvePath,
    responses: Respond,
) -> _Measured:
    rows: list[ConstantsRow] = []
    curve: list[Response] = []
    before: ActiveSupport | None = None
    for place, solution in stretch.fixed_points(
        grid, solutions, tol=settings.tol, max_iter=settings.max_iter
    ):
        if place < stretch.start:
            before = support_of(solution.plan)
            continue
        recipe, response = _recipe(stretch.problem, solution, settings.seed, responses)
        rows.append(constants_row(recipe, response, before))
        curve.append(response)
        before = response.support
        progress("constants", len(rows), stretch.stop - stretch.start)
    return _Measured(rows=tuple(rows), curve=tuple(curve))


def _recipe(
    problem: Problem, solution: Solution, seed: int, responses: Respond
) -> tuple[Recipe, Response]:
    """One temperature, from one factor of A and one decomposition of the Jacobian."""
    operator = factor_block(solution.plan)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    response = responses(problem, solution, operator, basis=basis, seed=seed)
    if math.isnan(response.op_norm):
        operator = None
    return follow_recipe(solution, operator, basis, response.support, seed=seed), response
