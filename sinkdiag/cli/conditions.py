"""Conditions of --fail-on: COLUMN<VALUE."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.columns import columns_of

if TYPE_CHECKING:
    from sinkdiag.rendering.table import Table

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a row must not meet."""

    text: str
    column: str
    compare: Callable[[Any, Any], Any]
    wanted: str

    def holds(self, value: Any) -> bool:
        """Numbers compare as numbers (nan meets no condition but !=), anything else as words."""
        if isinstance(value, (int, float)) and not isinstance(value, bool) and _number(self.wanted):
            return bool(self.compare(float(value), float(self.wanted)))
        return bool(self.compare(str(value).lower(), self.wanted.lower()))

    def met_by(self, table: Table) -> str:
        """The first row that meets it, in words; empty where none does."""
        place = table.columns.index(self.column)
        for number, record in enumerate(table.records):
            if self.holds(record[place]):
                where = _place(dict(zip(table.columns, record, strict=True)))
                found = f"{self.column} = {record[place]}"
                return f"--fail-on {self.text}: row {number}{where} has {found}"
        return ""


def parse_condition(text: str, row_type: type, *, extended: bool) -> Condition:
    """A condition on the columns of a row type.

    Raises
    ------
    click.UsageError
        When it cannot be read, names no column, or compares a number with a word.
    """
    match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*(\S.*?)\s*", text)
    if match is None:
        raise click.UsageError(f"--fail-on {text}: write COLUMN<VALUE, with < <= > >= == or !=")
    columns = {entry.name: entry.type for entry in columns_of(row_type, extended=extended)}
    if match[1] not in columns:
        known = ", ".join(columns)
        raise click.UsageError(f"--fail-on {text}: no column {match[1]} (there are {known})")
    if columns[match[1]] in ("float", "int") and not _number(match[3]):
        raise click.UsageError(f"--fail-on {text}: {match[1]} is a number")
    return Condition(text=text, column=match[1], compare=_OPERATORS[match[2]], wanted=match[3])


def _place(row: Mapping[str, Any]) -> str:
    """Which input and which temperature a row is about, as far as it says so."""
    source = [f"{row['source']}[{row['index']}]"] if "index" in row and "source" in row else []
    eps = [f"eps = {row['eps']:.6g}"] if isinstance(row.get("eps"), float) else []
    return f" ({', '.join([*source, *eps])})" if source or eps else ""


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
