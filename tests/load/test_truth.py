"""A truth from a file: pairs or a plan; every fault is one line."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.errors import InputError
from sinkdiag.load import load_truth
from sinkdiag.problem import make_problem
from tests.helpers import uniform_cost

SQUARE = make_problem(uniform_cost(4, 4))
PAIRS = np.array([2, 0, -1, 3])
PLAN = np.full((4, 4), 0.25)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (1, 4)])
def test_pairs_from_numpy(tmp_path, dtype, shape):
    path = tmp_path / "truth.npy"
    np.save(path, PAIRS.astype(dtype).reshape(shape))
    found = load_truth(str(path), SQUARE)
    assert found.values.dtype == np.int64
    np.testing.assert_array_equal(found.values, PAIRS)
    assert found.note == ""


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("csv", "2,0,-1,3\n"),
        ("csv", "# column of each row\n2\n0\n-1\n3\n"),
        ("tsv", "2\t0\t-1\t3"),
        ("txt", "2 0 -1 3.0"),
    ],
)
def test_pairs_from_text(tmp_path, ending, text):
    found = load_truth(write(tmp_path / f"truth.{ending}", text), SQUARE)
    np.testing.assert_array_equal(found.values, PAIRS)


def test_pairs_from_an_archive(tmp_path):
    path = tmp_path / "run.npz"
    np.savez(path, cost=SQUARE.cost, truth=PAIRS, other=PAIRS[::-1])
    np.testing.assert_array_equal(load_truth(str(path), SQUARE).values, PAIRS)
    np.testing.assert_array_equal(load_truth(f"{path}:other", SQUARE).values, PAIRS[::-1])
    np.savez(path, match=PAIRS)
    np.testing.assert_array_equal(load_truth(str(path), SQUARE).values, PAIRS)


def test_plans(tmp_path):
    np.save(tmp_path / "plan.npy", PLAN)
    np.testing.assert_array_equal(load_truth(str(tmp_path / "plan.npy"), SQUARE).values, PLAN)
    path = write(tmp_path / "plan.csv", "0.25,0.25,0.25,0.25\n" * 4)
    np.testing.assert_array_equal(load_truth(path, SQUARE).values, PLAN)
    # One column of numbers is a plan only where the cost is one column.
    narrow = make_problem(uniform_cost(3, 1))
    path = write(tmp_path / "narrow.csv", "1\n1\n1\n")
    assert load_truth(path, narrow).values.shape == (3, 1)
    assert load_truth(path, make_problem(uniform_cost(3, 2))).values.shape == (3,)


def test_columns_that_cannot_serve_all_their_rows_are_a_note(tmp_path):
    path = write(tmp_path / "truth.csv", "1,0,1,1\n")
    note = load_truth(path, SQUARE).note
    assert note.startswith("column 1 is the truth of rows 0, 2, 3, more than its mass can serve:")
    # 4 rows of mass 1 on 2 columns of mass 2.
    wide = make_problem(uniform_cost(4, 2))
    assert load_truth(write(tmp_path / "two.csv", "1,0,1,0\n"), wide).note == ""
    assert "column 1" in load_truth(path, wide).note


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (np.array([0.0, 1.5, 2.0, 3.0]), r"row 1 .* 1\.5, which is no integer"),
        (np.array([0.0, np.nan, 2.0, 3.0]), r"row 1 .* nan, which is no integer"),
        (np.array([0.0, np.inf, 2.0, 3.0]), r"row 1 .* inf, which is no integer"),
        (np.array([0.0, 1e300, 2.0, 3.0]), r"row 1 .* 1e\+300, which is beyond any matrix"),
        (np.zeros((2, 2, 2)), "shape"),
        (np.array(3), "shape"),
        (np.zeros((0, 4)), "shape"),
        (np.array([True, False, True, False]), "true and false"),
        (np.array([1j, 0, 0, 0]), "complex"),
        (np.array(["a", "b", "c", "d"]), "not numbers"),
    ],
)
def test_values_that_are_no_truth(tmp_path, values, fault):
    path = tmp_path / "truth.npy"
    np.save(path, values)
    with pytest.raises(InputError, match=fault) as caught:
        load_truth(str(path), SQUARE)
    assert str(path) in str(caught.value)


def test_pickles_are_never_loaded(tmp_path):
    path = tmp_path / "truth.npy"
    np.save(path, np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="pickle"):
        load_truth(str(path), SQUARE)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("truth.csv", b"", "empty"),
        ("truth.csv", b"0,one,2\n", "not a matrix of numbers"),
        ("truth.csv", b"0,1\n2\n", "not a matrix of numbers"),
        ("truth.txt", b"\xff\xfe\x00", "not a text file"),
        ("truth.npy", b"0,1,2,3", "not an npy file"),
        ("truth.npz", b"0,1,2,3", "not an npz file"),
        ("truth.npz", b"PK\x03\x04" + b"\0" * 40, "damaged"),
        ("truth.mat", b"MATLAB", "ending"),
        ("truth", b"0", "ending"),
    ],
)
def test_files_that_are_no_truth(tmp_path, name, content, fault):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=fault) as caught:
        load_truth(str(path), SQUARE)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_truth(str(tmp_path / "none.npy"), SQUARE)
    np.savez(tmp_path / "run.npz", cost=SQUARE.cost, eps=np.ones(3))
    with pytest.raises(InputError, match="no array 'truth'; it holds cost, eps"):
        load_truth(str(tmp_path / "run.npz"), SQUARE)
