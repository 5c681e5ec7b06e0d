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
    from sinkdiag.annealing.learning.training import TrainingCalibration, calibrate_training
    from sinkdiag.derivatives.gradient import Gradient, vjp
    from sinkdiag.errors import InputError, NothingToDrawError
    from sinkdiag.jacobian.freeze import freeze_temperature
    from sinkdiag.jacobian.gaps import spectral_gap
    from sinkdiag.load.points import cost_of_points
    from sinkdiag.results import Solution, Status
    from sinkdiag.solver.batch import BatchSolution, solve_batch
    from sinkdiag.solver.certify import duality_gap
    from sinkdiag.solver.float32 import Float32Hazard, float32_hazard
    from sinkdiag.solver.online import OnlineGap, online_gap, online_gap_of_plan
    from sinkdiag.solver.solve import solve
    from sinkdiag.studies.anneal import anneal
    from sinkdiag.studies.anneal_result import AnnealResult
    from sinkdiag.studies.calibrate import CalibrationResult, calibrate
    from sinkdiag.studies.check import CheckResult, check
    from sinkdiag.studies.compare import CompareResult, compare
    from sinkdiag.studies.constants import ConstantsResult, constants
    from sinkdiag.studies.info import InfoResult, info
    from sinkdiag.studies.pseudospectrum import PseudospectrumResult, pseudospectrum
    from sinkdiag.studies.report import ReportResult, report
    from sinkdiag.studies.sensitivity import SensitivityResult, sensitivity
    from sinkdiag.studies.spectrum import SpectrumResult, spectrum
    from sinkdiag.studies.stack import StackResult, stack

_HOMES = {
    "AdaptiveCooling": "sinkdiag.annealing.controller",
    "AnnealResult": "sinkdiag.studies.anneal_result",
    "BatchSolution": "sinkdiag.solver.batch",
    "CalibrationResult": "sinkdiag.studies.calibrate",
    "CheckResult": "sinkdiag.studies.check",
    "CompareResult": "sinkdiag.studies.compare",
    "ConstantsResult": "sinkdiag.studies.constants",
    "Float32Hazard": "sinkdiag.solver.float32",
    "Gradient": "sinkdiag.derivatives.gradient",
    "InfoResult": "sinkdiag.studies.info",
    "InputError": "sinkdiag.errors",
    "NothingToDrawError": "sinkdiag.errors",
    "OnlineGap": "sinkdiag.solver.online",
    "PseudospectrumResult": "sinkdiag.studies.pseudospectrum",
    "ReportResult": "sinkdiag.studies.report",
    "SensitivityResult": "sinkdiag.studies.sensitivity",
    "Solution": "sinkdiag.results",
    "SpectrumResult": "sinkdiag.studies.spectrum",
    "StackResult": "sinkdiag.studies.stack",
    "Status": "sinkdiag.results",
    "TrainingCalibration": "sinkdiag.annealing.learning.training",
    "anneal": "sinkdiag.studies.anneal",
    "calibrate": "sinkdiag.studies.calibrate",
    "calibrate_training": "sinkdiag.annealing.learning.training",
    "check": "sinkdiag.studies.check",
    "compare": "sinkdiag.studies.compare",
    "constants": "sinkdiag.studies.constants",
    "cost_of_points": "sinkdiag.load.points",
    "duality_gap": "sinkdiag.solver.certify",
    "float32_hazard": "sinkdiag.solver.float32",
    "freeze_temperature": "sinkdiag.jacobian.freeze",
    "info": "sinkdiag.studies.info",
    "online_gap": "sinkdiag.solver.online",
    "online_gap_of_plan": "sinkdiag.solver.online",
    "pseudospectrum": "sinkdiag.studies.pseudospectrum",
    "report": "sinkdiag.studies.report",
    "sensitivity": "sinkdiag.studies.sensitivity",
    "solve": "sinkdiag.solver.solve",
    "solve_batch": "sinkdiag.solver.batch",
    "spectral_gap": "sinkdiag.jacobian.gaps",
    "spectrum": "sinkdiag.studies.spectrum",
    "stack": "sinkdiag.studies.stack",
    "vjp": "sinkdiag.derivatives.gradient",
}

__all__ = [
    "AdaptiveCooling",
    "AnnealResult",
    "BatchSolution",
    "CalibrationResult",
    "CheckResult",
    "CompareResult",
    "ConstantsResult",
    "Float32Hazard",
    "Gradient",
    "InfoResult",
    "InputError",
    "NothingToDrawError",
    "OnlineGap",
    "PseudospectrumResult",
    "ReportResult",
    "SensitivityResult",
    "Solution",
    "SpectrumResult",
    "StackResult",
    "Status",
    "TrainingCalibration",
    "__version__",
    "anneal",
    "calibrate",
    "calibrate_training",
    "check",
    "compare",
    "constants",
    "cost_of_points",
    "duality_gap",
    "float32_hazard",
    "freeze_temperature",
    "info",
    "online_gap",
    "online_gap_of_plan",
    "pseudospectrum",
    "report",
    "sensitivity",
    "solve",
    "solve_batch",
    "spectral_gap",
    "spectrum",
    "stack",
    "vjp",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sinkdiag' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
