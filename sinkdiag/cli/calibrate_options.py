"""The options of ``calibrate`` that no other command has."""

from __future__ import annotations

import click

from sinkdiag.checks import MOST_REPLICATES, MOST_STEPS
from sinkdiag.cli.options import Command, apply_options
from sinkdiag.cli.types import Finite, positive, share


def learner_options(function: Command) -> Command:
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
    return apply_options(function, *options)


def controller_options(function: Command) -> Command:
    """The controller, its budget and its judgement."""
    options = (
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
            type=click.IntRange(2, MOST_STEPS),
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
    return apply_options(function, *options)


def replay_options(function: Command) -> Command:
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
    return apply_options(function, *options)
