"""Costs between points, and costs in the formats in which networks are kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sinkdiag
from sinkdiag.errors import InputError
from sinkdiag.load import load_costs
from sinkdiag.problem import check_real
from tests.helpers import frame_of, invoke

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.standard_normal((6, 3)), RANDOM.standard_normal((5, 3))


def by_hand(metric):
    cost = np.empty((6, 5))
    for i, x in enumerate(X):
        for j, y in enumerate(Y):
            square = sum((a - b) ** 2 for a, b in zip(x, y, strict=True))
            inner = sum(a * b for a, b in zip(x, y, strict=True))
            lengths = (sum(a * a for a in x) * sum(b * b for b in y)) ** 0.5
            cost[i, j] = {
                "sqeuclidean": square,
                "euclidean": square**0.5,
                "cosine": 1.0 - inner / lengths,
            }[metric]
    return cost


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
def test_costs_are_those_of_the_metric(tmp_path, metric):
    cost = sinkdiag.cost_of_points(X, Y, metric)
    np.testing.assert_allclose(cost, by_hand(metric), rtol=1e-12, atol=1e-15)
    np.save(tmp_path / "x.npy", X)
    np.savetxt(tmp_path / "y.csv", Y, delimiter=",")
    points = ["--points", tmp_path / "x.npy", tmp_path / "y.csv", "--metric", metric]
    outcome = invoke("spectrum", *points, "--eps", "0.5")
    assert outcome.status == 0
    assert frame_of(outcome.out)["gap"][0] == sinkdiag.spectrum(cost, 0.5).rows[0].gap


def test_sizes_do_not_leave_double_precision():
    tiny = sinkdiag.cost_of_points(1e-200 * X, 1e-200 * Y, "euclidean")
    np.testing.assert_allclose(tiny, 1e-200 * by_hand("euclidean"), rtol=1e-12)
    np.testing.assert_allclose(
        sinkdiag.cost_of_points(1e200 * X, Y, "cosine"), by_hand("cosine"), rtol=1e-12, atol=1e-15
    )


def test_stacks_of_points(tmp_path):
    np.save(tmp_path / "x.npy", np.stack([X, 2 * X]))
    np.save(tmp_path / "y.npy", np.stack([Y, Y]))
    points = ["--points", tmp_path / "x.npy", tmp_path / "y.npy"]
    assert invoke("check", *points).status == 3
    outcome = invoke("check", *points, "--layout", "batch", "--eps", "1")
    assert list(frame_of(outcome.out)["index"]) == [0.0, 1.0]


FAULTS = {
    "coordinates": (X, Y[:, :2], "sqeuclidean"),
    "finite": (np.where(X > 1, np.inf, X), Y, "sqeuclidean"),
    "cosine": (np.zeros((2, 3)), Y, "cosine"),
    "shape": (X[0], Y, "euclidean"),
    "metric": (X, Y, "manhattan"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_points_that_cannot_be_used(fault):
    with pytest.raises(InputError, match=fault):
        sinkdiag.cost_of_points(*FAULTS[fault])


def test_one_source_and_no_more(tmp_path):
    np.save(tmp_path / "x.npy", X)
    points = ["--points", tmp_path / "x.npy", tmp_path / "x.npy"]
    assert "not both" in invoke("check", tmp_path / "x.npy", *points).err
    assert "--points X Y" in invoke("check").err
    assert invoke("check", *points, "--score").status == 2
    # An input is never overwritten, whatever it is called.
    assert invoke("check", *points, "-o", tmp_path / "x.npy", "--format", "csv").status == 2
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), X)


def safetensors(path, tensors):
    """The format by hand: length, header, bytes."""
    header, data = {}, b""
    for name, (kind, array) in tensors.items():
        raw = array.tobytes()
        header[name] = {
            "dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data + raw)],
        }  # fmt: skip
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def bfloat16(values):
    """The upper halves of float32, which small whole numbers and halves fit."""
    return (np.asarray(values, dtype="<f4").view("<u4") >> 16).astype("<u2")


COST = np.array([[0.0, 1.5, 2.0], [1.0, 0.5, 3.0]])


def test_safetensors_hold_costs_and_marginals(tmp_path):
    path = tmp_path / "dump.safetensors"
    row, col = np.array([1.0, 2.0]), np.array([1.0, 1.0, 1.0])
    safetensors(path, {
        "cost": ("BF16", bfloat16(COST)), "row": ("F64", row), "col": ("F32", col.astype("<f4")),
        "other": ("F16", COST.astype("<f2")),
    })  # fmt: skip
    data = load_costs(str(path))
    np.testing.assert_array_equal(data.stack[0], COST)
    np.testing.assert_array_equal(data.row, row)
    np.testing.assert_array_equal(data.col, col)
    np.testing.assert_array_equal(load_costs(f"{path}:other").stack[0], COST)
    with pytest.raises(InputError, match="no tensor 'none'"):
        load_costs(f"{path}:none")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="damaged"):
        load_costs(str(path))


def test_half_precision_is_read_as_what_it_is(tmp_path):
    np.save(tmp_path / "half.npy", COST.astype(np.float16))
    np.testing.assert_array_equal(load_costs(str(tmp_path / "half.npy")).stack[0], COST)
    np.save(tmp_path / "brain.npy", bfloat16(COST).view("V2"))
    data = load_costs(str(tmp_path / "brain.npy"))
    np.testing.assert_array_equal(data.stack[0], COST)
    assert "read as bfloat16" in data.note
    np.savez(tmp_path / "brain.npz", cost=bfloat16(COST).view("V2"))
    np.testing.assert_array_equal(load_costs(str(tmp_path / "brain.npz")).stack[0], COST)


def test_tensors_of_bfloat16_are_widened():
    class Tensor:
        """What PyTorch's tensors of that type do: NumPy cannot have them, float() can."""

        dtype = "torch.bfloat16"

        def __array__(self, *_args, **_kwargs):
            raise TypeError("Got unsupported ScalarType BFloat16")

        def float(self):
            return COST

    np.testing.assert_array_equal(check_real(Tensor(), "cost"), COST)


@pytest.mark.parametrize("size", [1e160, 1e200, 1e-160, 1e-200])
def test_points_whose_squares_leave_double_precision_are_refused(size):
    with pytest.raises(InputError, match="rescale the points"):
        sinkdiag.cost_of_points(size * X, size * Y)
