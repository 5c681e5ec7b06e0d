"""How hard may an EPH-ASC controller cool this cost? The safety slope, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, ClassVar

from numpy.typing import ArrayLike

from sinkdiag.annealing.calibration import measure_calibration
from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.settings import CalibrationSettings
from sinkdiag.annealing.trace import TraceRow, trace_replicate
from sinkdiag.annealing.track import JUDGE_MAX_ITER, JUDGE_TOL, TrackSettings
from sinkdiag.errors import InputError
from sinkdiag.problem import MarginalKind
from sinkdiag.progress import Progress, silent
from sinkdiag.studies.calibrate_findings import layer_sentence
from sinkdiag.studies.calibrate_part import CalibrationPart, CalibrationSummary
from sinkdiag.studies.calibrate_row import CalibrationRow, row_of
from sinkdiag.studies.result import Result
from sinkdiag.studies.subjects import (
    Case,
    Layout,
    Subject,
    are_labelled,
    cases,
    notes_of,
    subject_of,
)
from sinkdiag.temperature import EpsUnit, Temperatures, temperatures_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class CalibrateSettings(CalibrationSettings):
    """As `CalibrationSettings`; ``extended``: whether the extended columns are written."""

    extended: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationResult(Result[CalibrationPart]):
    """One row a matrix or trajectory, with controllers, windows and traces."""

    command: ClassVar[str] = "calibrate"
    row_type: ClassVar[type] = CalibrationRow
    other_rows: ClassVar[Mapping[str, type]] = MappingProxyType({"--trace": TraceRow})

    @property
    def controllers(self) -> tuple[AdaptiveCooling | None, ...]:
        """The controller of each part; None where there is no window."""
        return tuple(part.controller for part in self.parts)

    @property
    def summary(self) -> CalibrationSummary:
        """The controllers as lines to paste."""
        lines = tuple(None if found is None else repr(found) for found in self.controllers)
        return CalibrationSummary(controllers=lines)

    @property
    def findings(self) -> tuple[str, ...]:
        """The verdicts, each before its line to paste, if there is one; failures come last."""
        found: list[str] = []
        for part, line in zip(self.parts, self.summary.controllers, strict=True):
            found += [f"{part.name}: {text}" for text in part.findings]
            found += [] if line is None else [line]
        return (*found, *self.failures)

    def write_trace(self, stream: IO[bytes]) -> None:
        """Every step of every part's `CalibrationPart.trace`, as CSV."""
        table = self.table_of("trace", TraceRow, [part.trace for part in self.parts])
        stream.write(table.render("csv").encode())

    def figure(self) -> Figure:
        """Temperature, drift and distance of the first part's first held-out replicate.

        Both schedules are drawn; of a trajectory, the record itself.
        """
        from sinkdiag.report.figures.calibrate import AnnealingRuns, draw

        part = self.parts[0]
        (row,) = part.rows
        found = part.calibration
        replicate = 0 if found.recorded else 1
        controlled = part.controller is not None
        runs = AnnealingRuns(
            name=part.name,
            opening=row.verdict.partition(":")[0],
            k_low=row.k_low,
            k_high=row.k_high,
            k_safe=row.k_safe,
            alpha0=found.alpha0,
            iters=row.iters,
            eps_start=row.eps_start,
            eps_min=row.eps_min,
            collapse_tv=found.settings.collapse_tv,
            controller=trace_replicate(found, replicate, plain=False) if controlled else (),
            plain=trace_replicate(found, replicate, plain=True),
        )
        return draw(runs)


def study_calibrate(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: CalibrateSettings,
    progress: Progress = silent,
) -> CalibrationResult:
    """Calibrate on every matrix, and on every trajectory as a whole.

    Raises
    ------
    InputError
        When the temperatures or the costs leave nothing to calibrate.
    """
    found = cases(subjects, together="trajectory")
    layers = [_layer(case, temperatures, settings) for case in found]
    parts = []
    for number, (case, layer) in enumerate(zip(found, layers, strict=True)):

        def of_all(stage: str, done: int, total: int, before: int = number) -> None:
            progress(stage, before * total + done, len(found) * total)

        calibration = measure_calibration(case.problems, layer, settings, of_all)
        row = row_of(calibration)
        parts.append(
            CalibrationPart(
                label=case.label,
                name=case.name,
                rows=(row,),
                findings=(row.verdict,),
                details=(f"{case.name}: {layer_sentence(calibration)}",),
                calibration=calibration,
            )
        )
    return CalibrationResult(
        parts=tuple(parts),
        extended=settings.extended,
        labelled=are_labelled(subjects),
        notes=notes_of(subjects),
    )


