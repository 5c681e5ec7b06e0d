"""The power laws that the paper claims, as a table.

‖·‖ of DS, D²S and dP/deps are those of `sinkdiag.derivatives.response`; sources are lemmas of arXiv
2601.23039.
"""

from __future__ import annotations

import math

from sinkdiag.claims.claim import ClaimKey
from sinkdiag.claims.curve import Curve
from sinkdiag.claims.freeze_law import closing_rate
from sinkdiag.claims.power_law import Law


def _loops(curve: Curve) -> bool:
    return curve.limit_cycles > 0


def _never(curve: Curve) -> bool:
    del curve
    return False


def _always(curve: Curve) -> bool:
    del curve
    return True


def _moves(curve: Curve) -> str:
    if _loops(curve):
        return f"{curve.shape}, and a cycle keeps eps·‖DS‖ from falling"
    return f"{curve.shape}, so eps·‖DS‖ falls to 0"


def _settles(curve: Curve) -> str:
    return (
        f"{curve.shape}, and the plan tends to a limit exponentially fast, so eps·‖dP/deps‖ "
        "falls to 0"
    )


def _closes(curve: Curve) -> str:
    if curve.limit_components > 1:
        delta = closing_rate(curve).slope
        fitted = f" with Δ = {delta:.4g}" if math.isfinite(delta) else ""
        return f"{curve.shape}, so the gap falls like exp(-Δ/eps){fitted}"
    return (
        f"{curve.shape}: while the support stays connected the gap tends to a constant, "
        f"{curve.gap[-1]:.3g} at the coldest temperature"
    )


def _estimated(curve: Curve) -> str:
    del curve
    return "measured as a lower estimate, so that K may be larger"


def _shrinks(curve: Curve) -> str:
    if _loops(curve):
        return f"{curve.shape}, and with a cycle R tends to a constant"
    return f"{curve.shape}, so R falls with the mass off it, and is nearly constant before"


def _steps(curve: Curve) -> str:
    return _settles(curve) if curve.limit_components == 1 else _closes(curve)


# In the order of the paper's argument.
LAWS = (
    Law(
        key=ClaimKey.SENSITIVITY,
        claim="‖DS‖ = Θ(1/eps)",
        source="Lemma A.7",
        name="‖DS‖",
        values=lambda curve: curve.op_norm,
        slope=-1,
        lasts=_loops,
        cause=_moves,
    ),
    Law(
        key=ClaimKey.TEMPERATURE_SENSITIVITY,
        claim="‖dP/deps‖ = Θ(1/eps)",
        source="Lemma A.10",
        name="‖dP/deps‖",
        values=lambda curve: curve.dS_de,
        slope=-1,
        lasts=_never,
        cause=_settles,
    ),
    Law(
        key=ClaimKey.GAP,
        claim="gap = Θ(eps)",
        source="Props. 2.1, 3.1",
        name="the gap",
        values=lambda curve: curve.gap,
        slope=1,
        lasts=_never,
        cause=_closes,
    ),
    Law(
        key=ClaimKey.RESOLVENT,
        claim="‖(I-J)^{-1}‖ = Θ(1/eps)",
        source="Prop. 3.1",
        name="the resolvent norm (natural norm, 1/gap)",
        values=lambda curve: curve.resolvent,
        slope=-1,
        lasts=_never,
        cause=_closes,
    ),
    Law(
        key=ClaimKey.SECOND_DERIVATIVE,
        claim="‖D²S‖ <= K/eps²",
        source="Lemma A.9",
        name="eps²·‖D²S‖",
        values=lambda curve: curve.K2,
        slope=0,
        bound=True,
        lasts=_always,
        cause=_estimated,
    ),
    Law(
        key=ClaimKey.RADIUS,
        claim="R(eps) = O(eps)",
        source="Lemma A.3",
        name="R",
        values=lambda curve: curve.radius,
        slope=1,
        bound=True,
        lasts=lambda curve: not _loops(curve),
        cause=_shrinks,
    ),
    Law(
        key=ClaimKey.DRIFT,
        claim="drift = O(1) under exponential cooling",
        source="Table 2",
        name="eps·‖dP/deps‖",
        values=lambda curve: curve.drift,
        slope=0,
        bound=True,
        lasts=_always,
        cause=_settles,
    ),
    Law(
        key=ClaimKey.ADMISSIBLE_STEP,
        claim="admissible step = Θ(eps²)",
        source="Thm. 3.2",
        name="gap·R/‖dP/deps‖",
        values=lambda curve: curve.admissible_step,
        slope=2,
        lasts=_never,
        cause=_steps,
    ),
)
