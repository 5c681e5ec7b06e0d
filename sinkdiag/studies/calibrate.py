"""How hard may an EPH-ASC controller cool this cost? The safety slope, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, ClassVar

from numpy.typing import ArrayLike

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.learning.learner import Loss
from sinkdiag.annealing.learning.settings import Start
from sinkdiag.annealing.trace import TraceRow
from sinkdiag.annealing.track import JUDGE_MAX_ITER, JUDGE_TOL
from sinkdiag.errors import InputError
from sinkdiag.load.record import record_of
from sinkdiag.problem import MarginalKind
from sinkdiag.progress import Progress, silent
from sinkdiag.studies.calibrate_learning import learning_part
from sinkdiag.studies.calibrate_part import CalibrationPart, CalibrationSummary, digest_of
from sinkdiag.studies.calibrate_replay import replay_part
from sinkdiag.studies.calibrate_row import CalibrationRow, FateRow
from sinkdiag.studies.calibrate_settings import CalibrateSettings
from sinkdiag.studies.result import Result
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

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationResult(Result[CalibrationPart]):
    """One row a matrix or record, with controllers, fates and traces."""

    command: ClassVar[str] = "calibrate"
    row_type: ClassVar[type] = CalibrationRow
    other_rows: ClassVar[Mapping[str, type]] = MappingProxyType(
        {"--fates": FateRow, "--trace": TraceRow}
    )

    @property
    def controllers(self) -> tuple[AdaptiveCooling | None, ...]:
        """The controller of each part; None where there is no slope."""
        return tuple(part.controller for part in self.parts)

    @property
    def controller(self) -> AdaptiveCooling | None:
        """That of the first part."""
        return self.parts[0].controller

    @property
    def summary(self) -> CalibrationSummary:
        """The controllers as lines to paste."""
        return CalibrationSummary(controllers=tuple(part.line for part in self.parts))

    @property
    def digest(self) -> tuple[str, ...]:
        """Several verdicts in a few sentences."""
        return digest_of(self.parts) if len(self.parts) > 1 else ()

    @property
    def _each(self) -> tuple[str, ...]:
        return tuple(text for part in self.parts for text in part.sentences)

    def write_trace(self, stream: IO[bytes]) -> None:
        """Every step of every part's `CalibrationPart.trace`, as CSV."""
        table = self.table_of("trace", TraceRow, [part.trace for part in self.parts])
        stream.write(table.render("csv").encode())

    def write_fates(self, stream: IO[bytes]) -> None:
        """Every slope on every held-out replicate, as CSV."""
        table = self.table_of("fates", FateRow, [part.fates for part in self.parts])
        stream.write(table.render("csv").encode())

    def figure(self) -> Figure:
        """The first part's: the map of fates and one run, or the replay."""
        return self.parts[0].figure()


def study_calibrate(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: CalibrateSettings,
    progress: Progress = silent,
    *,
    work: Work = HERE,
) -> CalibrationResult:
    """Calibrate on every matrix, and on every recorded run as a whole.

    Raises
    ------
    InputError
        When the temperatures or the costs leave nothing to calibrate.
    """
    make = partial(_parts, temperatures=temperatures, settings=settings)
    check = partial(_ends, temperatures=temperatures, settings=settings)
    return CalibrationResult(
        parts=run_units(subjects, make, "trajectory", check, work=work, progress=progress),
        extended=settings.extended,
        labelled=are_labelled(subjects),
        notes=notes_of(subjects, temperatures),
    )


def _parts(
    case: Case, progress: Progress, *, temperatures: Temperatures, settings: CalibrateSettings
) -> tuple[CalibrationPart]:
    make = replay_part if settings.replay else learning_part
    return (make(case, _ends(case, temperatures, settings), settings, progress),)


def _ends(
    case: Case, temperatures: Temperatures, settings: CalibrateSettings
) -> tuple[float, float]:
    """First and last temperature of one case, once there is something to calibrate.

    Where none was given, a record goes from its own first to its own lowest.
    """
    recorded = case.record.eps
    if recorded is not None and case.whole and not temperatures.values and not settings.replay:
        eps_start, eps_min = float(recorded.max()), float(recorded.min())
    else:
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
    return eps_start, eps_min


