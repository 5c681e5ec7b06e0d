"""Spectral and pseudospectral stability of entropy-regularised optimal transport.

Names are imported when they are first used, so that ``import sinkdiag`` and ``--help`` cost
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sinkdiag._version import __version__

if TYPE_CHECKING:
    from sinkdiag.annealing.controller import AdaptiveCooling
    from sinkdiag.api import calibrate, constants, pseudospectrum, sensitivity, spectrum
    from sinkdiag.derivatives.gradient import Gradient, vjp
    from sinkdiag.errors import InputError
    from sinkdiag.jacobian.gaps import spectral_gap
    from sinkdiag.results import Solution, Status
    from sinkdiag.solver.batch import solve_batch
    from sinkdiag.solver.certify import duality_gap
    from sinkdiag.solver.float32 import float32_hazard
    from sinkdiag.solver.solve import solve

_HOMES = {
    "AdaptiveCooling": "sinkdiag.annealing.controller",
    "Gradient": "sinkdiag.derivatives.gradient",
    "InputError": "sinkdiag.errors",
    "Solution": "sinkdiag.results",
    "Status": "sinkdiag.results",
    "calibrate": "sinkdiag.api",
    "constants": "sinkdiag.api",
    "duality_gap": "sinkdiag.solver.certify",
    "float32_hazard": "sinkdiag.solver.float32",
    "sensitivity": "sinkdiag.api",
    "pseudospectrum": "sinkdiag.api",
    "solve": "sinkdiag.solver.solve",
    "solve_batch": "sinkdiag.solver.batch",
    "spectral_gap": "sinkdiag.jacobian.gaps",
    "spectrum": "sinkdiag.api",
    "vjp": "sinkdiag.derivatives.gradient",
}

__all__ = [
    "AdaptiveCooling",
    "Gradient",
    "InputError",
    "Solution",
    "Status",
    "__version__",
    "calibrate",
    "constants",
    "duality_gap",
    "float32_hazard",
    "pseudospectrum",
    "sensitivity",
    "solve",
    "solve_batch",
    "spectral_gap",
    "spectrum",
    "vjp",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sinkdiag' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
