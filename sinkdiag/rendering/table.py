"""Finished rows as a table: CSV, JSON, JSON lines, a terminal table, or a pandas frame."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from sinkdiag._version import __version__
from sinkdiag.columns import column_names
from sinkdiag.text import printable

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["table", "csv", "json", "jsonl"]
SCHEMA_VERSION = 1
# Width up to which a verdict is a word, and shown in any case.
_SHORT_VERDICT = 20


@dataclass(frozen=True, kw_only=True)
class Label:
    """Which matrix a row belongs to, when there are several."""

    source: str
    index: int


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of one command, in the contract's column order, with its summary."""

    command: str
    columns: tuple[str, ...]
    records: tuple[tuple[Any, ...], ...]
    summary: object | None = None

    @classmethod
    def of(
        cls,
        command: str,
        row_type: type,
        rows: Sequence[object],
        *,
        extended: bool = False,
        labels: Sequence[Label] | None = None,
        summary: object | None = None,
    ) -> Table:
        """Rows that are dataclasses of ``row_type``; ``labels`` puts source and index first."""
        names = column_names(row_type, extended=extended)
        records = [tuple(getattr(row, name) for name in names) for row in rows]
        if labels is not None:
            names = ("source", "index", *names)
            records = [
                (label.source, label.index, *record)
                for label, record in zip(labels, records, strict=True)
            ]
        return cls(command=command, columns=names, records=tuple(records), summary=summary)

    def frame(self) -> pd.DataFrame:
        """The same rows as a frame; statuses become their words."""
        import pandas as pd

        records = [[plain(value) for value in record] for record in self.records]
        return pd.DataFrame(records, columns=list(self.columns))

    def render(self, form: Format, width: int | None = None) -> str:
        """The table as text that ends in a newline; ``width`` is the terminal's, for ``table``."""
        if form == "csv":
            return self._csv()
        if form == "json":
            return json.dumps(self._document(), indent=2, allow_nan=False) + "\n"
        if form == "jsonl":
            return "".join(json.dumps(row, allow_nan=False) + "\n" for row in self._objects())
        return self._terminal(width)

    def _csv(self) -> str:
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_text(value) for value in record] for record in self.records)
        return stream.getvalue()

    def _objects(self) -> list[dict[str, Any]]:
        return [
            {name: json_value(value) for name, value in zip(self.columns, record, strict=True)}
            for record in self.records
        ]

    def _document(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "sinkdiag_version": __version__,
            "command": self.command,
            "rows": self._objects(),
            "summary": json_value(self.summary) if self.summary is not None else {},
        }

    def _terminal(self, width: int | None) -> str:
        from rich import box
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        stream = io.StringIO()
        console = Console(file=stream, width=width, color_system=None, highlight=False)
        one = len(self.records) == 1
        grid = RichTable(box=box.SIMPLE_HEAD, show_header=not one, pad_edge=False)
        if one:
            grid.add_column("quantity")
            grid.add_column("value", overflow="fold")
            for name, value in zip(self.columns, self.records[0], strict=True):
                grid.add_row(name, Text(_short(value)))
            console.print(grid)
            return stream.getvalue()
        cells = [[_short(value) for value in record] for record in self.records]
        shown = _fitting(self.columns, cells, console.width)
        for place in shown:
            grid.add_column(self.columns[place], justify="right", overflow="fold")
        for line in cells:
            grid.add_row(*(Text(line[place]) for place in shown))
        console.print(grid)
        hidden = [name for place, name in enumerate(self.columns) if place not in shown]
        if hidden:
            more = f"not shown: {', '.join(hidden)} (a wider terminal, --format csv, or -o)"
            console.print(Text(more))
        return stream.getvalue()


def _fitting(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """Which columns fit side by side: the first ones; status and a short verdict in any case."""
    sizes = [
        3 + max(len(name), *(len(line[place]) for line in cells), 1)
        for place, name in enumerate(columns)
    ]
    shown = [
        place
        for place, name in enumerate(columns)
        if name == "status" or (name == "verdict" and sizes[place] <= _SHORT_VERDICT)
    ]
    kept, room = len(shown), width - sum(sizes[place] for place in shown)
    for place, size in enumerate(sizes):
        if place in shown:
            continue
        if size > room and len(shown) > kept:
            break
        shown.append(place)
        room -= size
    return sorted(shown)


def json_value(value: Any) -> Any:
    """A value for JSON, which has no nan (null) and no inf (the strings "inf" and "-inf")."""
    value = plain(value)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else repr(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    return value


def plain(value: Any) -> Any:
    """Enumerations as their words, NumPy scalars and arrays as Python's own."""
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def _text(value: Any) -> str:
    value = plain(value)
    return repr(value) if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    value = plain(value)
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))
