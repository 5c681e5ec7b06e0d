"""``sinkdiag anneal``: schedules compared on the user's own costs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.checks import MOST_STEPS
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
    solver_options,
)
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import publish
from sinkdiag.cli.types import Finite, ScheduleType, positive, share
from sinkdiag.cli.work import at_work, hash_of
from sinkdiag.cli.work_options import WorkOptions, work_options

if TYPE_CHECKING:
    from sinkdiag.temperature import Temperatures


def _list_schedules(context: click.Context, option: click.Parameter, asked: bool) -> None:
    del option
    if asked and not context.resilient_parsing:
        from sinkdiag.annealing.schedules.registry import reference

        click.echo(reference(), nl=False)
        context.exit()


@click.command(cls=Page, short_help="Annealing schedules of both sources compared.")
@input_options
@eps_options
@click.option(
    "--schedule",
    "schedules",
    type=ScheduleType(),
    multiple=True,
    metavar="NAME[:key=value,...]",
    help="A schedule with its parameters (--schedules lists them); repeatable. [default: "
    "exponential, eph-asc, annealed, debiased; with --learn exponential, eph-asc, tracking]",
)
@click.option(
    "--schedules",
    "listed",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_schedules,
    help="List the schedules with their parameters, defaults and sources, and leave.",
)
@layer_options
@click.option(
    "--max-steps",
    type=click.IntRange(2, MOST_STEPS),
    default=1000,
    show_default=True,
    help="Budget of steps; the annealed iterations use all of it.",
)
@click.option(
    "--tv/--no-tv",
    default=True,
    show_default=True,
    help="Compare every step with its fixed point (takes most of the time).",
)
@click.option(
    "--collapse-tv",
    type=share(),
    default=0.1,
    show_default=True,
    help="Total variation from the fixed point that counts as collapse.",
)
@click.option(
    "--claims",
    is_flag=True,
    help="Judge what both sources claim about annealing, on runs of their own (seconds at n = 60, "
    "a minute at n = 300).",
)
@click.option(
    "--learn",
    is_flag=True,
    help="Learn the costs while the schedule cools them (calibrate's learner); rules for a layer "
    "only.",
)
@click.option(
    "--truth",
    metavar="FILE",
    help="With --learn: the 0-based column of each row (-1: unknown), or a plan. [default: the "
    "optimal plan, planted]",
)
@click.option(
    "--loss",
    type=click.Choice(["mse", "mass", "nll"]),
    default=None,
    help="With --learn: the loss on the plan. [default: mse]",
)
@click.option(
    "--learning-rate",
    type=positive(),
    default=None,
    help="With --learn: the rate, in std(C)². [default: the loss's own]",
)
@click.option(
    "--noise",
    type=Finite(min=0.0),
    default=None,
    help="With --learn: of the costs at every step, in std(C). [default: 0.05]",
)
@click.option(
    "--immaturity",
    type=Finite(min=0.0),
    default=None,
    help="With --learn: how far off planted first costs are, in std(C). [default: 1]",
)
@functools.partial(solver_options, tol=1e-9, max_iter=1000)
@seed_option
@click.option(
    "--comparison", metavar="PATH", help="Write one row a schedule, with its time, to this file."
)
@output_options
@work_options
@columns_option("sinkdiag.studies.anneal_result", "AnnealResult")
def anneal(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: OutputOptions,
    working: WorkOptions,
    comparison: str | None,
    truth: str | None,
    schedules: tuple[str, ...],
    **options: Any,
) -> int:
    """Run annealing schedules on COST and compare them, step by step.

    One row a step: temperature, drift, entropy, distance from the fixed point, and by how much
    the plan, rounded onto the polytope, misses the exact optimum. Layers make K sweeps a step
    between the highest and the lowest --eps (one value: the lowest); the annealed iterations of
    arXiv 2408.11620 make one, at temperatures of their own. A trajectory gives one cost a step.

    \b
    Examples:
      sinkdiag anneal cost.npy --plot schedules.png
      sinkdiag anneal cost.npy --schedule debiased:kappa=0.7 --schedule piecewise:hold=20 --no-tv
    """
    from sinkdiag.load.truth import load_truth
    from sinkdiag.studies.anneal import study_anneal
    from sinkdiag.studies.anneal_result import AnnealResult
    from sinkdiag.studies.anneal_row import AnnealRow
    from sinkdiag.studies.anneal_settings import AnnealSettings

    check_output(output, AnnealRow, inputs, reads=[truth], writes=[comparison])
    # Every option that is not named above is the setting of the same name.
    settings = AnnealSettings(**options, schedules=schedules or None, extended=output.extended)
    with at_work(
        working,
        AnnealResult,
        inputs=inputs,
        output=output,
        settings=[settings, temperatures, hash_of(truth)],
        beside=[comparison],
    ) as run:
        subjects = read_subjects(inputs, run.work)
        known = load_truth(truth, subjects[0].problems[0]).values if truth and subjects else None
        check_limits("anneal", subjects, temperatures, settings, inputs, working=working)
        result = study_anneal(
            subjects,
            temperatures,
            settings,
            run.progress,
            truth=known,
            truth_name=truth or "truth",
            work=run.work,
        )
    return publish(
        result,
        output,
        inputs=inputs.reading(truth),
        subjects=subjects,
        settings=settings,
        run=run,
        beside={comparison: result.write_comparison},
    )
