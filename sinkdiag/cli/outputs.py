"""Refuse, before anything is computed, what could not be written or would destroy an input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sinkdiag.cli.conditions import parse_condition
from sinkdiag.cli.options import InputOptions, OutputOptions

if TYPE_CHECKING:
    from sinkdiag.rendering.table import Format

PLOT_ENDINGS = (".png", ".pdf", ".svg")
_ENDINGS: dict[str, Format] = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".txt": "table"}


def check_output(
    output: OutputOptions,
    row_type: type,
    inputs: InputOptions,
    *,
    reads: Iterable[str | None] = (),
    writes: Iterable[str | None] = (),
    endings: Iterable[str] = (),
) -> None:
    """Check every path that is written against every path that is read, and --fail-on.

    ``endings`` are those that a command knows for -o besides the formats of rows.

    Raises
    ------
    click.UsageError
        When two outputs, or an input and an output, are the same file; when the figure's ending is
        not known; when no row can meet a condition.
    InputError
        When standard output is closed and rows would go there, or a path cannot be written.
    """
    from sinkdiag.errors import InputError
    from sinkdiag.rendering.files import check_writable

    if output.path is None and sys.stdout is None:
        raise InputError("standard output", "it is closed", "open it, or write to a file with -o")
    given = (output.path, output.plot, output.manifest, *writes)
    targets = [path for path in given if path is not None]
    for path in targets:
        check_writable(path)
    sources = [path_of(path) for path in (*inputs.files, inputs.marginals_file, *reads) if path]
    _check_apart([path for path in targets if not path.startswith("/dev/")], sources)
    if output.plot is not None and not output.plot.lower().endswith(PLOT_ENDINGS):
        raise click.UsageError(f"--plot {output.plot}: use one of {' '.join(PLOT_ENDINGS)}")
    _check_ending(output, (*_ENDINGS, *endings))
    for text in output.fail_on:
        parse_condition(text, row_type, extended=output.extended)


def _check_ending(output: OutputOptions, known: tuple[str, ...]) -> None:
    """A file whose ending names a format has to name one of ours; /dev/stdout names none."""
    ending = "" if output.path is None else Path(output.path).suffix.lower()
    if output.form == "auto" and ending and ending not in known:
        raise click.UsageError(f"-o {output.path}: use one of {' '.join(known)}, or say --format")


def _check_apart(targets: list[str], sources: list[str]) -> None:
    seen: set[object] = {_identity(path) for path in sources}
    for path in targets:
        identity = _identity(path)
        if identity in seen:
            raise click.UsageError(
                f"{path}: two outputs, or an input and an output, are the same file"
            )
        seen.add(identity)


def _identity(path: str) -> object:
    """Device and inode of a file that exists, however it is linked; else where it will be."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def format_of(output: OutputOptions) -> Format:
    """The format of the rows: as asked for, by the file's ending, or by where they go."""
    if output.form != "auto":
        return output.form
    if output.path is not None:
        return _ENDINGS.get(Path(output.path).suffix.lower(), "csv")
    return "table" if sys.stdout is not None and sys.stdout.isatty() else "csv"


def path_of(source: str) -> str:
    """The file that a source names, without its ``:key``."""
    path, colon, _ = source.rpartition(":")
    return path if colon and Path(path).exists() and not Path(source).exists() else source
