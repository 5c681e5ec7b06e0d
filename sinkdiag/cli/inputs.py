"""From the options to the subjects of a study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from sinkdiag.cli.limits import check_files
from sinkdiag.errors import InputError

if TYPE_CHECKING:
    from sinkdiag.cli.options import InputOptions
    from sinkdiag.load import CostData
    from sinkdiag.problem import MarginalKind
    from sinkdiag.studies.subjects import Subject
    from sinkdiag.studies.units import Work


def read_subjects(options: InputOptions, work: Work) -> list[Subject]:
    """Load every source; a marginals file goes to each of them."""
    return _each(options, work, _subject)


def read_records(options: InputOptions, truth: str | None, work: Work) -> list[Subject]:
    """The same, with what an npz holds of a training run; a truth file goes to each of them."""
    from sinkdiag.load.record import recorded
    from sinkdiag.load.truth import load_truth

    def read(data: CostData, options: InputOptions) -> Subject:
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
        return replace(subject, record=record)

    return _each(options, work, read)


def _each(
    options: InputOptions, work: Work, read: Callable[[CostData, InputOptions], Subject]
) -> list[Subject]:
    """What is read of every source; a faulty one ends the run, or is left out."""
    from sinkdiag.errors import InputError
    from sinkdiag.load import load_marginals

    if sum(source == "-" for source in options.files) > 1:
        raise click.UsageError("standard input (-) can be read only once")
    row, col = (None, None)
    if options.marginals_file is not None:
        row, col = load_marginals(options.marginals_file)
    subjects = []
    for load in _loaders(options):
        try:
            data = load()
            row_of, col_of = (data.row if row is None else row), (data.col if col is None else col)
            met = replace(data, row=row_of, col=col_of)
            if options.marginals_file is not None:
                met = replace(met, origin=options.marginals_file)
            subjects.append(read(met, options))
        except InputError as error:
            work.leave_out(error)
    return [replace(subject, beside=len(options.sources) > 1) for subject in subjects]


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


def _loaders(options: InputOptions) -> list[Callable[[], CostData]]:
    """What reads each source, in order."""
    from sinkdiag.load import load_costs

    check_files(options)
    layout = options.layout
    if options.metric is not None and options.points is None:
        raise click.UsageError("--metric is the cost of --points, and none are given")
    loaders: list[Callable[[], CostData]] = [
        partial(load_costs, source, layout=layout, score=options.score)
        for source in options.sources
    ]
    if options.points is not None:
        from sinkdiag.load.points import load_points

        if options.score:
            raise click.UsageError("--score negates similarities, and points have a metric")
        metric = options.metric or "sqeuclidean"
        loaders.append(partial(load_points, *options.points, metric, layout=layout))
    return loaders
