"""``anneal``: every schedule of both sources, compared on the user's own costs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from numpy.typing import ArrayLike

from sinkdiag.annealing.learning.learner import Loss
from sinkdiag.annealing.learning.settings import Start
from sinkdiag.annealing.schedules.schedule import LayerSchedule
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.annealing.track import JUDGE_MAX_ITER, JUDGE_TOL
from sinkdiag.errors import ConflictError, InputError
from sinkdiag.problem import MarginalKind
from sinkdiag.progress import Progress, silent
from sinkdiag.studies.anneal_claims import claims_on
from sinkdiag.studies.anneal_findings import findings_of
from sinkdiag.studies.anneal_learn import LearningBench, target_for
from sinkdiag.studies.anneal_result import AnnealPart, AnnealResult
from sinkdiag.studies.anneal_run import Bench
from sinkdiag.studies.anneal_settings import AnnealSettings
from sinkdiag.studies.subjects import (
    Case,
    Layout,
    Subject,
    are_labelled,
    notes_of,
    subject_of,
)
from sinkdiag.studies.units import HERE, Work, run_units
from sinkdiag.temperature import EpsUnit, Temperatures, temperatures_of


def study_anneal(
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: AnnealSettings,
    progress: Progress = silent,
    *,
    truth: ArrayLike | None = None,
    truth_name: str = "truth",
    work: Work = HERE,
) -> AnnealResult:
    """Run every schedule on every matrix, and on every trajectory as a whole.

    ``truth``: what the learner should learn, with ``settings.learn``; default the optimal plan.
    ``truth_name`` is how messages call it.

    Raises
    ------
    InputError
        When the temperatures leave nothing to anneal.
    """
    if truth is not None and not settings.learn:
        raise ConflictError("truth", "nothing is learned", "add --learn")
    make = partial(
        _parts,
        temperatures=temperatures,
        settings=settings,
        truth=truth,
        truth_name=truth_name,
    )
    check = partial(_setting, temperatures=temperatures, settings=settings)
    return AnnealResult(
        parts=run_units(subjects, make, "trajectory", check, work=work, progress=progress),
        extended=settings.extended,
        labelled=are_labelled(subjects),
        notes=notes_of(subjects, temperatures),
    )


def _setting(case: Case, *, temperatures: Temperatures, settings: AnnealSettings) -> Setting:
    """What is annealed, once it is something to anneal."""
    if settings.learn and len(case.problems) > 1:
        raise InputError(
            case.name, "a learner makes its own trajectory", "give one matrix to learn from"
        )
    return settings.setting(case.problems, _ends(case, temperatures))


def _ends(case: Case, temperatures: Temperatures) -> tuple[float, float]:
    eps_start, eps_min = temperatures.ends(case.problems)
    if eps_min >= eps_start:
        raise InputError(
            case.name,
            f"annealing from eps {eps_start:g} down to {eps_min:g} is no cooling",
            "give --eps a lowest value below the highest",
        )
    return eps_start, eps_min


def _parts(
    case: Case,
    progress: Progress,
    *,
    temperatures: Temperatures,
    settings: AnnealSettings,
    truth: ArrayLike | None,
    truth_name: str,
) -> tuple[AnnealPart]:
    setting = _setting(case, temperatures=temperatures, settings=settings)
    target = target_for(setting, settings, truth, truth_name)
    bench, runs = Bench(setting, settings), []
    learner = None if target is None else LearningBench(setting, settings, target)
    for schedule in settings.parsed:

        def told(done: int, name: str = schedule.name) -> None:
            progress(name, done, max(done, setting.most_steps))

        if learner is not None and isinstance(schedule, LayerSchedule):
            runs.append(learner.run(schedule, told))
        else:
            runs.append(bench.run(schedule, told))
    claims = claims_on(setting, settings, bench.optimum(), progress)
    part = AnnealPart(
        label=case.label,
        name=case.name,
        rows=tuple(row for run in runs for row in run.rows),
        findings=findings_of(runs, setting, bench.optimum(), claims if settings.claims else ()),
        setting=setting,
        runs=tuple(runs),
        claims=claims,
        judged=settings.claims,
    )
    return (part,)


def anneal(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    eps_unit: EpsUnit = "none",
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
    schedules: Sequence[str] | None = None,
    iters: int = 20,
    start: Start = "cold",
    max_steps: int = 1000,
    tv: bool = True,
    collapse_tv: float = 0.1,
    claims: bool = False,
    learn: bool = False,
    truth: ArrayLike | None = None,
    loss: Loss | None = None,
    learning_rate: float | None = None,
    noise: float | None = None,
    immaturity: float | None = None,
    seed: int = 0,
    tol: float = JUDGE_TOL,
    max_iter: int = JUDGE_MAX_ITER,
    extended: bool = False,
) -> AnnealResult:
    """Run annealing schedules on a cost and compare them step by step; ``sinkdiag anneal``.

    Layers make K sweeps a step at the temperatures of a rule (exponential, quadratic, power,
    piecewise, eph-asc, gumbel); the annealed iterations (annealed, debiased, symmetric,
    symmetric-debiased) make one sweep a step at 1/eps = beta_0 t^kappa. Every plan is compared
    with the fixed point at its own temperature and, rounded onto the transport polytope, with the
    exact optimum.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; or (T, n, m) with ``layout``.
    eps:
        Layers are annealed from the highest of these temperatures to the lowest (one value: the
        lowest; None: from the cost's range down to 3e-3 of it).
    eps_unit:
        Cost units (``none``), or this statistic of the finite costs as the unit of ``eps``.
    row, col, marginals:
        Marginals; those not given are 1 and n/m (``unit``) or 1/n and 1/m (``probability``).
    layout:
        ``batch``: every matrix by itself; ``trajectory``: one cost a step.
    schedules:
        ``NAME[:key=value,...]`` each; ``sinkdiag anneal --schedules`` lists them. None:
        exponential, eph-asc, annealed and debiased; with ``learn`` exponential, eph-asc, tracking.
    iters, start:
        Sweeps of the layer at every step (K), from zero potentials (``cold``) or from the last g
        in cost units (``warm``).
    max_steps:
        Budget of steps, at least 2, and the number of them for the annealed iterations.
    tv:
        Whether every step is compared with its fixed point.
    collapse_tv:
        Total variation ‖P - P*‖_1/(2N), in (0, 1), from which a plan is lost.
    claims:
        Judge what both sources claim about annealing, on runs of their own: the speed limit and
        the collapse of the first, the errors and best exponents of the second.
    learn:
        Learn the costs while the schedule cools them: `calibrate`'s learner, C_{t+1} = C_t -
        eta dl/dC through the K sweeps. Rules for a layer's temperature only.
    truth:
        What is right: 0-based column of each row (n,), -1 unknown, or a plan (n, m); None: the
        optimal plan of the cost, planted. With ``learn`` only.
    loss, learning_rate, noise, immaturity:
        Of the learner, as in `calibrate`: rate in std(C)², noise and immaturity in std(C). None:
        ``mse``, the loss's own, 0.05 and 1. With ``learn`` only.
    seed:
        Of the Gumbel noise and of the learner.
    tol, max_iter:
        Relative marginal error, and limit on sweeps and Newton steps, of the fixed points.
    extended:
        Whether tables and frames carry the extended columns.

    Returns
    -------
    One `AnnealRow` a step and schedule; ``.comparison`` has one row a schedule, ``.plot(path)``
    draws error against sweeps beside the front of plain Sinkhorn.

    Raises
    ------
    InputError
        When the cost, the marginals, the temperatures, a schedule or a setting cannot be used, or
        two settings do not go together.

    Source: arXiv 2601.23039 (cooling rules, EPH-ASC); L. Chizat, arXiv 2408.11620 (annealed
    iterations, rounding to compare them).
    """
    settings = AnnealSettings(
        schedules=_named(schedules),
        iters=iters,
        start=start,
        max_steps=max_steps,
        tv=tv,
        collapse_tv=collapse_tv,
        claims=claims,
        learn=learn,
        loss=loss,
        learning_rate=learning_rate,
        noise=noise,
        immaturity=immaturity,
        seed=seed,
        tol=tol,
        max_iter=max_iter,
        extended=extended,
    )
    subject = subject_of(cost, row=row, col=col, marginals=marginals, layout=layout)
    return study_anneal([subject], temperatures_of(eps, eps_unit), settings, truth=truth)


def _named(schedules: Sequence[str] | None) -> tuple[str, ...] | None:
    """One name may be given alone."""
    if schedules is None:
        return None
    return (schedules,) if isinstance(schedules, str) else tuple(schedules)
