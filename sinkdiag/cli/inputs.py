"""From the options to the subjects of a study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from sinkdiag.cli.messages import note

if TYPE_CHECKING:
    from sinkdiag.cli.options import InputOptions
    from sinkdiag.load import CostData
    from sinkdiag.problem import MarginalKind
    from sinkdiag.studies.subjects import Subject


def read_subjects(options: InputOptions) -> list[Subject]:
    """Load every source; a marginals file goes to each of them."""
    from sinkdiag.studies.subjects import Subject

    kind: MarginalKind = "probability" if options.marginals == "probability" else "unit"
    subjects = []
    for data in _load(options):
        subjects.append(
            Subject(
                name=data.name,
                layout=options.layout,
                stacked=data.layout != "matrix",
                problems=tuple(data.problems(kind)),
            )
        )
        _note(data)
    return subjects


def _load(options: InputOptions) -> list[CostData]:
    from sinkdiag.load import load_costs, load_marginals

    if sum(source == "-" for source in options.sources) > 1:
        raise click.UsageError("standard input (-) can be read only once")
    data = [
        load_costs(source, layout=options.layout, score=options.score) for source in options.sources
    ]
    if options.marginals_file is None:
        return data
    row, col = load_marginals(options.marginals_file)
    return [
        replace(item, row=item.row if row is None else row, col=item.col if col is None else col)
        for item in data
    ]


def _note(data: CostData) -> None:
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
