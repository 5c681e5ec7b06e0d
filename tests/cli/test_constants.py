"""``sinkdiag constants`` on the command line."""

import csv
import io
import json

import numpy as np

from sinkdiag.columns import column_names
from sinkdiag.studies.constants import ConstantsRow
from tests.helpers import invoke, uniform_cost


def test_command(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, uniform_cost(5, 5))
    done = invoke("constants", path, "--eps", "1:0.1:3")
    assert done.status == 0
    (first, *_) = csv.DictReader(io.StringIO(done.out))
    assert tuple(first) == column_names(ConstantsRow)
    assert "--claims shows each" in done.err
    assert "Lemma A.5" in invoke("constants", path, "--eps", "1:0.1:3", "--claims").err
    more = invoke("constants", path, "--eps", "1:0.1:3", "--extended", "--format", "json")
    document = json.loads(more.out)
    assert tuple(document["rows"][0]) == column_names(ConstantsRow, extended=True)
    assert len(document["summary"]["claims"]) == 11


def test_a_batch_is_told_apart(tmp_path):
    path = tmp_path / "stack.npy"
    np.save(path, np.random.default_rng(0).random((2, 4, 4)))
    rows = list(
        csv.DictReader(
            io.StringIO(invoke("constants", path, "--layout", "batch", "--eps", "0.2").out)
        )
    )
    assert [(row["source"], row["index"]) for row in rows] == [(str(path), "0"), (str(path), "1")]
