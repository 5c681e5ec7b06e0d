"""``sinkdiag calibrate``: the safety slope of an annealing controller, measured."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.checks import MOST_ITERS, MOST_REPLICATES
from sinkdiag.cli.inputs import read_subjects
from sinkdiag.cli.messages import progress_bar
from sinkdiag.cli.options import (
    InputOptions,
    OutputOptions,
    columns_option,
    eps_options,
    input_options,
    output_options,
    seed_option,
    solver_options,
)
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.publish import publish
from sinkdiag.cli.types import Finite, share

if TYPE_CHECKING:
    from sinkdiag.temperature import Temperatures


@click.command(short_help="The safety slope of an annealing controller, measured.")
@input_options
@eps_options
@click.option(
    "--iters",
    type=click.IntRange(min=1, max=MOST_ITERS),
    default=20,
    show_default=True,
    help="Sweeps of the layer at every step (K).",
)
@click.option(
    "--alpha0",
    type=share(),
    default=None,
    help="Cooling factor of one step. [default: the gentlest that collapses]",
)
@click.option(
    "--beta",
    type=Finite(min=0.0, max=1.0),
    default=1.0,
    show_default=True,
    help="Load at which braking begins; 1: cool or hold.",
)
@click.option(
    "--max-steps",
    type=click.IntRange(min=2),
    default=500,
    show_default=True,
    help="Steps within which the lowest temperature must be reached.",
)
@click.option(
    "--replicates",
    type=click.IntRange(2, MOST_REPLICATES),
    default=10,
    show_default=True,
    help="Held-out replicates of phase II.",
)
@click.option(
    "--noise",
    type=Finite(min=0.0),
    default=0.01,
    show_default=True,
    help="Noise of a matrix's replicates, relative to the costs' standard deviation.",
)
@click.option(
    "--noise-decay",
    type=Finite(min=0.0, max=1.0, max_open=True),
    default=0.9,
    show_default=True,
    help="Factor on the noise at every step (features mature).",
)
@click.option(
    "--collapse-tv",
    type=share(),
    default=0.1,
    show_default=True,
    help="Total variation from the fixed point that counts as collapse.",
)
@click.option("--cold", is_flag=True, help="The layer starts every step from zero potentials.")
@functools.partial(solver_options, tol=1e-9, max_iter=1000)
@seed_option
@click.option("--trace", metavar="PATH", help="Write every step of every replicate to this file.")
@output_options
@columns_option("sinkdiag.studies.calibrate", "CalibrationResult")
def calibrate(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: OutputOptions,
    trace: str | None,
    **options: Any,
) -> int:
    """Measure how hard an EPH-ASC controller may cool COST before the layer collapses.

    Phase I cools ever harder, then with ever fewer sweeps, until the plain schedule loses its
    fixed point. Phase II replays the controller on held-out replicates and brackets the slopes
    k (cool while drift <= k·eps) that arrive within the step budget and do not collapse.
    Annealing goes from the highest --eps to the lowest (one value: the lowest).

    One row a matrix; a trajectory (--layout trajectory) is replayed as it is and gives one row.
    The verdict opens with window:, empty:, no collapse provoked: or below resolution:.

    \b
    Examples:
      sinkdiag calibrate cost.npy
      sinkdiag calibrate costs.npy --layout trajectory --eps 1:0.01:2 --plot run.png
    """
    from sinkdiag.studies.calibrate import CalibrateSettings, study_calibrate
    from sinkdiag.studies.calibrate_row import CalibrationRow

    check_output(output, CalibrationRow, inputs, writes=[trace])
    # Every option that is not named above is the setting of the same name.
    settings = CalibrateSettings(**options, extended=output.extended)
    subjects = read_subjects(inputs)
    with progress_bar() as progress:
        result = study_calibrate(subjects, temperatures, settings, progress)
    return publish(
        result,
        output,
        inputs=inputs,
        subjects=subjects,
        settings=settings,
        beside={trace: result.write_trace},
    )
