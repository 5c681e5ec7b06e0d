"""Time a 100×100 grid of resolvent norms: shared triangle, one SVD a point, EigTool's psacore.

    python tests/benchmarks/pseudospectrum.py [--psacore FOLDER] [--sizes 100 250 500 1000]

SVD and psacore run on a sample of the grid's points and are scaled to the 10,000 points of the
grid; this package runs the whole grid. ``--psacore`` names a folder that holds EigTool's psacore.m
(run under GNU Octave, tolerance 1e-5 as it suggests). Needs nothing beyond the package otherwise.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.io
from lines import Lines, add_output
from tables import show

import sinkdiag
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.resolvent.grid import make_grid
from sinkdiag.resolvent.operator import at_fixed_point, of_matrix
from sinkdiag.resolvent.resolvent import Resolvent

POINTS = 100
COLD = {"squared distances": 0.01, "uniform random": 0.05}


def cost(kind, size):
    rng = np.random.default_rng(0)
    if kind == "uniform random":
        return rng.random((size, size))
    x, y = rng.random((size, 2)), rng.random((size, 2))
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def operator(kind, size):
    if kind == "Grcar":
        bands = [np.diag(np.ones(size - j), j) for j in (0, 1, 2, 3)]
        return of_matrix(sum(bands) - np.diag(np.ones(size - 1), -1))
    solution = sinkdiag.solve(cost(kind, size), COLD[kind], tol=1e-9)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    return at_fixed_point(basis, "plan", name=kind, eps=solution.eps, status=solution.status)


def best_of(count, run):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return min(times), result


def by_svd(matrix, points):
    dense, eye = matrix.dense, np.eye(matrix.size)
    return np.array([np.linalg.svd(z * eye - dense, compute_uv=False)[-1] for z in points])


def by_psacore(folder, matrix, re, im):
    """Seconds a point, and sigma_min on the sample, in a fresh Octave (its own start not timed)."""
    with tempfile.TemporaryDirectory() as place:
        scipy.io.savemat(f"{place}/in.mat", {"T": matrix.dense.astype(complex), "x": re, "y": im})
        script = (
            f"addpath('{folder}'); load('{place}/in.mat'); n = size(T, 1); randn('seed', 1);"
            "q = randn(n, 1) + 1i*randn(n, 1); q = q/norm(q);"
            "psacore(T, 1, q, x(1), y(1), 1e-5, n);"
            "tic; Z = psacore(T, 1, q, x, y, 1e-5, n); t = toc;"
            f"save('-v7', '{place}/out.mat', 't', 'Z');"
        )
        subprocess.run(
            ["octave-cli", "--norc", "--quiet", "--eval", script], check=True, capture_output=True
        )
        out = scipy.io.loadmat(f"{place}/out.mat")
    return float(out["t"].item()) / (len(re) * len(im)), out["Z"]


def measure(kind, size, folder, lines):
    found = operator(kind, size)
    matrix = found.matrix
    grid = make_grid(matrix, shape=(POINTS, POINTS))
    Resolvent.of(matrix).norms(grid.offsets[:2, :2])
    total, norms = best_of(2, lambda: Resolvent.of(matrix).norms(grid.offsets))
    rng = np.random.default_rng(1)
    sample = rng.choice(POINTS * POINTS, 12 if size <= 250 else 5, replace=False)
    points = grid.points.ravel()[sample]
    svd, sigma = best_of(2, lambda: by_svd(matrix, points))
    svd /= len(points)
    trusted = sigma > 1e-8
    error = np.abs(norms.values.ravel()[sample] * sigma - 1)[trusted].max()
    theirs = {"psacore_ms": None, "psacore_apart": None}
    if folder:
        rows, columns = np.arange(52, POINTS, 16), np.arange(4, POINTS, 31)
        one, values = by_psacore(folder, matrix, grid.re[columns], grid.im[rows])
        ours = 1 / norms.values[np.ix_(rows, columns)]
        apart = float(np.abs(values / ours - 1)[ours > 1e-8].max())
        theirs = {"psacore_ms": 1e3 * one, "psacore_apart": apart}
    lines.add(
        "pseudospectrum", matrix=kind, n=size, kappa=float(found.kappa), seconds=total,
        ms=1e3 * total / POINTS**2, svd_ms=1e3 * svd, error=float(error),
        unconverged=int(norms.unconverged), **theirs,
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--psacore", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 250, 500, 1000])
    parser.add_argument("--kinds", nargs="+", default=[*COLD, "Grcar"])
    add_output(parser)
    options = parser.parse_args()
    lines = Lines(options.output, ("numpy", "scipy", "numba"))
    for kind in options.kinds:
        for size in options.sizes:
            measure(kind, size, options.psacore, lines)
    show("pseudospectrum", lines.records)


if __name__ == "__main__":
    main()
