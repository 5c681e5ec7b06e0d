"""`sinkdiag check` on the command line: the first word, one summary, rows on request, speed."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from tests.helpers import frame_of, invoke, planar_cost, uniform_cost

CONTRACT = (
    "eps,iters,start,marginal_error,tv,eps_lowest,iters_needed,gradient_gain,saturation,dtype,"
    "dtype_error,verdict"
)


@pytest.fixture(name="cost")
def _cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, planar_cost(10))
    return path


def test_the_columns_are_the_contract_s(cost):
    outcome = invoke("check", cost)
    assert outcome.status == 0
    assert outcome.out.splitlines()[0].startswith(CONTRACT)
    assert outcome.err.startswith(f"{cost}: ok: at eps = ")


def test_options_reach_the_layer(cost):
    options = ["--eps", "0.05", "--iters", "3", "--start", "warm", "--dtype", "bfloat16"]
    row = frame_of(invoke("check", cost, *options).out).iloc[0]
    assert (row["eps"], row["iters"], row["start"], row["dtype"]) == (0.05, 3, "warm", "bfloat16")


def test_a_batch_has_one_summary_and_rows_say_more(tmp_path):
    path = tmp_path / "costs.npy"
    np.save(path, np.stack([planar_cost(6), 1.0 - np.eye(6)]))
    outcome = invoke("check", path, "--layout", "batch", "--eps", "0.1")
    assert outcome.err.splitlines()[0] == f"{path}: 1 of 2 frozen, 1 of 2 ok at K = 20"
    assert len(outcome.err.splitlines()) == 2
    assert len(frame_of(outcome.out)) == 2
    more = invoke("check", path, "--layout", "batch", "--eps", "0.1", "--rows")
    assert more.out == outcome.out
    assert f"{path}[1]: frozen: " in more.err
    summary = json.loads(
        invoke("check", path, "--layout", "batch", "--eps", "0.1", "--format", "json").out
    )["summary"]
    assert summary["verdicts"] == [{"verdict": "frozen", "count": 1}, {"verdict": "ok", "count": 1}]


def test_verdicts_can_be_gated(cost):
    assert invoke("check", cost, "--fail-on", "verdict!=ok").status == 0
    outcome = invoke("check", cost, "--eps", "0.01", "--fail-on", "verdict!=ok")
    assert outcome.status == 5


def test_it_takes_two_seconds_at_n_200(tmp_path):
    """Compiled; on the slowest of the usual costs (the design's limit is the command's 2 s)."""
    for cost in (uniform_cost(200, 200), planar_cost(200)):
        np.save(tmp_path / "cost.npy", cost)
        invoke("check", tmp_path / "cost.npy", "--eps", "0.1")
        start = time.process_time()
        assert invoke("check", tmp_path / "cost.npy").status == 0
        assert time.process_time() - start < 2.0
