"""Time and accuracy of the spectrum beside numpy.linalg.eig and scipy.sparse.linalg.eigs.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/spectrum.py           # 12×12 and n = 1000
    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/spectrum.py --large   # and n = 20,000

The peers get the assembled Jacobian diag(1/c) P' diag(1/r) P and nothing else; their gap is
1 - |second largest eigenvalue|. Plans come from sinkdiag and are not part of any time. Seconds are
processor seconds of this process: on one thread the wall time of an idle machine.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse.linalg
from lines import Lines, add_output
from tables import show

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import sinkdiag
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.leading import leading_basis
from sinkdiag.jacobian.modes import modes_in
from sinkdiag.problem import make_problem
from sinkdiag.studies.spectrum_point import measure_point
from sinkdiag.studies.spectrum_settings import SpectrumSettings
from tests.naive.jacobian import Reference

# The fastest of 3 runs, or of as many as start within 5 processor seconds.
REPEATS, LONG = 3, 5.0


def geometric_cost(n, seed=0):
    """Squared distances between two uniform samples of the unit square, over their maximum."""
    rng = np.random.default_rng(seed)
    cost = ((rng.random((n, 2))[:, None] - rng.random((n, 2))) ** 2).sum(axis=-1)
    return cost / cost.max()


def assembled(plan, row, col):
    return (plan / col).T @ (plan / row[:, None])


def eig_gap(jacobian):
    return 1.0 - np.sort(np.abs(np.linalg.eig(jacobian)[0]))[-2]


def eigs_gap(jacobian):
    k = min(7, len(jacobian) - 2)
    start = np.cos(np.arange(len(jacobian)))
    values = scipy.sparse.linalg.eigs(jacobian, k=k, v0=start, return_eigenvectors=False)
    return 1.0 - np.sort(np.abs(values))[-2]


def best(function, *arguments):
    times = []
    while len(times) < REPEATS and sum(times) < LONG:
        start = time.process_time()
        value = function(*arguments)
        times.append(time.process_time() - start)
    return min(times), value


def everything(problem, eps, extended):
    """Seconds for a whole row, given the fixed point."""
    solution = sinkdiag.solve(problem.cost, eps, row=problem.row, col=problem.col)
    settings = SpectrumSettings(extended=extended)
    measure_point(problem, solution, None, settings)  # compile
    return best(measure_point, problem, solution, None, settings)[0]


def speed(n, lines):
    problem = make_problem(geometric_cost(n))
    for eps in (0.1, 0.01, 0.001):
        solution = sinkdiag.solve(problem.cost, eps)
        plan, row, col = solution.plan, solution.row, solution.col
        jacobian = assembled(plan, row, col)
        cells = {
            "all columns, beyond the solve": everything(problem, eps, False),
            "all extended columns too (K = 20)": everything(problem, eps, True),
            "eigenvalues, gaps and vectors": best(eigenbasis, plan, row, col)[0],
            "leading 6 modes (Lanczos)": best(leading_basis, plan, row, col, 6)[0],
            "`numpy.linalg.eig` of J": best(eig_gap, jacobian)[0],
            "`scipy.sparse.linalg.eigs` of J, k = 7": best(eigs_gap, jacobian)[0],
        }
        print(f"eps {eps}: " + ", ".join(f"{s:.2f}" for s in cells.values()), file=sys.stderr)
        for name, seconds in cells.items():
            lines.add("spectrum-speed", what=name, eps=eps, n=n, seconds=seconds, clock="cpu")


def accuracy(lines):
    """The 12×12 uniform random cost: the gap of the very same plan in 160-digit arithmetic."""
    cost = np.random.default_rng(0).random((12, 12))
    for eps in (0.1, 0.02, 0.01, 0.005, 0.002, 0.001):
        plan = sinkdiag.solve(cost, eps).plan
        row, col = plan.sum(axis=1), plan.sum(axis=0)
        exact = Reference.of(plan).gaps[0]
        jacobian = assembled(plan, row, col)
        found = (eigenbasis(plan, row, col).gaps[0], eig_gap(jacobian), eigs_gap(jacobian))
        errors = [float(abs(value - exact) / exact) for value in found]
        names = ("sinkdiag", "eig", "eigs")
        lines.add("spectrum-accuracy", eps=eps, gap=float(exact), **dict(zip(names, errors)))


def large(n, eps, lines):
    """Leading 6 modes at a scaled Gaussian kernel; the plan is scaled here, not by the solver."""
    rng = np.random.default_rng(0)
    x, y = rng.random((n, 2)), rng.random((n, 2))
    plan = np.empty((n, n))
    for start in range(0, n, 500):
        part = slice(start, start + 500)
        plan[part] = np.exp(-((x[part, None] - y) ** 2).sum(axis=-1) / eps)
    v = np.ones(n)
    for _ in range(100):
        u = 1.0 / (plan @ v)
        v = 1.0 / (plan.T @ u)
    plan *= u[:, None]
    plan *= v
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start = time.process_time()
    basis = leading_basis(plan, row, col, 6)
    middle = time.process_time()
    modes = modes_in(basis, "plan")
    end = time.process_time()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    lines.add(
        "spectrum-large", n=n, eps=eps, status=str(basis.status), gaps=basis.gaps.tolist(),
        modes_seconds=middle - start, norm_seconds=end - middle, peak_gb=after, plan_gb=before,
        condition_at_least=float(modes.condition()), clock="cpu",
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--large", action="store_true")
    add_output(parser)
    options = parser.parse_args()
    lines = Lines(options.output, ("numpy", "scipy", "numba", "mpmath"))
    accuracy(lines)
    speed(options.size, lines)
    if options.large:
        large(20_000, 0.003, lines)
    for name in ("spectrum-accuracy", "spectrum-speed", "spectrum-large"):
        show(name, [record for record in lines.records if record["table"] == name])


if __name__ == "__main__":
    main()
