"""Solve entropic transport problems: the fixed point, or K sweeps of a layer."""

from sinkdiag.solver.batch import BatchSolution, solve_batch
from sinkdiag.solver.certify import duality_gap, marginal_error
from sinkdiag.solver.float32 import Float32Hazard, float32_hazard
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.solve import solve, solve_problem

__all__ = [
    "BatchSolution",
    "Float32Hazard",
    "duality_gap",
    "float32_hazard",
    "marginal_error",
    "run_sweeps",
    "solve",
    "solve_batch",
    "solve_problem",
]
