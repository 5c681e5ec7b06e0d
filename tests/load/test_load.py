import io
import pickle

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from sinkdiag.errors import InputError
from sinkdiag.load import load_costs, load_marginals
from sinkdiag.load.matrices import load_matrix
from tests.helpers import uniform_cost

COST = uniform_cost(3, 4)


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt"])
def test_text_matrices_come_back_exactly(tmp_path, ending):
    delimiter = {"csv": ",", "tsv": "\t", "txt": " "}[ending]
    path = tmp_path / f"cost.{ending}"
    np.savetxt(path, COST, delimiter=delimiter, fmt="%.17g", header="a header line")
    data = load_costs(str(path))
    assert data.layout == "matrix"
    np.testing.assert_array_equal(data.stack, COST[None])


def test_npy_in_any_number_type_becomes_float64(tmp_path):
    for dtype in (np.float32, np.int16, bool, ">f8"):
        path = tmp_path / "cost.npy"
        np.save(path, np.asfortranarray(COST.astype(dtype)))
        stack = load_costs(str(path)).stack
        assert stack.dtype == np.float64
        assert stack.flags.c_contiguous
        np.testing.assert_array_equal(stack[0], COST.astype(dtype).astype(float))


def test_npz_carries_cost_and_marginals(tmp_path):
    path = tmp_path / "data.npz"
    row, col = np.array([1.0, 2.0, 3.0]), np.full(4, 1.5)
    np.savez(path, cost=COST, row=row, col=col)
    (problem,) = load_costs(str(path)).problems()
    np.testing.assert_array_equal(problem.row, row)
    np.testing.assert_array_equal(problem.col, col)


def test_npz_key_and_sole_array(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, first=COST, second=2 * COST)
    np.testing.assert_array_equal(load_costs(f"{path}:second").stack[0], 2 * COST)
    with pytest.raises(InputError, match=r"none is called cost; name one as .*\.npz:KEY"):
        load_costs(str(path))
    with pytest.raises(InputError, match="has no array 'third'; it holds first, second"):
        load_costs(f"{path}:third")
    np.savez(path, only=COST)
    np.testing.assert_array_equal(load_costs(str(path)).stack[0], COST)


def test_standard_input_is_npy_bytes(monkeypatch):
    stream = io.BytesIO()
    np.save(stream, COST)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stream.getvalue())))
    data = load_costs("-")
    assert data.name == "standard input"
    np.testing.assert_array_equal(data.stack[0], COST)


def test_three_dimensions_need_a_layout(tmp_path):
    path = tmp_path / "costs.npy"
    np.save(path, np.stack([COST, COST]))
    with pytest.raises(InputError, match="--layout batch or --layout trajectory"):
        load_costs(str(path))
    data = load_costs(str(path), layout="batch")
    assert [problem.name for problem in data.problems()] == [f"{path}[0]", f"{path}[1]"]


def test_score_is_negated(tmp_path):
    path = tmp_path / "score.npy"
    score = COST.copy()
    score[0, 0] = -np.inf
    np.save(path, score)
    assert load_costs(str(path), score=True).stack[0, 0, 0] == np.inf
    with pytest.raises(InputError, match="--score"):
        load_costs(str(path)).problems()


def _object_array(path):
    np.save(path, np.array([[1, None]], dtype=object), allow_pickle=True)


