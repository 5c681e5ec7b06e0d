"""Write a finished result where it belongs: one order for all commands.

Manifest, files beside the rows, rows, figure, sentences, exit status. Everything is made before
anything is written, so that a figure that fails leaves no rows behind.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sinkdiag.cli.conditions import parse_condition
from sinkdiag.cli.messages import detail, invocation, note
from sinkdiag.cli.outputs import format_of, path_of
from sinkdiag.text import encodable

if TYPE_CHECKING:
    from sinkdiag.cli.options import InputOptions, OutputOptions
    from sinkdiag.cli.work import Run
    from sinkdiag.rendering.manifest import Manifest
    from sinkdiag.rendering.table import Table
    from sinkdiag.studies.result import Result
    from sinkdiag.studies.subjects import Subject

    Writer = Callable[[IO[bytes]], object]

BAD_INPUT, NOT_CONVERGED, CONDITION_MET = 3, 4, 5


def publish(
    result: Result[Any],
    output: OutputOptions,
    *,
    inputs: InputOptions,
    subjects: Sequence[Subject],
    settings: object,
    run: Run | None = None,
    beside: Mapping[str | None, Writer] | None = None,
    rendered: str | None = None,
) -> int:
    """Publish a result and return the exit status.

    Parameters
    ----------
    result, output:
        What is published, and where.
    inputs, subjects, settings:
        What it was made from, for the manifest.
    run:
        How it was made, where it was made unit by unit: what is out already, and what is missing.
    beside:
        Further files: a path (None: not asked for) and what fills it.
    rendered:
        What is written in place of the rows; on standard output it says what the sentences say.
    """
    from sinkdiag.rendering.files import write_text, write_with

    faults = run.work.faults if run is not None else []
    table = result.table if run is None else run.table(result, output)
    if faults and not table.records:
        return BAD_INPUT
    text = _rendered(table, output) if rendered is None else rendered
    figure = _figure(result, output) if result.parts else None
    if output.manifest is not None:
        manifest = manifest_of(inputs, subjects, settings)
        write_text(output.manifest, manifest.render())
    for path, write in (beside or {}).items():
        if path is not None and result.parts:
            write_with(path, write)
    _write_rows(text, result, output, run)
    if output.plot is not None and figure is not None:
        write_with(output.plot, lambda stream: stream.write(figure))
    if result.parts and (rendered is None or output.path is not None):
        _write_sentences(result, table, output)
    if faults:
        many = (
            f"{len(faults)} inputs were left out: their"
            if len(faults) > 1
            else "1 input was left out: its"
        )
        note(f"{many} rows are missing")
    return _exit_status(result, table, output, run)


def _write_rows(text: str, result: Result[Any], output: OutputOptions, run: Run | None) -> None:
    """To the file, or to standard output unless they are there already."""
    from sinkdiag.rendering.files import write_text

    if output.path is not None:
        write_text(output.path, text)
        if run is not None:
            run.rows.remove()
    elif not _spared(result, output) and not (run is not None and run.streamed and result.parts):
        sys.stdout.write(encodable(text, sys.stdout.encoding or "utf-8"))
        sys.stdout.flush()


def _write_sentences(result: Result[Any], table: Table, output: OutputOptions) -> None:
    for sentence in result.findings:
        note(sentence)
    if _spared(result, output):
        note(f"{len(table.records):,} rows are not shown here: --format table, or -o PATH")
    for sentence in result.details:
        detail(sentence)


def _rendered(table: Table, output: OutputOptions) -> str:
    form = format_of(output)
    on_terminal = form == "table" and output.path is None
    width = shutil.get_terminal_size().columns if on_terminal else None
    return table.render(form, width)


def _spared(result: Result[Any], output: OutputOptions) -> bool:
    """Whether rows would only scroll the sentences off a terminal."""
    shown = output.form != "auto" or output.path is not None
    return result.brief and not shown and sys.stdout.isatty()


def _figure(result: Result[Any], output: OutputOptions) -> bytes | None:
    """The figure's bytes; None when there is none to draw, which a note then explains."""
    if output.plot is None:
        return None
    from sinkdiag.errors import NothingToDrawError
    from sinkdiag.rendering.figures.style import rendered

    try:
        drawn = rendered(result.figure(), output.plot)
    except NothingToDrawError as error:
        note(f"{result.parts[0].name}: no figure, because {error}")
        return None
    if len(result.parts) > result.drawn:
        many = f"the first {result.drawn} of" if result.drawn > 1 else "the first of"
        note(f"--plot shows {many} {len(result.parts)} cases, from {result.parts[0].name}")
    return drawn


def manifest_of(inputs: InputOptions, subjects: Sequence[Subject], settings: object) -> Manifest:
    """What the running command was made from and with."""
    import numpy as np

    from sinkdiag.rendering.manifest import array_record, file_record, make_manifest

    records = []
    for subject in subjects:
        if Path(path_of(subject.name)).is_file():
            records.append(file_record(subject.name, path_of(subject.name)))
        else:
            # Standard input, or a pipe: it was read once, and what came out of it is hashed.
            records.append(array_record(subject.name, subject.stack().tobytes()))
    for path in filter(None, (*inputs.reads, inputs.marginals_file)):
        if Path(path).is_file():
            records.append(file_record(path, path))
        elif subjects:
            masses = [*subjects[0].problems[0].row, *subjects[0].problems[0].col]
            records.append(array_record(path, np.array(masses).tobytes()))
    return make_manifest(records, invocation().arguments, settings)


def _exit_status(result: Result[Any], table: Table, output: OutputOptions, run: Run | None) -> int:
    """0; 4 when some status failed, 5 when a --fail-on condition holds, 3 when inputs are missing.

    The last of them goes first.
    """
    met = [
        parse_condition(text, type(result).row_type, extended=output.extended).met_by(table)
        for text in output.fail_on
    ]
    for sentence in filter(None, met):
        note(sentence)
        break
    if run is not None and run.work.faults:
        return BAD_INPUT
    if any(met):
        return CONDITION_MET
    failed = any(status.failed for status in result.statuses) or (run is not None and run.failed)
    return NOT_CONVERGED if failed else 0
