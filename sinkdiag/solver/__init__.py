"""Solve entropic transport problems: the fixed point, or K sweeps of a layer."""

from sinkdiag.solver.solve import solve, solve_problem

__all__ = ["solve", "solve_problem"]
