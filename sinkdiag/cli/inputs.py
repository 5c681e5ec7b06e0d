"""From the options to the subjects of a study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from sinkdiag.cli.limits import check_files
from sinkdiag.errors import InputError

if TYPE_CHECKING:
    from sinkdiag.cli.options import InputOptions
    from sinkdiag.load import CostData
    from sinkdiag.problem import MarginalKind
    from sinkdiag.studies.subjects import Subject


def read_subjects(options: InputOptions) -> list[Subject]:
    """Load every source; a marginals file goes to each of them."""
    return [_subject(data, options) for data in _load(options)]


def read_records(options: InputOptions, truth: str | None) -> list[Subject]:
    """The same, with what an npz holds of a training run; a truth file goes to each of them."""
    from sinkdiag.load.record import recorded
    from sinkdiag.load.truth import load_truth

    subjects = []
    for data in _load(options):
        subject = _subject(data, options)
        first = subject.problems[0]
        if options.layout == "trajectory" and data.layout == "matrix":
            raise InputError(
                data.name, f"a trajectory has shape {first.cost.shape}", "give T×n×m costs"
            )
        record = recorded(data, first)
        if truth is not None:
            given = load_truth(truth, first)
            record = replace(record, truth=given.values, truth_name=truth)
            subject = replace(subject, note="; ".join(filter(None, [subject.note, given.note])))
        subjects.append(replace(subject, record=record))
    return subjects


def _subject(data: CostData, options: InputOptions) -> Subject:
    from sinkdiag.studies.subjects import Subject

    kind: MarginalKind = "probability" if options.marginals == "probability" else "unit"
    return Subject(
        name=data.name,
        layout=options.layout,
        stacked=data.layout != "matrix",
        problems=tuple(data.problems(kind)),
        note=data.note,
    )


def _load(options: InputOptions) -> list[CostData]:
    from sinkdiag.load import load_costs, load_marginals

    if sum(source == "-" for source in options.files) > 1:
        raise click.UsageError("standard input (-) can be read only once")
    check_files(options)
    data = [
        load_costs(source, layout=options.layout, score=options.score) for source in options.sources
    ]
    if options.points is not None:
        from sinkdiag.load.points import load_points

        if options.score:
            raise click.UsageError("--score negates similarities, and points have a metric")
        data.append(load_points(*options.points, options.metric, layout=options.layout))
    if options.marginals_file is None:
        return data
    row, col = load_marginals(options.marginals_file)
    return [
        replace(
            item,
            row=item.row if row is None else row,
            col=item.col if col is None else col,
            origin=options.marginals_file,
        )
        for item in data
    ]
