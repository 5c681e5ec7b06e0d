"""The page itself: answers, then a section for each command, then how it was made."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from sinkdiag._version import __version__
from sinkdiag.rendering.page.contents import Page, PageAnswer, PageSection
from sinkdiag.rendering.page.embedded import embed
from sinkdiag.rendering.page.script import SCRIPT
from sinkdiag.rendering.page.style import STYLE
from sinkdiag.rendering.page.svg import StyleSheet, inline
from sinkdiag.rendering.page.tables import pairs_markup, table_markup
from sinkdiag.text import printable


def render(page: Page) -> str:
    """The whole page; the browser is told to load nothing and to run the one script only."""
    sheet = StyleSheet()
    body = "\n".join(
        [
            _heading(page),
            _notes(page.notes),
            _answers(page.answers),
            *(_section(section, place, sheet) for place, section in enumerate(page.sections)),
            _footer(page),
            embed(page.data),
        ]
    )
    style = f"{STYLE}{sheet.render()}"
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hashed(style)}'; "
        f"script-src '{_hashed(SCRIPT)}'; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(page.name)}: sinkdiag report</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{body}\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _hashed(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _text(words: str) -> str:
    """Words that may come from a user: one line, nothing of it markup."""
    return escape(printable(words))


def _heading(page: Page) -> str:
    links = "".join(
        f'<a href="#{_text(section.name)}">{_text(section.name)}</a>' for section in page.sections
    )
    return (
        f'<h1>{_text(page.name)}</h1>\n<p class="about">{_text(page.about)}</p>\n'
        f'<nav aria-label="Sections">{links}</nav>'
    )


def _notes(notes: Sequence[str]) -> str:
    return "".join(f"<p>{_text(note)}</p>" for note in notes)


def _answers(answers: Sequence[PageAnswer]) -> str:
    items = "\n".join(
        f'<li><span class="verdict {_text(entry.verdict)}">{_text(entry.verdict)}</span>'
        f"<h3>{_text(entry.heading)}</h3>"
        f'<p>{_text(entry.answer)} <a href="#{_text(entry.section)}">{_text(entry.section)}</a></p>'
        "</li>"
        for entry in answers
    )
    return f'<ul class="answers">\n{items}\n</ul>' if answers else ""


def _section(section: PageSection, place: int, sheet: StyleSheet) -> str:
    name = _text(section.name)
    figure = ""
    if section.figure is not None:
        drawn = inline(section.figure, f"f{place}-", f"figure of {section.name}", sheet)
        figure = f'<figure tabindex="0">{drawn}</figure>'
    return (
        f'<section id="{name}">\n<h2>{name}</h2>\n<p class="lead">{_text(section.lead)}</p>\n'
        f"{figure}\n{_items(section.findings)}\n{_more(section.details)}\n"
        f"{table_markup(section.table, section.row_type)}\n</section>"
    )


def _items(sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{_text(text)}</li>" for text in sentences)
    return f'<ul class="findings">{items}</ul>' if items else ""


def _more(details: Sequence[str]) -> str:
    return f"<details><summary>More</summary>{_items(details)}</details>" if details else ""


def _footer(page: Page) -> str:
    made = (
        f"<details><summary>How this page was made</summary>{pairs_markup(page.manifest)}</details>"
        if page.manifest
        else ""
    )
    return (
        f"<footer>{made}<p>sinkdiag {_text(__version__)}. The numbers in full precision are in "
        "this page; sinkdiag compare reads them.</p></footer>"
    )
