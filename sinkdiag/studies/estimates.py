"""What a run will need, before it starts: peak memory of the process, and processor time.

Fitted to measured runs, of one thread, on random costs from 20×20 to 1000×1000: memory is right to
a factor `WITHIN` (tested), time to an order of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sinkdiag.problem import Problem

if TYPE_CHECKING:
    from sinkdiag.studies.anneal_settings import AnnealSettings
    from sinkdiag.studies.calibrate_settings import CalibrateSettings
    from sinkdiag.studies.check_row import CheckSettings
    from sinkdiag.studies.pseudospectrum_point import PseudospectrumSettings
    from sinkdiag.studies.report_settings import ReportSettings
    from sinkdiag.studies.sensitivity_run import SensitivitySettings
    from sinkdiag.studies.spectrum_settings import SpectrumSettings

# Measured peaks lie within this factor of the estimate, either way.
WITHIN = 1.6
# Bytes and seconds of a run on nothing: Python, NumPy, SciPy and the compiled kernels.
_PROCESS, _START = 195e6, 1.0
# Bytes of a row as a record, in the table and in the text.
_ROW = 600.0


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Peak memory of the process in bytes, processor time in seconds, and what lowers each."""

    memory: float
    seconds: float
    less_memory: str
    less_time: str


@dataclass(frozen=True, kw_only=True)
class _Size:
    """The largest matrix, and how many matrices and temperatures there are."""

    n: int
    m: int
    matrices: int
    temperatures: int

    @property
    def entries(self) -> float:
        return float(self.n * self.m)

    @property
    def least(self) -> int:
        return min(self.n, self.m)


@dataclass(frozen=True, kw_only=True)
class _Need:
    """Doubles at the peak beside the costs, rows, and seconds for each matrix."""

    doubles: float
    seconds: float
    rows: float = 0.0
    less_memory: str = "give a part of the matrix"
    less_time: str = "fewer --eps"


def estimate(
    command: str,
    problems: Sequence[Problem],
    temperatures: int,
    settings: object,
    jobs: int = 1,
) -> Estimate:
    """What ``command`` will need for these matrices.

    Parameters
    ----------
    command:
        Its name.
    problems:
        All matrices, of which the largest decides.
    temperatures:
        How many were given; 0: the command's own number.
    settings:
        Those of the command.
    jobs:
        Processes that work at the same time, each on a matrix.
    """
    largest = max(problems, key=lambda problem: problem.cost.size)
    n, m = largest.cost.shape
    counted = temperatures or _usual_count(command)
    size = _Size(n=n, m=m, matrices=len(problems), temperatures=counted)
    need = _NEEDS[command](size, settings)
    costs = sum(problem.cost.nbytes for problem in problems)
    held = 8.0 * need.doubles + (_PROCESS + largest.cost.nbytes if jobs > 1 else 0.0)
    return Estimate(
        memory=_PROCESS + costs + jobs * held + _ROW * need.rows * len(problems),
        seconds=_START + need.seconds * len(problems),
        less_memory="fewer --jobs make it less" if jobs > 1 else need.less_memory,
        less_time=need.less_time,
    )


def _usual_count(command: str) -> int:
    """Temperatures that a command takes if none are given."""
    module = import_module(f"sinkdiag.studies.{_GRIDS.get(command, command)}")
    return int(getattr(module, "AUTO_COUNT", 1))


def _report(size: _Size, settings: ReportSettings) -> _Need:
    """The largest of its sections, and all of their time."""
    from sinkdiag.studies.report_plan import plan_of, takes_too_long

    entries = size.n * size.m
    plan = plan_of(settings, entries)._asdict()
    needs = [
        _NEEDS[name](replace(size, temperatures=_usual_count(name)), plan[name])
        for name in settings.sections
        if name in plan and not takes_too_long(name, settings, entries)
    ]
    # Of several matrices all are checked, and one is looked at closely.
    return _Need(
        doubles=max((need.doubles for need in needs), default=0.0),
        seconds=sum(need.seconds for need in needs) / size.matrices,
        less_memory="--only check makes it less",
        less_time="--skip calibrate,sensitivity,constants",
    )


def _check(size: _Size, settings: CheckSettings) -> _Need:
    from sinkdiag.solver.layer import UNROLL_LIMIT

    kept = (2 * settings.iters + 1) * size.entries
    looks = 4.0 if settings.start == "warm" else 1.0
    return _Need(
        doubles=25 * size.entries + (kept if kept <= UNROLL_LIMIT else 0.0),
        seconds=2e-7 * looks * settings.iters * size.entries * size.temperatures,
        less_memory="a smaller --iters makes it less",
    )


