"""``sinkdiag report``: answers to what users ask, as text or as one page of everything."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.cli.inputs import read_records
from sinkdiag.cli.layer_options import layer_options
from sinkdiag.cli.limits import check_limits
from sinkdiag.cli.messages import progress_bar
from sinkdiag.cli.options import (
    Command,
    InputOptions,
    OutputOptions,
    apply_options,
    columns_option,
    eps_options,
    input_options,
    manifest_option,
    plain_options,
    seed_option,
)
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import manifest_of, publish
from sinkdiag.cli.types import FileName, SectionNames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sinkdiag.progress import Progress
    from sinkdiag.rendering.manifest import Manifest
    from sinkdiag.studies.report import ReportResult, ReportSettings
    from sinkdiag.studies.subjects import Subject
    from sinkdiag.temperature import Temperatures

PAGE = ".html"


def learner_options(function: Command) -> Command:
    """What is known of the layer's learner."""
    return apply_options(
        function,
        click.option(
            "--truth",
            metavar="FILE",
            type=FileName(),
            help="What is right: the 0-based column of each row (-1: unknown), or a plan.",
        ),
        click.option(
            "--loss",
            type=click.Choice(["mse", "mass", "nll"]),
            default="mse",
            show_default=True,
            help="Of the learner behind the answer on cooling.",
        ),
    )


def section_options(function: Command) -> Command:
    """--only and --skip."""
    return apply_options(
        function,
        click.option(
            "--only", type=SectionNames(), default=(), help="Make these sections alone: a,b,..."
        ),
        click.option(
            "--skip", type=SectionNames(), default=(), help="Leave these sections out: a,b,..."
        ),
    )


def page_options(function: Command) -> Command:
    """-o, --format, --manifest and --fail-on, as they are for a page."""
    return apply_options(
        function,
        *plain_options(
            output="Write the page (.html), or the answers alone (.txt .csv .json .jsonl).",
            form="auto: text, or the file's ending; json: answers and sections.",
            fail_on="Leave with status 5 if an answer meets COLUMN<VALUE: verdict==act.",
        ),
        manifest_option(),
    )


@click.command(cls=Page, short_help="Every question answered, and everything on one page.")
@input_options
@eps_options
@layer_options
@learner_options
@section_options
@seed_option
@page_options
@columns_option("sinkdiag.studies.report", "ReportResult")
def report(
    *,
    inputs: InputOptions,
    temperatures: Temperatures,
    output: str | None,
    manifest: str | None,
    fail_on: tuple[str, ...],
    truth: str | None,
    **options: Any,
) -> int:
    """Answer what users ask of COST, in words; with -o put every command's result on one page.

    Which temperature is sane; are K sweeps enough; does the arithmetic hold; is the gradient
    alive; are sign and scale right; does cooling need a controller. COST is a matrix, a batch (the
    worst is looked at closely), a recorded run (--layout trajectory), or a checkpoint with
    hyper-connections. The lowest --eps is the layer's.

    \b
    Examples:
      sinkdiag report cost.npy --only check,spectrum
      sinkdiag report cost.npy --eps 0.05 --skip calibrate -o report.html
    """
    _take_one_thread()
    from sinkdiag.studies.report import ReportRow, ReportSettings

    form = options.pop("format")
    written = OutputOptions(form=form, path=output, manifest=manifest, fail_on=fail_on)
    check_output(written, ReportRow, inputs, reads=[truth], endings=[PAGE])
    # Every option that is not named above is the setting of the same name.
    settings = _settings(ReportSettings, options)
    with progress_bar() as progress:
        result, subjects = _made(inputs, temperatures, settings, truth, progress)
    made_from: dict[str, Any] = {
        "inputs": inputs.reading(*([truth] if subjects else inputs.sources)),
        "subjects": subjects,
        "settings": settings,
    }
    rendered = _rendered(result, written, lambda: manifest_of(**made_from))
    return publish(result, written, **made_from, rendered=rendered)


def _take_one_thread() -> None:
    """Have BLAS work on one thread, unless the user says otherwise or it is loaded already.

    At the sizes of a report several threads wait for each other longer than they work.
    """
    if "numpy" not in sys.modules:
        for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")


def _settings(kind: type[ReportSettings], options: dict[str, Any]) -> ReportSettings:
    """The settings; whatever is wrong with them was said on the command line."""
    from sinkdiag.errors import InputError

    try:
        return kind(**options)
    except InputError as error:
        raise click.UsageError(str(error)) from error


def _made(
    inputs: InputOptions,
    temperatures: Temperatures,
    settings: ReportSettings,
    truth: str | None,
    progress: Progress,
) -> tuple[ReportResult, Sequence[Subject]]:
    """The report of checkpoints, if COST are some, else of costs; and the costs."""
    from sinkdiag.checkpoints.recognise import is_checkpoint
    from sinkdiag.studies.report import study_checkpoints, study_report
    from sinkdiag.studies.units import HERE

    found = [is_checkpoint(source) for source in inputs.sources]
    if not any(found):
        subjects = read_records(inputs, truth, HERE)
        check_limits("report", subjects, temperatures, settings, inputs)
        return study_report(subjects, temperatures, settings, progress), subjects
    if not all(found):
        raise click.UsageError("give costs or checkpoints, not both")
    if temperatures.values or truth is not None or inputs.layout is not None:
        raise click.UsageError("--eps, --truth and --layout are about costs, not checkpoints")
    return study_checkpoints(inputs.sources, settings, progress), ()


def _rendered(
    result: ReportResult, output: OutputOptions, manifest: Callable[[], Manifest]
) -> str | None:
    """The page, the text or the document; None where rows were asked for."""
    ending = "" if output.path is None else Path(output.path).suffix.lower()
    if output.form == "json" or (output.form == "auto" and ending == ".json"):
        return result.document(manifest())
    if output.form != "auto" or ending in (".csv", ".jsonl"):
        return None
    return result.page(manifest()) if ending == PAGE else result.text()
