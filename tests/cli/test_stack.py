"""``sinkdiag stack`` on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sinkdiag
from tests.checkpoints import real
from tests.checkpoints.written import deepseek, save
from tests.helpers import frame_of, invoke

LOGITS = np.random.default_rng(0).normal(size=(2, 4, 4))


@pytest.fixture
def model(tmp_path):
    return save(tmp_path / "model.safetensors", deepseek(LOGITS))


def test_a_checkpoint_of_transformers(tmp_path):
    source = real.DATA / "deepseek_v4"
    outcome = invoke("stack", source, "--plot", tmp_path / "a.png")
    assert outcome.status == 0
    frame = frame_of(outcome.out)
    assert len(frame) == 6
    assert outcome.out == sinkdiag.stack(str(source)).table.render("csv")
    assert "recognised by its keys" in outcome.err
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_sweeps_is_iters(model):
    one, other = (invoke("stack", model, option, "3") for option in ("--sweeps", "--iters"))
    assert one.out == other.out == sinkdiag.stack(model, iters=3).table.render("csv")
    assert one.out != invoke("stack", model).out


def test_every_option_reaches_the_loop(model):
    options = {
        "--first": "column", "--start": "exp", "--denominator": "0.001", "--temperature": "2",
        "--implementation": "deepseek-v4", "--optimizer": "adam", "--lr": "0.1",
    }  # fmt: skip
    arguments = [part for pair in options.items() for part in pair]
    outcome = invoke("stack", model, *arguments, "--extended")
    result = sinkdiag.stack(
        model, first="column", start="exp", denominator=0.001, temperature=2.0,
        implementation="deepseek-v4", optimizer="adam", lr=0.1, extended=True,
    )  # fmt: skip
    assert outcome.out == result.table.render("csv")
    named = invoke("stack", model, "--logits", "_base$", "-q")
    assert named.status == 2  # -q comes before the command
    refused = invoke("stack", model, "--logits", "_fn$")
    assert refused.status == 3
    assert "shape" in refused.err


def test_comparisons_are_written(model, tmp_path):
    path = tmp_path / "differences.csv"
    outcome = invoke("stack", model, "--against-transposed", "--differences", path)
    assert outcome.status == 0
    assert set(frame_of(path.read_text(encoding="utf-8"))["finding"]) == {"transposed"}
    assert "2 transposed" in outcome.err
    other = save(tmp_path / "other.safetensors", deepseek(LOGITS + 0.1 * np.eye(4)))
    outcome = invoke("stack", model, "--against", other, "--format", "json")
    assert json.loads(outcome.out)["summary"]["comparison"]["different"] == 2
    outcome = invoke("stack", model, "--against-sweeps", "1", "--differences", path)
    assert set(frame_of(path.read_text(encoding="utf-8"))["finding"]) == {"different"}
    for option, value in (
        ("--against-implementation", "hyper-connections"), ("--against-first", "column"),
        ("--against-start", "chain"),
    ):  # fmt: skip
        assert "against" in invoke("stack", model, option, value).err
    assert invoke("stack", model, "--differences", path).status == 2


def test_tokens_are_written(model, tmp_path):
    arrays = {f"layers.0.hc_{name}": np.zeros((5, 4, 4)) for name in ("attn", "ffn")}
    np.savez(tmp_path / "logits.npz", **arrays)
    path = tmp_path / "tokens.csv"
    outcome = invoke("stack", model, "--activations", tmp_path / "logits.npz", "--tokens", path)
    assert outcome.status == 0
    assert frame_of(path.read_text(encoding="utf-8"))["uniform_share"].tolist() == [1.0, 1.0]
    assert "100 % of the tokens are uniform" in outcome.err
    assert invoke("stack", model, "--tokens", path).status == 2


def test_matrices_are_written(tmp_path):
    """Those of transformers' own modules, which the archive beside the checkpoint holds."""
    path = tmp_path / "matrices.npz"
    assert invoke("stack", real.DATA / "deepseek_v4", "--matrices", path).status == 0
    wanted = np.load(real.DATA / "deepseek_v4.npz")
    with np.load(path) as found:
        assert len(found.files) == 18
        for number in range(3):
            for name, theirs in (("hc_attn", "attn_hc"), ("hc_ffn", "ffn_hc")):
                key = f"model.layers.{number}.{name}"
                module = f"model.layers.{number}.{theirs}"
                np.testing.assert_allclose(found[key], wanted[module][0], atol=1e-6)
                logits = wanted[f"{module} logits"][0]
                np.testing.assert_allclose(found[f"{key}:logits"], logits[0], atol=1e-6)
                assert np.all(np.abs(logits - logits[0]).max(axis=0) <= found[f"{key}:bound"])
    assert invoke("stack", path, path, "--matrices", tmp_path / "b.npz").status == 2


def test_several_networks_are_labelled(model, tmp_path):
    other = save(tmp_path / "other.safetensors", deepseek(LOGITS[:1]))
    outcome = invoke("stack", model, other)
    frame = frame_of(outcome.out)
    assert list(frame.columns[:3]) == ["source", "index", "layer"]
    assert frame["source"].tolist() == [model, model, other]
    assert not invoke("stack", model).out.startswith("source")
    document = json.loads(invoke("stack", model, other, "--format", "json").out)
    assert [entry["sites"] for entry in document["summary"]] == [2, 1]


def test_manifest_names_every_file(tmp_path):
    source, path = real.DATA / "deepseek_v4", tmp_path / "manifest.json"
    outcome = invoke("stack", source, "--manifest", path)
    assert outcome.status == 0
    inputs = json.loads(path.read_text(encoding="utf-8"))["inputs"]
    names = {entry["source"].rpartition("/")[2] for entry in inputs}
    assert {"config.json", "model.safetensors.index.json"} <= names
    assert any(name.startswith("model-0000") for name in names)
    assert all(entry["hashed"] == "file" for entry in inputs)


def test_conditions_and_statuses(model, tmp_path):
    assert invoke("stack", model, "--fail-on", "verdict==mixing").status == 5
    assert invoke("stack", model, "--fail-on", "verdict==broken").status == 0
    lost = save(tmp_path / "lost.safetensors", deepseek([np.full((4, 4), np.nan)]))
    outcome = invoke("stack", lost)
    assert outcome.status == 4
    assert frame_of(outcome.out)["verdict"].tolist() == ["broken"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.safetensors", b"", "damaged or truncated safetensors"),
        ("a.gguf", b"GGUF", "not known"),
        ("a.npy", b"\x93NUMPY", "damaged"),
        ("a.npz", b"PK\x03\x04", "damaged"),
        ("a.npz", b"", "empty"),
    ],
)
def test_faults_are_one_line(tmp_path, name, content, why):
    path = tmp_path / name
    path.write_bytes(content)
    outcome = invoke("stack", path)
    assert outcome.status == 3
    assert outcome.out == ""
    assert len(outcome.err.splitlines()) == 1
    assert str(path) in outcome.err
    assert why in outcome.err


def test_outputs_never_overwrite_a_model(model):
    assert invoke("stack", model, "-o", model).status == 2
    assert invoke("stack", model, "--against", model, "--plot", model).status == 2


def test_the_terminal_s_table_shows_the_verdict(model):
    header = invoke("stack", model, "--format", "table").out.splitlines()[1].split()
    assert header[:2] == ["layer", "site"]
    assert header[-2:] == ["verdict", "status"]
