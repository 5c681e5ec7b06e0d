"""``sinkdiag sensitivity`` on the command line."""

import csv
import hashlib
import io
import json

import numpy as np
import pytest

import sinkdiag
from tests.helpers import invoke, uniform_cost

COLUMNS = ["eps", "op_norm", "C0_est", "dS_de_norm", "K1_est", "K2_est", "rho_mean", "rho_std"]


@pytest.fixture
def cost_file(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, uniform_cost(5, 5))
    return path


def test_command_writes_the_eight_columns_and_says_the_verdicts(cost_file):
    done = invoke("sensitivity", cost_file, "--eps", "1:0.05:6")
    assert done.status == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0]) == COLUMNS
    found = sinkdiag.sensitivity(uniform_cost(5, 5), [float(row["eps"]) for row in rows])
    assert [float(row["op_norm"]) for row in rows] == [row.op_norm for row in found.rows]
    assert "--claims shows each" in done.err
    assert "gap = Θ(eps)" not in done.err
    more = invoke("sensitivity", cost_file, "--eps", "1:0.05:6", "--claims")
    assert "gap = Θ(eps)" in more.err
    assert more.out == done.out


def test_json_holds_the_claims_and_quiet_is_quiet(cost_file):
    done = invoke("-q", "sensitivity", cost_file, "--eps", "1:0.05:6", "--format", "json")
    claims = json.loads(done.out)["summary"]["claims"]
    fields = ["claim", "source", "verdict", "slope", "slope_low", "slope_high", "window"]
    assert all(list(claim) == ["key", *fields, "sentence"] for claim in claims)
    assert len({claim["key"] for claim in claims}) == len(claims) == 11
    assert done.err == ""


def test_plot_and_manifest(cost_file, tmp_path):
    plot, manifest = tmp_path / "scaling.png", tmp_path / "manifest.json"
    arguments = ("sensitivity", cost_file, "--eps", "1:0.02:8", "--plot", plot)
    assert invoke(*arguments, "--manifest", manifest, "--seed", "7").status == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    told = json.loads(manifest.read_text())
    assert told["settings"]["seed"] == 7
    assert told["numpy"] == np.__version__
    digest = hashlib.sha256(cost_file.read_bytes()).hexdigest()
    assert told["inputs"] == [{"source": str(cost_file), "sha256": digest, "hashed": "file"}]


def test_batch_and_trajectory_on_the_command_line(tmp_path):
    path = tmp_path / "stack.npy"
    np.save(path, np.random.default_rng(0).random((3, 4, 4)))
    batch = invoke("sensitivity", path, "--layout", "batch", "--eps", "0.2")
    assert len(batch.out.splitlines()) == 2
    track = invoke("sensitivity", path, "--layout", "trajectory", "--eps", "0.2")
    lines = track.out.splitlines()
    assert lines[0].startswith("source,index,eps,op_norm")
    assert len(lines) == 4
