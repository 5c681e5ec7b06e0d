"""``sensitivity``: the columns of the paper's appendix A.9 along eps, and the claims about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from numpy.typing import ArrayLike

from sinkdiag.derivatives.response import Respond, respond
from sinkdiag.problem import MarginalKind
from sinkdiag.progress import Progress, silent
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.studies.judged import JudgedResult
from sinkdiag.studies.sensitivity_row import SensitivityRow
from sinkdiag.studies.sensitivity_run import (
    Means,
    SensitivitySettings,
    measure_case,
)
from sinkdiag.studies.subjects import (
    Layout,
    Subject,
    are_labelled,
    notes_of,
    subject_of,
)
from sinkdiag.studies.units import HERE, Work, run_units
from sinkdiag.temperature import EpsUnit, Temperatures, temperatures_of

__all__ = [
    "SensitivityResult",
    "SensitivityRow",
    "SensitivitySettings",
    "sensitivity",
    "study_sensitivity",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class SensitivityResult(JudgedResult):
    """Derivatives of the plans of one or several matrices or batches."""

    command: ClassVar[str] = "sensitivity"
    row_type: ClassVar[type] = SensitivityRow


def sensitivity(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    replicates: int = 5,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    extended: bool = False,
    claims: bool = False,
    seed: int = 0,
) -> SensitivityResult:
    """Measure how the plan of a cost answers to the cost and to the temperature, along eps.

    ‖DS‖ with DS = dP/dC = -(1/eps)(diag(p) - B'A^+B), ‖dP/deps‖_F, and eps²·‖D²S‖ as the largest
    <P, K(X)³> over unit X, K(X) = X - A^+B(X); every claim of the paper about them is judged.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; +inf forbids a pair. Or (T, n, m) with ``layout``.
    eps:
        Temperatures; None: 25 from the cost's range down to 3e-3 of it. Rows come warmest first.
    eps_unit:
        ``none``: eps is in cost units; else in units of this statistic of each matrix or batch.
    row, col, marginals:
        Marginals; those not given are 1 and n/m (``unit``) or 1/n and 1/m (``probability``).
    layout:
        What the first axis of a stack is. The members of a ``batch`` are replicates of each other
        and share their rows; every matrix of a ``trajectory`` stands alone.
    replicates:
        Copies of a single matrix with Gaussian jitter of 1e-2·std(C), for rho_mean and rho_std.
    tol, max_iter:
        Relative marginal error of a fixed point, and limit on its sweeps and Newton steps.
    extended:
        Fill the extended columns; every replicate then costs as much as the matrix itself.
    claims:
        Tell each claim of the paper in the findings, not how many hold; ``summary`` has all.
    seed:
        Of the jitter and of random starts.

    Raises
    ------
    InputError
        When the cost, the marginals, the temperatures or a parameter cannot be used.

    Source: arXiv 2601.23039, appendix A.9 and Lemmas A.7 to A.10.
    """
    subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
    settings = SensitivitySettings(
        replicates=replicates,
        tol=tol,
        max_iter=max_iter,
        seed=seed,
        extended=extended,
        claims=claims,
    )
    return study_sensitivity([subject], temperatures_of(eps, eps_unit), settings)


def study_sensitivity(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: SensitivitySettings,
    progress: Progress = silent,
    *,
    work: Work = HERE,
    solutions: SolvePath = solve_path,
    responses: Respond = respond,
) -> SensitivityResult:
    """`sensitivity` for checked subjects: one part a matrix, or a batch.

    ``solutions`` and ``responses`` give fixed points and their derivatives.
    """
    means = Means(solutions=solutions, responses=responses)
    make = partial(measure_case, temperatures=temperatures, settings=settings, means=means)
    return SensitivityResult(
        parts=run_units(subjects, make, "batch", divisible=True, work=work, progress=progress),
        extended=settings.extended,
        labelled=are_labelled(subjects),
        notes=notes_of(subjects, temperatures),
    )
