"""Rows as a table of the page, and what their columns mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from html import escape
from typing import Any

from sinkdiag.columns import Column, columns_of
from sinkdiag.rendering.table import Table
from sinkdiag.text import printable

# Of a table with so many rows at most, every row is shown.
MOST_ROWS = 200
# Columns that stand beside a row but are not part of its record.
_LABELS = {"source": "the input", "index": "the place of the matrix in it"}


def table_markup(table: Table, row_type: type) -> str:
    """A sortable table, or of a single row a list of quantities with their meanings."""
    meanings = {entry.name: entry for entry in columns_of(row_type)}
    if len(table.records) == 1:
        return _single(table, meanings)
    head = "".join(
        f'<th scope="col"{_kind(table, place)}><button type="button">'
        f"{escape(_titled(name, meanings))}</button></th>"
        for place, name in enumerate(table.columns)
    )
    lines = "".join(_line(record) for record in table.records[:MOST_ROWS])
    hidden = len(table.records) - MOST_ROWS
    more = f"<p>{hidden:,} more rows are in the data of this page.</p>" if hidden > 0 else ""
    return (
        f'<div class="wide" tabindex="0"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>{more}{_reference(table.columns, meanings)}"
    )


def pairs_markup(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values, one pair a line."""
    lines = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td class="t">{_text(value)}'
        for name, value in pairs
    )
    return f'<div class="wide" tabindex="0"><table>{lines}</table></div>'


def _text(words: str) -> str:
    return escape(printable(words))


def _single(table: Table, meanings: dict[str, Column]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(_titled(name, meanings))}</th>{_cell(value)}'
        f'<td class="t">{escape(_meaning(name, meanings))}'
        for name, value in zip(table.columns, table.records[0], strict=True)
    )
    return (
        '<details><summary>All numbers</summary><div class="wide" tabindex="0">'
        f'<table class="single">{lines}</table></div></details>'
    )


def _kind(table: Table, place: int) -> str:
    """The class of a column of numbers, by its first row."""
    first = table.records[0][place] if table.records else ""
    return ' class="n"' if _is_number(first) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _line(record: Sequence[Any]) -> str:
    return f"<tr>{''.join(_cell(value) for value in record)}"


def _cell(value: Any) -> str:
    """Numbers to four digits; the data of the page have them all."""
    if isinstance(value, Enum):
        value = value.value
    if not _is_number(value):
        return f'<td class="t">{escape(printable(str(value)))}'
    text = f"{value:.4g}" if isinstance(value, float) and not math.isnan(value) else str(value)
    # HTML ends a cell and a line where the next begins.
    return f"<td>{text}"


def _titled(name: str, meanings: dict[str, Column]) -> str:
    return meanings[name].label if name in meanings else name


def _meaning(name: str, meanings: dict[str, Column]) -> str:
    return meanings[name].meaning if name in meanings else _LABELS.get(name, "")


def _reference(names: Sequence[str], meanings: dict[str, Column]) -> str:
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_meaning(name, meanings))}</dd>" for name in names
    )
    return f"<details><summary>What the columns mean</summary><dl>{items}</dl></details>"
