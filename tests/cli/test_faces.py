"""The command line and Python are two faces of one study: the same rows, to the byte."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sinkdiag
from sinkdiag.rendering.table import json_value
from tests.helpers import frame_of, invoke, uniform_cost

COMMANDS = {
    "anneal": (
        ["--schedule", "exponential", "--schedule", "annealed", "--max-steps", "20"],
        {"schedules": ["exponential", "annealed"], "max_steps": 20},
    ),
    "calibrate": (["--replicates", "2", "--max-steps", "60"], {"replicates": 2, "max_steps": 60}),
    "check": (["--eps", "0.2", "--iters", "3"], {"eps": 0.2, "iters": 3}),
    "constants": (["--eps", "0.2", "--eps", "0.05"], {"eps": [0.2, 0.05]}),
    "pseudospectrum": (["--eps", "0.1", "--grid", "8"], {"eps": 0.1, "grid": (8, 8)}),
    "sensitivity": (["--eps", "0.2", "--eps", "0.05"], {"eps": [0.2, 0.05]}),
    "spectrum": (["--eps", "0.2", "--eps", "0.05"], {"eps": [0.2, 0.05]}),
}
# Commands on checkpoints, for which an array is logits, and its first axis needs no layout.
NETWORKS = {"stack": (["--lr", "0.1"], {"lr": 0.1})}
EVERY = {**COMMANDS, **NETWORKS}
STACK = np.stack([uniform_cost(6, 6), uniform_cost(6, 6, seed=1)])


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("command", EVERY)
def test_rows_agree_to_the_byte(tmp_path, command, extended):
    options, arguments = EVERY[command]
    np.save(tmp_path / "cost.npy", STACK[0])
    more = ["--extended"] if extended else []
    outcome = invoke(command, tmp_path / "cost.npy", *options, *more)
    result = getattr(sinkdiag, command)(STACK[0], extended=extended, **arguments)
    assert outcome.out == result.table.render("csv")
    frame = frame_of(outcome.out)
    assert list(frame.columns) == list(result.frame().columns)
    numbers = result.frame().select_dtypes("number")
    np.testing.assert_array_equal(frame[numbers.columns].to_numpy(), numbers.to_numpy())


@pytest.mark.parametrize("command", COMMANDS)
def test_stacks_and_what_is_said_agree(tmp_path, command):
    options, arguments = COMMANDS[command]
    path = tmp_path / "cost.npy"
    np.save(path, STACK)
    outcome = invoke(command, path, "--layout", "batch", *options, "--format", "json")
    result = getattr(sinkdiag, command)(STACK, layout="batch", **arguments)

    def renamed(value):
        return json.loads(json.dumps(value).replace(json.dumps(str(path))[1:-1], "cost"))

    document = renamed(json.loads(outcome.out))
    assert document["rows"] == json.loads(result.table.render("json"))["rows"]
    assert document["summary"] == json.loads(json.dumps(json_value(result.summary)))
    assert outcome.err.replace(str(path), "cost").splitlines()[-1] in result.findings
    assert {row["source"] for row in document["rows"]} == {"cost"}
    with pytest.raises(sinkdiag.InputError, match="layout"):
        getattr(sinkdiag, command)(STACK, **arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_labels_appear_exactly_with_a_layout_or_several_files(tmp_path, command):
    options, _ = COMMANDS[command]
    path = tmp_path / "cost.npy"
    np.save(path, STACK[0])
    alone = invoke(command, path, *options).out.splitlines()[0]
    assert not alone.startswith("source,index")
    for more in ([path], ["--layout", "batch"]):
        labelled = invoke(command, path, *more, *options).out.splitlines()[0]
        assert labelled == f"source,index,{alone}"


@pytest.mark.parametrize("command", EVERY)
def test_results_have_what_every_result_has(tmp_path, command):
    _, arguments = EVERY[command]
    result = getattr(sinkdiag, command)(STACK[0], **arguments)
    assert result.rows
    assert all(isinstance(finding, str) for finding in result.findings)
    assert result.status in sinkdiag.Status
    result.plot(str(tmp_path / "figure.png"))
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert type(result).__name__ in dir(sinkdiag)
