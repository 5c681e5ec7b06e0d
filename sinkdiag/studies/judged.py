"""What `sensitivity` and `constants` have in common: curves, and the claims judged on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sinkdiag.claims.claim import Claim
from sinkdiag.claims.freeze_law import LAYER_SWEEPS, FreezeLaw
from sinkdiag.claims.judge import Verdicts, verdicts_of
from sinkdiag.derivatives.response import Response
from sinkdiag.jacobian.freeze import LARGEST_SIZE, freeze_temperature
from sinkdiag.problem import Problem
from sinkdiag.studies.result import Part, Result
from sinkdiag.studies.subjects import Case

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class ClaimsSummary:
    """The claims about all matrices, one after another, and the freeze law of each."""

    claims: tuple[Claim, ...]
    freeze: tuple[FreezeLaw, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedPart(Part):
    """One matrix or batch.

    Attributes
    ----------
    curves:
        For each of its matrices the responses along eps, warmest first.
    verdicts:
        The claims judged on their mean, with that curve and the law by which its gap closes.
    claims:
        Whether each claim is told, or how many hold.
    """

    curves: tuple[tuple[Response, ...], ...]
    verdicts: Verdicts
    claims: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedResult(Result[JudgedPart]):
    """Rows along eps of one or several matrices, and the verdicts on the paper's claims."""

    @property
    def digest(self) -> tuple[str, ...]:
        """Of several matrices how many claims hold, and where their sweeps freeze."""
        if len(self.parts) == 1 or self.parts[0].claims:
            return ()
        said = [f"{len(self.parts)} matrices: {count_claims(self.summary.claims)}"]
        frozen = [
            (part.verdicts.freeze.eps_freeze, part)
            for part in self.parts
            if math.isfinite(part.verdicts.freeze.eps_freeze)
        ]
        if frozen:
            eps, part = max(frozen, key=lambda entry: entry[0])
            lowest = min(entry[0] for entry in frozen)
            said.append(
                f"{part.verdicts.freeze.iters} sweeps reduce the error by less than a factor 10 "
                f"from eps = {eps:.4g} down ({part.name}), of others from {lowest:.4g}"
            )
        return tuple(said)

    @property
    def summary(self) -> ClaimsSummary:
        """All claims and freeze laws."""
        found = [part.verdicts for part in self.parts]
        return ClaimsSummary(
            claims=tuple(claim for verdicts in found for claim in verdicts.claims),
            freeze=tuple(verdicts.freeze for verdicts in found),
        )

    @property
    def verdicts(self) -> tuple[Verdicts, ...]:
        """One a matrix or batch; `Verdicts.claim` looks a claim up by its key."""
        return tuple(part.verdicts for part in self.parts)

    def figure(self) -> Figure:
        """The derivatives of the first matrix against the claimed power laws."""
        from sinkdiag.rendering.figures.scaling import scaling_figure

        return scaling_figure(self.parts[0].verdicts)


def judged_part(
    case: Case,
    rows: tuple[Any, ...],
    curves: Sequence[Sequence[Response]],
    *,
    claims: bool,
    freezes: Sequence[float] | None = None,
) -> JudgedPart:
    """Judge the curves of a case; ``claims`` tells each claim, not how many hold.

    ``freezes``: the freeze temperatures of its matrices (`freeze_of`), where they are known.
    """
    verdicts = verdicts_on(case, curves, freezes)
    each, laws = claim_sentences(verdicts), law_sentences(verdicts)
    return JudgedPart(
        label=case.label,
        name=case.name,
        rows=rows,
        findings=(*each, *laws) if claims else (*laws, count_claims(verdicts.claims)),
        details=() if claims else each,
        curves=tuple(tuple(curve) for curve in curves),
        verdicts=verdicts,
        claims=claims,
    )


def freeze_of(problem: Problem) -> float:
    """Where LAYER_SWEEPS sweeps freeze; nan for a matrix that is too large to ask."""
    if problem.cost.size > LARGEST_SIZE:
        return math.nan
    return freeze_temperature(problem, LAYER_SWEEPS)


def verdicts_on(
    case: Case, curves: Sequence[Sequence[Response]], freezes: Sequence[float] | None = None
) -> Verdicts:
    """Judge the curves of a case, with the freeze temperature of its warmest matrix."""
    found = [freeze_of(problem) for problem in case.problems] if freezes is None else freezes
    eps_freeze = max((eps for eps in found if math.isfinite(eps)), default=math.nan)
    return verdicts_of(case.name, curves, case.problems, eps_freeze)


def claim_sentences(verdicts: Verdicts) -> tuple[str, ...]:
    """One sentence a claim."""
    return tuple(
        f"{claim.claim} ({claim.source}): {claim.verdict}; {claim.sentence}"
        for claim in verdicts.claims
    )


def law_sentences(verdicts: Verdicts) -> tuple[str, ...]:
    """The exponential law of the gap, and the freeze temperature."""
    said = []
    freeze = verdicts.freeze
    if math.isfinite(freeze.delta):
        said.append(
            f"gap ~ exp(-Δ/eps), Δ = {freeze.delta:.6g} cost units "
            f"(local values {freeze.delta_low:.6g} to {freeze.delta_high:.6g})"
        )
    if math.isfinite(freeze.eps_freeze):
        said.append(
            f"from eps = {freeze.eps_freeze:.4g} down {freeze.iters} sweeps "
            "reduce the error by less than a factor 10"
        )
    return tuple(said)


def count_claims(claims: Sequence[Claim]) -> str:
    """How many hold, in one sentence."""
    words = {
        "hold": sum(claim.verdict == "holds" for claim in claims),
        "hold in a window": sum(claim.verdict.startswith("holds in") for claim in claims),
        "fail": sum(claim.verdict == "fails" for claim in claims),
        "cannot be told": sum(claim.verdict == "cannot tell" for claim in claims),
    }
    found = ", ".join(f"{count} {what}" for what, count in words.items() if count)
    return f"of the paper's claims {found}: --claims shows each"
