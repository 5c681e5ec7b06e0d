"""``sinkdiag info``: versions, BLAS, threads and cache, for bug reports."""

from __future__ import annotations

import click

from sinkdiag.cli.options import InputOptions, OutputOptions, columns_option, plain_output_options
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import publish


@click.command(cls=Page, short_help="Versions, BLAS, threads and cache, for bug reports.")
@plain_output_options
@columns_option("sinkdiag.studies.info", "InfoResult")
def info(*, output: OutputOptions) -> int:
    """Print versions, BLAS, threads and the cache of compiled kernels, for bug reports.

    \b
    Example:
      sinkdiag info --format table
    """
    from sinkdiag.studies.info import InfoRow
    from sinkdiag.studies.info import info as study_info

    inputs = InputOptions()
    check_output(output, InfoRow, inputs)
    return publish(study_info(), output, inputs=inputs, subjects=(), settings=None)
