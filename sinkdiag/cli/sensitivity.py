"""``sinkdiag sensitivity``: derivatives of the plan along eps, and the claims about them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click

from sinkdiag.checks import MOST_REPLICATES
from sinkdiag.cli.inputs import read_subjects
from sinkdiag.cli.limits import check_limits
from sinkdiag.cli.options import (
    InputOptions,
    OutputOptions,
    claims_option,
    columns_option,
    eps_options,
    input_options,
    output_options,
    seed_option,
    solver_options,
)
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import publish
from sinkdiag.cli.work import at_work
from sinkdiag.cli.work_options import WorkOptions, work_options

if TYPE_CHECKING:
    from sinkdiag.temperature import Temperatures


@click.command(cls=Page, short_help="Derivatives of the plan, and the paper's claims.")
@input_options
@eps_options
@click.option(
    "--replicates",
    type=click.IntRange(2, MOST_REPLICATES),
    default=5,
    show_default=True,
    help="Jittered copies for rho_mean and rho_std (a batch is its own replicates).",
)
@claims_option
@solver_options
@seed_option
@output_options
@functools.partial(work_options, divisible=True)
@columns_option("sinkdiag.studies.sensitivity", "SensitivityResult")
def sensitivity(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: OutputOptions,
    working: WorkOptions,
    replicates: int,
    tol: float,
    max_iter: int,
    seed: int,
    claims: bool,
) -> int:
    """Measure how the plan of COST answers to the cost and to the temperature.

    One row a temperature with the eight columns of the paper's appendix A.9: ‖dP/dC‖, the norm of
    dP/deps, the same times eps, eps²·‖D²S‖ (a lower estimate), and the sweep's rate rho over
    replicates. Every claim of the paper is judged on the curve: --claims, and
    summary.claims of the JSON.

    \b
    Examples:
      sinkdiag sensitivity cost.npy
      sinkdiag sensitivity costs.npy --layout batch --eps 1:0.005:25 --plot scaling.png
    """
    from sinkdiag.studies.sensitivity import (
        SensitivityResult,
        SensitivityRow,
        SensitivitySettings,
        study_sensitivity,
    )

    check_output(output, SensitivityRow, inputs)
    settings = SensitivitySettings(
        replicates=replicates,
        tol=tol,
        max_iter=max_iter,
        seed=seed,
        extended=output.extended,
        claims=claims,
    )
    with at_work(
        working,
        SensitivityResult,
        inputs=inputs,
        output=output,
        settings=[settings, temperatures],
    ) as run:
        subjects = read_subjects(inputs, run.work)
        check_limits("sensitivity", subjects, temperatures, settings, inputs, working=working)
        result = study_sensitivity(subjects, temperatures, settings, run.progress, work=run.work)
    return publish(result, output, inputs=inputs, subjects=subjects, settings=settings, run=run)
