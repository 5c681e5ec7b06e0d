"""Folders of shards with an index, and other files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sinkdiag import InputError
from sinkdiag.checkpoints.loops import Choice
from sinkdiag.checkpoints.recognise import read_model
from tests.checkpoints.written import deepseek, save

LOGITS = np.random.default_rng(0).normal(size=(4, 4, 4))


def shard(tmp_path, parts, weight_map=None):
    for name, tensors in parts.items():
        save(tmp_path / name, tensors)
    if weight_map is None:
        weight_map = {key: name for name, tensors in parts.items() for key in tensors}
    text = json.dumps({"weight_map": weight_map})
    (tmp_path / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    return str(tmp_path)


def test_folders_of_shards(tmp_path):
    first, second = deepseek(LOGITS[:2]), deepseek(LOGITS[2:], key="layers.1.hc_{1}")
    # Half of a site's tensors lie in the other shard; a third shard holds none and is not opened.
    first["layers.1.hc_attn_base"] = second.pop("layers.1.hc_attn_base")
    source = shard(tmp_path, {"a.safetensors": first, "b.safetensors": second, "c.safetensors": {}})
    (tmp_path / "c.safetensors").unlink()
    model = read_model(source, Choice())
    np.testing.assert_allclose([site.logits for site in model.sites], LOGITS, rtol=1e-7)
    assert {name.rpartition("/")[2] for name in model.files} == {
        "a.safetensors", "b.safetensors", "model.safetensors.index.json",
    }  # fmt: skip
    (tmp_path / "model.safetensors.index.json").unlink()
    assert len(read_model(source, Choice()).sites) == 4


def test_folders_that_are_none(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.safetensors"):
        read_model(str(tmp_path), Choice())
    tensors = deepseek(LOGITS[:2])
    keys = dict.fromkeys(tensors, "a.safetensors")
    for wrong, why in (
        ({**keys, "layers.9.hc_attn_fn": "a.safetensors"}, "is not in it, as the index says"),
        (dict.fromkeys(tensors, "b.safetensors"), "no such file"),
        (dict.fromkeys(tensors, "../a.safetensors"), "no file beside it"),
        (dict.fromkeys(tensors, "/etc/passwd"), "no file beside it"),
        (dict.fromkeys(tensors, 3), "no weight_map"),
        ([1], "no weight_map"),
    ):
        with pytest.raises(InputError, match=why):
            read_model(shard(tmp_path, {"a.safetensors": tensors}, wrong), Choice())
    (tmp_path / "model.safetensors.index.json").unlink()
    save(tmp_path / "b.safetensors", tensors)
    with pytest.raises(InputError, match="in two shards"):
        read_model(str(tmp_path), Choice())
    (tmp_path / "x.safetensors.index.json").write_text("{}", encoding="utf-8")
    (tmp_path / "y.safetensors.index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="2 indices"):
        read_model(str(tmp_path), Choice())


def test_other_files(tmp_path):
    with pytest.raises(InputError, match=r"ending '\.gguf' is not known"):
        read_model(str(tmp_path / "a.gguf"), Choice())
    with pytest.raises(InputError, match="no such file or folder"):
        read_model(str(tmp_path / "a"), Choice())
    with pytest.raises(InputError, match=r"no such file|only torch reads"):
        read_model(str(tmp_path / "a.pt"), Choice())