def _spectrum(size: _Size, settings: SpectrumSettings) -> _Need:
    from sinkdiag.studies.spectrum_settings import DENSE_LIMIT

    dense = settings.modes is None and size.m <= DENSE_LIMIT
    square = 10.0 * size.m**2 if dense else 0.0
    kept = (8 + 3 * size.m / size.n) * size.entries * size.temperatures if settings.keep else 0.0
    return _Need(
        doubles=8 * size.entries + square + kept,
        seconds=(2e-6 + 2e-9 * size.least) * size.entries * size.temperatures,
        less_memory="--modes 6 makes it less" if dense else "give a part of the matrix",
        less_time="--modes 6, or fewer --eps" if dense else "fewer --eps",
    )


def _pseudospectrum(size: _Size, settings: PseudospectrumSettings) -> _Need:
    columns, rows = settings.grid or (64, 40)
    points = float(columns * rows) * size.temperatures * len(settings.norm)
    return _Need(
        doubles=12 * size.entries + 8.0 * size.m**2 + 4e6,
        seconds=6e-8 * points * size.m**2,
        rows=points,
        less_memory="a smaller --grid makes it less",
        less_time="a smaller --grid, or fewer --eps",
    )


def _sensitivity(size: _Size, settings: SensitivitySettings) -> _Need:
    share = 0.5 + settings.replicates / 10
    return _Need(
        doubles=_cubic_doubles(size),
        seconds=(1e-5 + 2e-9 * size.least) * share * size.entries * size.temperatures,
        less_time="fewer --eps or --replicates",
    )


def _constants(size: _Size, settings: object) -> _Need:
    del settings
    return _Need(
        doubles=_cubic_doubles(size),
        seconds=(8e-6 + 2e-9 * size.least) * size.entries * size.temperatures,
    )


def _cubic_doubles(size: _Size) -> float:
    """Of the directions from which the largest second derivative is looked for."""
    starts = max(min(1e6, size.entries * (size.entries + 20)), 11 * size.entries)
    return 15 * size.entries + 2 * starts + 11 * min(starts, max(8e6, size.entries))


def _calibrate(size: _Size, settings: CalibrateSettings) -> _Need:
    from sinkdiag.annealing.learning.learner import LARGE
    from sinkdiag.annealing.learning.trials import WORKERS

    if settings.replay:
        seconds = 1e-7 * settings.iters * settings.max_steps * settings.replicates * size.entries
        less = "fewer --max-steps or --replicates"
        return _Need(doubles=20 * size.entries, seconds=seconds, less_time=less)
    slopes = 30 if settings.quick else 48
    replicates = settings.replicates / 3 if settings.quick else settings.replicates
    steps = settings.max_steps + 50  # learning goes on at eps_min
    sweeps = settings.iters * steps * replicates * slopes
    # Large matrices run in single precision, and slopes that fail are given up.
    pace = 2e-10 if size.entries > LARGE else 6e-10
    less = "fewer --max-steps or --replicates"
    return _Need(
        doubles=(20 + WORKERS * (2 * slopes + 12)) * size.entries + 4e6,
        seconds=pace * sweeps * size.entries,
        less_memory="--quick makes it less" if not settings.quick else "give a part of the matrix",
        less_time=less if settings.quick else f"--quick, or {less}",
    )


def _anneal(size: _Size, settings: AnnealSettings) -> _Need:
    steps = settings.max_steps * len(settings.parsed)
    return _Need(
        doubles=15 * size.entries,
        seconds=(7.5e-8 if settings.tv else 1.5e-8) * steps * size.entries,
        rows=float(steps),
        less_time="--no-tv, or fewer --max-steps" if settings.tv else "fewer --max-steps",
    )


# Where the number of temperatures stands, if not in the command's own file.
_GRIDS = {"sensitivity": "sensitivity_run"}
_NEEDS: Mapping[str, Callable[[_Size, Any], _Need]] = {
    "anneal": _anneal,
    "calibrate": _calibrate,
    "check": _check,
    "constants": _constants,
    "pseudospectrum": _pseudospectrum,
    "report": _report,
    "sensitivity": _sensitivity,
    "spectrum": _spectrum,
}
