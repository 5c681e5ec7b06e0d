"""The result of ``report``: answers, sections, and what they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sinkdiag.errors import NothingToDrawError
from sinkdiag.rendering.files import write_text
from sinkdiag.rendering.manifest import Manifest
from sinkdiag.results import Status
from sinkdiag.studies.report_names import SectionName
from sinkdiag.studies.report_page import Contents, document_of, page_of, text_of
from sinkdiag.studies.report_row import ReportRow, ReportSummary
from sinkdiag.studies.report_sections import ReportSection
from sinkdiag.studies.result import Part, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportPart(Part):
    """The one input."""

    summary: ReportSummary


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportResult(Result[ReportPart]):
    """Answers first, then a section for each command; as text, as JSON or as a page."""

    command: ClassVar[str] = "report"
    row_type: ClassVar[type] = ReportRow
    sections: tuple[ReportSection, ...] = ()

    @property
    def summary(self) -> ReportSummary:
        """What the answers are about."""
        return self.parts[0].summary

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Those of all sections."""
        return tuple(status for each in self.sections for status in each.result.statuses)

    @property
    def failures(self) -> tuple[str, ...]:
        """None beside the sections, which say what failed in them."""
        return ()

    @property
    def contents(self) -> Contents:
        """What text, JSON and page are made from."""
        return Contents(
            summary=self.summary,
            rows=self.rows,
            notes=self.notes,
            sections=self.sections,
            table=self.table,
        )

    def section(self, name: SectionName) -> Result[Any]:
        """The result of one command.

        Raises
        ------
        KeyError
            When that section was not made.
        """
        return {each.name: each.result for each in self.sections}[name]

    def text(self) -> str:
        """The answers as text of 80 columns."""
        return text_of(self.contents)

    def document(self, manifest: Manifest | None = None) -> str:
        """Answers and sections as JSON."""
        return document_of(self.contents, manifest)

    def page(self, manifest: Manifest | None = None) -> str:
        """One self-contained page (HTML): answers, figures, tables, and the data as JSON.

        ``manifest``, where there is one, stands on the page and lets `compare` tell what else
        differs between two pages.
        """
        return page_of(self.contents, manifest)

    def save(self, path: str) -> None:
        """Write the page, whole or not at all.

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        write_text(path, self.page())

    def figure(self) -> Figure:
        """The figure of the first section that has one.

        Raises
        ------
        NothingToDrawError
            When none has.
        """
        for each in self.sections:
            try:
                return each.result.figure()
            except NothingToDrawError:
                continue
        raise NothingToDrawError("no section has a figure")
