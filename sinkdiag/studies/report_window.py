"""Between which temperatures a layer is sane, and in which arithmetic: of no command alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sinkdiag.problem import Problem
from sinkdiag.results import Solution
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.precision import layer_call, plan_errors
from sinkdiag.solver.truncation import RIGHT, Start, carried, cold
from sinkdiag.studies.check_point import FROZEN, saturation_of, uniformity_of
from sinkdiag.studies.check_row import CheckRow
from sinkdiag.studies.report_settings import ReportSettings

# The scan, in units of the cost's range, the ratio of its looks and that of its result.
_HOTTEST, _COLDEST, _RATIO, _ACCURACY = 100.0, 1e-4, 1.25, 1.01


@dataclass(frozen=True, kw_only=True)
class Window:
    """Temperatures (cost units) at which a layer of K sweeps is of use.

    ``right``: down to it K sweeps are right to 1 % (inf: nowhere; nan: not looked for); ``soft``:
    down to it less than 90 % of the mass is settled; ``uniform``: from it up the plan is within 1 %
    of the one that knows no costs (nan: nowhere); ``flat``: at every temperature.
    """

    right: float
    soft: float
    uniform: float
    flat: bool

    @property
    def low(self) -> float:
        """The cold end; inf where K sweeps are right nowhere."""
        return self.soft if math.isnan(self.right) else max(self.right, self.soft)

    @property
    def high(self) -> float:
        """The warm end; inf where there is none."""
        return math.inf if math.isnan(self.uniform) else self.uniform

    def nearest(self, eps: float) -> float:
        """``eps`` itself inside the window, else the end next to it; nan where there is none."""
        return min(max(eps, self.low), self.high) if self.low < self.high else math.nan


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """Share of the mass that a dtype moves, logsumexp sweeps and those that divide by sums.

    inf: costs or plan are no numbers.
    """

    log_domain: float
    normalised: float


def window_of(problem: Problem, row: CheckRow, settings: ReportSettings) -> Window:
    """The window of a layer that ``check`` has looked at."""
    start, span = start_of(problem, settings), problem.cost_range

    def run(eps: float) -> Solution:
        return run_sweeps(problem, eps, settings.iters, start(eps))

    def is_uniform(eps: float) -> bool:
        return uniformity_of(run(eps)) <= RIGHT

    def is_soft(eps: float) -> bool:
        return saturation_of(run(eps)) < FROZEN

    coldest = _COLDEST * span
    uniform = _lowest(is_uniform, _HOTTEST * span, coldest)
    flat = uniform <= coldest
    soft = uniform if flat else _lowest(is_soft, _HOTTEST * span, coldest)
    return Window(right=row.eps_lowest, soft=soft, uniform=uniform, flat=flat)


def _lowest(holds: Callable[[float], bool], hottest: float, coldest: float) -> float:
    """Down to where it holds, from the hottest temperature on, to 1 %; nan: not even there."""
    if not holds(hottest):
        return math.nan
    eps = hottest
    while eps > coldest:
        colder = max(eps / _RATIO, coldest)
        if holds(colder):
            eps = colder
            continue
        while eps > colder * _ACCURACY:
            middle = math.sqrt(eps * colder)
            eps, colder = (middle, colder) if holds(middle) else (eps, middle)
        break
    return eps


def arithmetic_of(
    problem: Problem, row: CheckRow, settings: ReportSettings
) -> Mapping[str, Arithmetic]:
    """What float32 (already in the row of ``check``), bfloat16 and float16 make of the layer."""
    init = start_of(problem, settings)(row.eps)
    run = run_sweeps(problem, row.eps, settings.iters, init)
    call = layer_call(problem, row.eps, settings.iters, init=init, seed=settings.seed)
    found = {
        row.dtype: Arithmetic(log_domain=row.dtype_error, normalised=row.normalised_dtype_error)
    }
    for dtype in ("bfloat16", "float16"):
        errors = plan_errors(call, run.plan, dtype)
        found[dtype] = Arithmetic(
            log_domain=errors["log_domain"], normalised=errors["alternate_normalisation"]
        )
    return found


def start_of(problem: Problem, settings: ReportSettings) -> Start:
    """Where the layer starts from, as ``check`` understands it."""
    return cold if settings.start == "cold" else carried(problem, settings.iters)
