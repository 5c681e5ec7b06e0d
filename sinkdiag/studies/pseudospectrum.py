"""``pseudospectrum``: resolvent norms of the sweep's Jacobian on a grid, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, ClassVar

from numpy.typing import ArrayLike

from sinkdiag.arrays import AnyArray
from sinkdiag.errors import InputError
from sinkdiag.jacobian.modes import Norm
from sinkdiag.load.matrices import matrix_of
from sinkdiag.parallel.workers import Workers
from sinkdiag.problem import MarginalKind
from sinkdiag.progress import Progress, silent
from sinkdiag.rendering.figures.pseudospectrum import MOST_PANELS, draw
from sinkdiag.rendering.saved_grids import SavedGrid, SavedGrids, write_grids
from sinkdiag.rendering.table import Label, Table
from sinkdiag.resolvent.operator import of_matrix
from sinkdiag.resolvent.pseudomode import ModeEntry
from sinkdiag.resolvent.pseudospectrum import Pseudospectrum, PseudospectrumSummary
from sinkdiag.results import Status
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.studies.pseudospectrum_findings import details_of, digest_of, name_of
from sinkdiag.studies.pseudospectrum_point import (
    PseudospectrumSettings,
    measure_operator,
    pseudospectra_of,
)
from sinkdiag.studies.pseudospectrum_row import PseudospectrumRow, rows_of
from sinkdiag.studies.result import Part, Result
from sinkdiag.studies.stretches import measure_along
from sinkdiag.studies.subjects import Case, Layout, Subject, are_labelled, notes_of, subject_of
from sinkdiag.studies.units import HERE, Work, run_units
from sinkdiag.temperature import EpsUnit, Temperatures, temperatures_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "PseudospectrumResult",
    "PseudospectrumRow",
    "PseudospectrumSettings",
    "pseudospectrum",
    "saved_pseudospectra",
    "study_matrix",
    "study_pseudospectrum",
]

# Temperatures of the automatic grid.
AUTO_COUNT = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class PseudospectrumPart(Part):
    """One temperature of one matrix in one norm: its pseudospectrum and its pseudo-modes."""

    pseudospectrum: Pseudospectrum
    modes: tuple[ModeEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PseudospectraSummary:
    """The summary of every pseudospectrum of a run."""

    pseudospectra: tuple[PseudospectrumSummary, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class PseudospectrumResult(Result[PseudospectrumPart]):
    """Pseudospectra, one a temperature and norm of every matrix."""

    command: ClassVar[str] = "pseudospectrum"
    row_type: ClassVar[type] = PseudospectrumRow
    drawn: ClassVar[int] = MOST_PANELS

    @property
    def pseudospectra(self) -> tuple[Pseudospectrum, ...]:
        """Grids, eigenvalues, numerical ranges and summaries, one a part."""
        return tuple(part.pseudospectrum for part in self.parts)

    @property
    def summary(self) -> PseudospectraSummary:
        """Radii, Kreiss constant, powers and what else is known of each part."""
        return PseudospectraSummary(
            pseudospectra=tuple(found.summary for found in self.pseudospectra)
        )

    @property
    def statuses(self) -> tuple[Status, ...]:
        """One a pseudospectrum: points have none of their own."""
        return tuple(found.summary.status for found in self.pseudospectra)

    @property
    def brief(self) -> bool:
        """Always: a grid has thousands of rows."""
        return True

    @property
    def digest(self) -> tuple[str, ...]:
        """More pseudospectra than the figure shows: the extremes, and what was not resolved."""
        return () if len(self.parts) <= MOST_PANELS else digest_of(self.summary.pseudospectra)

    @property
    def failures(self) -> tuple[str, ...]:
        """None beside the findings, each of which says what was not resolved."""
        return ()

    @property
    def modes(self) -> tuple[ModeEntry, ...]:
        """Rows and columns of every pseudo-mode that was asked for, the most fragile first."""
        return tuple(entry for part in self.parts for entry in part.modes)

    @property
    def modes_table(self) -> Table:
        """`modes` as a table."""
        return self.table_of("pseudomodes", ModeEntry, [part.modes for part in self.parts])

    def figure(self) -> Figure:
        """Level curves, one panel a temperature and norm."""
        return draw(self.pseudospectra[:MOST_PANELS])

    def write_modes(self, stream: IO[bytes]) -> None:
        """`modes` as CSV."""
        stream.write(self.modes_table.render("csv").encode())

    def write_grids(self, stream: IO[bytes]) -> None:
        """All but the pseudo-modes as .npz, for `sinkdiag.rendering.saved_grids.load_grids`."""
        grids = tuple(
            SavedGrid(label=part.label, pseudospectrum=part.pseudospectrum) for part in self.parts
        )
        write_grids(stream, SavedGrids(labelled=self.labelled, grids=grids))


def pseudospectrum(
    cost: ArrayLike | None = None,
    eps: float | Sequence[float] | None = None,
    *,
    matrix: ArrayLike | None = None,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    norm: Norm | Sequence[Norm] = "plan",
    iters: int | None = None,
    grid: tuple[int, int] | None = None,
    axes: tuple[float, float, float, float] | None = None,
    levels: Sequence[float] | None = None,
    structured: float | None = None,
    mode_at: Sequence[complex] = (),
    tol: float = 1e-12,
    max_iter: int = 10_000,
    extended: bool = False,
    seed: int = 0,
) -> PseudospectrumResult:
    """Compute ‖(z-J)^{-1}‖ on a grid of z for the Jacobian of a Sinkhorn sweep, or any matrix.

    J = diag(1/c) P' diag(1/r) P on the potentials g modulo constants, at the fixed point of each
    temperature or after K sweeps; in an operator norm every resolvent norm is 1/sigma_min(z-T) of
    one triangular matrix T.

    Parameters
    ----------
    cost:
        (n, m), cost units; +inf forbids a pair. Or (T, n, m) with ``layout``; or a ``matrix``.
    eps:
        Temperatures; None: 4 from the cost's range down to 3e-3 of it. Parts come warmest first.
    matrix:
        Any square matrix, real or complex, in the Euclidean norm. Then only grid, axes, levels,
        mode_at, extended and seed have a meaning; anything else is refused.
    eps_unit:
        ``none``: eps is in cost units; else in units of this statistic of each matrix.
    row, col, marginals:
        Marginals; those not given are 1 and n/m (``unit``) or 1/n and 1/m (``probability``).
    layout:
        What the first axis of a stack is; every matrix of it stands alone here.
    norm:
        ``plan``, ``potential`` or ``natural``, or several of them side by side.
    iters:
        K: the Jacobian of K sweeps from a cold start; None: that of the fixed point.
    grid, axes:
        Points along re and im; (re_min, re_max, im_min, im_max). None: automatic.
    levels:
        The eps of the curves ‖(z-J)^{-1}‖ = 1/eps, and of radii; None: automatic.
    structured:
        Also how far cost changes of this Frobenius norm (cost units) move the eigenvalues.
    mode_at:
        Points z at which the pseudo-mode is mapped to rows and columns of the plan.
    tol, max_iter:
        Relative marginal error of a fixed point, and limit on its sweeps and Newton steps.
    extended, seed:
        Write the extended columns; of the first vectors of the iterations on the grid.

    Raises
    ------
    InputError
        When an input or a parameter cannot be used, or one of costs comes with a matrix.

    Source: Trefethen & Embree, *Spectra and Pseudospectra* (2005), chapters 14 to 16, 39 and 52.
    """
    settings = PseudospectrumSettings(
        norm=(norm,) if isinstance(norm, str) else tuple(norm),
        iters=iters,
        grid=grid,
        axes=axes,
        levels=tuple(sorted(set(levels or ()), reverse=True)),
        structured=structured,
        mode_at=tuple((complex(z).real, complex(z).imag) for z in mode_at),
        tol=tol,
        max_iter=max_iter,
        extended=extended,
        seed=seed,
    )
    if cost is not None and matrix is None:
        subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
        return study_pseudospectrum([subject], temperatures_of(eps, eps_unit), settings)
    if cost is not None or matrix is None:
        raise InputError("pseudospectrum", "needs a cost or a matrix", "give exactly one of them")
    settings.check_no_cost(
        eps=eps,
        eps_unit=None if eps_unit == "none" else eps_unit,
        row=row,
        col=col,
        marginals=None if marginals == "unit" else marginals,
        layout=layout,
    )
    return study_matrix(matrix_of(matrix), "matrix", settings)


def study_pseudospectrum(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: PseudospectrumSettings,
    progress: Progress = silent,
    *,
    work: Work = HERE,
    solutions: SolvePath = solve_path,
) -> PseudospectrumResult:
    """`pseudospectrum` for checked subjects: a part a matrix, temperature and norm."""
    make = partial(_parts, temperatures=temperatures, settings=settings, solutions=solutions)
    return PseudospectrumResult(
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
    settings: PseudospectrumSettings,
    solutions: SolvePath,
) -> tuple[PseudospectrumPart, ...]:
    grid = temperatures.grid(case.problems, AUTO_COUNT)
    measure = partial(pseudospectra_of, grid=grid, settings=settings, solutions=solutions)
    found = measure_along(workers, case, grid, measure, progress)
    return tuple(_part(case.label, each, modes) for some in found for each, modes in some)


def study_matrix(
    values: AnyArray, name: str, settings: PseudospectrumSettings, progress: Progress = silent
) -> PseudospectrumResult:
    """`pseudospectrum` of any square matrix (k, k), in the Euclidean norm.

    Raises
    ------
    InputError
        Unless it is a finite square matrix of numbers.
    """
    found, modes = measure_operator(of_matrix(values, name), settings, progress)
    part = _part(Label(source=name, index=0), found, modes)
    return PseudospectrumResult(parts=(part,), extended=settings.extended)


def saved_pseudospectra(saved: SavedGrids, *, extended: bool = False) -> PseudospectrumResult:
    """What an earlier run saved, as the result that it was; nothing is computed."""
    parts = tuple(_part(grid.label, grid.pseudospectrum) for grid in saved.grids)
    return PseudospectrumResult(parts=parts, extended=extended, labelled=saved.labelled)


def _part(
    label: Label, found: Pseudospectrum, modes: tuple[ModeEntry, ...] = ()
) -> PseudospectrumPart:
    return PseudospectrumPart(
        label=label,
        name=name_of(found.summary),
        rows=rows_of(found),
        findings=(found.summary.verdict,),
        details=details_of(found.summary),
        pseudospectrum=found,
        modes=modes,
    )
