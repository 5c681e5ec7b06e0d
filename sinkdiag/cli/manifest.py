"""--manifest, for any command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sinkdiag.load import CostData
    from sinkdiag.report.manifest import InputRecord

Command = TypeVar("Command", bound=Callable[..., Any])


def manifest_option(function: Command) -> Command:
    """--manifest, as ``manifest: str | None``."""
    option = click.option(
        "--manifest",
        metavar="PATH",
        help="Write versions, seed, tolerances, arguments and the inputs' SHA-256 to this file.",
    )
    return option(function)


def write_manifest(
    path: str | None,
    data: Sequence[CostData],
    *,
    files: Sequence[str] = (),
    marginals: str,
    seed: int,
    replicates: int | None,
    tol: float,
    max_iter: int,
) -> None:
    """Write the manifest of this run, whole or not at all; nothing without a path.

    ``files`` are inputs that are no costs.
    """
    if path is None:
        return
    from sinkdiag.report.files import write_text
    from sinkdiag.report.manifest import file_record, make_manifest

    records = [_record(item) for item in data]
    records += [file_record(path, path) for path in files]
    if marginals not in ("unit", "probability"):
        records.append(file_record(marginals, marginals))
    made = make_manifest(
        records, seed=seed, replicates=replicates, tolerance=tol, max_iter=max_iter
    )
    write_text(path, made.render())


def _record(data: CostData) -> InputRecord:
    from sinkdiag.report.manifest import array_record, file_record

    for path in (data.name, data.name.rpartition(":")[0]):
        if path and Path(path).is_file():
            return file_record(data.name, path)
    return array_record(data.name, data.stack.tobytes())
