"""All schedules by name, and how ``NAME:key=value,...`` is read."""

from __future__ import annotations

from dataclasses import fields
from types import MappingProxyType

from sinkdiag.annealing.schedules.annealed import Annealed, Debiased
from sinkdiag.annealing.schedules.eph_asc import EphAsc
from sinkdiag.annealing.schedules.exponential import Exponential
from sinkdiag.annealing.schedules.gumbel import Gumbel
from sinkdiag.annealing.schedules.piecewise import Piecewise
from sinkdiag.annealing.schedules.power import Power
from sinkdiag.annealing.schedules.quadratic import Quadratic
from sinkdiag.annealing.schedules.schedule import Schedule
from sinkdiag.annealing.schedules.symmetric import Symmetric, SymmetricDebiased
from sinkdiag.annealing.schedules.tracking import Tracking
from sinkdiag.errors import InputError

_KINDS: tuple[type[Schedule], ...] = (
    Exponential,
    Quadratic,
    Power,
    Piecewise,
    EphAsc,
    Tracking,
    Gumbel,
    Annealed,
    Debiased,
    Symmetric,
    SymmetricDebiased,
)
SCHEDULES = MappingProxyType({kind.name: kind for kind in _KINDS})


def parse_schedule(text: str) -> Schedule:
    """The schedule that ``NAME[:key=value,...]`` names.

    Raises
    ------
    InputError
        When the name or a key is not known, a key is given twice, or a value is no number in range.
    """
    name, colon, rest = text.partition(":")
    name = name.strip()
    if name not in SCHEDULES:
        raise InputError(
            "schedule", f"{name!r} is not known", f"give one of {', '.join(SCHEDULES)}"
        )
    kind = SCHEDULES[name]
    known = [entry.name for entry in fields(kind)]
    values: dict[str, float] = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in known or not equals or key in values:
            fault = "is given twice" if key in values else "is not key=value with a known key"
            raise InputError(name, f"{part!r} {fault}", f"its keys are {', '.join(known)}")
        try:
            values[key] = float(value)
        except ValueError as error:
            remedy = f"give {name}:{key}=NUMBER"
            raise InputError(name, f"{value!r} is not a number", remedy) from error
    return kind(**values)


def reference() -> str:
    """All schedules as text: parameters, defaults, equation, source."""
    lines = []
    for kind in _KINDS:
        lines += [kind.name, f"  {kind.equation}", f"  {kind.source}"]
        lines += [f"  {key}: {meaning} [{default}]" for key, default, meaning in kind.parameters()]
    return "\n".join(lines) + "\n"
