"""Temperatures: what the user wrote, in which unit, and the automatic grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from sinkdiag.arrays import FloatArray
    from sinkdiag.problem import Problem

EpsUnit = Literal["none", "range", "mean", "median", "std"]

# The automatic grid, in units of the cost's range: from almost uniform plans to almost hard ones.
AUTO_HIGHEST = 1.0
AUTO_LOWEST = 3e-3
# Above this share of its start an annealing run has nowhere to go.
LEAST_ROOM = 0.5
LARGEST_EPS = 1e150
MOST_TEMPERATURES = 10_000


def parse_eps(text: str) -> list[float]:
    """One temperature, or START:STOP:COUNT for a geometric grid.

    Raises
    ------
    ValueError
        Unless every temperature is positive and finite and COUNT is at least 1 (2 when START and
        STOP differ).
    """
    parts = text.split(":")
    if len(parts) == 1:
        return [_positive(parts[0])]
    if len(parts) != 3:
        raise ValueError(f"{text!r} is neither a number nor START:STOP:COUNT")
    start, stop = _positive(parts[0]), _positive(parts[1])
    if not parts[2].strip().isdecimal() or not 1 <= int(parts[2]) <= MOST_TEMPERATURES:
        raise ValueError(f"COUNT in {text!r} is not a whole number from 1 to {MOST_TEMPERATURES}")
    return geometric(start, stop, int(parts[2]))


def geometric(start: float, stop: float, count: int) -> list[float]:
    """``count`` temperatures in geometric progression, both ends exact."""
    if count == 1:
        if start != stop:
            raise ValueError("a grid of one temperature needs START = STOP")
        return [start]
    ratio = math.log(stop / start) / (count - 1)
    inner = [start * math.exp(ratio * k) for k in range(1, count - 1)]
    return [start, *inner, stop]


def unit_scale(costs: FloatArray, unit: EpsUnit) -> float:
    """The size of one ``unit`` of temperature on these costs (finite entries), in cost units.

    Raises
    ------
    ValueError
        When that statistic is not positive, so that it cannot be a unit.
    """
    import numpy as np

    if unit == "none":
        return 1.0
    finite = costs[np.isfinite(costs)]
    statistics: dict[str, Callable[[FloatArray], Any]] = {
        "range": np.ptp,
        "mean": np.mean,
        "median": np.median,
        "std": np.std,
    }
    value = float(statistics[unit](finite))
    if not value > 0 or not math.isfinite(value):
        raise ValueError(f"the {unit} of the costs is {value:g} and cannot be a unit of eps")
    return value


def automatic_grid(problem: Problem, count: int) -> list[float]:
    """``count`` temperatures from 1 down to 3e-3 times the cost's range, geometric."""
    span = problem.cost_range
    return geometric(AUTO_HIGHEST * span, AUTO_LOWEST * span, count)


def descending(values: Iterable[float]) -> list[float]:
    """Distinct temperatures, warmest first: the order in which they are solved and reported."""
    return sorted(set(values), reverse=True)


@dataclass(frozen=True, kw_only=True)
class Temperatures:
    """Temperatures as they were asked for; no values: automatic, from each matrix's range.

    A unit is a statistic of the costs of one case: each matrix has its own.
    """

    values: tuple[float, ...] = ()
    unit: EpsUnit = "none"

    def given(self, problems: Sequence[Problem]) -> list[float]:
        """The values in cost units, warmest first; none given: none.

        Raises
        ------
        InputError
            When the unit is not positive on these costs.
        """
        import numpy as np

        from sinkdiag.errors import InputError

        if not self.values:
            return []
        costs = np.concatenate([problem.cost.ravel() for problem in problems])
        try:
            scale = unit_scale(costs, self.unit)
        except ValueError as error:
            raise InputError(problems[0].name, str(error), "choose another --eps-unit") from error
        return descending(value * scale for value in self.values)

    def grid(self, problems: Sequence[Problem], count: int) -> list[float]:
        """`given`, or ``count`` automatic temperatures from the widest cost's range."""
        widest = max(problems, key=lambda problem: problem.cost_range)
        return self.given(problems) or automatic_grid(widest, count)

    def or_middle(self, problems: Sequence[Problem]) -> list[float]:
        """`given`, or the middle of the automatic grid on a logarithmic scale: 0.055 ranges."""
        span = max(problem.cost_range for problem in problems)
        return self.given(problems) or [math.sqrt(AUTO_HIGHEST * AUTO_LOWEST) * span]

    def ends(self, problems: Sequence[Problem]) -> tuple[float, float]:
        """First and last temperature of an annealing run, cost units.

        The highest and the lowest of `given`; one value is the lowest, none means the automatic
        ends. A highest that is not given is the costs' range.

        Raises
        ------
        InputError
            When one value alone leaves no room between it and the range.
        """
        from sinkdiag.errors import InputError

        given = self.given(problems)
        span = max(problem.cost_range for problem in problems)
        if not given:
            return AUTO_HIGHEST * span, AUTO_LOWEST * span
        lowest, highest = min(given), max(given)
        if len(given) > 1:
            return highest, lowest
        if lowest >= LEAST_ROOM * AUTO_HIGHEST * span:
            raise InputError(
                problems[0].name,
                f"annealing ends at a single eps and starts at the costs' range, {span:.3g}: "
                f"{lowest:.3g} leaves no room",
                "give both ends: --eps START --eps END",
            )
        return AUTO_HIGHEST * span, lowest


def temperatures_of(eps: float | Sequence[float] | None, unit: EpsUnit = "none") -> Temperatures:
    """Temperatures given in Python: one, several, or None for automatic ones.

    Raises
    ------
    InputError
        Unless all are positive and finite.
    """
    import numpy as np

    from sinkdiag.errors import InputError

    if unit not in get_args(EpsUnit):
        known = ", ".join(get_args(EpsUnit))
        raise InputError("eps_unit", f"{unit!r} is not known", f"give one of {known}")
    if eps is None:
        return Temperatures(unit=unit)
    remedy = "give one temperature above 0, or a sequence of them"
    try:
        given = np.atleast_1d(np.asarray(eps))
        values = tuple(given.astype(np.float64).tolist()) if given.dtype.kind in "fiu" else ()
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError("eps", f"{eps!r} is no number", remedy) from error
    if given.ndim != 1 or not values or any(not 0.0 < value < math.inf for value in values):
        raise InputError("eps", f"{eps!r} is not positive and finite", remedy)
    return Temperatures(values=values, unit=unit)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"eps must be positive and finite, not {text.strip()}")
    if not 1.0 / LARGEST_EPS <= value <= LARGEST_EPS:
        raise ValueError(f"eps {text.strip()} is outside {1 / LARGEST_EPS:g} to {LARGEST_EPS:g}")
    return value
