"""What a page is made of: answers, sections with figures and tables, and the data behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sinkdiag.rendering.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class PageAnswer:
    """One answer: its key, the question in words, a verdict of one word, the section it is from."""

    key: str
    heading: str
    verdict: str
    answer: str
    section: str


@dataclass(frozen=True, kw_only=True, eq=False)
class PageSection:
    """One section.

    ``lead`` says in a sentence what it shows; ``details`` is for who asks for more than the
    ``findings``; ``row_type`` says what the columns of ``table`` mean;
    ``figure`` is None where there is nothing to draw.
    """

    name: str
    lead: str
    findings: Sequence[str]
    details: Sequence[str]
    table: Table
    row_type: type
    figure: Figure | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """A whole page; ``about`` says in a line what it is about, ``data`` is what JSON can hold."""

    name: str
    about: str
    notes: Sequence[str]
    answers: Sequence[PageAnswer]
    sections: Sequence[PageSection]
    manifest: Sequence[tuple[str, str]]
    data: dict[str, Any]
