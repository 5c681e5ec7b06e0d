"""What a stack of projections says, in numbers and in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints.activations import QUANTILES, TokenCourse, Tokens, mixed_by
from sinkdiag.checkpoints.composite import Course, course_of
from sinkdiag.checkpoints.loops import Loop
from sinkdiag.checkpoints.recognise import words_of
from sinkdiag.checkpoints.site import Model
from sinkdiag.checkpoints.verdict import UNRELIABLE
from sinkdiag.jacobian.depth import CONTRAST
from sinkdiag.studies.stack_difference import Comparison
from sinkdiag.studies.stack_row import StackRow
from sinkdiag.studies.stack_settings import StackSettings
from sinkdiag.studies.stack_site import MeasuredSite

# Sites that are named as those that mix most and least.
NAMED = 5
# Dynamic parts below this, in units of the temperature, cannot change a verdict.
STILL = 1e-3


@dataclass(frozen=True, kw_only=True)
class NamedSite:
    """A site by its key, with what is left there of a difference between streams."""

    key: str
    sigma_2: float


@dataclass(frozen=True, kw_only=True)
class CompositeSummary:
    """H_total = H_L ⋯ H_1 of one part of the network, from its static matrices.

    ``sigma_2`` is nan where it is below rounding; ``effective_depth`` is nan where L sites do not
    make a signal uniform to 1 %.
    """

    part: str
    sites: int
    sigma_2: float
    forward_gain: float
    backward_gain: float
    effective_depth: float


@dataclass(frozen=True, kw_only=True)
class TokenSummary:
    """H_total over recorded tokens: 5 %, 50 % and 95 % quantiles."""

    part: str
    sites: int
    tokens: int
    sigma_2: tuple[float, ...]
    forward_gain: tuple[float, ...]
    backward_gain: tuple[float, ...]
    uniform_share: float


@dataclass(frozen=True, kw_only=True)
class StackSummary:
    """One network; verdicts counted, composites over depth, the sites that mix most and least."""

    implementation: str
    loop: str
    optimizer: str
    lr: float
    sites: int
    frozen: int
    mixing: int
    uniform: int
    broken: int
    unreliable_gradients: int
    composites: tuple[CompositeSummary, ...]
    mix_most: tuple[NamedSite, ...]
    mix_least: tuple[NamedSite, ...]
    tokens: tuple[TokenSummary, ...]
    comparison: Comparison | None


def courses_of(model: Model, measured: Sequence[MeasuredSite]) -> tuple[tuple[str, Course], ...]:
    """The composites over depth of every part whose product is defined."""
    matrices = {entry.row.key: entry.matrix for entry in measured}
    return tuple(
        (
            part.stem,
            course_of([mixed_by(matrices[site.place.key], model.loop) for site in part.sites]),
        )
        for part in model.parts
        if part.is_chain
    )


def summarise(
    model: Model,
    rows: Sequence[StackRow],
    settings: StackSettings,
    courses: Sequence[tuple[str, Course]],
    *,
    tokens: Tokens | None,
    comparison: Comparison | None,
) -> StackSummary:
    """The summary of one network."""
    verdicts = [row.verdict for row in rows]
    known = [row for row in rows if math.isfinite(row.sigma_2)]
    ordered = sorted(known, key=lambda row: row.sigma_2)
    named = [NamedSite(key=row.key, sigma_2=row.sigma_2) for row in ordered]
    return StackSummary(
        implementation=model.implementation,
        loop=words_of(model.loop),
        optimizer=settings.optimizer,
        lr=settings.lr,
        sites=len(rows),
        frozen=verdicts.count("frozen"),
        mixing=verdicts.count("mixing"),
        uniform=verdicts.count("uniform"),
        broken=verdicts.count("broken"),
        unreliable_gradients=sum(row.float32_error > UNRELIABLE for row in rows),
        composites=tuple(_composite(stem, course) for stem, course in courses),
        mix_most=tuple(named[:NAMED]),
        mix_least=tuple(named[: -NAMED - 1 : -1]),
        tokens=tuple(_tokens(course) for course in tokens.courses) if tokens is not None else (),
        comparison=comparison,
    )


def findings_of(
    model: Model, rows: Sequence[StackRow], summary: StackSummary, tokens: Tokens | None
) -> tuple[str, ...]:
    """The sentences, the gravest first."""
    said = [*model.said, _counts(summary), *_worst(rows)]
    said += [_composite_words(entry) for entry in summary.composites]
    short = len(model.parts) - len(summary.composites)
    if short:
        said.append(f"{short} parts change the number of streams: no product over depth")
    if summary.mix_most and len(rows) > 1:
        said.append(f"mixes most: {_named(summary.mix_most)}; least: {_named(summary.mix_least)}")
    said.append(_dynamic_words(rows, model.loop, recorded=tokens is not None))
    if tokens is not None:
        said += [_token_words(entry) for entry in summary.tokens]
        if tokens.missing:
            said.append(f"{len(tokens.missing)} sites were not recorded")
    if summary.comparison is not None:
        said.append(summary.comparison.sentence)
    return tuple(text for text in said if text)


def failures_of(rows: Sequence[StackRow]) -> tuple[str, ...]:
    """Why gaps are missing, in one sentence; none where all are there."""
    failed = [row for row in rows if row.status.failed]
    if not failed:
        return ()
    return (
        f"the gap of {len(failed)} of {len(rows)} sites is not resolved, first of {failed[0].key}: "
        "its logits are not finite, or span more temperatures (some 700) than double precision "
        "holds; the verdict stands",
    )


def _composite(stem: str, course: Course) -> CompositeSummary:
    total = course.total
    return CompositeSummary(
        part=stem,
        sites=total.depth,
        sigma_2=total.sigma_2,
        forward_gain=total.forward,
        backward_gain=total.backward,
        effective_depth=course.effective_depth,
    )


def _tokens(course: TokenCourse) -> TokenSummary:
    found = course.composites
    return TokenSummary(
        part=course.stem,
        sites=course.sites,
        tokens=len(found.forward),
        sigma_2=_quantiles(found.sigma_2),
        forward_gain=_quantiles(found.forward),
        backward_gain=_quantiles(found.backward),
        uniform_share=float(np.mean(found.contrast <= CONTRAST)),
    )


def _quantiles(values: FloatArray) -> tuple[float, ...]:
    """Of all tokens; one that is below rounding counts as the smallest."""
    filled = np.where(np.isnan(values), -np.inf, values)
    found = np.quantile(filled, QUANTILES, method="lower")
    return tuple(float(value) if math.isfinite(value) else math.nan for value in found)


def _counts(summary: StackSummary) -> str:
    rule = f"SGD at rate {summary.lr:g}" if summary.optimizer == "sgd" else "Adam"
    words = (
        f"{summary.sites} site{'' if summary.sites == 1 else 's'}: "
        f"{summary.frozen} frozen (under {rule}), {summary.mixing} mixing, "
        f"{summary.uniform} uniform, {summary.broken} broken"
    )
    if summary.unreliable_gradients:
        words += f"; the float32 gradient of {summary.unreliable_gradients} is over half wrong"
    return words


def _worst(rows: Sequence[StackRow]) -> list[str]:
    """One sentence for each verdict that asks for something, on its first site."""
    said = []
    for word in ("broken", "frozen", "uniform"):
        found = [row for row in rows if row.verdict == word]
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            said.append(f"{word}: {found[0].key}{more}: {found[0].cause}; {found[0].remedy}")
    return said


def _composite_words(entry: CompositeSummary) -> str:
    part = f"{entry.part}: " if entry.part else ""
    if entry.sites == 1:
        return ""
    left = (
        f"sigma_2 {entry.sigma_2:.3g}"
        if math.isfinite(entry.sigma_2)
        else "no difference between streams above rounding"
    )
    depth = (
        f"a signal is uniform to 1 % from site {entry.effective_depth:.0f} on"
        if math.isfinite(entry.effective_depth)
        else "a signal does not become uniform to 1 %"
    )
    return (
        f"{part}over {entry.sites} sites {left}, forward gain {entry.forward_gain:.7g}, backward "
        f"gain {entry.backward_gain:.7g}; {depth}"
    )


def _dynamic_words(rows: Sequence[StackRow], loop: Loop, *, recorded: bool) -> str:
    """What the static matrices leave open."""
    unknown = sum(math.isnan(row.dynamic_bound) for row in rows)
    if unknown:
        return f"the dynamic logits of {unknown} sites are not bounded by what the file holds"
    largest = max(rows, key=lambda row: row.dynamic_bound)
    if largest.dynamic_bound <= STILL * loop.temperature:
        return ""
    more = "" if recorded else "; --activations shows what tokens do"
    return (
        f"verdicts are of the static logits: an input moves those of {largest.key} by up to "
        f"{largest.dynamic_bound:.3g}, typically {largest.dynamic_typical:.3g}{more}"
    )


def _token_words(entry: TokenSummary) -> str:
    part = f"{entry.part}: " if entry.part else ""
    low, middle, high = (
        f"{value:.3g}" if math.isfinite(value) else "below rounding" for value in entry.sigma_2
    )
    return (
        f"{part}over {entry.sites} sites of {entry.tokens} tokens sigma_2 is {middle} (5 % to "
        f"95 %: {low} to {high}), forward gain up to {entry.forward_gain[-1]:.7g}, backward "
        f"{entry.backward_gain[-1]:.7g}; {100 * entry.uniform_share:.3g} % of the tokens are "
        "uniform to 1 %"
    )


def _named(sites: Sequence[NamedSite]) -> str:
    return ", ".join(f"{site.key} ({site.sigma_2:.3g})" for site in sites[:2])
