"""``spectrum``: eigenvalues, gap, conditioning and transients of the sweep's Jacobian along eps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.errors import NothingToDrawError
from sinkdiag.jacobian.freeze import LARGEST_SIZE, freeze_temperature
from sinkdiag.jacobian.modes import Norm
from sinkdiag.parallel.workers import Workers
from sinkdiag.problem import MarginalKind, Problem
from sinkdiag.progress import Progress, silent
from sinkdiag.rendering.table import Table
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.studies.result import Part, Result
from sinkdiag.studies.spectrum_findings import SpectrumSummary, summarise, summarise_many
from sinkdiag.studies.spectrum_point import SpectrumPoint, arrays_of
from sinkdiag.studies.spectrum_row import EigenvalueRow, SpectrumRow
from sinkdiag.studies.spectrum_run import measure_stretch
from sinkdiag.studies.spectrum_settings import SpectrumSettings
from sinkdiag.studies.stretches import measure_along
from sinkdiag.studies.subjects import Case, Layout, Subject, are_labelled, notes_of, subject_of
from sinkdiag.studies.units import HERE, Work, run_units
from sinkdiag.temperature import EpsUnit, Temperatures, temperatures_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SpectrumResult", "SpectrumRow", "SpectrumSettings", "spectrum", "study_spectrum"]

# Temperatures of the automatic grid.
AUTO_COUNT = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectrumPart(Part):
    """One matrix: its points, warmest first, and what they say together."""

    points: tuple[SpectrumPoint, ...]
    summary: SpectrumSummary

    @property
    def eigenvalues(self) -> tuple[EigenvalueRow, ...]:
        """All of them, temperature by temperature."""
        return tuple(row for point in self.points for row in point.eigenvalues)


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectrumResult(Result[SpectrumPart]):
    """Spectra of one or several matrices."""

    command: ClassVar[str] = "spectrum"
    row_type: ClassVar[type] = SpectrumRow
    other_rows: ClassVar[Mapping[str, type]] = MappingProxyType({"--eigenvalues": EigenvalueRow})

    @property
    def summary(self) -> SpectrumSummary | list[SpectrumSummary]:
        """That of the only matrix, or one for each of several."""
        found = [part.summary for part in self.parts]
        return found[0] if len(found) == 1 else found

    @property
    def digest(self) -> tuple[str, ...]:
        """Several matrices in a few sentences."""
        found, names = [part.summary for part in self.parts], [part.name for part in self.parts]
        return summarise_many(found, names, self.statuses) if len(found) > 1 else ()

    @property
    def failures(self) -> tuple[str, ...]:
        """None beside the findings, which say for each matrix what failed and what resolves it."""
        return ()

    @property
    def eigenvalues(self) -> tuple[EigenvalueRow, ...]:
        """Every eigenvalue of every matrix and temperature."""
        return tuple(row for part in self.parts for row in part.eigenvalues)

    def figure(self) -> Figure:
        """Gap, eigenvalues and conditioning of the first matrix against eps."""
        from sinkdiag.rendering.figures.spectrum import SpectrumCurves, draw

        first, rows = self.parts[0], self.parts[0].rows
        if all(math.isnan(row.gap) for row in rows):
            raise NothingToDrawError("no gap is resolved")
        groups = [point.eigenvalues for point in first.points]
        return draw(
            SpectrumCurves(
                name=first.name,
                norm=first.summary.norm,
                iters=first.summary.iters,
                eps_freeze=first.summary.eps_freeze,
                eps=[row.eps for row in rows],
                gaps=[[entry.gap for entry in group] for group in groups],
                eigenvalues=[[entry.eigenvalue for entry in group] for group in groups],
                conditions=[[entry.condition for entry in group] for group in groups],
                kappa_V=[row.kappa_V for row in rows],
                eigenvalue_condition=[row.eigenvalue_condition for row in rows],
                transient_peak=[row.transient_peak for row in rows],
                departure=[row.departure_from_normality for row in rows],
            )
        )

    def write_eigenvalues(self, stream: IO[bytes]) -> None:
        """`eigenvalues` as CSV; with labels the columns source and matrix come first."""
        table = Table.of("eigenvalues", EigenvalueRow, self.eigenvalues)
        if self.labelled:
            # Not `index`: that is the eigenvalue's own number here.
            labels = [part.label for part in self.parts for _ in part.eigenvalues]
            table = Table(
                command="eigenvalues",
                columns=("source", "matrix", *table.columns),
                records=tuple(
                    (label.source, label.index, *record)
                    for label, record in zip(labels, table.records, strict=True)
                ),
            )
        stream.write(table.render("csv").encode())

    def write_dump(self, stream: IO[bytes]) -> None:
        """Everything about the first matrix as arrays (.npz), temperatures along the first axis.

        eps, plan, f, g, row, col; support (bool), components, row_labels, col_labels; schur, the
        active-support Schur complement (columns' side); norm, eigenvalues, gaps, vectors, factor,
        where factor is R with R'R the Gram matrix of the vectors. Needs ``keep``.
        """
        np.savez_compressed(stream, **arrays_of(self.parts[0].points))


def spectrum(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    norm: Norm = "plan",
    tol: float = 1e-12,
    max_iter: int = 10_000,
    iters: int | None = None,
    modes: int | None = None,
    extended: bool = False,
    keep: bool = False,
    additive: float = 0.0,
    seed: int = 0,
) -> SpectrumResult:
    """Linearise one Sinkhorn sweep at the fixed points of a cost along eps.

    J = diag(1/c) P' diag(1/r) P on the potentials g modulo constants; its eigenvalues are σ_k²,
    k >= 2, of D_r^{-1/2} P D_c^{-1/2}.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; +inf forbids a pair. Or (T, n, m) with ``layout``.
    eps:
        Temperatures; None: 12 from the cost's range down to 3e-3 of it. Rows come warmest first.
    eps_unit:
        ``none``: eps is in cost units; else in units of this statistic of each matrix.
    row, col, marginals:
        Marginals; those not given are 1 and n/m (``unit``) or 1/n and 1/m (``probability``).
    layout:
        What the first axis of a stack is; every matrix of it stands alone here.
    norm:
        ``plan``, ``potential`` or ``natural``: the norm of everything but eigenvalues.
    tol, max_iter:
        Relative marginal error of a fixed point, and limit on its sweeps and Newton steps.
    iters:
        K, sweeps of the layer (20 if None); when given, fills the extended columns.
    modes:
        Only the leading modes, by block Lanczos; None: all, or 6 beyond 3,000 columns.
    extended:
        Fill the extended columns.
    keep:
        Keep plans and vectors of every temperature, for `SpectrumResult.write_dump`.
    additive:
        What a layer that normalises in turn adds to its sums (extended columns on precision).
    seed:
        Of the random vectors of iterative estimates.

    Raises
    ------
    InputError
        When the cost, the marginals, the temperatures or a parameter cannot be used.

    Source: arXiv 2601.23039, sections 2 and 3 and Theorem A.2; Trefethen & Embree, *Spectra and
    Pseudospectra* (2005), chapters 4, 16 and 52.
    """
    subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
    settings = SpectrumSettings(
        norm=norm,
        tol=tol,
        max_iter=max_iter,
        iters=20 if iters is None else iters,
        modes=modes,
        extended=extended or iters is not None,
        keep=keep,
        additive=additive,
        seed=seed,
    )
    return study_spectrum([subject], temperatures_of(eps, eps_unit), settings)


def study_spectrum(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: SpectrumSettings,
    progress: Progress = silent,
    *,
    work: Work = HERE,
    solutions: SolvePath = solve_path,
) -> SpectrumResult:
    """`spectrum` for checked subjects: one part a matrix; ``solutions`` gives fixed points."""
    make = partial(_parts, temperatures=temperatures, settings=settings, solutions=solutions)
    return SpectrumResult(
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
    settings: SpectrumSettings,
    solutions: SolvePath,
) -> tuple[SpectrumPart]:
    grid = temperatures.grid(case.problems, AUTO_COUNT)
    measure = partial(measure_stretch, grid=grid, settings=settings, solutions=solutions)
    found = measure_along(workers, case, grid, measure, progress)
    points = tuple(point for each in found for point in each.points)
    rows = tuple(point.row for point in points)
    summary = summarise(rows, _freeze(case.problem, settings), limit=found[-1].limit)
    part = SpectrumPart(
        label=case.label,
        name=case.name,
        rows=rows,
        findings=summary.findings,
        points=points,
        summary=summary,
    )
    return (part,)


def _freeze(problem: Problem, settings: SpectrumSettings) -> float | None:
    """None where twenty more solves would cost more than all the rows."""
    if problem.cost.size > LARGEST_SIZE:
        return None
    return freeze_temperature(problem, settings.iters)
