"""Recorded logits: the archive, its faults, and products token by token."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag import InputError
from sinkdiag.checkpoints.activations import mixed_by, read_tokens
from sinkdiag.checkpoints.loops import LOOPS, Choice
from sinkdiag.checkpoints.projection import project
from sinkdiag.checkpoints.recognise import read_model
from tests.checkpoints import real
from tests.checkpoints.written import deepseek, save

DRAW = np.random.default_rng(0)
KEYS = ("layers.0.hc_attn", "layers.0.hc_ffn", "mtp.0.hc_attn")


@pytest.fixture
def model(tmp_path):
    tensors = deepseek(DRAW.normal(size=(2, 4, 4)))
    tensors |= deepseek(DRAW.normal(size=(1, 4, 4)), key="mtp.{}.hc_{}")
    return read_model(save(tmp_path / "a.safetensors", tensors), Choice())


def recorded(tmp_path, **changes):
    """Five tokens at every site; None leaves one out."""
    arrays = {key: np.random.default_rng(len(key)).normal(size=(5, 4, 4)) for key in KEYS}
    arrays = {k: v for k, v in {**arrays, **changes}.items() if v is not None}
    path = tmp_path / "logits.npz"
    np.savez(path, **arrays)
    return str(path), arrays


def test_products_are_each_token_s_own(model, tmp_path):
    path, arrays = recorded(tmp_path)
    found = read_tokens(path, model)
    assert (found.count, len(found.sites), found.missing) == (5, 3, ())
    first = found.courses[0]
    assert (first.stem, first.sites) == ("layers", 2)
    for token in range(5):
        attention, feed = (project(arrays[key][token], model.loop) for key in KEYS[:2])
        total = feed.T @ attention.T
        wanted = np.linalg.svd(total, compute_uv=False)[1]
        assert first.composites.sigma_2[token] == pytest.approx(wanted, rel=1e-12)
        assert first.composites.forward[token] == pytest.approx(total.sum(axis=1).max(), rel=1e-12)
        assert first.composites.backward[token] == pytest.approx(total.sum(axis=0).max(), rel=1e-12)
        wanted = np.linalg.svd(attention, compute_uv=False)[1]
        assert found.sites[0].sigma_2[token] == pytest.approx(wanted, rel=1e-12)
    assert found.courses[1].stem == "mtp"


def test_what_the_module_itself_returned(tmp_path):
    """Logits that transformers' modules were given, as a recorder would write them."""
    model = read_model(str(real.DATA / "deepseek_v4"), Choice())
    wanted = np.load(real.DATA / "deepseek_v4.npz")
    arrays, matrices = {}, {}
    for site in model.sites:
        key = site.place.key.replace("hc_attn", "attn_hc").replace("hc_ffn", "ffn_hc")
        arrays[site.place.key] = wanted[f"{key} logits"][0]
        matrices[site.place.key] = wanted[key].astype(float)
    np.savez(tmp_path / "logits.npz", **arrays)
    found = read_tokens(str(tmp_path / "logits.npz"), model)
    for token in range(real.TOKENS):
        total = np.eye(4)
        for site in model.sites:
            total = matrices[site.place.key][token].T @ total
        point = found.courses[0].composites
        assert point.forward[token] == pytest.approx(total.sum(axis=1).max(), abs=1e-6)
        assert point.backward[token] == pytest.approx(total.sum(axis=0).max(), abs=1e-6)


def test_parts_that_were_not_recorded_whole(model, tmp_path):
    path, _ = recorded(tmp_path, **{KEYS[0]: None})
    found = read_tokens(path, model)
    assert found.missing == (KEYS[0],)
    assert [course.stem for course in found.courses] == ["mtp"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"layers.7.hc_attn": np.zeros((5, 4, 4))}, "layers.7.hc_attn is no site of"),
        ({KEYS[0]: np.zeros((5, 3, 3))}, r"shape \[5, 3, 3\]; give \(tokens, 4, 4\)"),
        ({KEYS[0]: np.zeros((0, 4, 4))}, r"shape \[0, 4, 4\]"),
        ({KEYS[0]: np.zeros((4, 4))}, r"shape \[4, 4\]"),
        ({KEYS[1]: np.zeros((6, 4, 4))}, "6 tokens, and 5 at the sites before"),
        ({KEYS[1]: np.full((5, 4, 4), np.nan)}, "not all finite"),
        ({KEYS[1]: np.zeros((5, 4, 4), dtype=complex)}, "complex"),
        (dict.fromkeys(KEYS), "the archive is empty"),
    ],
)  # fmt: skip
def test_archives_that_do_not_fit(model, tmp_path, changes, why):
    path, _ = recorded(tmp_path, **changes)
    with pytest.raises(InputError, match=why):
        read_tokens(path, model)


def test_files_that_are_no_archives(model, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 4, 4)))
    with pytest.raises(InputError, match="damaged or truncated npz"):
        read_tokens(str(tmp_path / "a.npy"), model)
    with pytest.raises(InputError, match="no such file"):
        read_tokens(str(tmp_path / "none.npz"), model)


def test_mixers():
    matrices = DRAW.random((3, 4, 4))
    assert np.all(mixed_by(matrices, LOOPS["deepseek-v4"])[1] == matrices[1].T)
    assert np.all(mixed_by(matrices, LOOPS["plain"]) == matrices)
