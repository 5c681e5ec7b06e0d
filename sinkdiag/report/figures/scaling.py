"""The scaling figure: measured curves with the claimed slopes, windows shaded, freeze marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sinkdiag.report.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    log_scale,
    new_figure,
    save,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sinkdiag.claims.laws import Verdicts
    from sinkdiag.claims.power_law import Claim


def draw(verdicts: Verdicts, path: str) -> None:
    """Draw one matrix's curves and save to ``path``."""
    curve = verdicts.curve
    with styled():
        figure = new_figure(8.6, 7.0)
        panels = figure.subplots(2, 2, sharex=True).ravel()
        name = Path(verdicts.name).name
        figure.suptitle(
            f"{name}: derivatives of the plan against the claimed power laws\n"
            "shaded: where the local slope is within 0.15 of the claim",
            fontsize=9,
        )
        first = r"$\Vert DS\Vert=\Vert\partial P/\partial C\Vert$ (mass / cost)"
        second = r"$\Vert dP/d\mathrm{eps}\Vert_F$ (mass / cost)"
        laws = (
            (first, "‖DS‖ = Θ(1/eps)", curve.op_norm, -1.0),
            (second, "‖dP/deps‖ = Θ(1/eps)", curve.dS_de, -1.0),
            (r"gap $1-\rho$ (per sweep)", "gap = Θ(eps)", curve.gap, 1.0),
        )
        for axes, (label, claim, values, slope) in zip(panels, laws, strict=False):
            judged = next(item for item in verdicts.claims if item.claim == claim)
            _panel(axes, list(curve.eps), list(values), label, judged, slope)
        _exponential(panels[2], verdicts)
        _constants(panels[3], verdicts)
        for axes in panels:
            _freeze(axes, verdicts)
            axes.set_xscale("log")
            axes.legend(loc="lower left" if axes is panels[3] else "best")
        for axes in panels[2:]:
            axes.set_xlabel("temperature eps (cost units)")
        save(figure, path)


def _panel(
    axes: Axes,
    eps: Sequence[float],
    values: Sequence[float],
    label: str,
    claim: Claim,
    slope: float,
) -> None:
    axes.plot(eps, values, color=BLUE, marker="o", ms=3, label="measured")
    known = [(e, v) for e, v in zip(eps, values, strict=True) if math.isfinite(v) and v > 0]
    log_scale(axes)
    if known:
        low, high = min(v for _, v in known), max(v for _, v in known)
        at = claim.window if claim.window is not None else (known[0][0], known[0][0])
        centre = math.sqrt(at[0] * at[1])
        near = min(known, key=lambda pair: abs(math.log(pair[0] / centre)))
        line = [near[1] * (e / near[0]) ** slope for e, _ in known]
        axes.plot(
            [e for e, _ in known], line, color=BLACK, ls=":", lw=1.0, label=f"slope {slope:g}"
        )
        axes.set_ylim(low / 2, high * 2)
    _window(axes, claim)
    axes.set_ylabel(label)
    axes.set_title(_headline(claim))


def _exponential(axes: Axes, verdicts: Verdicts) -> None:
    """The fitted exp(-Δ/eps) through the coldest gap, over the decade it was fitted in."""
    delta, curve = verdicts.freeze.delta, verdicts.curve
    known = [(e, v) for e, v in zip(curve.eps, curve.gap, strict=True) if v > 0]
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
        (curve.eps * curve.dS_de, r"eps$\cdot\Vert dP/d\mathrm{eps}\Vert$ (K1)", RED, "--", "s"),
        (curve.K2, r"eps$^2\cdot\Vert D^2S\Vert$ (K2, lower estimate)", GREEN, "-.", "^"),
    ):
        axes.plot(curve.eps, values, color=colour, ls=line, marker=marker, ms=3, label=label)
    log_scale(axes)
    low, high = axes.get_ylim()
    axes.set_ylim(low / (high / low) ** 0.6, high)  # room for the legend below the curves
    axes.set_ylabel("scaled derivatives (mass)")
    axes.set_title("the same times powers of eps:\nflat where the laws hold")


def _window(axes: Axes, claim: Claim) -> None:
    if claim.window is not None:
        axes.axvspan(*claim.window, color=GREEN, alpha=0.15, lw=0, label="claim holds")


def _freeze(axes: Axes, verdicts: Verdicts) -> None:
    freeze = verdicts.freeze
    if math.isfinite(freeze.eps_freeze):
        label = f"freeze, K = {freeze.iters}: {freeze.eps_freeze:.3g}"
        axes.axvline(freeze.eps_freeze, color=BLACK, ls="--", lw=1.0, label=label)


def _headline(claim: Claim) -> str:
    verdict = claim.verdict
    slope = f", slope {claim.slope:.2f}" if math.isfinite(claim.slope) else ""
    return f"{claim.claim}\n{verdict}{slope}"
