"""The sections of ``report``: every command on one input, from fixed points that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sinkdiag.derivatives.response import SharedResponses
from sinkdiag.errors import InputError
from sinkdiag.progress import Progress
from sinkdiag.rendering.table import Table
from sinkdiag.solver.path import SharedPath
from sinkdiag.studies.anneal import study_anneal
from sinkdiag.studies.anneal_result import AnnealResult
from sinkdiag.studies.anneal_row import Comparison
from sinkdiag.studies.calibrate import study_calibrate
from sinkdiag.studies.check import CheckResult, study_check
from sinkdiag.studies.constants import study_constants
from sinkdiag.studies.pseudospectrum import (
    PseudospectrumResult,
    study_pseudospectrum,
)
from sinkdiag.studies.report_focus import Focus
from sinkdiag.studies.report_names import SectionName
from sinkdiag.studies.report_plan import plan_of, takes_too_long
from sinkdiag.studies.report_row import PseudospectrumOutline
from sinkdiag.studies.report_settings import ReportSettings
from sinkdiag.studies.result import Result
from sinkdiag.studies.sensitivity import study_sensitivity
from sinkdiag.studies.spectrum import study_spectrum


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportSection:
    """One command's result on the page.

    ``table`` is what the page shows and keeps of it, its ``row_type`` says what the columns mean;
    ``findings`` are what is said of it; ``drawn`` is the result whose figure is shown, None where
    a section before it shows the same.
    """

    name: SectionName
    result: Result[Any]
    table: Table
    row_type: type
    findings: tuple[str, ...]
    drawn: Result[Any] | None


class Sections:
    """Makes the sections of one focus, one after another, and remembers what was left out."""

    def __init__(self, focus: Focus, settings: ReportSettings, progress: Progress) -> None:
        self.focus, self.settings, self.progress = focus, settings, progress
        self.shared, self.responses = SharedPath(), SharedResponses()
        self.plan = plan_of(settings, focus.subject.problems[0].cost.size)
        self.left_out: list[str] = []

    def make(self, check: CheckResult | None) -> tuple[ReportSection, ...]:
        """Every section that was asked for; ``check`` is made already where there are several."""
        makers: Mapping[SectionName, Callable[[], ReportSection]] = {
            "check": lambda: self._check(check),
            "spectrum": self._spectrum,
            "pseudospectrum": self._pseudospectrum,
            "sensitivity": self._sensitivity,
            "constants": self._constants,
            "calibrate": self._calibrate,
            "anneal": self._anneal,
        }
        names = [name for name in self.settings.sections if name in makers]
        whole, found = self.progress, []
        for place, name in enumerate(names):
            self.progress = _part_of(whole, place, len(names))
            found.append(self._made(name, makers[name]))
        return tuple(section for section in found if section is not None)

    def _check(self, check: CheckResult | None) -> ReportSection:
        """The layer at its temperature; of several matrices the figure is that of the focus."""
        subjects, layer = [self.focus.subject], self.focus.layer
        if check is None:
            made = study_check(
                subjects, layer, self.plan.check, self.progress, solutions=self.shared
            )
            return plain_section("check", made)
        (problem,) = self.focus.subject.problems
        own = tuple(part for part in check.parts if part.problem is problem)
        return replace(plain_section("check", check), drawn=replace(check, parts=own))

    def _made(self, name: SectionName, make: Callable[[], ReportSection]) -> ReportSection | None:
        """A section; one that takes minutes, or cannot be made here, is left out with a reason."""
        asked = name in self.settings.only
        n, m = self.focus.subject.problems[0].cost.shape
        if takes_too_long(name, self.settings, n * m):
            self.left_out.append(f"{name}: left out, it takes minutes at {n}×{m}: --only {name}")
            return None
        try:
            return make()
        except InputError as error:
            if asked or self._has_truth or name not in ("calibrate", "anneal"):
                raise
            self.left_out.append(f"{name}: left out: {error.fault}")
            return None

    def _spectrum(self) -> ReportSection:
        subjects, along, settings = [self.focus.subject], self.focus.along, self.plan.spectrum
        made = study_spectrum(subjects, along, settings, self.progress, solutions=self.shared)
        return plain_section("spectrum", made)

    def _pseudospectrum(self) -> ReportSection:
        subjects, layer, settings = [self.focus.subject], self.focus.layer, self.plan.pseudospectrum
        made = study_pseudospectrum(subjects, layer, settings, self.progress, solutions=self.shared)
        return ReportSection(
            name="pseudospectrum",
            result=made,
            table=_outline(made),
            row_type=PseudospectrumOutline,
            findings=made.findings,
            drawn=made,
        )

    def _sensitivity(self) -> ReportSection:
        subjects, along = [self.focus.subject], self.focus.along
        made = study_sensitivity(
            subjects,
            along,
            self.plan.sensitivity,
            self.progress,
            solutions=self.shared,
            responses=self.responses,
        )
        return plain_section("sensitivity", made)

    def _constants(self) -> ReportSection:
        subjects, along = [self.focus.subject], self.focus.along
        made = study_constants(
            subjects,
            along,
            self.plan.constants,
            self.progress,
            solutions=self.shared,
            responses=self.responses,
        )
        section = plain_section("constants", made)
        if "sensitivity" not in self.settings.sections:
            return section
        # Figure and claims are those of the sensitivities.
        return replace(section, drawn=None, table=replace(section.table, summary=None))

    def _calibrate(self) -> ReportSection:
        subject = self.focus.whole if self._has_run else self.focus.subject
        settings = self.plan.calibrate
        made = study_calibrate([subject], self.focus.temperatures, settings, self.progress)
        return plain_section("calibrate", made)

    def _anneal(self) -> ReportSection:
        subject = self.focus.whole if self._has_run else self.focus.subject
        settings = self.plan.anneal
        made = study_anneal([subject], self.focus.temperatures, settings, self.progress)
        part = made.parts[0]
        return ReportSection(
            name="anneal",
            result=made,
            table=_comparison(made),
            row_type=Comparison,
            # Without the sentences on single schedules, which are the table's rows.
            findings=(*made.notes, *part.findings[len(part.runs) :], *made.failures),
            drawn=made,
        )

    @property
    def _has_truth(self) -> bool:
        """What was given to be right must not be wrong unnoticed."""
        return self.focus.subject.record.truth is not None

    @property
    def _has_run(self) -> bool:
        whole = self.focus.whole
        return whole.stacked and whole.layout == "trajectory"


def _part_of(whole: Progress, place: int, count: int) -> Progress:
    """The progress of one of so many sections, as that of all."""

    def progress(stage: str, done: int, total: int) -> None:
        whole(stage, place * total + done, count * total)

    return progress


def plain_section(name: SectionName, result: Result[Any]) -> ReportSection:
    """A section that shows the command's own rows."""
    return ReportSection(
        name=name,
        result=result,
        table=result.table,
        row_type=type(result).row_type,
        findings=result.findings,
        drawn=result,
    )


def _comparison(made: AnnealResult) -> Table:
    """One row a schedule: a page has no room for every step."""
    return Table.of("anneal", Comparison, made.summary.comparison, summary=made.summary)


def _outline(made: PseudospectrumResult) -> Table:
    """One row a pseudospectrum: a page has no room for grids."""
    rows: Sequence[PseudospectrumOutline] = [
        PseudospectrumOutline(
            eps=found.eps,
            norm=found.norm,
            kappa_V=found.kappa_V,
            numerical_radius=found.numerical_radius,
            kreiss_lower=found.kreiss.lower,
            kreiss_upper=found.kreiss.upper,
            transient_peak=found.transient_peak,
            status=found.status,
        )
        for found in made.summary.pseudospectra
    ]
    return Table.of("pseudospectrum", PseudospectrumOutline, rows, summary=made.summary)


def row_at(rows: Sequence[Any], eps: float) -> Any:
    """The row whose temperature is next to ``eps``, on a logarithmic scale."""
    return min(rows, key=lambda row: abs(math.log(row.eps / eps)))
