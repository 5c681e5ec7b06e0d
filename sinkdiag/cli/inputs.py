"""From the options to checked problems and temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sinkdiag.cli.messages import note

if TYPE_CHECKING:
    from sinkdiag.cli.options import EpsOptions, InputOptions
    from sinkdiag.load import CostData
    from sinkdiag.problem import MarginalKind, Problem


def read_inputs(options: InputOptions) -> list[CostData]:
    """Load every source; a marginals file goes to each of them."""
    from dataclasses import replace

    from sinkdiag.load import load_costs, load_marginals

    if sum(source == "-" for source in options.sources) > 1:
        raise click.UsageError("standard input (-) can be read only once")
    data = [
        load_costs(source, layout=options.layout, score=options.score) for source in options.sources
    ]
    for item in data:
        _say(item)
    if options.marginals in ("unit", "probability"):
        return data
    row, col = load_marginals(options.marginals)
    return [
        replace(item, row=item.row if row is None else row, col=item.col if col is None else col)
        for item in data
    ]


def _say(data: CostData) -> None:
    """How a file was understood, and forbidden pairs that cut a matrix apart."""
    import numpy as np

    from sinkdiag.solver.feasible import count_blocks

    if data.note:
        note(f"{data.name}: {data.note}")
    for index, cost in enumerate(data.stack):
        blocks = 1 if not np.isposinf(cost).any() else count_blocks(cost)
        if blocks > 1:
            name = data.name if len(data.stack) == 1 else f"{data.name}[{index}]"
            note(
                f"{name}: forbidden pairs split the matrix into {blocks} blocks that exchange no "
                "mass: the gap is 0 at every eps; give the blocks one by one"
            )


def marginal_kind(options: InputOptions) -> MarginalKind:
    """The default for sides that no file gives."""
    return "probability" if options.marginals == "probability" else "unit"


def scaled(options: EpsOptions, problems: Sequence[Problem]) -> list[float]:
    """The temperatures that were given, in cost units, warmest first; none given: none.

    The unit is taken over all the problems together.
    """
    import numpy as np

    from sinkdiag.errors import InputError
    from sinkdiag.temperature import descending, unit_scale

    if not options.values:
        return []
    costs = np.concatenate([problem.cost.ravel() for problem in problems])
    try:
        scale = unit_scale(costs, options.unit)
    except ValueError as error:
        raise InputError(problems[0].name, str(error), "choose another --eps-unit") from error
    return descending(value * scale for value in options.values)


def temperature_grid(options: EpsOptions, problems: Sequence[Problem], count: int) -> list[float]:
    """`scaled`, or the automatic grid of ``count`` temperatures when none is given."""
    from sinkdiag.temperature import automatic_grid

    given = scaled(options, problems)
    return given or automatic_grid(max(problems, key=lambda problem: problem.cost_range), count)