def calibrate(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    truth: ArrayLike | None = None,
    record_eps: ArrayLike | None = None,
    record_step: ArrayLike | None = None,
    iters: int = 20,
    start: Start | None = None,
    loss: Loss = "mse",
    learning_rate: float | None = None,
    noise: float | None = None,
    immaturity: float = 1.0,
    alpha0: float | None = None,
    beta: float = 1.0,
    max_steps: int = 500,
    collapse_tv: float = 0.1,
    replicates: int = 10,
    seed: int = 0,
    quick: bool = False,
    inner: bool = False,
    replay: bool = False,
    fewer_sweeps: bool = False,
    noise_decay: float = 0.9,
    tol: float = JUDGE_TOL,
    max_iter: int = JUDGE_MAX_ITER,
    extended: bool = False,
) -> CalibrationResult:
    """Measure the safety slope of an EPH-ASC controller on a cost; ``sinkdiag calibrate``.

    The controller cools by ``alpha0`` while the drift ‖P_t - P_{t-1}‖_F <= k·eps and holds
    otherwise (`AdaptiveCooling`). Measured is which slopes k end right with learning in the loop:
    costs that learn through K sweeps, C_{t+1} = C_t - eta dl/dC at C_t + noise, while the
    controller lowers eps. k_safe is the slope that arrives soonest among those that are safe
    together with their neighbours on at least 90 % of the replicates.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; or (T, n, m) with ``layout``.
    eps:
        Annealing goes from the highest of these temperatures to the lowest (one value: the
        lowest; None: from the cost's range down to 3e-3 of it, or as a record went).
    eps_unit:
        ``none``: eps is in cost units; else in units of this statistic of the finite costs.
    row, col, marginals:
        Marginals (n,) and (m,), of equal sums; a side left out is 1 and n/m (``unit``), or 1/n and
        1/m (``probability``).
    layout:
        What the first axis of a three-dimensional cost is: ``batch`` calibrates every matrix by
        itself, ``trajectory`` takes the costs as the record of one training run.
    truth:
        What is right: the 0-based column of each row (n,), -1 unknown, or a plan (n, m). None: the
        optimal plan of the cost itself, learned from costs that are off by ``immaturity``.
    record_eps, record_step:
        Temperatures (T,) and step numbers (T,) of a record; with a truth they tell its learner.
    iters, start:
        K, at most 100 000; ``cold`` (default of a learner): every call starts from zero
        potentials; ``warm`` (default of a replay): they are carried.
    loss:
        On plans rescaled to mass n: ``mse`` ‖P - T‖²/2, ``mass`` n - <T, P>, ``nll`` -<T, log P>.
    learning_rate:
        eta in std(C)²; None: 0.6, 0.6, 0.03 for the three losses, or what the record tells.
    noise, immaturity:
        Of the costs at every step, and of a planted learner's first costs, in std(C); None: 0.05,
        or what the record tells (replay: 0.01).
    noise_decay:
        Factor on a replay's noise at every step, in [0, 1).
    alpha0:
        Cooling factor of one step, in (0, 1); None: the soonest of 0.6, 0.8 and 0.9 (replay: the
        gentlest with which the plain schedule collapses).
    beta:
        Load drift/(k·eps), in [0, 1], at which braking begins; 1: cool or hold.
    max_steps:
        Step budget, at least 2: before it the lowest temperature must be reached.
    collapse_tv:
        Share of the mass in the wrong place, in (0, 1), beyond which a run has failed.
    replicates, seed:
        Held-out replicates, and the seed of noise and starts.
    quick, inner:
        A third of the replicates and a coarser grid; last row and column (dustbins) not judged.
    replay, fewer_sweeps:
        Tracked runs of a layer on the given costs instead of a learner; whether those may lower K.
    tol, max_iter:
        Relative marginal error, and limit on sweeps and Newton steps, of a replay's fixed points.
    extended:
        Whether tables and frames carry the extended columns, k_safe is measured at a quarter and
        at four times the learning rate, and every slope meets every replicate (otherwise, above
        2,500 entries, one that has failed on two of ten meets no further one).

    Returns
    -------
    One `CalibrationRow` a matrix or record, in ``.rows`` and ``.frame()``; ``.controller`` ready
    to use, ``.findings``, ``.plot(path)``, ``.write_fates(stream)``, ``.write_trace(stream)``.

    Raises
    ------
    InputError
        When the cost, the marginals, the truth, the temperatures or a setting cannot be used.

    Source: the paper's Algorithm 1 and its premature mode collapse; learner, fates and window are
    this package's definitions.
    """
    settings = CalibrateSettings(
        iters=iters,
        start=start,
        loss=loss,
        learning_rate=learning_rate,
        noise=noise,
        immaturity=immaturity,
        alpha0=alpha0,
        beta=beta,
        max_steps=max_steps,
        collapse_tv=collapse_tv,
        replicates=replicates,
        seed=seed,
        quick=quick,
        inner=inner,
        replay=replay,
        fewer_sweeps=fewer_sweeps,
        noise_decay=noise_decay,
        tol=tol,
        max_iter=max_iter,
        extended=extended,
    )
    subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
    if layout == "trajectory" and not subject.stacked:
        raise InputError(
            "cost", f"a trajectory has shape {subject.problems[0].cost.shape}", "give (T, n, m)"
        )
    record = record_of(subject.problems, truth=truth, eps=record_eps, step=record_step)
    subject = replace(subject, record=record)
    return study_calibrate([subject], temperatures_of(eps, eps_unit), settings)
