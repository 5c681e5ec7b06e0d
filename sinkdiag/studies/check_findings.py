"""What ``check`` says: one word, then what is the matter and what helps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.problem import Problem
from sinkdiag.solver.truncation import LOWEST, RIGHT, searched_iters
from sinkdiag.studies.check_row import GRAVITY, CheckRow
from sinkdiag.temperature import AUTO_HIGHEST, AUTO_LOWEST

# Rounding of a plan that is worth no word.
_SMALL = 1e-4
# The smallest share that is spelt out.
_LEAST = 1e-6


@dataclass(frozen=True, kw_only=True)
class VerdictCount:
    """How many layers got one verdict."""

    verdict: str
    count: int


@dataclass(frozen=True, kw_only=True)
class CheckSummary:
    """All layers of a run: how many of each verdict, gravest first, and which is the worst.

    ``source``, ``index`` and ``eps`` name the worst; ``findings`` are what is said.
    """

    verdicts: tuple[VerdictCount, ...]
    source: str
    index: int
    eps: float
    findings: tuple[str, ...]


def findings_of(
    problem: Problem, rows: Sequence[CheckRow], suspicions: Sequence[str]
) -> tuple[str, ...]:
    """Sentences on one matrix; the first begins with the verdict."""
    first, *others = rows
    more = [f"{row.verdict}: {_accuracy(row, problem)}" for row in others]
    details = [] if others else [_gradient(first, problem), _arithmetic(first), _division(first)]
    said = [
        f"{first.verdict}: {_accuracy(first, problem)}",
        *more,
        *suspicions,
        _reach(first, problem),
        *details,
    ]
    return tuple(text for text in said if text)


def summarise(
    rows: Sequence[tuple[str, int, CheckRow]], findings: Sequence[str], name: str
) -> CheckSummary:
    """The summary of rows with their source and index; several get one sentence instead.

    ``name`` is what sentences call the whole.
    """
    source, index, worst = max(rows, key=lambda entry: _weight(entry[2]))
    found = [row.verdict for _, _, row in rows]
    counts = [
        VerdictCount(verdict=verdict, count=found.count(verdict))
        for verdict in GRAVITY
        if verdict in found
    ]
    if len(rows) > 1:
        total = ", ".join(f"{entry.count} of {len(rows)} {entry.verdict}" for entry in counts)
        findings = [
            f"{name}: {total} at K = {worst.iters}",
            *([] if worst.verdict == "ok" else [_worst(source, index, worst)]),
        ]
    return CheckSummary(
        verdicts=tuple(counts),
        source=source,
        index=index,
        eps=worst.eps,
        findings=tuple(findings),
    )


def _worst(source: str, index: int, row: CheckRow) -> str:
    return (
        f"worst: index {index} of {source} at eps = {row.eps:.3g}: {row.verdict}, "
        f"{_share(row.tv)} of the mass in the wrong place, {_share(row.saturation)} settled"
    )


def _weight(row: CheckRow) -> tuple[float, ...]:
    """The gravest verdict, then what it was given for."""
    measure = {"frozen": row.saturation, "uniform": -row.uniformity}.get(row.verdict, row.tv)
    return -GRAVITY.index(row.verdict), measure if math.isfinite(measure) else math.inf


def _accuracy(row: CheckRow, problem: Problem) -> str:
    start = "zero" if row.start == "cold" else "the potentials of the call before"
    head = (
        f"at eps = {row.eps:.3g} ({row.eps / problem.cost_range:.2g} of the costs' range) "
        f"K = {row.iters} from {start}"
    )
    if math.isnan(row.tv):
        return (
            f"{head} leaves marginals off by {_share(row.marginal_error)}; the fixed point "
            f"was not found ({row.status}): {row.status.remedy}"
        )
    return (
        f"{head} leaves {_share(row.tv)} of the mass in the wrong place, marginals off by "
        f"{_share(row.marginal_error)}"
    )


def _reach(row: CheckRow, problem: Problem) -> str:
    """How far down K sweeps are right, and where they are not, what is."""
    lowest, wrong = row.eps_lowest, row.tv > RIGHT
    end = LOWEST * problem.cost_range * (1.0 + 1e-9)
    if not wrong and not lowest < math.inf:
        return ""
    if not wrong:
        least = " at least" if lowest <= end else ""
        return f"K = {row.iters} is right to 1 % down to eps = {lowest:.3g}{least}"
    warmer = (
        f", or raise eps to {lowest:.3g}, down to which K = {row.iters} is"
        if row.eps < lowest < math.inf
        else ""
    )
    if math.isnan(row.iters_needed):
        most = searched_iters(problem)
        return (
            f"to be right to 1 % here takes more than {most:,} sweeps: differentiate the fixed "
            f"point implicitly{warmer}"
        )
    return f"to be right to 1 % here run K = {row.iters_needed:.0f}{warmer}"


def _gradient(row: CheckRow, problem: Problem) -> str:
    if min(problem.cost.shape) == 1:
        shape = "×".join(map(str, problem.cost.shape))
        return f"a {shape} cost has one plan at every eps: there is nothing to learn"
    if np.ptp(problem.cost[np.isfinite(problem.cost)]) == 0.0:
        return "all costs are equal: eps changes no plan; check the file"
    if row.uniformity <= RIGHT:
        middle = math.sqrt(AUTO_HIGHEST * AUTO_LOWEST)
        return (
            f"the plan is within {_share(row.uniformity)} of the one that knows no costs: lower "
            f"eps, say to {middle * problem.cost_range:.3g} ({middle:.2g} of the costs' range)"
        )
    gain = "" if math.isnan(row.gradient_gain) else f"; ‖dP/dC‖ = {row.gradient_gain:.3g}"
    settled = f"{_share(row.saturation)} of the mass is settled"
    if row.verdict == "frozen":
        where = f" to {row.eps_soft:.3g} or more" if row.eps_soft > row.eps else ""
        return f"{settled} and passes next to no gradient{gain}: to learn further, raise eps{where}"
    dead = " and passes next to no gradient" if row.saturation > 0.0 else ""
    return f"{settled}{dead}{gain}"


def _arithmetic(row: CheckRow) -> str:
    error = row.dtype_error
    if math.isinf(error):
        return (
            f"{row.dtype} leaves its range, costs or plan are no numbers: scale the costs and eps, "
            "subtract their minimum, or use float32"
        )
    if error > RIGHT:
        return f"{row.dtype} moves {_share(error)} of the mass: use a wider dtype, or raise eps"
    return f"{row.dtype} moves {_share(error)} of the mass" if error > _SMALL else ""


def _division(row: CheckRow) -> str:
    """What becomes of a layer that is not written in the log domain."""
    error = row.normalised_dtype_error
    if row.start == "warm" or not error > RIGHT:
        return ""
    what = "gives no numbers" if math.isinf(error) else f"moves {_share(error)} of the mass"
    return (
        f"a layer that divides exp(-C/eps) by its sums in turn {what} in {row.dtype}: write it "
        "with logsumexp"
    )


def _share(value: float) -> str:
    """A share in per cent, to two digits."""
    if not math.isfinite(value):
        return f"{value}"
    if 0.0 < value < _LEAST:
        return f"less than {100.0 * _LEAST:g} %"
    return f"{100.0 * value:.0f} %" if value >= 0.095 else f"{100.0 * value:.2g} %"
