"""``sinkdiag compare``: what differs between two results."""

from __future__ import annotations

import click

from sinkdiag.cli.messages import note
from sinkdiag.cli.options import InputOptions, OutputOptions, columns_option, plain_output_options
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import CONDITION_MET, publish
from sinkdiag.cli.types import FileName, Finite


@click.command(cls=Page, short_help="Which numbers of two results differ, and what else.")
@click.argument("a", metavar="A", type=FileName())
@click.argument("b", metavar="B", type=FileName())
@click.option(
    "--manifests",
    nargs=2,
    metavar="A B",
    help="The manifests of both runs: versions, threads, seeds, settings and inputs.",
)
@click.option(
    "--tol",
    type=Finite(min=0),
    default=1e-10,
    show_default=True,
    help="Relative difference up to which a number has not changed.",
)
@click.option(
    "--fail-on-change", is_flag=True, help="Leave with status 5 if anything changed beyond that."
)
@plain_output_options
@columns_option("sinkdiag.studies.compare", "CompareResult")
def compare(
    *,
    a: str,
    b: str,
    manifests: tuple[str, str] | None,
    tol: float,
    fail_on_change: bool,
    output: OutputOptions,
) -> int:
    """Compare results A and B (.csv, .json, .jsonl, pages), or two manifests: a row a change.

    A number has changed if it differs by more than both runs state.

    \b
    Examples:
      sinkdiag compare before.csv after.csv --fail-on-change
      sinkdiag compare a.json b.json --manifests a.manifest.json b.manifest.json
    """
    from sinkdiag.studies.compare import CompareRow, CompareSettings, study_compare

    inputs = InputOptions(sources=(a, b, *(manifests or ())))
    check_output(output, CompareRow, inputs)
    settings = CompareSettings(tol=tol)
    result = study_compare(a, b, settings, manifests)
    status = publish(result, output, inputs=inputs, subjects=(), settings=settings)
    if fail_on_change and status == 0 and result.summary.beyond:
        note(f"--fail-on-change: {result.summary.beyond} values changed")
        return CONDITION_MET
    return status
