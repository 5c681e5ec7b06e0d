"""The scaling figure: measured curves with the claimed slopes, windows shaded, freeze marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinkdiag.arrays import FloatArray
from sinkdiag.claims.claim import Claim, ClaimKey
from sinkdiag.claims.judge import Verdicts
from sinkdiag.claims.laws import LAWS
from sinkdiag.errors import NothingToDrawError
from sinkdiag.rendering.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    log_scale,
    new_figure,
    shown_name,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABELS = {
    ClaimKey.SENSITIVITY: r"$\Vert DS\Vert=\Vert\partial P/\partial C\Vert$ (mass / cost)",
    ClaimKey.TEMPERATURE_SENSITIVITY: r"$\Vert dP/d\mathrm{eps}\Vert_F$ (mass / cost)",
    ClaimKey.GAP: r"gap $1-\rho$ (per sweep)",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Panel:
    """One measured curve, the verdict on it, and the power of eps that is claimed."""

    eps: FloatArray
    values: FloatArray
    label: str
    claim: Claim
    slope: float


def scaling_figure(verdicts: Verdicts) -> Figure:
    """The curves of one matrix or batch.

    Raises
    ------
    NothingToDrawError
        When none of the three curves has a resolved value above rounding.
    """
    curve = verdicts.curve
    if not any((values > 0).any() for values in (curve.op_norm, curve.dS_de, curve.gap)):
        raise NothingToDrawError("nothing on the curve is resolved and above 0")
    with styled():
        figure = new_figure(8.6, 7.0)
        panels = figure.subplots(2, 2, sharex=True).ravel()
        figure.suptitle(
            f"{shown_name(verdicts.name)}: derivatives of the plan against the claimed power laws\n"
            "shaded: where the local slope is within 0.15 of the claim",
            fontsize=9,
        )
        for axes, panel in zip(panels, _panels(verdicts), strict=False):
            _draw(axes, panel)
        _exponential(panels[2], verdicts)
        _constants(panels[3], verdicts)
        for axes in panels:
            _freeze(axes, verdicts)
            axes.set_xscale("log")
            axes.legend(loc="lower left" if axes is panels[3] else "best")
        for axes in panels[2:]:
            axes.set_xlabel("temperature eps (cost units)")
    return figure


def _panels(verdicts: Verdicts) -> list[_Panel]:
    curve = verdicts.curve
    return [
        _Panel(
            eps=curve.eps,
            values=law.values(curve),
            label=_LABELS[law.key],
            claim=verdicts.claim(law.key),
            slope=law.slope,
        )
        for law in LAWS
        if law.key in _LABELS
    ]


def _draw(axes: Axes, panel: _Panel) -> None:
    axes.plot(panel.eps, panel.values, color=BLUE, marker="o", ms=3, label="measured")
    log_scale(axes)
    known = _known(panel.eps, panel.values)
    if known:
        low, high = min(v for _, v in known), max(v for _, v in known)
        at = panel.claim.window or (known[0][0], known[0][0])
        centre = math.sqrt(at[0] * at[1])
        near = min(known, key=lambda pair: abs(math.log(pair[0] / centre)))
        line = [near[1] * (e / near[0]) ** panel.slope for e, _ in known]
        label = f"slope {panel.slope:g}"
        axes.plot([e for e, _ in known], line, color=BLACK, ls=":", lw=1.0, label=label)
        axes.set_ylim(low / 2, high * 2)
    if panel.claim.window is not None:
        axes.axvspan(*panel.claim.window, color=GREEN, alpha=0.15, lw=0, label="claim holds")
    axes.set_ylabel(panel.label)
    axes.set_title(_headline(panel.claim))


def _known(eps: FloatArray, values: FloatArray) -> list[tuple[float, float]]:
    pairs = zip(eps.tolist(), values.tolist(), strict=True)
    return [(e, v) for e, v in pairs if math.isfinite(v) and v > 0]


def _exponential(axes: Axes, verdicts: Verdicts) -> None:
    """The fitted exp(-Δ/eps) through the coldest gap, over the decade it was fitted in."""
    delta, curve = verdicts.freeze.delta, verdicts.curve
    known = _known(curve.eps, curve.gap)
    if math.isnan(delta) or not known:
        return
    cold, gap = known[-1]
    eps = [e for e, _ in known if e <= 10 * cold]
    line = [gap * math.exp(delta / cold - delta / e) for e in eps]
    axes.plot(eps, line, color=RED, ls="-.", lw=1.2, label=f"exp(-Δ/eps), Δ = {delta:.3g}")


def _constants(axes: Axes, verdicts: Verdicts) -> None:
    curve = verdicts.curve
    for values, label, colour, line, marker in (
        (curve.eps * curve.op_norm, r"eps$\cdot\Vert DS\Vert$ (C0)", BLUE, "-", "o"),
        (curve.drift, r"eps$\cdot\Vert dP/d\mathrm{eps}\Vert$ (K1)", RED, "--", "s"),
        (curve.K2, r"eps$^2\cdot\Vert D^2S\Vert$ (K2, lower estimate)", GREEN, "-.", "^"),
    ):
        axes.plot(curve.eps, values, color=colour, ls=line, marker=marker, ms=3, label=label)
    log_scale(axes)
    low, high = axes.get_ylim()
    axes.set_ylim(low / (high / low) ** 0.6, high)  # room for the legend below the curves
    axes.set_ylabel("scaled derivatives (mass)")
    axes.set_title("the same times powers of eps:\nflat where the laws hold")


def _freeze(axes: Axes, verdicts: Verdicts) -> None:
    freeze = verdicts.freeze
    if math.isfinite(freeze.eps_freeze):
        label = f"freeze, K = {freeze.iters}: {freeze.eps_freeze:.3g}"
        axes.axvline(freeze.eps_freeze, color=BLACK, ls="--", lw=1.0, label=label)


def _headline(claim: Claim) -> str:
    slope = f", slope {claim.slope:.2f}" if math.isfinite(claim.slope) else ""
    return f"{claim.claim}\n{claim.verdict}{slope}"
