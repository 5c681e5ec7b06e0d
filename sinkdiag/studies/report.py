"""``report``: what users ask over and over of one input, answered, with every command's result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from sinkdiag.annealing.learning.learner import Loss
from sinkdiag.annealing.learning.target import target_of
from sinkdiag.errors import InputError
from sinkdiag.load.record import record_of
from sinkdiag.problem import MarginalKind
from sinkdiag.progress import Progress, silent
from sinkdiag.rendering.table import Label
from sinkdiag.studies.check import CheckResult, study_check
from sinkdiag.studies.check_row import Start
from sinkdiag.studies.report_answers import layer_answers
from sinkdiag.studies.report_focus import Focus, focus_on
from sinkdiag.studies.report_names import SECTIONS
from sinkdiag.studies.report_plan import plan_of
from sinkdiag.studies.report_result import ReportPart, ReportResult
from sinkdiag.studies.report_row import ReportRow, ReportSummary
from sinkdiag.studies.report_sections import (
    ReportSection,
    Sections,
    plain_section,
)
from sinkdiag.studies.report_settings import ReportSettings
from sinkdiag.studies.report_verdicts import study_answers
from sinkdiag.studies.report_window import arithmetic_of, window_of
from sinkdiag.studies.stack import StackSettings, study_stack
from sinkdiag.studies.subjects import Layout, Subject, reading_notes, subject_of
from sinkdiag.studies.suspicious import suspicions
from sinkdiag.temperature import EpsUnit, Temperatures, temperatures_of

__all__ = [
    "ReportResult",
    "ReportRow",
    "ReportSettings",
    "report",
    "study_checkpoints",
    "study_report",
]


def report(
    cost: ArrayLike | str,
    eps: float | Sequence[float] | None = None,
    *,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    truth: ArrayLike | None = None,
    record_eps: ArrayLike | None = None,
    record_step: ArrayLike | None = None,
    iters: int = 20,
    start: Start = "cold",
    loss: Loss = "mse",
    only: str | Sequence[str] = (),
    skip: str | Sequence[str] = (),
    seed: int = 0,
) -> ReportResult:
    """Answer what users ask of a layer, and make every command's result on the way.

    Which temperature is sane, in which units; are K sweeps enough, and how many would be; does the
    layer over- or underflow in float32, bfloat16, float16; is its gradient dead because the plan
    is saturated, or uniform; is the sign or the scale of the costs suspicious; does cooling need a
    controller, and which.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; +inf forbids a pair. Or (T, n, m) with ``layout``: of a ``batch``
        every matrix is checked and the worst is looked at closely, of a ``trajectory`` the last
        one, and its run calibrates. Or the path of a checkpoint, see `sinkdiag.stack`.
    eps:
        Temperatures: the lowest is the layer's; None: 0.055 of the cost's range, or what a record
        has. Curves go from the cost's range to 3e-3 of it, and through these.
    eps_unit:
        ``none``: eps is in cost units; else in units of this statistic of each matrix.
    row, col, marginals:
        Marginals; those not given are 1 and n/m (``unit``) or 1/n and 1/m (``probability``).
    layout:
        What the first axis of a stack is.
    truth, record_eps, record_step:
        What is right, and the temperatures and steps of a record, as in `sinkdiag.calibrate`.
    iters, start:
        K, and whether the layer starts from zero (``cold``) or carries its potentials (``warm``).
    loss:
        Of the learner behind the answer on cooling.
    only, skip:
        Sections to make alone, or to leave out: check, spectrum, pseudospectrum, sensitivity,
        constants, calibrate, anneal, stack.
    seed:
        Of the learner and of random starts.

    Returns
    -------
    One `ReportRow` a question; ``.text()``, ``.page()``, ``.save("report.html")``, ``.sections``
    and ``.section("spectrum")``.

    Raises
    ------
    InputError
        When the cost, the marginals, the truth, the temperatures or a setting cannot be used.
    """
    settings = ReportSettings(
        iters=iters,
        start=start,
        loss=loss,
        only=(only,) if isinstance(only, str) else tuple(only),
        skip=(skip,) if isinstance(skip, str) else tuple(skip),
        seed=seed,
    )
    if isinstance(cost, str):
        return study_checkpoints([cost], settings)
    subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
    record = record_of(subject.problems, truth=truth, eps=record_eps, step=record_step)
    subject = replace(subject, record=record)
    return study_report([subject], temperatures_of(eps, eps_unit), settings)


def study_report(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: ReportSettings,
    progress: Progress = silent,
) -> ReportResult:
    """`report` for checked subjects.

    Raises
    ------
    InputError
        When no section that was asked for is about costs, or a section cannot be made.
    """
    if settings.sections == ("stack",):
        raise InputError(subjects[0].name, "stack is about checkpoints", "give a checkpoint")
    for subject in subjects:
        _check_truth(subject)
    check, focus = _focus(subjects, temperatures, settings, progress)
    sections = Sections(focus, settings, progress)
    made = sections.make(check)
    (problem,) = focus.subject.problems
    rows = list(_layer_rows(made, focus, settings))
    right = any(row.topic == "sweeps" and row.verdict == "ok" for row in rows)
    rows += study_answers(made, focus.eps, right=right)
    n, m = problem.cost.shape
    about = (
        f"{n}×{m}, eps = {focus.eps:.4g} ({focus.eps / problem.cost_range:.2g} of the costs' "
        f"range), K = {settings.iters} from "
        f"{'zero' if settings.start == 'cold' else 'carried potentials'}"
    )
    name = problem.name
    notes = (*reading_notes(subjects), *_batch_words(check, name), *sections.left_out)
    return _result(name, about, rows, made, notes, eps=focus.eps, iters=settings.iters)


def study_checkpoints(
    models: Sequence[str], settings: ReportSettings, progress: Progress = silent
) -> ReportResult:
    """`report` of checkpoints with hyper-connections.

    Raises
    ------
    InputError
        When a file cannot be read or understood, or the section stack was not asked for.
    """
    if "stack" not in settings.sections:
        others = ", ".join(name for name in SECTIONS if name != "stack")
        raise InputError(models[0], f"{others} are about costs", "leave --only and --skip out")
    made = study_stack(models, StackSettings(), progress=progress)
    sections = (plain_section("stack", made),)
    rows = list(study_answers(sections, math.nan))
    model = made.parts[0].model
    name = models[0] if len(models) == 1 else f"{len(models)} checkpoints"
    about = f"{len(model.sites)} sites, {'; '.join(model.said)}"
    return _result(name, about, rows, sections, (), eps=math.nan, iters=0)


def _check_truth(subject: Subject) -> None:
    """Refuse a truth that does not fit, whether or not a section uses it."""
    if subject.record.truth is not None:
        target_of(subject.problems[0], subject.record.truth, f"{subject.name} (truth)")


def _focus(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: ReportSettings,
    progress: Progress,
) -> tuple[CheckResult | None, Focus]:
    """The matrix that is looked at closely; of several, after a check of all, the worst."""
    if len(subjects) == 1 and (len(subjects[0].problems) == 1 or _is_run(subjects[0])):
        return None, focus_on(subjects[0], -1, subjects[0], temperatures)
    check = study_check(subjects, temperatures, plan_of(settings, 0).check, progress)
    worst = check.summary
    subject = next(each for each in subjects if each.name == worst.source)
    focus = focus_on(subject, worst.index, subject, temperatures)
    return check, focus


def _is_run(subject: Subject) -> bool:
    return subject.stacked and subject.layout == "trajectory"


def _layer_rows(
    made: Sequence[ReportSection], focus: Focus, settings: ReportSettings
) -> Iterator[ReportRow]:
    """The answers that begin with ``check``; none where that section was not asked for."""
    found = next((each.result for each in made if each.name == "check"), None)
    if not isinstance(found, CheckResult):
        return
    (problem,) = focus.subject.problems
    part = next(part for part in found.parts if part.problem is problem)
    row = min(part.rows, key=lambda row: abs(row.eps - focus.eps))
    window = window_of(problem, row, settings)
    arithmetic = arithmetic_of(problem, row, settings)
    asked = Temperatures(values=(focus.eps,)) if focus.temperatures.values else None
    said = [found.sentence for found in suspicions(problem, asked)]
    yield from layer_answers(problem, row, window, arithmetic, said)


def _batch_words(check: CheckResult | None, name: str) -> tuple[str, ...]:
    if check is None:
        return ()
    return (*check.summary.findings[:1], f"what follows is about the worst of them, {name}")


def _result(
    name: str,
    about: str,
    rows: Sequence[ReportRow],
    made: tuple[ReportSection, ...],
    notes: tuple[str, ...],
    *,
    eps: float,
    iters: int,
) -> ReportResult:
    summary = ReportSummary(
        name=name,
        about=about,
        eps=eps,
        iters=iters,
        act=sum(row.verdict == "act" for row in rows),
        sections=tuple(each.name for each in made),
    )
    part = ReportPart(
        label=Label(source=name, index=0),
        name=name,
        rows=tuple(rows),
        findings=(about, *(f"{row.topic}: {row.answer}" for row in rows)),
        summary=summary,
    )
    return ReportResult(parts=(part,), sections=made, notes=notes)