def _layer(case: Case, temperatures: Temperatures, settings: CalibrateSettings) -> TrackSettings:
    """The user's layer on one case, once there is something to calibrate."""
    eps_start, eps_min = temperatures.ends(case.problems)
    n, m = case.problem.cost.shape
    if eps_min >= eps_start:
        raise InputError(
            case.name,
            f"annealing from eps {eps_start:g} down to {eps_min:g} is no cooling",
            "give --eps a lowest value below the highest",
        )
    if min(n, m) == 1:
        raise InputError(
            case.name,
            f"a {n}×{m} cost has one plan at every eps",
            "give at least two rows and two columns",
        )
    if case.whole and len(case.problems) < 3:
        raise InputError(
            case.name, f"a trajectory of {len(case.problems)} steps", "record at least three"
        )
    return settings.layer(eps_start, eps_min)


def calibrate(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    iters: int = 20,
    alpha0: float | None = None,
    beta: float = 1.0,
    max_steps: int = 500,
    replicates: int = 10,
    noise: float = 0.01,
    noise_decay: float = 0.9,
    collapse_tv: float = 0.1,
    cold: bool = False,
    seed: int = 0,
    tol: float = JUDGE_TOL,
    max_iter: int = JUDGE_MAX_ITER,
    extended: bool = False,
) -> CalibrationResult:
    """Measure the safety slope of an EPH-ASC controller on a cost; ``sinkdiag calibrate``.

    The controller cools by ``alpha0`` while the drift ‖P_t - P_{t-1}‖_F <= k·eps and holds
    otherwise (`AdaptiveCooling`). Measured are the slopes k that reach the lowest temperature
    within ``max_steps`` (from k_low) and do not collapse (up to k_high); k_safe = √(k_low·k_high).
    Runs are judged once they have settled: three steps after the lowest temperature was reached,
    on a trajectory by the worst step from there to the record's end.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; or (T, n, m) with ``layout``.
    eps:
        Annealing goes from the highest of these temperatures to the lowest (one value: the
        lowest; None: from the cost's range down to 3e-3 of it).
    eps_unit:
        Cost units (``none``), or this statistic of the finite costs as the unit of ``eps``:
        ``range``, ``mean``, ``median``, ``std``.
    row, col:
        Marginals, shapes (n,) and (m,), of equal sums; a side left out follows ``marginals``.
    marginals:
        ``unit``: 1 and n/m; ``probability``: 1/n and 1/m.
    layout:
        What the first axis of a three-dimensional cost is: ``batch`` calibrates every matrix by
        itself, ``trajectory`` replays the costs in order as one run.
    iters:
        Sweeps of the layer at every step (K), at most 100 000.
    alpha0:
        Cooling factor of one step, in (0, 1); None: the gentlest with which the plain schedule
        collapses.
    beta:
        Load drift/(k·eps), in [0, 1], at which braking begins; 1: cool or hold.
    max_steps:
        Step budget, at least 2: within it the lowest temperature must be reached.
    replicates:
        Held-out replicates of phase II, at least 2.
    noise:
        Gaussian noise of a matrix's replicates, relative to the standard deviation of the costs.
        Replicates of a trajectory permute its increments within blocks of ten steps.
    noise_decay:
        Factor on the noise at every step, in [0, 1): features mature.
    collapse_tv:
        Total variation ‖P - P*‖_1/(2N) from the fixed point, in (0, 1), beyond which a plan has
        collapsed: the share of the mass that is in the wrong place.
    cold:
        The layer starts every step from zero potentials; otherwise it carries them.
    seed:
        Of the replicates.
    tol, max_iter:
        Relative marginal error, and limit on sweeps and Newton steps, of the fixed points that
        runs are judged by.
    extended:
        Whether tables and frames carry the extended columns.

    Returns
    -------
    One `CalibrationRow` a matrix or trajectory, in ``.rows`` and ``.frame()``; ``.controllers``
    ready to use, ``.findings``, ``.plot(path)``, ``.write_trace(stream)``; of each of ``.parts``
    its ``controller``, ``window`` and ``trace``.

    Raises
    ------
    InputError
        When the cost, the marginals, the temperatures or a setting cannot be used.

    Source: the paper's Algorithm 1 and section on quasi-static annealing; the collapse test and
    the window are this package's reading.
    """
    settings = CalibrateSettings(
        iters=iters,
        alpha0=alpha0,
        beta=beta,
        max_steps=max_steps,
        replicates=replicates,
        noise=noise,
        noise_decay=noise_decay,
        collapse_tv=collapse_tv,
        cold=cold,
        seed=seed,
        tol=tol,
        max_iter=max_iter,
        extended=extended,
    )
    subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
    if layout == "trajectory" and not subject.stacked:
        raise InputError(
            "cost", f"a trajectory has shape {subject.problems[0].cost.shape}", "give (T, n, m)"
        )
    return study_calibrate([subject], temperatures_of(eps, eps_unit), settings)
