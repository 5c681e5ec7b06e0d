"""What the columns of a row mean: kept with the fields, read by help, JSON and figures."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a command's rows: its meaning in a sentence, and its unit ("" for none)."""

    name: str
    type: str
    meaning: str
    unit: str
    extended: bool

    @property
    def label(self) -> str:
        """Name and unit, as on an axis."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def column(meaning: str, unit: str = "", *, extended: bool = False, default: Any = MISSING) -> Any:
    """A dataclass field that is a column; ``extended`` ones are written only on request."""
    metadata = {"meaning": meaning, "unit": unit, "extended": extended}
    return field(default=default, metadata=metadata)


def columns_of(row_type: type, *, extended: bool = True) -> tuple[Column, ...]:
    """The columns of a row type in order, the extended ones only on request."""
    return tuple(
        Column(
            name=entry.name,
            type=entry.type if isinstance(entry.type, str) else entry.type.__name__,
            meaning=entry.metadata.get("meaning", ""),
            unit=entry.metadata.get("unit", ""),
            extended=bool(entry.metadata.get("extended", False)),
        )
        for entry in fields(row_type)
        if extended or not entry.metadata.get("extended", False)
    )


def column_names(row_type: type, *, extended: bool = False) -> tuple[str, ...]:
    """Their names; by default without the extended ones."""
    return tuple(entry.name for entry in columns_of(row_type, extended=extended))


def labelled(row_type: type, name: str) -> str:
    """The axis label of one column."""
    return next(entry.label for entry in columns_of(row_type) if entry.name == name)


def reference(row_type: type) -> str:
    """The column reference of a row type as Markdown; a star marks extended columns."""
    lines = ["| column | meaning | unit |", "|---|---|---|"]
    lines += [
        f"| `{entry.name}`{' *' if entry.extended else ''} | {entry.meaning} | {entry.unit} |"
        for entry in columns_of(row_type)
    ]
    if any(entry.extended for entry in columns_of(row_type)):
        lines += ["", "\\* with --extended"]
    return "\n".join(lines) + "\n"
