"""``sinkdiag constants``: the constants of the paper's appendix A.7 along eps."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click

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


@click.command(cls=Page, short_help="The constants of the paper's appendix A.7.")
@input_options
@eps_options
@claims_option
@solver_options
@seed_option
@output_options
@functools.partial(work_options, divisible=True)
@columns_option("sinkdiag.studies.constants", "ConstantsResult")
def constants(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: OutputOptions,
    working: WorkOptions,
    tol: float,
    max_iter: int,
    seed: int,
    claims: bool,
) -> int:
    """Follow the recipe of the paper's appendix A.7 on COST, one row a temperature.

    Norm of the plan, smallest eigenvalue of the block operator A, forcing norms on the active
    support S, C1 of Lemma A.9, separation of S, and C0, K_quad, R and tau_max, which bound what
    an annealing step may change. Every claim of the paper is judged on the curve: --claims,
    and summary.claims of the JSON.

    \b
    Examples:
      sinkdiag constants cost.npy
      sinkdiag constants cost.npy --eps 1:0.01:20 --format json -o constants.json
    """
    from sinkdiag.studies.constants import (
        ConstantsResult,
        ConstantsRow,
        ConstantsSettings,
        study_constants,
    )

    check_output(output, ConstantsRow, inputs)
    settings = ConstantsSettings(
        tol=tol, max_iter=max_iter, seed=seed, extended=output.extended, claims=claims
    )
    with at_work(
        working,
        ConstantsResult,
        inputs=inputs,
        output=output,
        settings=[settings, temperatures],
    ) as run:
        subjects = read_subjects(inputs, run.work)
        check_limits("constants", subjects, temperatures, settings, inputs, working=working)
        result = study_constants(subjects, temperatures, settings, run.progress, work=run.work)
    return publish(result, output, inputs=inputs, subjects=subjects, settings=settings, run=run)
