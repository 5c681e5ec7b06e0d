"""``compare``: which numbers of two results differ, and by more than they state."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from sinkdiag.checks import check_size
from sinkdiag.columns import column as meant
from sinkdiag.errors import InputError, NothingToDrawError
from sinkdiag.rendering.saved_results import SavedResult, load_result
from sinkdiag.rendering.table import Label
from sinkdiag.results import Status
from sinkdiag.studies.compare_kinds import check_comparable
from sinkdiag.studies.compare_rows import Values, aligned
from sinkdiag.studies.result import Part, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CompareResult", "CompareRow", "CompareSettings", "compare", "study_compare"]

# What results promise across numbers of threads, relative.
STATED = 1e-10
# Columns that are errors of a plan: what is stated is their size, not their relative accuracy.
_ERRORS = ("_error", "tv")
# Entries of a manifest that say where and how a run was made, not what was asked for.
_SURROUNDINGS = (
    "sinkdiag", "python", "numpy", "scipy", "numba", "blas", "platform", "cpu_count",
    "thread_variables", "arguments", "sinkdiag_version",
)  # fmt: skip
# Changed words that are said one by one.
_SAID = 5


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """``tol``: the relative difference that counts as none."""

    tol: float = STATED

    def __post_init__(self) -> None:
        """Refuse what no study can use."""
        check_size("tol", self.tol, zero=True)


@dataclass(frozen=True, kw_only=True)
class CompareRow:
    """One value that differs."""

    row: str = meant(
        "number of the row in A (in B, where only B has it), summary, or manifest; of a report's "
        "sections after the name of the section"
    )
    column: str = meant("its column, or the path of its entry")
    a: str = meant("the value in A; empty: A has none")
    b: str = meant("the value in B; empty: B has none")
    relative: float = meant("|a - b| / max(|a|, |b|); nan where that is no number")
    beyond: bool = meant(
        "whether it is more than both runs state: a relative 1e-10 (--tol; of errors of plans, "
        "absolute), or the larger --tol of the manifests; another word; another input, setting or "
        "seed. Versions, BLAS, threads, platform and arguments are said, and are not beyond"
    )


@dataclass(frozen=True, kw_only=True)
class CompareSummary:
    """How many values were compared, how many differ, and how many of them beyond ``tol``."""

    a: str
    b: str
    tol: float
    compared: int
    changed: int
    beyond: int
    findings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparePart(Part):
    """The two files."""

    summary: CompareSummary


@dataclass(frozen=True, kw_only=True, eq=False)
class CompareResult(Result[ComparePart]):
    """What differs between two results."""

    command: ClassVar[str] = "compare"
    row_type: ClassVar[type] = CompareRow

    @property
    def summary(self) -> CompareSummary:
        """Counts, and what is said."""
        return self.parts[0].summary

    @property
    def statuses(self) -> tuple[Status, ...]:
        """None: what the runs themselves came to is in their own rows."""
        return ()

    @property
    def findings(self) -> tuple[str, ...]:
        """The sentences, which name both files."""
        return self.summary.findings

    def figure(self) -> Figure:
        """None is made."""
        raise NothingToDrawError("a comparison has no figure")


def compare(
    a: str, b: str, *, manifests: tuple[str, str] | None = None, tol: float = STATED
) -> CompareResult:
    """Compare two results (.csv, .json, .jsonl), reports (.html, .json) or manifests.

    Parameters
    ----------
    a, b:
        Paths.
    manifests:
        The manifests of both runs: versions, BLAS, threads, seeds, settings and inputs are compared
        too, and the larger of the runs' own tolerances counts where it is above ``tol``.
    tol:
        |a - b| / max(|a|, |b|) up to which a number has not changed.

    Raises
    ------
    InputError
        When a file cannot be read, or is no result, report or manifest.
    """
    return study_compare(a, b, CompareSettings(tol=tol), manifests)


def study_compare(
    a: str, b: str, settings: CompareSettings, manifests: tuple[str, str] | None = None
) -> CompareResult:
    """`compare` with checked settings."""
    first, second = load_result(a), load_result(b)
    check_comparable(first, second)
    tol = settings.tol
    rows: list[CompareRow] = []
    if manifests is not None:
        runs = [load_result(path) for path in manifests]
        for run in runs:
            if run.kind != "manifest":
                raise InputError(run.name, "is no manifest", "give what --manifest wrote")
        stated = (run.values.get(("manifest", "settings.tol"), tol) for run in runs)
        tol = max(tol, *(value for value in stated if isinstance(value, float)))
        rows += _changes(runs[0].values, runs[1].values, tol)
    rows += _differences(first, second, tol)
    summary = _summary(first, second, rows, tol)
    part = ComparePart(
        label=Label(source=a, index=0),
        name=f"{a} and {b}",
        rows=tuple(rows),
        findings=summary.findings,
        summary=summary,
    )
    return CompareResult(parts=(part,))


def _differences(first: SavedResult, second: SavedResult, tol: float) -> Iterator[CompareRow]:
    """One row for each value that differs, of a report section by section."""
    for name, (left, right) in _pairs(first, second):
        for change in _changes(left, right, tol):
            alone = name in ("", "manifest")
            yield change if alone else replace(change, row=f"{name} {change.row}")


def _pairs(first: SavedResult, second: SavedResult) -> Iterator[tuple[str, tuple[Values, Values]]]:
    """The values of both, rows that belong together under one number; then those of each part."""
    yield "", aligned(first, second)
    none = replace(first, count=0, values={}, parts={})
    for name in dict.fromkeys((*first.parts, *second.parts)):
        yield name, aligned(first.parts.get(name, none), second.parts.get(name, none))


def _compared(first: SavedResult, second: SavedResult) -> int:
    """How many values either of them has."""
    return sum(len(left.keys() | right.keys()) for _, (left, right) in _pairs(first, second))


def _changes(a: Values, b: Values, tol: float) -> Iterator[CompareRow]:
    """One row for each value that differs, in the order of A, what only B has last."""
    for row, name in dict.fromkeys((*a, *b)):
        left, right = a.get((row, name)), b.get((row, name))
        if left == right or (_is_nan(left) and _is_nan(right)):
            continue
        yield CompareRow(
            row=row,
            column=name,
            a=_shown(left),
            b=_shown(right),
            relative=_relative(left, right),
            beyond=not _is_surrounding(row, name) and _beyond(left, right, name, tol),
        )


def _beyond(left: float | str | None, right: float | str | None, name: str, tol: float) -> bool:
    """Whether two values of a column differ by more than is stated."""
    if isinstance(left, float) and isinstance(right, float):
        small = abs(left - right) <= tol and name.rpartition(".")[2].endswith(_ERRORS)
        return not (_relative(left, right) <= tol or small)
    if isinstance(left, str) and isinstance(right, str) and " " in left:
        # The numbers of a sentence stand in columns too, and are judged there.
        return _wording(left) != _wording(right)
    return True


def _is_surrounding(row: str, name: str) -> bool:
    return (
        row.rpartition(" ")[2] in ("manifest", "summary")
        and re.split(r"[.\[]", name)[0] in _SURROUNDINGS
    )


def _relative(left: float | str | None, right: float | str | None) -> float:
    if not isinstance(left, float) or not isinstance(right, float):
        return math.nan
    size = max(abs(left), abs(right))
    return abs(left - right) / size if math.isfinite(size) else math.nan


def _is_nan(value: float | str | None) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _shown(value: float | str | None) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else value


def _wording(text: str) -> str:
    return re.sub(r"\d[\d.,]*(e[-+]?\d+)?", "#", text)


def _summary(
    first: SavedResult, second: SavedResult, rows: Sequence[CompareRow], tol: float
) -> CompareSummary:
    beyond = [row for row in rows if row.beyond]
    compared = _compared(first, second)
    return CompareSummary(
        a=first.name,
        b=second.name,
        tol=tol,
        compared=compared,
        changed=len(rows),
        beyond=len(beyond),
        findings=tuple(_sentences(first, second, rows, f"{len(beyond)} of {compared}", tol)),
    )


def _sentences(
    first: SavedResult, second: SavedResult, rows: Sequence[CompareRow], share: str, tol: float
) -> Iterator[str]:
    beyond = [row for row in rows if row.beyond]
    changed = f"{share} values changed" if beyond else "no value changed"
    yield f"{first.name} and {second.name}: {changed} beyond a relative {tol:.2g}"
    numbers = [row for row in beyond if not math.isnan(row.relative)]
    if numbers:
        worst = max(numbers, key=lambda row: row.relative)
        yield (
            f"most: {worst.column} of row {worst.row}, from {worst.a} to {worst.b} "
            f"({worst.relative:.2g} relative)"
        )
    words = [row for row in beyond if math.isnan(row.relative)]
    for row in words[:_SAID]:
        yield f"{row.column} of row {row.row} was {row.a or 'not there'}, is {row.b or 'not there'}"
    if len(words) > _SAID:
        yield f"{len(words) - _SAID} more are other words, settings or inputs: see the rows"
    around = dict.fromkeys(row.column for row in rows if _is_surrounding(row.row, row.column))
    if around:
        yield f"the runs differ in {', '.join(around)}"
    if first.count != second.count:
        yield f"{first.name} has {first.count} rows, {second.name} has {second.count}"
