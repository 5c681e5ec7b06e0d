"""Write a finished table where it belongs and turn what it says into an exit status."""

from __future__ import annotations

import dataclasses
import operator
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sinkdiag.cli.options import OutputOptions
    from sinkdiag.report.table import Format, Table
    from sinkdiag.results import Status

NOT_CONVERGED, CONDITION_MET = 4, 5
PLOT_ENDINGS = (".png", ".pdf", ".svg")
_ENDINGS: dict[str, Format] = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".txt": "table"}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


def check_output(output: OutputOptions, row_type: type, *paths: str | None) -> None:
    """Refuse, before any computing, unwritable paths and conditions that no row can meet."""
    from sinkdiag.errors import InputError
    from sinkdiag.report.files import check_writable
    from sinkdiag.report.table import column_names

    if output.path is None and sys.stdout is None:
        raise InputError("standard output", "it is closed", "open it, or write to a file with -o")
    given = [path for path in (output.path, output.plot, *paths) if path is not None]
    for path in given:
        check_writable(path)
    sources = click.get_current_context().params.get("cost") or ()
    targets = [os.path.realpath(path) for path in given if not path.startswith("/dev/")]
    if len(set(targets)) < len(targets) or set(targets) & {os.path.realpath(s) for s in sources}:
        raise click.UsageError("two outputs, or an input and an output, are the same file")
    if output.plot is not None and not output.plot.lower().endswith(PLOT_ENDINGS):
        raise click.UsageError(f"--plot {output.plot}: use one of {' '.join(PLOT_ENDINGS)}")
    columns = column_names(row_type, extended=output.extended)
    kinds = {entry.name: entry.type for entry in dataclasses.fields(row_type)}
    for condition in output.fail_on:
        column, _, wanted = _parse_condition(condition)
        if kinds.get(column) in ("float", "int") and not _is_number(wanted):
            raise click.UsageError(f"--fail-on {condition}: {column} is a number")
        if column not in columns:
            raise click.UsageError(
                f"--fail-on {condition}: no column {column} (there are {', '.join(columns)})"
            )


def emit(table: Table, output: OutputOptions) -> None:
    """Write the rows to standard output or, whole or not at all, to the file of -o."""
    from sinkdiag.report.files import write_text

    form = _format(output)
    if output.path is not None:
        write_text(output.path, table.render(form))
        return
    width = shutil.get_terminal_size().columns if form == "table" else None
    sys.stdout.write(table.render(form, width))
    sys.stdout.flush()


def exit_status(table: Table, output: OutputOptions, statuses: Iterable[Status]) -> int:
    """0, 4 when some status failed, 5 when a --fail-on condition holds (which goes first)."""
    from sinkdiag.cli.messages import note

    for condition in output.fail_on:
        column, compare, value = _parse_condition(condition)
        place = table.columns.index(column)
        for number, record in enumerate(table.records):
            if _holds(record[place], compare, value):
                note(f"--fail-on {condition}: row {number} has {column} = {record[place]}")
                return CONDITION_MET
    return NOT_CONVERGED if any(status.failed for status in statuses) else 0


def report_failures(statuses: Sequence[Status]) -> None:
    """One line for each kind of failure among the rows, with its cause and its remedy."""
    from sinkdiag.cli.messages import note

    for status in dict.fromkeys(statuses):
        if status.failed:
            count = sum(other is status for other in statuses)
            note(f"{count} of {len(statuses)} rows are {status}: {status.cause}; {status.remedy}")


def _format(output: OutputOptions) -> Format:
    if output.form != "auto":
        return output.form
    if output.path is not None:
        ending = output.path[output.path.rfind(".") :].lower() if "." in output.path else ""
        return _ENDINGS.get(ending, "csv")
    return "table" if sys.stdout.isatty() else "csv"


def _parse_condition(text: str) -> tuple[str, Callable[[Any, Any], Any], str]:
    match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*(\S.*?)\s*", text)
    if match is None:
        raise click.UsageError(f"--fail-on {text}: write COLUMN<VALUE, with < <= > >= == or !=")
    return match[1], _OPERATORS[match[2]], match[3]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _holds(value: Any, compare: Callable[[Any, Any], Any], wanted: str) -> bool:
    """Numbers compare as numbers (nan meets no condition but !=), anything else as words."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return bool(compare(float(value), float(wanted)))
        except ValueError:
            pass
    return bool(compare(str(value).lower(), wanted.lower()))
