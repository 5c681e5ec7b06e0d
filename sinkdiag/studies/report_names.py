"""The names of a report's sections; a command line is checked against them before it loads more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

SectionName = Literal[
    "check",
    "spectrum",
    "pseudospectrum",
    "sensitivity",
    "constants",
    "calibrate",
    "anneal",
    "stack",
]
SECTIONS: tuple[SectionName, ...] = get_args(SectionName)


def unknown_section(names: Sequence[str]) -> str | None:
    """The first name that no section has."""
    return next((name for name in names if name not in SECTIONS), None)
