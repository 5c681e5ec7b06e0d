"""Arguments of the library that cannot be used are refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sinkdiag
from tests.helpers import uniform_cost

COST = uniform_cost(4, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("eps", value) for value in (0.0, -1.0, math.nan, math.inf, "a")),
        *(("tol", value) for value in (0.0, 1.0, math.nan, -1e-9)),
        *(("max_iter", value) for value in (-1, 1.5)),
        *(("iters", value) for value in (-3, 2.5, True)),
    ],
)
def test_solve_names_the_argument(name, value):
    arguments = {"eps": 0.1, name: value}
    with pytest.raises(sinkdiag.InputError, match=f"^{name}: "):
        sinkdiag.solve(COST, **arguments)


def test_counts_of_numpy_are_counts():
    assert sinkdiag.solve(COST, np.float64(0.1), iters=np.int64(3)).iters == 3


@pytest.mark.parametrize(("name", "value"), [("iters", -1), ("eps", 0.0), ("eps", math.nan)])
def test_stacks_name_the_argument(name, value):
    arguments = {"eps": 0.1, "iters": 2, name: value}
    with pytest.raises(sinkdiag.InputError, match=f"^{name}: "):
        sinkdiag.solve_batch(np.stack([COST, COST]), **arguments)


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("calibrate", "alpha0", 0.0),
        ("calibrate", "iters", 0),
        ("calibrate", "noise", -1.0),
        ("calibrate", "replicates", -1),
        ("pseudospectrum", "iters", -3),
        ("pseudospectrum", "tol", 0.0),
        ("pseudospectrum", "norm", "max"),
        ("sensitivity", "replicates", 1),
        ("sensitivity", "tol", 0.0),
        ("constants", "max_iter", 0),
        ("spectrum", "modes", 0),
        ("spectrum", "norm", "euclidean"),
    ],
)
def test_studies_name_the_argument(command, name, value):
    with pytest.raises(sinkdiag.InputError, match=f"^{name}: "):
        getattr(sinkdiag, command)(COST, 0.1, **{name: value})


@pytest.mark.parametrize("command", ["calibrate", "constants", "sensitivity", "spectrum"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("marginals", value) for value in ("x", "Probability", (np.ones(4), np.ones(4)), [])),
        *(("layout", value) for value in ("x", "Batch", 3)),
        *(("eps_unit", value) for value in ("x", [])),
        *(("tol", value) for value in ("x", [], 1j, np.ones(3))),
    ],
)
def test_words_and_types_that_no_study_knows(command, name, value):
    with pytest.raises(sinkdiag.InputError, match=f"^{name}: "):
        getattr(sinkdiag, command)(COST, 0.1, **{name: value})


@pytest.mark.parametrize(
    "eps", ["1:0.1:3", "", [1, "x"], {}, object(), 1 + 2j, [[0.1, 0.2]], 10**400, True, []]
)
def test_temperatures_that_are_none(eps):
    with pytest.raises(sinkdiag.InputError, match=r"^eps: "):
        sinkdiag.spectrum(COST, eps)


def test_a_solution_does_not_hold_the_caller_s_arrays():
    row = np.ones(4)
    solution = sinkdiag.solve(COST, 0.1, row=row)
    row[:] = 7.0
    np.testing.assert_array_equal(solution.row, np.ones(4))


def test_the_package_lists_its_names_and_nothing_else():
    assert dir(sinkdiag) == sinkdiag.__all__
    for name in sinkdiag.__all__:
        assert getattr(sinkdiag, name) is not None
