"""``sinkdiag pseudospectrum``: what once gave exit 1, hung, or named no fault."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import invoke, planar_cost

FAULTS = Path(__file__).parents[1] / "data" / "faults"


@pytest.mark.parametrize("name", ["zeros33", "uv84", "tiny", "d2"])
@pytest.mark.parametrize("norm", ["plan", "potential", "natural"])
@pytest.mark.parametrize("options", [(), ("--eps", "1e-3"), ("--iters", "5", "--eps", "0.1")])
def test_hard_costs_give_rows(name, norm, options):
    found = invoke(
        "pseudospectrum", FAULTS / f"{name}.npy", "--grid", "4", "--norm", norm, *options
    )
    assert found.status in (0, 4)
    assert found.out.count("\n") > 16


def test_an_all_forbidden_matrix_is_one_line():
    found = invoke("pseudospectrum", FAULTS / "inf22.npy", "--grid", "4", "--eps", "0.1")
    assert found.status == 3
    assert len(found.err.strip().splitlines()) == 1


@pytest.fixture
def cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, planar_cost(6, seed=3))
    return path


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        (("--level", "1e308"), 3, "levels"),
        (("--structured", "1e308"), 3, "structured"),
        (("--structured", "1e90"), 3, "structured"),
        (("--iters", "1000000"), 2, "--iters"),
        (("--iters", "1" + 30 * "0"), 2, "--iters"),
        (("--axes", "0,1e200,0,1"), 3, "axes"),
    ],
)
def test_numbers_out_of_range_are_named_at_once(cost, options, status, word):
    found = invoke("pseudospectrum", cost, "--eps", "0.2", "--grid", "4", *options)
    assert found.status == status
    assert word in found.err
    assert found.out == ""


@pytest.mark.parametrize("level", ["1e99", "1e-300"])
def test_extreme_levels_are_answered(cost, level):
    found = invoke("pseudospectrum", cost, "--eps", "0.2", "--grid", "4", "--level", level)
    assert found.status == 0


def test_a_rotation_is_a_matrix_like_any_other(tmp_path):
    path = tmp_path / "rotation.npy"
    np.save(path, np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]]))
    found = invoke("pseudospectrum", "--matrix", path, "--grid", "4")
    assert found.status == 0
    assert "Kreiss constant 1)" in found.err


def test_the_number_of_threads_moves_no_digit_that_is_promised(tmp_path):
    """1e-10 relative; the iteration stopped 3.7e-10 apart."""
    path = tmp_path / "cost.npy"
    np.save(path, np.random.default_rng(0).random((60, 60)))
    outputs = []
    for threads in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-m", "sinkdiag", "pseudospectrum", str(path), "--grid", "20",
             "--eps", "0.3", "--format", "csv"],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        lines = found.stdout.splitlines()[1:]
        outputs.append(np.array([float(line.split(",")[3]) for line in lines]))
    np.testing.assert_allclose(*outputs, rtol=1e-10)
