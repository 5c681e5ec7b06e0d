"""--iters and --start: the layer, for every command that runs one."""

from __future__ import annotations

from typing import Literal

import click

from sinkdiag.checks import MOST_ITERS
from sinkdiag.cli.options import Command, apply_options


def layer_options(function: Command, *, start: Literal["cold"] | None = "cold") -> Command:
    """Both, with their defaults; ``start`` None: the study's own."""
    return apply_options(
        function,
        click.option(
            "--iters",
            type=click.IntRange(1, MOST_ITERS),
            default=20,
            show_default=True,
            help="Sweeps of the layer at every call (K).",
        ),
        click.option(
            "--start",
            type=click.Choice(["cold", "warm"]),
            default=start,
            show_default=start is not None,
            help="The layer starts every call from zero potentials, or carries them in cost units."
            + ("" if start else " [default: cold; replay: warm]"),
        ),
    )
