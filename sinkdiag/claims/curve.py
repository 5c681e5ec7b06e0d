"""What was measured along a grid of temperatures, as the claims see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.response import Response
from sinkdiag.derivatives.thresholds import quadratic_radius


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """What was measured on one matrix, temperatures in descending order.

    Attributes
    ----------
    eps, op_norm, dS_de, K2, gap:
        As in `sensitivity`; nan where a value was not resolved. K2 = eps²·‖D²S‖.
    duality:
        The right-hand side of Theorem A.2 in the natural norm.
    components:
        Of the active support at each temperature.
    limit_components, limit_cycles:
        Of the pairs of the coldest support that are not on their way out.
    settled:
        Whether those are all of it: then it is taken for the support of the limit eps -> 0.
    """

    eps: FloatArray
    op_norm: FloatArray
    dS_de: FloatArray  # noqa: N815 - the paper's name
    K2: FloatArray
    gap: FloatArray
    duality: FloatArray
    components: tuple[int, ...]
    limit_components: int
    limit_cycles: int
    settled: bool

    @property
    def radius(self) -> FloatArray:
        """R = 2 C0²/K2."""
        return quadratic_radius(self.eps * self.op_norm, self.K2)

    @property
    def drift(self) -> FloatArray:
        """eps·‖dP/deps‖: how far the plan moves when the temperature falls by a given factor."""
        return self.eps * self.dS_de

    @property
    def resolvent(self) -> FloatArray:
        """‖(I - J)^{-1}‖ in the natural norm, 1/gap; nan where the gap is not resolved."""
        return ratio(np.ones_like(self.gap), self.gap)

    @property
    def admissible_step(self) -> FloatArray:
        """gap·R/‖dP/deps‖, the step that Theorem 3.2 admits, cost units."""
        return ratio(self.gap * self.radius, self.dS_de)

    @property
    def shape(self) -> str:
        """The coldest support in words."""
        parts, loops = self.limit_components, self.limit_cycles
        if parts == 1 and loops == 0:
            return "the limit support is a tree"
        if loops == 0:
            return f"the limit support has {parts} components and no cycle"
        noun = "component" if parts == 1 else "components"
        loop = "cycle" if loops == 1 else "cycles"
        return f"the limit support has {parts} {noun} and {loops} independent {loop}"


def curve_of(curves: Sequence[Sequence[Response]]) -> Curve:
    """The curve of one matrix from its responses in descending eps, or the mean of a batch.

    Of a batch the worst support counts: most components, fewest cycles.
    """

    def mean(read: Callable[[Response], float]) -> FloatArray:
        return np.array([[read(r) for r in curve] for curve in curves]).mean(axis=0)

    last = [curve[-1].lasting for curve in curves]
    return Curve(
        eps=np.array([r.eps for r in curves[0]]),
        op_norm=mean(lambda r: r.op_norm),
        dS_de=mean(lambda r: r.dS_de_norm),
        K2=mean(lambda r: r.cubic.value),
        gap=mean(lambda r: r.gap),
        duality=mean(lambda r: r.duality),
        components=tuple(
            max(curve[k].support.components for curve in curves) for k in range(len(curves[0]))
        ),
        limit_components=max(lasting.components for lasting in last),
        limit_cycles=min(lasting.cycles for lasting in last),
        settled=all(lasting.whole for lasting in last),
    )


def ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """The quotient, nan where the divisor is 0 or not resolved."""
    safe = bottom > 0
    return np.where(safe, top / np.where(safe, bottom, 1.0), np.nan)
