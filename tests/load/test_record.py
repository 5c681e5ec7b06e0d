"""Recorded runs: temperatures, steps and truth beside the costs of a trajectory."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.errors import InputError
from sinkdiag.load import load_costs, recorded
from tests.helpers import invoke, uniform_cost

COSTS = np.stack([uniform_cost(3, 4, seed) for seed in range(5)])
EPS, STEP, TRUTH = np.geomspace(1.0, 0.1, 5), np.array([0, 1, 2, 5, 9]), np.array([2, -1, 0])


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "run.npz"

    def write(**arrays):
        np.savez(path, **arrays)
        return str(path)

    return write


def read(path, layout="trajectory", **options):
    data = load_costs(path, layout=layout, **options)
    return recorded(data, data.problems()[0])


def test_a_whole_record(written):
    path = written(cost=COSTS, eps=EPS, step=STEP, truth=TRUTH)
    found = read(path)
    np.testing.assert_array_equal(found.eps, EPS)
    np.testing.assert_array_equal(found.step, STEP)
    assert found.step.dtype == np.int64
    np.testing.assert_array_equal(found.truth, TRUTH)
    np.testing.assert_array_equal(load_costs(path, layout="trajectory").stack, COSTS)
    np.testing.assert_array_equal(load_costs(path, layout="trajectory", score=True).stack, -COSTS)


def test_what_is_not_there_is_none(written):
    found = read(written(cost=COSTS))
    assert (found.eps, found.step, found.truth) == (None, None, None)
    # Other arrays of those names leave the only other one the cost.
    assert read(written(logits=COSTS, eps=EPS)).eps is not None


def test_one_temperature_for_all(written):
    np.testing.assert_array_equal(read(written(cost=COSTS, eps=0.5)).eps, np.full(5, 0.5))


def test_a_plan_is_a_truth_too(written):
    plan = np.full((3, 4), 0.25)
    np.testing.assert_array_equal(read(written(cost=COSTS, truth=plan)).truth, plan)


def test_a_matrix_may_carry_its_truth(written):
    path = written(cost=COSTS[0], truth=TRUTH, eps=np.zeros(7), step="later")
    found = read(path, layout=None)
    np.testing.assert_array_equal(found.truth, TRUTH)
    assert found.eps is None
    assert found.step is None


def test_files_of_other_kinds_carry_none(tmp_path):
    np.save(tmp_path / "cost.npy", COSTS)
    found = read(str(tmp_path / "cost.npy"))
    assert (found.eps, found.step, found.truth) == (None, None, None)


def test_commands_that_want_only_costs_are_not_disturbed(written):
    path = written(cost=COSTS[0], truth="unknown", eps=-1.0)
    outcome = invoke("spectrum", path, "--eps", "0.5")
    assert outcome.status == 0


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"eps": EPS[:4]}, r"run.npz \(eps\): eps has shape \(4,\), and 5 costs are recorded"),
        ({"eps": EPS[:, None]}, "eps has shape"),
        ({"eps": np.array([1.0, 0.5, 0.0, 0.1, 0.1])}, r"eps is 0 at \[2\]"),
        ({"eps": np.array([1.0, np.nan, 0.1, 0.1, 0.1])}, r"eps is nan at \[1\]"),
        ({"eps": np.array([1.0, np.inf, 0.1, 0.1, 0.1])}, r"eps is inf at \[1\]"),
        ({"eps": np.array(["a"] * 5)}, "not numbers"),
        ({"step": STEP[:4]}, "step has shape"),
        ({"step": np.array([0, 1, 1, 2, 3])}, "step 1 follows step 1"),
        ({"step": np.array([0, 1, 5, 2, 3])}, "step 2 follows step 5"),
        ({"step": STEP + 0.5}, "no integers"),
        ({"step": np.array([0, 1, 2, 3, np.nan])}, "no integers"),
        ({"step": np.array([0, 1, 2, 3, 1e300])}, "no integers"),
        ({"truth": np.array([0.5, 1.0, 2.0])}, r"run.npz \(truth\): row 0 .* no integer"),
        ({"truth": np.zeros((5, 3, 4))}, "truth has shape"),
    ],
)
def test_what_cannot_be_what_its_name_says(written, arrays, fault):
    with pytest.raises(InputError, match=fault):
        read(written(cost=COSTS, **arrays))


def test_pickles_are_never_loaded(written):
    with pytest.raises(InputError, match="pickle"):
        read(written(cost=COSTS, truth=np.array([None, 1, 2], dtype=object)))
