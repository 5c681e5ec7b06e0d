"""``check``: a layer as it is used, in one row and a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import MarginalKind, Problem
from sinkdiag.progress import Progress, silent
from sinkdiag.rendering.table import Label
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.solver.precision import Precision
from sinkdiag.solver.truncation import POINT_TOL, carried, cold
from sinkdiag.solver.truncation import Start as StartOf
from sinkdiag.studies.check_curves import curves_of
from sinkdiag.studies.check_findings import CheckSummary, findings_of, summarise
from sinkdiag.studies.check_point import measure_layer
from sinkdiag.studies.check_row import CheckRow, CheckSettings, Start
from sinkdiag.studies.result import Part, Result
from sinkdiag.studies.subjects import (
    Case,
    Layout,
    Subject,
    are_labelled,
    notes_of,
    reading_notes,
    subject_of,
)
from sinkdiag.studies.suspicious import suspicions
from sinkdiag.studies.units import HERE, Work, run_units
from sinkdiag.temperature import EpsUnit, Temperatures, temperatures_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CheckResult", "CheckRow", "CheckSettings", "check", "study_check"]


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckPart(Part):
    """One matrix, and how its layer was asked for."""

    problem: Problem
    settings: CheckSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckResult(Result[CheckPart]):
    """The layers of one or several matrices."""

    command: ClassVar[str] = "check"
    row_type: ClassVar[type] = CheckRow

    @property
    def summary(self) -> CheckSummary:
        """How many of each verdict, and the worst; what is said."""
        labelled = [
            (part.label.source, part.label.index, row) for part in self.parts for row in part.rows
        ]
        sources = list(dict.fromkeys(part.label.source for part in self.parts))
        name = sources[0] if len(sources) == 1 else f"{len(sources)} files"
        first = self.parts[0]
        return summarise(labelled, [f"{first.name}: {text}" for text in first.findings], name)

    @property
    def digest(self) -> tuple[str, ...]:
        """The summary of several matrices, unless ``each`` was asked for."""
        several = len(self.parts) > 1 and not self.parts[0].settings.each
        return self.summary.findings if several else ()

    @property
    def brief(self) -> bool:
        """Whether a terminal is spared the rows: several matrices, and not ``each`` of them."""
        return len(self.parts) > 1 and not self.parts[0].settings.each

    def figure(self) -> Figure:
        """The error of K sweeps along eps, and the sweeps that are needed, for the first matrix."""
        from sinkdiag.rendering.figures.check import draw

        first = self.parts[0]
        return draw(
            curves_of(first.problem, first.settings, [row.eps for row in first.rows], first.name)
        )


def check(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    iters: int = 20,
    start: Start = "cold",
    dtype: Precision = "float32",
    each: bool = False,
    extended: bool = False,
    seed: int = 0,
) -> CheckResult:
    """Check a Sinkhorn layer as it is used: K sweeps at a temperature, in its own arithmetic.

    P_K is the plan after K sweeps of f_i = eps (log r_i - LSE_j((g_j - C_ij)/eps)) and g_j
    likewise, f last; P* the fixed point; tv = ‖P_K - P*‖_1/(2N).

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; +inf forbids a pair. Or (T, n, m) with ``layout``.
    eps:
        Temperatures; None: 0.055 of the cost's range. Rows come warmest first.
    eps_unit:
        ``none``: eps is in cost units; else in units of this statistic of each matrix.
    row, col, marginals:
        Marginals; those not given are 1 and n/m (``unit``) or 1/n and 1/m (``probability``).
    layout:
        What the first axis of a stack is. With ``start="warm"`` every matrix of a ``trajectory``
        starts from what the one before it left.
    iters:
        K.
    start:
        ``cold``: from zero at every call. ``warm``: from the g of the call before, cost units.
    dtype:
        ``float32``, ``bfloat16`` or ``float16``: every operation is rounded to it, sums run in
        float32.
    each:
        Of several matrices, sentences on each of them instead of one summary.
    extended:
        Fill the extended columns.
    seed:
        Of the first vector of the gain, and of the cotangents of ``dtype_gradient_error``.

    Raises
    ------
    InputError
        When the cost, the marginals, the temperatures or a parameter cannot be used.
    """
    subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
    settings = CheckSettings(
        iters=iters, start=start, dtype=dtype, seed=seed, extended=extended, each=each
    )
    return study_check([subject], temperatures_of(eps, eps_unit), settings)


def study_check(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: CheckSettings,
    progress: Progress = silent,
    *,
    work: Work = HERE,
    solutions: SolvePath = solve_path,
) -> CheckResult:
    """`check` for checked subjects: one part a matrix; ``solutions`` gives fixed points."""
    # A carried layer goes along its trajectory: one unit, step after step.
    together: Layout | None = "trajectory" if settings.start == "warm" else None
    make = partial(_parts, temperatures=temperatures, settings=settings, solutions=solutions)
    parts = run_units(subjects, make, together=together, work=work, progress=progress)
    return CheckResult(
        parts=parts,
        extended=settings.extended,
        labelled=are_labelled(subjects),
        # Where every matrix has sentences of its own, suspicions are among them.
        notes=reading_notes(subjects)
        if len(parts) == 1 or settings.each
        else notes_of(subjects, temperatures),
    )


def _parts(
    case: Case,
    progress: Progress,
    *,
    temperatures: Temperatures,
    settings: CheckSettings,
    solutions: SolvePath,
) -> tuple[CheckPart, ...]:
    """One part a matrix; each starts, warm, from the potentials that the one before left."""
    parts: list[CheckPart] = []
    before: list[FloatArray] | None = None
    for problem in case.problems:
        label = Label(source=case.label.source, index=case.label.index + len(parts))
        one = Case(label=label, name=problem.name, problems=(problem,))
        part, before = _part(one, temperatures, settings, before, solutions)
        parts.append(part)
        progress("check", len(parts), len(case.problems))
    return tuple(parts)


def _part(
    case: Case,
    temperatures: Temperatures,
    settings: CheckSettings,
    before: Sequence[FloatArray] | None,
    solutions: SolvePath,
) -> tuple[CheckPart, list[FloatArray]]:
    """One matrix, and the potentials that its layer leaves, one a temperature."""
    problem = case.problem
    found = [each.sentence for each in suspicions(problem, temperatures)]
    points = []
    for place, eps in enumerate(temperatures.or_middle([problem])):
        start = _start(problem, settings, None if before is None else before[place])
        (fixed,) = solutions(problem, [eps], tol=POINT_TOL)
        points.append(measure_layer(problem, fixed, settings, start=start, suspicious=bool(found)))
    rows = tuple(point.row for point in points)
    part = CheckPart(
        label=case.label,
        name=case.name,
        rows=rows,
        findings=findings_of(problem, rows, found),
        problem=problem,
        settings=settings,
    )
    return part, [point.g for point in points]


def _start(problem: Problem, settings: CheckSettings, before: FloatArray | None) -> StartOf:
    if settings.start == "cold":
        return cold
    if before is None:
        return carried(problem, settings.iters)
    return lambda _eps: before
