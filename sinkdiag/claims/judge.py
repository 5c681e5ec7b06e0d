"""The paper's claims, each judged on the curve measured on the user's own matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sinkdiag.claims.claim import Claim, ClaimKey
from sinkdiag.claims.cooling import judge_collapse
from sinkdiag.claims.curve import Curve, curve_of
from sinkdiag.claims.freeze_law import FreezeLaw, freeze_law
from sinkdiag.claims.laws import LAWS
from sinkdiag.claims.pointwise import judge_duality, judge_gauges
from sinkdiag.claims.power_law import judge_law
from sinkdiag.derivatives.response import Response
from sinkdiag.problem import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdicts:
    """All that is judged on one matrix, or on one batch, with the curve it was judged on."""

    name: str
    curve: Curve
    claims: tuple[Claim, ...]
    freeze: FreezeLaw

    def claim(self, key: ClaimKey) -> Claim:
        """The verdict on one claim."""
        return next(claim for claim in self.claims if claim.key is key)


def verdicts_of(
    name: str,
    curves: Sequence[Sequence[Response]],
    problems: Sequence[Problem],
    eps_freeze: float = math.nan,
) -> Verdicts:
    """Judge the mean curve of a batch, or the one curve of a matrix."""
    curve = curve_of(curves, problems[0])
    return Verdicts(
        name=name,
        curve=curve,
        claims=judge(curve, problems),
        freeze=freeze_law(curve, name, eps_freeze),
    )


def judge(curve: Curve, problems: Sequence[Problem]) -> tuple[Claim, ...]:
    """Every claim of the paper that can be decided, in the order of the paper's argument."""
    laws = [judge_law(curve, law) for law in LAWS]
    return (
        *laws,
        judge_collapse(curve, problems),
        judge_gauges(curve, problems),
        judge_duality(curve),
    )
