"""``sinkdiag check``: the layer as it is used, in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sinkdiag.cli.inputs import read_subjects
from sinkdiag.cli.layer_options import layer_options
from sinkdiag.cli.limits import check_limits
from sinkdiag.cli.options import (
    InputOptions,
    OutputOptions,
    columns_option,
    eps_options,
    input_options,
    output_options,
    seed_option,
)
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import publish
from sinkdiag.cli.work import at_work
from sinkdiag.cli.work_options import WorkOptions, work_options

if TYPE_CHECKING:
    from sinkdiag.temperature import Temperatures


@click.command(cls=Page, short_help="Is the layer right, alive, and within its arithmetic?")
@input_options
@eps_options
@layer_options
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="The layer's arithmetic.",
)
@click.option("--rows", "each", is_flag=True, help="Of several matrices, every one, not a summary.")
@seed_option
@output_options
@work_options
@columns_option("sinkdiag.studies.check", "CheckResult")
def check(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: OutputOptions,
    working: WorkOptions,
    **options: Any,
) -> int:
    """Check a Sinkhorn layer of K sweeps on COST: right, able to learn, within its arithmetic.

    One word first: ok, unresolved (more sweeps, or a higher eps), frozen (saturated: no gradient),
    uniform (eps too high), overflow (of the dtype) or suspicious input.

    \b
    Examples:
      sinkdiag check cost.npy
      sinkdiag check cost.npy --eps 0.05 --iters 20 --dtype bfloat16 --plot check.png
      sinkdiag check costs.npy --layout batch --eps 0.05
    """
    from sinkdiag.studies.check import CheckResult, CheckRow, CheckSettings, study_check

    check_output(output, CheckRow, inputs)
    # Every option that is not named above is the setting of the same name.
    settings = CheckSettings(**options, extended=output.extended)
    with at_work(
        working,
        CheckResult,
        inputs=inputs,
        output=output,
        settings=[settings, temperatures],
    ) as run:
        subjects = read_subjects(inputs, run.work)
        check_limits("check", subjects, temperatures, settings, inputs, working=working)
        result = study_check(subjects, temperatures, settings, run.progress, work=run.work)
    return publish(result, output, inputs=inputs, subjects=subjects, settings=settings, run=run)