FAULTS = {
    "empty.npy": (lambda path: path.write_bytes(b""), "the file is empty"),
    "noarray.npy": (lambda path: np.save(path, np.empty((0, 3))), "the cost is empty"),
    "vector.npy": (lambda path: np.save(path, np.ones(3)), "1 dimension"),
    "scalar.npy": (lambda path: np.save(path, 3.0), "0 dimensions"),
    "four.npy": (lambda path: np.save(path, np.ones((2, 2, 2, 2))), "4 dimensions"),
    "complex.npy": (lambda path: np.save(path, COST + 1j), "complex"),
    "text.npy": (lambda path: np.save(path, np.array([["a", "b"]])), "not numbers"),
    "object.npy": (_object_array, "pickle, which is never loaded"),
    "pickle.npy": (lambda path: path.write_bytes(pickle.dumps(COST)), "not an npy file"),
    "nan.npy": (lambda path: np.save(path, np.array([[0.0, np.nan]])), r"nan at \[0, 1\]"),
    "closed.npy": (
        lambda path: np.save(path, np.array([[np.inf, np.inf], [0.0, 0.0]])),
        "row 0 has no finite cost",
    ),
    "word.csv": (lambda path: path.write_text("1,2\n3,four\n"), "not a matrix of numbers"),
    "ragged.csv": (lambda path: path.write_text("1,2\n3\n"), "not a matrix of numbers"),
    "blank.csv": (lambda path: path.write_text("# nothing\n\n"), "no numbers"),
    "binary.csv": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not a text file"),
    "zip.npz": (lambda path: path.write_bytes(b"PK\x03\x04junk"), "damaged or truncated npz"),
    "not.npz": (lambda path: path.write_bytes(b"junk"), "not an npz file"),
    "cost.parquet": (lambda path: path.write_bytes(b"junk"), "'.parquet' is not known"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_name_the_file_and_the_fault(tmp_path, name):
    make, fault = FAULTS[name]
    path = tmp_path / name
    make(path)
    with pytest.raises(InputError, match=fault) as caught:
        load_costs(str(path)).problems()
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text


@pytest.mark.parametrize("cut", [7, 60, 130, 200])
def test_truncated_npy(tmp_path, cut):
    path = tmp_path / "cost.npy"
    np.save(path, COST)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"truncated|not an npy"):
        load_costs(str(path))


def test_truncated_member_of_an_npz(tmp_path):
    path = tmp_path / "cost.npz"
    np.savez(path, cost=COST)
    data = bytearray(path.read_bytes())
    data[150:170] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        load_costs(str(path))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_costs(str(tmp_path / "none.npy"))
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        load_costs(str(tmp_path / "folder.npy"))


def test_marginal_files(tmp_path):
    archive, text = tmp_path / "m.npz", tmp_path / "m.txt"
    np.savez(archive, row=np.ones(3))
    row, col = load_marginals(str(archive))
    np.testing.assert_array_equal(row, np.ones(3))
    assert col is None
    text.write_text("1 1 1\n0.75, 0.75, 0.75, 0.75\n")
    row, col = load_marginals(str(text))
    np.testing.assert_array_equal(np.ravel(col), np.full(4, 0.75))
    text.write_text("1 1 1\n")
    with pytest.raises(InputError, match="1 lines of marginals"):
        load_marginals(str(text))


def test_matrix_market_array_and_coordinate(tmp_path):
    path = tmp_path / "cost.mtx"
    scipy.io.mmwrite(path, COST, precision=17)
    data = load_costs(str(path))
    np.testing.assert_array_equal(data.stack[0], COST)
    assert data.note == ""
    sparse = COST * (COST > 0.3)
    scipy.io.mmwrite(path, scipy.sparse.coo_array(sparse), precision=17)
    data = load_costs(str(path))
    np.testing.assert_array_equal(data.stack[0], sparse)
    assert data.note.startswith(f"{np.sum(COST <= 0.3)} entries are not listed and count as cost 0")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n",
            "damaged or truncated Matrix Market",
        ),
        ("%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 1\n", "pattern file"),
        ("%%MatrixMarket matrix array complex general\n1 1\n1 2\n", "complex"),
        ("1,2\n", "damaged Matrix Market"),
    ],
)
def test_faulty_matrix_market(tmp_path, text, fault):
    path = tmp_path / "cost.mtx"
    path.write_text(text)
    with pytest.raises(InputError, match=fault):
        load_costs(str(path))


def test_matlab_variables(tmp_path):
    path = tmp_path / "data.mat"
    scipy.io.savemat(path, {"cost": COST, "row": [1.0, 2.0, 3.0], "other": 2 * COST})
    data = load_costs(str(path))
    np.testing.assert_array_equal(data.stack[0], COST)
    np.testing.assert_array_equal(data.row, [1.0, 2.0, 3.0])
    assert data.col is None
    np.testing.assert_array_equal(load_costs(f"{path}:other").stack[0], 2 * COST)
    with pytest.raises(InputError, match="no array 'third'; it holds cost, row, other"):
        load_costs(f"{path}:third")
    scipy.io.savemat(path, {"C": scipy.sparse.csc_array(np.eye(3))})
    assert load_costs(str(path)).note.startswith("6 entries are not listed")


def test_faulty_matlab(tmp_path):
    path = tmp_path / "data.mat"
    scipy.io.savemat(path, {"cost": COST})
    whole = path.read_bytes()
    for data in (whole[:200], b"nothing of the kind" * 20):
        path.write_bytes(data)
        with pytest.raises(InputError, match="damaged or truncated MATLAB file"):
            load_costs(str(path))
    scipy.io.savemat(path, {"cost": "words"})
    with pytest.raises(InputError, match="not numbers"):
        load_costs(str(path))
    scipy.io.savemat(path, {"a": COST, "b": COST})
    with pytest.raises(InputError, match=r"none is called cost; name one as .*data\.mat:KEY"):
        load_costs(str(path))
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400))
    with pytest.raises(InputError, match=r"version 7\.3 is not read"):
        load_costs(str(path))


def test_digits_beyond_double_precision_do_not_forbid(tmp_path):
    path = tmp_path / "cost.csv"
    path.write_text("1,inf\n-1e400,2\n")
    with pytest.raises(InputError, match="-1e400 is beyond double precision"):
        load_costs(str(path))
    path.write_text("1,inf\nInfinity,2\n")
    np.testing.assert_array_equal(load_costs(str(path)).stack[0], [[1, np.inf], [np.inf, 2]])


def test_comments_and_nothing_in_a_marginals_file(tmp_path):
    path = tmp_path / "masses.txt"
    path.write_text("# rows, then columns\n1 2\n\n1.5,1.5\n")
    row, col = load_marginals(str(path))
    np.testing.assert_array_equal(row, [1, 2])
    np.testing.assert_array_equal(col, [1.5, 1.5])
    path.write_text("")
    with pytest.raises(InputError, match="the file is empty; write the weights into it"):
        load_marginals(str(path))


def test_square_matrices_are_refused_in_their_own_words(tmp_path):
    path = tmp_path / "matrix.npy"
    np.save(path, np.array([[1, "a"]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="an object array, stored as a pickle"):
        load_matrix(str(path))
    np.save(path, np.zeros((2, 3, 3)))
    with pytest.raises(InputError, match="3 dimensions; give one square matrix"):
        load_matrix(str(path))
    np.save(path, 1j * np.eye(2))
    np.testing.assert_array_equal(load_matrix(str(path)), 1j * np.eye(2))
