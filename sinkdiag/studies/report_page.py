"""A report as text, as JSON and as a page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sinkdiag.errors import NothingToDrawError
from sinkdiag.rendering.manifest import Manifest
from sinkdiag.rendering.page.contents import Page, PageAnswer, PageSection
from sinkdiag.rendering.page.html import render
from sinkdiag.rendering.table import Table
from sinkdiag.studies.report_row import ReportRow, ReportSummary
from sinkdiag.studies.report_sections import ReportSection
from sinkdiag.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 80
HEADINGS: Mapping[str, str] = {
    "input": "Are sign and scale of the costs as they should be?",
    "temperature": "Which temperature is sane here, and in which units?",
    "sweeps": "Are K sweeps enough, and how many would be?",
    "float32": "Does the layer hold in float32?",
    "bfloat16": "Does it hold in bfloat16?",
    "float16": "Does it hold in float16?",
    "gradient": "Is the gradient alive, or dead because saturated or uniform?",
    "contraction": "What does one sweep take off an error?",
    "derivative": "How strongly does the plan answer to the costs?",
    "cooling": "Does cooling need a controller, and which?",
    "schedule": "Which schedule comes closest to the optimum?",
    "network": "Are the hyper-connections alive?",
}
_LEADS: Mapping[str, str] = {
    "check": "The layer as it is used: its K sweeps beside the fixed point, and their gradient.",
    "spectrum": "What one sweep does to an error: the Jacobian's eigenvalues along eps.",
    "pseudospectrum": "How far from its eigenvalues the Jacobian acts, at the layer's temperature.",
    "sensitivity": "How the plan answers to costs and temperature, along eps.",
    "constants": "The constants of the paper's appendix A.7, along eps.",
    "calibrate": "A learner's costs under cooling: a quick look at how hard it may be cooled.",
    "anneal": "Annealing schedules on these costs, each at its end.",
    "stack": "What every projection of the network does, by its static logits.",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents:
    """What a report holds, whatever it becomes."""

    summary: ReportSummary
    rows: tuple[ReportRow, ...]
    notes: tuple[str, ...]
    sections: tuple[ReportSection, ...]
    table: Table


def text_of(contents: Contents) -> str:
    """A line on what it is about, then each answer under its key, in 80 columns."""
    summary = contents.summary
    lines = [_wrapped(f"{summary.name}: {summary.about}", "")]
    lines += [_wrapped(note, "  ") for note in contents.notes]
    lines += [
        _wrapped(f"{row.verdict:<7} {row.topic}: {row.answer}", " " * 8) for row in contents.rows
    ]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(printable(text), _WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def data_of(contents: Contents, manifest: Manifest | None) -> dict[str, Any]:
    """Answers and sections as JSON can hold them, each section as its command's own JSON."""
    data = json.loads(contents.table.render("json"))
    data["sections"] = [json.loads(section.table.render("json")) for section in contents.sections]
    if manifest is not None:
        data["manifest"] = asdict(manifest)
    return dict(data)


def document_of(contents: Contents, manifest: Manifest | None) -> str:
    """The same as text."""
    return json.dumps(data_of(contents, manifest), indent=2, allow_nan=False) + "\n"


def page_of(contents: Contents, manifest: Manifest | None) -> str:
    """The page."""
    return render(
        Page(
            name=contents.summary.name,
            about=contents.summary.about,
            notes=contents.notes,
            answers=[
                PageAnswer(
                    key=row.topic,
                    heading=HEADINGS[row.topic],
                    verdict=row.verdict,
                    answer=row.answer,
                    section=row.section,
                )
                for row in contents.rows
            ],
            sections=list(_page_sections(contents)),
            manifest=list(_told(manifest)),
            data=data_of(contents, manifest),
        )
    )


def _page_sections(contents: Contents) -> Iterator[PageSection]:
    """Every section; what was said in one is not said again in the next."""
    said: set[str] = set()
    name = contents.summary.name
    for section in contents.sections:
        findings, details = (
            [text.removeprefix(name).lstrip(":, ") for text in texts]
            for texts in (section.findings, section.result.details)
        )
        yield _page_section(
            section,
            [text for text in findings if text not in said],
            [text for text in details if text not in said],
        )
        said |= {*findings, *details}


def _page_section(
    section: ReportSection, findings: Sequence[str], details: Sequence[str]
) -> PageSection:
    drawn, why = _drawn(section)
    return PageSection(
        name=section.name,
        lead=_LEADS[section.name],
        findings=[*findings, *why],
        details=details,
        table=section.table,
        row_type=section.row_type,
        figure=drawn,
    )


def _drawn(section: ReportSection) -> tuple[Figure | None, tuple[str, ...]]:
    """The figure; else, where one was to be had, why there is none."""
    if section.drawn is None:
        return None, ()
    try:
        return section.drawn.figure(), ()
    except NothingToDrawError as error:
        return None, (f"no figure, because {error}",)


def _told(manifest: Manifest | None) -> Iterator[tuple[str, str]]:
    """What a reader of the page wants of it."""
    if manifest is None:
        return
    yield "command", " ".join(("sinkdiag", *manifest.arguments))
    for record in manifest.inputs:
        yield f"SHA-256 of {record.source} ({record.hashed})", record.sha256
    for name in ("sinkdiag", "python", "numpy", "scipy", "numba", "blas", "platform"):
        yield name, str(getattr(manifest, name))
