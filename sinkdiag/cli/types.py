"""Types of options that click does not have."""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.shell_completion import CompletionItem

from sinkdiag.temperature import parse_eps

MOST_POINTS = 4_000_000

if TYPE_CHECKING:
    EpsBase = click.ParamType[list[float]]
    ComplexBase = click.ParamType[complex]
    AxesBase = click.ParamType[tuple[float, float, float, float]]
    ShapeBase = click.ParamType[tuple[int, int]]
    ScheduleBase = click.ParamType[str]
    FileBase = click.ParamType[str]
    SectionBase = click.ParamType[tuple[str, ...]]
    SizeBase = click.ParamType[float]
else:
    # Older clicks have no parameters on this class.
    EpsBase = ComplexBase = AxesBase = ShapeBase = ScheduleBase = FileBase = click.ParamType
    SectionBase = SizeBase = click.ParamType


class FileName(FileBase):
    """A path, of which shells complete the file names; nothing is checked here."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As it is."""
        del param, ctx
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Whatever file names the shell finds."""
        del ctx, param
        return [CompletionItem(incomplete, type="file")]


class SectionNames(SectionBase):
    """Names of a report's sections, with commas between them."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Check that each of them is one."""
        if isinstance(value, tuple):
            return value
        from sinkdiag.studies.report_names import SECTIONS, unknown_section

        names = tuple(name.strip() for name in str(value).split(","))
        unknown = unknown_section(names)
        if unknown is not None:
            self.fail(f"{unknown!r} is no section; there are {', '.join(SECTIONS)}", param, ctx)
        return names


class EpsType(EpsBase):
    """A temperature, or START:STOP:COUNT for a geometric grid."""

    name = "eps"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[float]:
        """Parse, with the fault in one line."""
        if isinstance(value, list):
            return value
        try:
            return parse_eps(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Finite(click.FloatRange):
    """A number in a range, which neither nan nor inf is."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """As `click.FloatRange`, then finite."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not finite", param, ctx)
        return number


class MemorySize(SizeBase):
    """Bytes: a number, or one with K, M, G or T (powers of 1024) behind it."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse, with the fault in one line."""
        text = str(value).strip().lower().removesuffix("b").removesuffix("i")
        power = "kmgt".find(text[-1:]) + 1 if text else 0
        try:
            size = float(text[:-1] if power else text) * 1024.0**power
        except ValueError:
            size = math.nan
        if not 0.0 < size < math.inf:
            self.fail(f"{value!r} is no amount of memory such as 500M or 4G", param, ctx)
        return size


def positive() -> Finite:
    """Above 0."""
    return Finite(min=0, min_open=True)


def share() -> Finite:
    """Above 0 and below 1."""
    return Finite(min=0, max=1, min_open=True, max_open=True)


class Complex(ComplexBase):
    """A point of the plane: 1, 0.9+0.1j."""

    name = "z"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> complex:
        """Parse; spaces and an i for j are accepted."""
        try:
            z = complex(str(value).replace(" ", "").replace("i", "j"))
        except ValueError:
            self.fail(f"{value!r} is not a complex number such as 0.9+0.1j", param, ctx)
        if not cmath.isfinite(z):
            self.fail(f"{value} is not finite", param, ctx)
        return z


class Axes(AxesBase):
    """RE_MIN,RE_MAX,IM_MIN,IM_MAX."""

    name = "axes"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float, float]:
        """Parse four finite numbers in order."""
        if isinstance(value, tuple):
            return value
        try:
            left, right, low, high = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not RE_MIN,RE_MAX,IM_MIN,IM_MAX", param, ctx)
        if not (all(map(math.isfinite, (left, right, low, high))) and left < right and low < high):
            self.fail(f"{value}: each minimum must be below its maximum", param, ctx)
        return left, right, low, high


class Shape(ShapeBase):
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
            self._refuse(f"{value!r} is neither N nor COLUMNSxROWS (2 or more)", param, ctx)
        if int(parts[0]) * int(parts[-1]) > MOST_POINTS:
            self._refuse(f"{value} has more than {MOST_POINTS} points", param, ctx)
        return int(parts[0]), int(parts[-1])

    def _refuse(
        self, fault: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> NoReturn:
        self.fail(fault, param, ctx)


class ScheduleType(ScheduleBase):
    """NAME[:key=value,...] of an annealing schedule, kept as text."""

    name = "schedule"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that it can be read."""
        from sinkdiag.annealing.schedules.registry import parse_schedule
        from sinkdiag.errors import InputError

        try:
            parse_schedule(str(value))
        except InputError as error:
            self.fail(str(error), param, ctx)
        return str(value)
