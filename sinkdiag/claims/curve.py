"""What was measured along a grid of temperatures, as the claims see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.response import Response
from sinkdiag.derivatives.thresholds import polytope_diameter, quadratic_radius
from sinkdiag.problem import Problem

# K2 is a sum of terms of the size of C0 that may cancel: below this share of it, it is rounding.
_CANCELLED = 1e3 * float(np.finfo(float).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """What was measured on one matrix, temperatures in descending order.

    Attributes
    ----------
    eps, op_norm, dS_de, K2, gap:
        As in `sensitivity`; nan where a value was not resolved, 0 where it is no more than the
        rounding of what it was computed from. K2 = eps²·‖D²S‖. (``op_norm`` and ``gap`` keep their
        relative accuracy however small they are.)
    duality:
        The right-hand side of Theorem A.2 in the natural norm.
    two_gauges:
        Smallest eigenvalue of A_S on the paper's own two gauges over ‖A_S‖, of a batch the least.
    diameter:
        Of the transport polytope, an upper bound, mass.
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
    two_gauges: FloatArray
    diameter: float
    components: tuple[int, ...]
    limit_components: int
    limit_cycles: int
    settled: bool

    @property
    def radius(self) -> FloatArray:
        """R = min(2 C0²/K2, diameter); nan where the plan does not move at all."""
        first = self.eps * self.op_norm
        found = quadratic_radius(first, self.K2, self.diameter)
        return np.where(first > 0, found, np.nan)

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
        """The limit support in words, and why the active one differs where it does."""
        parts, active = self.limit_components, self.components[-1]
        if parts == active:
            return self._limit
        return (
            f"{self._limit} (the active support at the coldest temperature still has {active}: "
            "pairs whose mass falls faster than eps^(1/2) belong to it, but not to the limit)"
        )

    @property
    def _limit(self) -> str:
        parts, loops = self.limit_components, self.limit_cycles
        if parts == 1 and loops == 0:
            return "the limit support is a tree"
        if loops == 0:
            return f"the limit support has {parts} components and no cycle"
        noun = "component" if parts == 1 else "components"
        loop = "cycle" if loops == 1 else "cycles"
        return f"the limit support has {parts} {noun} and {loops} independent {loop}"


def curve_of(curves: Sequence[Sequence[Response]], problem: Problem) -> Curve:
    """The curve of one matrix from its responses in descending eps, or the mean of a batch.

    ``problem`` is one of those matrices: a batch shares its marginals.

    Of a batch the worst support counts: most components, fewest cycles.
    """

    def mean(read: Callable[[Response], float]) -> FloatArray:
        return np.array([[read(r) for r in curve] for curve in curves]).mean(axis=0)

    op_norm, rise = mean(lambda r: r.op_norm), mean(lambda r: r.dS_de_norm)
    second, eps = mean(lambda r: r.cubic.value), np.array([r.eps for r in curves[0]])
    last = [curve[-1].lasting for curve in curves]
    return Curve(
        eps=eps,
        op_norm=op_norm,
        dS_de=_above(rise, mean(lambda r: r.dS_de_floor)),
        K2=_above(second, _CANCELLED * eps * op_norm),
        gap=mean(lambda r: r.gap),
        duality=mean(lambda r: r.duality),
        two_gauges=np.array([[r.two_gauges for r in curve] for curve in curves]).min(axis=0),
        diameter=polytope_diameter(problem.row, problem.col),
        components=tuple(
            max(curve[k].support.components for curve in curves) for k in range(len(curves[0]))
        ),
        limit_components=max(lasting.components for lasting in last),
        limit_cycles=min(lasting.cycles for lasting in last),
        settled=all(lasting.whole for lasting in last),
    )


def _above(values: FloatArray, floor: FloatArray) -> FloatArray:
    """Values, 0 where they do not rise above the floor."""
    return np.where(values <= floor, 0.0, values)


def ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """The quotient, nan where the divisor is 0 or not resolved."""
    safe = bottom > 0
    return np.where(safe, top / np.where(safe, bottom, 1.0), np.nan)
