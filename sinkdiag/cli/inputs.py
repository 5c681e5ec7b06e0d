"""From the options to the subjects of a study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sinkdiag.cli.options import InputOptions
    from sinkdiag.load import CostData
    from sinkdiag.problem import MarginalKind
    from sinkdiag.studies.subjects import Subject


def read_subjects(options: InputOptions) -> list[Subject]:
    """Load every source; a marginals file goes to each of them."""
    from sinkdiag.studies.subjects import Subject

    kind: MarginalKind = "probability" if options.marginals == "probability" else "unit"
    return [
        Subject(
            name=data.name,
            layout=options.layout,
            stacked=data.layout != "matrix",
            problems=tuple(data.problems(kind)),
            note=data.note,
        )
        for data in _load(options)
    ]


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
