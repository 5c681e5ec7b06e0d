"""Spectral and pseudospectral stability of entropy-regularised optimal transport.

Names are imported when they are first used, so that ``import sinkdiag`` and ``--help`` cost
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sinkdiag._version import __version__

if TYPE_CHECKING:
    from sinkdiag.anneal.controller import AdaptiveCooling
    from sinkdiag.api import calibrate, pseudospectrum, spectrum
    from sinkdiag.errors import InputError
    from sinkdiag.results import Solution, Status
    from sinkdiag.solver.solve import solve

_HOMES = {
    "AdaptiveCooling": "sinkdiag.anneal.controller",
    "InputError": "sinkdiag.errors",
    "Solution": "sinkdiag.results",
    "Status": "sinkdiag.results",
    "calibrate": "sinkdiag.api",
    "pseudospectrum": "sinkdiag.api",
    "solve": "sinkdiag.solver.solve",
    "spectrum": "sinkdiag.api",
}

__all__ = [
    "AdaptiveCooling",
    "InputError",
    "Solution",
    "Status",
    "__version__",
    "calibrate",
    "pseudospectrum",
    "solve",
    "spectrum",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sinkdiag' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
