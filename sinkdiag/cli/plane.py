"""Options that are points, windows and grids of the complex plane."""

from __future__ import annotations

from typing import Any

import click

MOST_POINTS = 4_000_000


class Complex(click.ParamType[complex]):
    """A point of the plane: 1, 0.9+0.1j."""

    name = "z"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> complex:
        """Parse; spaces and an i for j are accepted."""
        import cmath

        try:
            z = complex(str(value).replace(" ", "").replace("i", "j"))
        except ValueError:
            self.fail(f"{value!r} is not a complex number such as 0.9+0.1j", param, ctx)
        if not cmath.isfinite(z):
            self.fail(f"{value} is not finite", param, ctx)
        return z


class Axes(click.ParamType[tuple[float, float, float, float]]):
    """RE_MIN,RE_MAX,IM_MIN,IM_MAX."""

    name = "axes"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float, float]:
        """Parse four finite numbers in order."""
        import math

        if isinstance(value, tuple):
            return value
        try:
            left, right, low, high = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not RE_MIN,RE_MAX,IM_MIN,IM_MAX", param, ctx)
        if not (all(map(math.isfinite, (left, right, low, high))) and left < right and low < high):
            self.fail(f"{value}: each minimum must be below its maximum", param, ctx)
        return left, right, low, high


class Shape(click.ParamType[tuple[int, int]]):
    """N, or COLUMNSxROWS."""

    name = "grid"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Parse one or two whole numbers of at least 2."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(part.isdecimal() and int(part) >= 2 for part in parts):
            self.fail(f"{value!r} is neither N nor COLUMNSxROWS (2 or more)", param, ctx)
        if int(parts[0]) * int(parts[-1]) > MOST_POINTS:
            self.fail(f"{value} has more than {MOST_POINTS} points", param, ctx)
        return int(parts[0]), int(parts[-1])
