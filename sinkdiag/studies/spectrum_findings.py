"""What a column of spectra says, in words: freeze temperature, conditioning, duality, float32."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sinkdiag.jacobian.modes import NEARLY_NORMAL
from sinkdiag.results import Status
from sinkdiag.studies.spectrum_row import SpectrumRow

# A relative error of the float32 layer's gradient above this counts as lost.
FLOAT32_LOSS = 1e-2


@dataclass(frozen=True, kw_only=True)
class SpectrumSummary:
    """One matrix over its temperatures.

    ``eps_freeze``: the largest eps with rho^K > 1/10, solved for whatever temperatures were asked
    for; nan when there is none, or when the matrix is too large to look for it. ``eps_float32``:
    the largest eps of the rows whose float32 gradient is off by more than 1 %, nan when there is
    none. ``findings`` are sentences.
    """

    norm: str
    iters: int
    eps_freeze: float
    eps_float32: float
    kappa_V_max: float  # noqa: N815 - after the column
    findings: tuple[str, ...]


def summarise(
    rows: Sequence[SpectrumRow], freeze: float | None, *, limit: int | None = None
) -> SpectrumSummary:
    """The summary of the rows of one matrix, warmest first.

    ``freeze`` is the freeze temperature of its layer, ``limit`` how many components stay of the
    support as eps falls; None where it was not looked for.
    """
    iters, norm = rows[0].iters, rows[0].norm
    kappa = max((r.kappa_V for r in rows if not math.isnan(r.kappa_V)), default=math.nan)
    lossy = [row.eps for row in rows if row.float32_error > FLOAT32_LOSS]
    float32 = max(lossy, default=math.nan)
    findings = [
        _freeze_words(freeze, iters),
        _kappa_words(kappa, norm, rows),
        _duality_words(rows, norm),
        _float32_words(float32, iters, rows),
        _support_words(rows[-1], limit),
        _bound_words(rows),
        *_failures(rows),
    ]
    return SpectrumSummary(
        norm=norm,
        iters=iters,
        eps_freeze=math.nan if freeze is None else freeze,
        eps_float32=float32,
        kappa_V_max=kappa,
        findings=tuple(text for text in findings if text),
    )


def summarise_many(
    summaries: Sequence[SpectrumSummary], names: Sequence[str], statuses: Sequence[Status]
) -> tuple[str, ...]:
    """Several matrices in a few sentences: where the first freezes, conditioning, failures."""
    frozen = [
        (found.eps_freeze, name)
        for found, name in zip(summaries, names, strict=True)
        if math.isfinite(found.eps_freeze)
    ]
    said = []
    if frozen:
        eps, name = max(frozen)
        said.append(
            f"{len(summaries)} matrices: {summaries[0].iters} sweeps shrink an error less than "
            f"tenfold at eps = {eps:.3g} and below ({name}), of others at {min(frozen)[0]:.3g}"
        )
    else:
        said.append(f"{len(summaries)} matrices: {_freeze_words(math.nan, summaries[0].iters)}")
    kappas = [
        (found.kappa_V_max, name)
        for found, name in zip(summaries, names, strict=True)
        if not math.isnan(found.kappa_V_max)
    ]
    if kappas:
        kappa, name = max(kappas)
        said.append(f"kappa(V) is at most {kappa:.4g} in the {summaries[0].norm} norm ({name})")
    for status in dict.fromkeys(statuses):
        if status.failed:
            count = f"{statuses.count(status)} of {len(statuses)} rows are {status}"
            said.append(f"{count}: {status.cause}; {status.remedy}")
    return tuple(said)


def _freeze_words(freeze: float | None, iters: int) -> str:
    if freeze is None:
        return ""
    if math.isnan(freeze):
        return f"{iters} sweeps shrink an error at least tenfold down to 1e-4 of the costs' range"
    return f"at eps = {freeze:.3g} and below {iters} sweeps shrink an error less than tenfold"


def _kappa_words(kappa: float, norm: str, rows: Sequence[SpectrumRow]) -> str:
    if math.isnan(kappa):
        return ""
    if any(row.bound == "lower" for row in rows):
        return f"kappa(V) is at least {kappa:.4g} in the {norm} norm"
    where = ", where it is resolved" if any(math.isnan(row.kappa_V) for row in rows) else ""
    if kappa < NEARLY_NORMAL:
        return (
            f"kappa(V) is at most {kappa:.4g} in the {norm} norm{where}: the Jacobian is as good "
            "as normal, pseudospectra add nothing to its eigenvalues"
        )
    peak = max(row.transient_peak for row in rows if not math.isnan(row.transient_peak))
    growth = (
        f"and some power of J has norm {peak:.3g}" if peak > 1 else "and no power of J exceeds 1"
    )
    return f"kappa(V) reaches {kappa:.4g} in the {norm} norm, {growth}"


def _duality_words(rows: Sequence[SpectrumRow], norm: str) -> str:
    judged = [row for row in rows if not math.isnan(row.duality_rhs)]
    if not judged:
        return ""
    failed = [row for row in judged if row.duality_lhs > row.duality_rhs * (1 + 1e-9)]
    if not failed:
        where = (
            f"all {len(judged)} temperatures" if len(judged) > 1 else f"eps = {judged[0].eps:.3g}"
        )
        return f"duality: gap <= rhs at {where} ({norm} norm)"
    return (
        f"duality: gap <= rhs fails at {len(failed)} of {len(judged)} temperatures in the {norm} "
        "norm, as it may outside plan and natural; gap <= kappa(V)·rhs holds"
    )


def _float32_words(float32: float, iters: int, rows: Sequence[SpectrumRow]) -> str:
    if all(math.isnan(row.float32_error) for row in rows):
        return ""
    if math.isnan(float32):
        felt = (
            "at every temperature"
            if not any(math.isnan(row.float32_error) for row in rows)
            else "wherever there is a gradient"
        )
        return f"the gradient of {iters} float32 sweeps is right to 1 % {felt}"
    return (
        f"from eps = {float32:.3g} down the gradient of {iters} float32 sweeps is off by over 1 %, "
        "by logsumexp or by alternate normalisation"
    )


def _support_words(coldest: SpectrumRow, limit: int | None) -> str:
    now = coldest.components
    if limit is not None and limit != now:
        return (
            f"at eps = {coldest.eps:.3g} the active support has {_components(now)}; without the "
            f"pairs whose mass is still falling, the support of the limit eps -> 0, it has {limit}"
        )
    return f"at eps = {coldest.eps:.3g} the active support has {now} components" if now > 1 else ""


def _components(count: int) -> str:
    return f"{count} component" if count == 1 else f"{count} components"


def _bound_words(rows: Sequence[SpectrumRow]) -> str:
    lower = [row for row in rows if row.bound == "lower"]
    if not lower:
        return ""
    return (
        f"from the leading {lower[0].modes} modes: resolvent_norm, kappa_V, eigenvalue_condition, "
        "departure_from_normality and transient_peak are lower estimates"
    )


def _failures(rows: Sequence[SpectrumRow]) -> list[str]:
    words = []
    for status in Status:
        found = [row for row in rows if row.status is status]
        if status.failed and found:
            what = (
                f"the {found[0].norm} norm is not resolved"
                if status is Status.BELOW_RESOLUTION and not math.isnan(found[0].gap)
                else status.cause
            )
            words.append(
                f"{status} at {len(found)} of {len(rows)} temperatures, first at eps = "
                f"{found[0].eps:.3g}: {what}; {_remedy(found[0])}"
            )
    return words


def _remedy(row: SpectrumRow) -> str:
    if row.status is Status.BELOW_RESOLUTION and row.norm == "plan" and not math.isnan(row.gap):
        return "eigenvalues and gap stand; --norm natural or potential resolves the rest"
    return row.status.remedy
