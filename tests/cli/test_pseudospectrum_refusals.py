"""``sinkdiag pseudospectrum``: what is refused, before anything is computed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers import invoke, planar_cost
from tests.naive import resolvent as naive

SMALL = ["--grid", "10"]


@pytest.fixture
def cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, planar_cost(14, seed=3))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["COST", "--matrix", "COST"],
        ["COST", "--mode-at", "1"],
        ["--matrix", "COST", "--iters", "3"],
        ["COST", "--axes", "1,0,0,1"],
        ["COST", "--axes", "1,2"],
        ["COST", "--grid", "1"],
        ["COST", "--mode-at", "one", "--mode-entries", "m.csv"],
        ["COST", "--mode-at", "inf", "--mode-entries", "m.csv"],
        ["COST", "--level", "0"],
        ["--matrix", "-"],
    ],
)
def test_usage_errors(cost, arguments):
    given = [str(cost) if part == "COST" else part for part in arguments]
    found = invoke("pseudospectrum", *given)
    assert found.status == 2
    assert found.out == ""


def test_bad_files(cost, tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, cost=np.eye(3))
    for arguments in (
        ["--from-grid", other],
        ["--from-grid", tmp_path / "missing.npz"],
        ["--from-grid", cost],
        ["--matrix", tmp_path / "missing.npy"],
    ):
        found = invoke("pseudospectrum", *arguments)
        assert found.status == 3
        assert len(found.err.strip().splitlines()) == 1


OF_COSTS = [
    ("--eps", "0.1"), ("--norm", "natural"), ("--norm", "plan"), ("--iters", "3"),
    ("--eps-unit", "range"), ("--marginals", "unit"), ("--layout", "batch"), ("--score",),
    ("--structured", "0.1"), ("--tol", "1e-9"), ("--max-iter", "10"),
]  # fmt: skip
OF_GRIDS = [
    ("--grid", "4"), ("--axes", "0,1,0,1"), ("--level", "0.1"), ("--seed", "0"),
    ("--mode-at", "1", "--mode-entries", "m.csv"), ("--save-grid", "g.npz"),
]  # fmt: skip


@pytest.mark.parametrize("option", OF_COSTS)
def test_a_matrix_takes_no_option_of_costs(tmp_path, option):
    path = tmp_path / "matrix.npy"
    np.save(path, naive.grcar(6))
    outcome = invoke("pseudospectrum", "--matrix", path, *SMALL, *option)
    assert outcome.status == 2
    assert "need COST" in outcome.err
    assert option[0] in outcome.err


@pytest.mark.parametrize("option", OF_COSTS + OF_GRIDS)
def test_a_saved_grid_takes_no_option_of_computing(tmp_path, option):
    outcome = invoke("pseudospectrum", "--from-grid", tmp_path / "grids.npz", *option)
    assert outcome.status == 2
    assert "computes nothing" in outcome.err
    assert option[0] in outcome.err


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_a_matrix_out_of_range_is_named(tmp_path, scale):
    path = tmp_path / "matrix.npy"
    np.save(path, scale * naive.grcar(6))
    outcome = invoke("pseudospectrum", "--matrix", path, *SMALL)
    assert outcome.status == 3
    assert "rescale the matrix" in outcome.err


@pytest.mark.parametrize("source", ["--matrix", "--from-grid"])
@pytest.mark.parametrize("target", ["-o", "--save-grid", "--manifest"])
def test_what_is_read_is_never_written_over(tmp_path, source, target):
    path = tmp_path / "input.npy"
    np.save(path, naive.grcar(6))
    before = path.read_bytes()
    assert invoke("pseudospectrum", source, path, target, path).status == 2
    assert path.read_bytes() == before
