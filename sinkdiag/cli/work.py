"""Runs over many units: where they are worked on, and their rows as they come."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.cli.messages import fault, note, progress_bar
from sinkdiag.cli.options import InputOptions, OutputOptions
from sinkdiag.cli.outputs import format_of
from sinkdiag.cli.partial_rows import SUFFIX, PartialRows, UnitRows
from sinkdiag.cli.work_options import WorkOptions, are_many
from sinkdiag.text import encodable

if TYPE_CHECKING:
    from sinkdiag.parallel.workers import Workers
    from sinkdiag.progress import Progress
    from sinkdiag.rendering.table import Table
    from sinkdiag.studies.result import Part, Result
    from sinkdiag.studies.subjects import Case
    from sinkdiag.studies.units import Work


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run over units: how a study works on them, and the rows that are known so far.

    ``streamed``: whether rows went to standard output as they came.
    """

    work: Work
    progress: Progress
    rows: PartialRows
    streamed: bool = False

    def table(self, result: Result[Any], output: OutputOptions) -> Table:
        """All rows, those of an earlier run among them."""
        from sinkdiag.rendering.table import Table

        if not self.rows.resumed and result.parts:
            return result.table
        columns = columns_of_run(type(result), output, labelled=result.labelled)
        units = [self.rows.units[number] for number in sorted(self.rows.units)]
        records = tuple(record for unit in units for record in unit.records)
        return Table(command=result.command, columns=columns, records=records)

    @property
    def failed(self) -> bool:
        """Whether a row of an earlier run was stalled or below resolution."""
        return any(self.rows.units[number].failed for number in self.rows.resumed)


@contextmanager
def at_work(
    options: WorkOptions,
    result_type: type[Result[Any]],
    *,
    inputs: InputOptions,
    output: OutputOptions,
    settings: Sequence[object],
    beside: Sequence[str | None] = (),
) -> Iterator[Run]:
    """Everything that a study over many units needs, for as long as it runs.

    Parameters
    ----------
    options, inputs, output:
        Those of the command line.
    result_type:
        Whose rows they are.
    settings:
        Everything else that the rows depend on: a run is resumed only with the same.
    beside:
        Further files, which cannot be resumed.
    """
    many = are_many(inputs)
    side = _side_file(output) if many else None
    _check(options, side, [output.plot, *beside], many=many)
    header = _header(result_type, inputs, output, settings) if side is not None else {}
    rows = PartialRows(side, header)
    if options.resume:
        rows.read()
    streamed = many and _streams(output)
    taker = _Taker(result_type, output, rows, streamed=streamed)
    with _workers(options, inputs) as workers, progress_bar() as progress:
        work = _work(options, workers, taker)
        yield Run(work=work, progress=progress, rows=rows, streamed=streamed)
    rows.close()
    if rows.resumed:
        note(f"{len(rows.resumed)} of {len(rows.units)} units were done before: only rows of them")


def _work(options: WorkOptions, workers: Workers, taker: _Taker) -> Work:
    from sinkdiag.studies.units import Shard, Work

    return Work(
        workers=workers,
        shard=options.shard or Shard(),
        keep_going=options.keep_going,
        known=taker.rows.take_over if options.resume else None,
        finished=taker.take,
        fault=lambda error: fault(str(error)),
    )


