"""``sinkdiag spectrum``: eigenvalues, gap and conditioning of the sweep's Jacobian."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.checks import MOST_ITERS
from sinkdiag.cli.inputs import read_subjects
from sinkdiag.cli.limits import check_limits
from sinkdiag.cli.options import (
    InputOptions,
    OutputOptions,
    columns_option,
    eps_options,
    input_options,
    norm_option,
    output_options,
    seed_option,
    solver_options,
)
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import publish
from sinkdiag.cli.types import Finite
from sinkdiag.cli.work import at_work
from sinkdiag.cli.work_options import WorkOptions, work_options

if TYPE_CHECKING:
    from sinkdiag.temperature import Temperatures


@click.command(cls=Page, short_help="Eigenvalues, gap and conditioning of the sweep's Jacobian.")
@input_options
@eps_options
@norm_option
@solver_options
@click.option(
    "--iters",
    type=click.IntRange(1, MOST_ITERS),
    default=None,
    help="Sweeps of the layer (K): adds the extended columns on K truncated sweeps from a cold "
    "start. [default: 20 where it is needed]",
)
@click.option(
    "--modes",
    type=click.IntRange(min=1),
    default=None,
    help="Only the leading modes, by Lanczos. [default: all; 6 beyond 3000 columns]",
)
@click.option(
    "--additive",
    type=Finite(min=0),
    default=0.0,
    help="What your layer adds to the sums it divides by, for the extended columns on precision.",
)
@click.option("--eigenvalues", metavar="PATH", help="Write every eigenvalue to this CSV file.")
@click.option(
    "--dump",
    metavar="PATH",
    help="Write plan, potentials, support, Schur complement and modes to this .npz file.",
)
@seed_option
@output_options
@functools.partial(work_options, divisible=True)
@columns_option("sinkdiag.studies.spectrum", "SpectrumResult")
def spectrum(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: OutputOptions,
    working: WorkOptions,
    iters: int | None,
    eigenvalues: str | None,
    dump: str | None,
    **options: Any,
) -> int:
    """Linearise one Sinkhorn sweep at the fixed point of COST and report its spectrum.

    J = diag(1/c) P' diag(1/r) P on the potentials g modulo constants. One row a temperature:
    rho and gap = 1 - rho (to full relative accuracy, however small), the resolvent norm at 1,
    the conditioning of the eigenvectors and the largest norm of a power, in the norm of --norm.

    \b
    Examples:
      sinkdiag spectrum cost.npy
      sinkdiag spectrum cost.npy --eps 1:0.01:10 --iters 20 --plot spectrum.png
    """
    from sinkdiag.studies.spectrum import (
        SpectrumResult,
        SpectrumRow,
        SpectrumSettings,
        study_spectrum,
    )

    output = replace(output, extended=output.extended or iters is not None)
    check_output(output, SpectrumRow, inputs, writes=[eigenvalues, dump])
    # Every option that is not named above is the setting of the same name.
    settings = SpectrumSettings(
        **options, iters=iters or 20, extended=output.extended, keep=dump is not None
    )
    with at_work(
        working,
        SpectrumResult,
        inputs=inputs,
        output=output,
        settings=[settings, temperatures],
        beside=[eigenvalues, dump],
    ) as run:
        subjects = read_subjects(inputs, run.work)
        if dump is not None and sum(len(subject.problems) for subject in subjects) > 1:
            raise click.UsageError("--dump takes one matrix")
        check_limits("spectrum", subjects, temperatures, settings, inputs, working=working)
        result = study_spectrum(subjects, temperatures, settings, run.progress, work=run.work)
    return publish(
        result,
        output,
        inputs=inputs,
        subjects=subjects,
        settings=settings,
        run=run,
        beside={eigenvalues: result.write_eigenvalues, dump: result.write_dump},
    )
