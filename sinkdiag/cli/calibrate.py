"""``sinkdiag calibrate``: the safety slope of an annealing controller, measured."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.cli.calibrate_options import (
    controller_options,
    learner_options,
    replay_options,
)
from sinkdiag.cli.inputs import read_records
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
    solver_options,
)
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import publish
from sinkdiag.cli.work import at_work
from sinkdiag.cli.work_options import WorkOptions, work_options

if TYPE_CHECKING:
    from sinkdiag.temperature import Temperatures


@click.command(cls=Page, short_help="The safety slope of an annealing controller, measured.")
@input_options
@eps_options
@learner_options
@functools.partial(layer_options, start=None)
@controller_options
@replay_options
@functools.partial(solver_options, tol=1e-9, max_iter=1000)
@seed_option
@click.option("--fates", metavar="PATH", help="Write the fate of every slope and replicate.")
@click.option("--trace", metavar="PATH", help="Write every step of every replicate at k_safe.")
@output_options
@work_options
@columns_option("sinkdiag.studies.calibrate", "CalibrationResult")
def calibrate(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: OutputOptions,
    working: WorkOptions,
    truth: str | None,
    fates: str | None,
    trace: str | None,
    **options: Any,
) -> int:
    """Measure how hard an EPH-ASC controller may cool a layer whose costs are being learned.

    The costs are parameters that learn through K sweeps, while the controller cools as long as
    the drift of the plan is at most k·eps. Every slope k of a grid is run on held-out replicates;
    k_safe arrives soonest among those that end right, and is confirmed on fresh ones. Annealing
    goes from the highest --eps to the lowest (one value: the lowest).

    One row a matrix. A recorded run (--layout trajectory; an npz with cost, eps, truth and maybe
    step) tells the learner itself. The verdict opens with window:, empty:, no collapse provoked:
    or below resolution:.

    \b
    Examples:
      sinkdiag calibrate cost.npy
      sinkdiag calibrate cost.npy --truth truth.npy --plot calibrate.png
      sinkdiag calibrate run.npz --layout trajectory
    """
    from sinkdiag.studies.calibrate import CalibrationResult, study_calibrate
    from sinkdiag.studies.calibrate_row import CalibrationRow
    from sinkdiag.studies.calibrate_settings import CalibrateSettings

    check_output(output, CalibrationRow, inputs, writes=[fates, trace], reads=[truth])
    # Every option that is not named above is the setting of the same name.
    settings = CalibrateSettings(**options, extended=output.extended)
    with at_work(
        working,
        CalibrationResult,
        inputs=inputs,
        output=output,
        settings=[settings, temperatures],
        beside=[fates, trace],
    ) as run:
        subjects = read_records(inputs, truth, run.work)
        check_limits("calibrate", subjects, temperatures, settings, inputs, working=working)
        result = study_calibrate(subjects, temperatures, settings, run.progress, work=run.work)
    return publish(
        result,
        output,
        inputs=inputs.reading(truth),
        subjects=subjects,
        settings=settings,
        run=run,
        beside={fates: result.write_fates, trace: result.write_trace},
    )