class _Taker:
    """Takes the rows of each unit as it is finished: to standard output, to the side file."""

    def __init__(
        self,
        result_type: type[Result[Any]],
        output: OutputOptions,
        rows: PartialRows,
        *,
        streamed: bool,
    ) -> None:
        self.result_type, self.output, self.rows, self.streamed = (
            result_type,
            output,
            rows,
            streamed,
        )
        self._begun = False

    def take(self, number: int, case: Case, parts: Sequence[Part]) -> None:
        """The rows of one unit."""
        from sinkdiag.rendering.table import Table, plain

        if self.rows.path is None and not self.streamed:
            return
        table = Table.of(
            self.result_type.command,
            self.result_type.row_type,
            [row for part in parts for row in part.rows],
            extended=self.output.extended,
            labels=[part.label for part in parts for _ in part.rows],
        )
        statuses = self.result_type(parts=tuple(parts)).statuses
        self.rows.add(
            number,
            case,
            UnitRows(
                records=tuple(tuple(plain(value) for value in record) for record in table.records),
                failed=any(status.failed for status in statuses),
            ),
        )
        if self.streamed:
            self._print(table)

    def _print(self, table: Table) -> None:
        form = format_of(self.output)
        text = table.render(form)
        if form == "csv" and self._begun:
            text = text.partition("\n")[2]  # the header stands there already
        self._begun = True
        sys.stdout.write(encodable(text, sys.stdout.encoding or "utf-8"))
        sys.stdout.flush()


def columns_of_run(
    result_type: type[Result[Any]], output: OutputOptions, *, labelled: bool
) -> tuple[str, ...]:
    """The columns of a run's rows, of which there may be none."""
    from sinkdiag.columns import column_names

    names = column_names(result_type.row_type, extended=output.extended)
    return ("source", "index", *names) if labelled else tuple(names)


def _streams(output: OutputOptions) -> bool:
    """Whether rows leave as they come: into a pipe or a file, in a format of lines."""
    line_by_line = format_of(output) in ("csv", "jsonl")
    return output.path is None and line_by_line and not sys.stdout.isatty()


def _side_file(output: OutputOptions) -> Path | None:
    """Where unfinished rows are kept: beside a file of lines."""
    if output.path is None or format_of(output) not in ("csv", "jsonl"):
        return None
    target = Path(os.path.realpath(output.path))
    return None if target.exists() and not target.is_file() else Path(f"{target}{SUFFIX}")


def _check(
    options: WorkOptions, side: Path | None, beside: Sequence[str | None], *, many: bool
) -> None:
    """Refuse what the options cannot do together."""
    if options.jobs > 1 and options.scheduler is not None:
        raise click.UsageError("--jobs and --scheduler exclude each other")
    if options.shard is not None and not many:
        raise click.UsageError("--shard shares several files, or a stack with --layout")
    if not options.resume:
        return
    if side is None:
        raise click.UsageError("--resume needs several matrices, and -o to a .csv or .jsonl file")
    if any(path is not None for path in beside):
        raise click.UsageError(
            "--resume restores rows alone: make the figure and other files in a run of their own"
        )


def _header(
    result_type: type[Result[Any]],
    inputs: InputOptions,
    output: OutputOptions,
    settings: Sequence[object],
) -> dict[str, Any]:
    """What a run is of: rows of another one are no rows of this one."""
    from sinkdiag._version import __version__
    from sinkdiag.rendering.table import json_value

    return {
        "sinkdiag": __version__,
        "command": result_type.command,
        "columns": columns_of_run(result_type, output, labelled=True),
        "layout": inputs.layout,
        "score": inputs.score,
        "marginals": inputs.marginals,
        "metric": inputs.metric,
        "settings": [json_value(each) for each in settings],
    }


def hash_of(path: str | None) -> str | None:
    """SHA-256 of a file that rows depend on; None where there is none, or it is no file."""
    if path is None or not Path(path).is_file():
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@contextmanager
def _workers(options: WorkOptions, inputs: InputOptions) -> Iterator[Workers]:
    from sinkdiag.parallel.workers import InProcess

    if not options.several:
        for name in ("--jobs",) * (options.jobs > 1) + ("--scheduler",) * bool(options.scheduler):
            note(f"{name} has nothing to share here: the one matrix has this process")
        yield InProcess()
    elif options.scheduler is not None:
        from sinkdiag.parallel.scheduler import scheduled
        from sinkdiag.studies.travel import ByName

        with scheduled(options.scheduler) as pool:
            yield ByName(pool, inputs.layout, score=inputs.score)
    elif options.jobs > 1:
        from sinkdiag.parallel.processes import processes

        with processes(options.jobs) as pool:
            yield pool
    else:
        yield InProcess()
