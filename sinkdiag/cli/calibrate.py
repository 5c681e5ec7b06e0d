"""``sinkdiag calibrate``: the safety slope of an annealing controller, measured."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.checks import MOST_ITERS, MOST_REPLICATES
from sinkdiag.cli.inputs import read_records
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
from sinkdiag.cli.types import Finite, positive, share

if TYPE_CHECKING:
    from sinkdiag.temperature import Temperatures


def _learner_options(function: Any) -> Any:
    """The learner: truth, loss, rate, noise."""
    options = (
        click.option(
            "--truth",
            metavar="FILE",
            help="What is right: the 0-based column of each row (-1: unknown), or a plan. "
            "[default: the cost's own optimum, planted]",
        ),
        click.option(
            "--loss",
            type=click.Choice(["mse", "mass", "nll"]),
            default="mse",
            show_default=True,
            help="On plans: mse, the mass in the wrong place, or -log likelihood.",
        ),
        click.option(
            "--learning-rate",
            type=positive(),
            default=None,
            help="In std(C)². [default: 0.6; nll: 0.03; of a record, what it tells]",
        ),
        click.option(
            "--noise",
            type=Finite(min=0.0),
            default=None,
            help="Of the costs at every step, in std(C). [default: 0.05; of a record, what it "
            "tells; of a replay 0.01]",
        ),
        click.option(
            "--immaturity",
            type=Finite(min=0.0),
            default=1.0,
            show_default=True,
            help="How far off a planted learner's first costs are, in std(C).",
        ),
        click.option(
            "--inner", is_flag=True, help="Do not judge the last row and column (dustbins)."
        ),
    )
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), function)


def _layer_options(function: Any) -> Any:
    """The layer and its controller."""
    options = (
        click.option(
            "--iters",
            type=click.IntRange(min=1, max=MOST_ITERS),
            default=20,
            show_default=True,
            help="Sweeps of the layer at every step (K).",
        ),
        click.option(
            "--start",
            type=click.Choice(["cold", "warm"]),
            default=None,
            help="Every call from zero potentials, or carrying them. [default: cold; replay: warm]",
        ),
        click.option(
            "--alpha0",
            type=share(),
            default=None,
            help="Cooling factor of one step. [default: the soonest of 0.6, 0.8, 0.9]",
        ),
        click.option(
            "--beta",
            type=Finite(min=0.0, max=1.0),
            default=1.0,
            show_default=True,
            help="Load at which braking begins; 1: cool or hold.",
        ),
        click.option(
            "--max-steps",
            type=click.IntRange(min=2),
            default=500,
            show_default=True,
            help="Steps before which the lowest temperature must be reached.",
        ),
        click.option(
            "--collapse-tv",
            type=share(),
            default=0.1,
            show_default=True,
            help="Share of the mass in the wrong place beyond which a run has failed.",
        ),
        click.option(
            "--replicates",
            type=click.IntRange(1, MOST_REPLICATES),
            default=10,
            show_default=True,
            help="Held-out replicates.",
        ),
        click.option(
            "--quick", is_flag=True, help="A third of the replicates, a coarser grid of slopes."
        ),
    )
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), function)


def _replay_options(function: Any) -> Any:
    """Tracked runs on given costs."""
    options = (
        click.option(
            "--replay",
            is_flag=True,
            help="No learner: does a layer that carries its potentials keep track of these costs?",
        ),
        click.option(
            "--fewer-sweeps", is_flag=True, help="A replay may lower K to provoke a collapse."
        ),
        click.option(
            "--noise-decay",
            type=Finite(min=0.0, max=1.0, max_open=True),
            default=0.9,
            show_default=True,
            help="Factor on a replay's noise at every step.",
        ),
    )
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), function)


@click.command(short_help="The safety slope of an annealing controller, measured.")
@input_options
@eps_options
@_learner_options
@_layer_options
@_replay_options
@functools.partial(solver_options, tol=1e-9, max_iter=1000)
@seed_option
@click.option("--fates", metavar="PATH", help="Write the fate of every slope and replicate.")
@click.option("--trace", metavar="PATH", help="Write every step of every replicate at k_safe.")
@output_options
@columns_option("sinkdiag.studies.calibrate", "CalibrationResult")
def calibrate(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: OutputOptions,
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
    from sinkdiag.studies.calibrate import study_calibrate
    from sinkdiag.studies.calibrate_row import CalibrationRow
    from sinkdiag.studies.calibrate_settings import CalibrateSettings

    check_output(output, CalibrationRow, inputs, writes=[fates, trace], reads=[truth])
    # Every option that is not named above is the setting of the same name.
    settings = CalibrateSettings(**options, extended=output.extended)
    subjects = read_records(inputs, truth)
    with progress_bar() as progress:
        result = study_calibrate(subjects, temperatures, settings, progress)
    return publish(
        result,
        output,
        inputs=inputs,
        subjects=subjects,
        settings=settings,
        reads=[truth],
        beside={fates: result.write_fates, trace: result.write_trace},
    )
