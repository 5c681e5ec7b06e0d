"""Whose checkpoint it is: names and shapes, traps, folders, bare logits, unknown names."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag import InputError
from sinkdiag.checkpoints.loops import LOOPS, Choice
from sinkdiag.checkpoints.recognise import read_model
from tests.checkpoints.written import deepseek, lucidrains, save

LOGITS = np.random.default_rng(0).normal(size=(4, 4, 4))


def model_of(tmp_path, tensors, *, dtype="F64", **choice):
    return read_model(save(tmp_path / "a.safetensors", tensors, dtype), Choice(**choice))


def dynamic_parts(tensors, key, count=2000):
    """Dynamic logits (count, 4, 4) of DeepSeek's form for inputs as adverse as chance finds."""
    weights, scale = tensors[f"{key}_fn"][8:], tensors[f"{key}_scale"][2]
    inputs = np.random.default_rng(1).normal(size=(count, weights.shape[1]))
    # The worst input of an entry is its own row of weights.
    inputs[:16] = weights
    normed = inputs / np.sqrt((inputs**2).mean(axis=1, keepdims=True))
    return (normed @ weights.T * scale).reshape(count, 4, 4)


def test_deepseek_s_own_names(tmp_path):
    tensors = deepseek(LOGITS)
    tensors |= {"hc_head_base": np.zeros(4), "hc_head_fn": np.zeros((4, 16))}
    tensors |= {"hc_head_scale": np.ones(1), "layers.0.attn.wq.bias": np.zeros(7)}
    model = model_of(tmp_path, tensors)
    assert model.implementation == "deepseek-v4"
    found = [(site.place.layer, site.place.site) for site in model.sites]
    assert found == [(0, "hc_attn"), (0, "hc_ffn"), (1, "hc_attn"), (1, "hc_ffn")]
    np.testing.assert_array_equal([site.logits for site in model.sites], LOGITS)
    assert model.loop == LOOPS["deepseek-v4"]
    assert any("--sweeps" in text for text in model.said)


def test_the_interval_is_rigorous_and_attained(tmp_path):
    tensors = deepseek(LOGITS)
    site = model_of(tmp_path, tensors).sites[0]
    parts = dynamic_parts(tensors, "layers.0.hc_attn")
    assert np.all(np.abs(parts).max(axis=0) <= site.bound)
    # The first inputs are the rows themselves, where Cauchy-Schwarz is an equality.
    attained = np.array([parts[k].ravel()[k] for k in range(16)]).reshape(4, 4)
    np.testing.assert_allclose(attained * (1 + 1e-5), site.bound, rtol=1e-12)
    spread = np.sqrt((parts[16:] ** 2).mean(axis=0))
    np.testing.assert_allclose(spread, site.typical, rtol=0.15)  # 2,000 samples: 2 % each


def test_hyper_connections_interval(tmp_path):
    tensors = lucidrains(LOGITS[0])
    site = model_of(tmp_path, tensors).sites[0]
    np.testing.assert_array_equal(site.logits, LOGITS[0])
    weights = tensors["layers.0.dynamic_alpha_fn"][0, :, 1:]
    gamma = 1 + tensors["layers.0.norm.gamma"]
    inputs = np.random.default_rng(1).normal(size=(1000, 8))
    inputs[:4] = (gamma[:, None] * weights).T
    normed = inputs / np.linalg.norm(inputs, axis=1, keepdims=True) * np.sqrt(8) * gamma
    parts = np.abs(normed @ weights * 0.01)
    assert np.all(parts.max(axis=0) <= site.bound)
    np.testing.assert_allclose(np.diag(parts[:4]) * (1 + 1e-5), site.bound[2], rtol=1e-12)


def test_stored_types_have_their_roundoff(tmp_path):
    for dtype, roundoff in (("F32", 2.0**-24), ("BF16", 2.0**-8)):
        assert model_of(tmp_path, deepseek(LOGITS), dtype=dtype).sites[0].roundoff == roundoff


def test_network_order(tmp_path):
    """Layers by number; attention first whatever the alphabet; parts of the network apart."""
    tensors = deepseek(LOGITS[:2], key="model.layers.10.{0}hc_{1}")
    tensors = {}
    for key in ("b.2.mlp", "b.2.self_attention", "b.10.self_attention", "a.0.mlp"):
        name = f"{key}_hyper_connection"
        tensors[f"{name}.mapping_proj.weight"] = np.ones((24, 8))
        tensors[f"{name}.alpha_res"] = np.ones(1)
        tensors[f"{name}.bias"] = np.zeros(24)
    model = model_of(tmp_path, tensors)
    assert model.implementation == "megatron"
    assert [site.place.key.split("_hyper")[0] for site in model.sites] == [
        "a.0.mlp", "b.2.self_attention", "b.2.mlp", "b.10.self_attention",
    ]  # fmt: skip
    assert [(part.stem, len(part.sites)) for part in model.parts] == [("a", 1), ("b", 3)]


def test_other_implementations(tmp_path):
    start = np.full((4, 4), -8.0) + 8 * np.eye(4)
    model = model_of(tmp_path, {"transformer.h.3.hc_attn.H_res_logits": start})
    assert (model.implementation, model.sites[0].place.layer) == ("tokenbender", 3)
    assert np.all(model.sites[0].bound == 0)
    key = "params-decoder-layers_5-mhc_attention"
    tensors = {
        f"{key}-res_beta": LOGITS[0],
        f"{key}-res_alpha": np.ones((8, 16)),
        f"{key}-res_alpha_scale": np.full(1, -0.5),
        f"{key}-mhc_norm-scale": np.full(8, 2.0),
    }
    model = model_of(tmp_path, tensors)
    assert (model.implementation, model.sites[0].place.layer) == ("maxtext", 5)
    assert model.sites[0].bound == pytest.approx(np.full((4, 4), 8.0), rel=1.1e-5)
    del tensors[f"{key}-mhc_norm-scale"]
    assert np.all(np.isnan(model_of(tmp_path, tensors).sites[0].bound))
    lite = {"layers.0.static_alpha": np.hstack([np.ones((4, 1)), start])}
    model = model_of(tmp_path, lite, implementation="mhc-lite")
    np.testing.assert_array_equal(model.sites[0].logits, start)
    assert np.all(np.isnan(model.sites[0].bound))


def test_mhc_v2_projects_fractions(tmp_path):
    """Its static_beta has three dimensions, and its blocks are square with fractions too."""
    tensors = lucidrains(
        np.eye(4), views=2, static_beta=np.ones((2, 2, 1)), dynamic_beta_fn=np.zeros((8, 2))
    )
    assert model_of(tmp_path, tensors).sites[0].logits.tolist() == np.eye(4).tolist()


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        (
            {"a.static_alpha": np.ones((4, 5)), "a.dynamic_alpha_scale": np.ones(1)},
            "plain hyper-connections.*project nothing",
        ),
        (
            lucidrains(np.eye(8), views=2, dynamic_beta_fn=np.zeros((8, 2))),
            "num_fracs = 2.*not square",
        ),
        (
            {k: v for k, v in lucidrains(np.eye(4), views=2).items() if "beta" not in k},
            "num_fracs or num_input_views > 1",
        ),
        (lucidrains(np.eye(4), dynamic_alpha_fn=np.zeros((8, 5))), "2 dimensions and not 3"),
        ({"a.static_alpha": np.ones((4, 5))}, "without residual_scale"),
        ({"wte.weight": np.ones((4, 5))}, "no known hyper-connections among 1 tensors"),
        (
            {**deepseek(LOGITS[:1]), "layers.0.hc_attn_scale": np.ones(2)},
            "no residual matrix",
        ),
        ({**deepseek(LOGITS[:1]), "layers.0.hc_attn_scale": np.ones(4)}, r"shape \[4\]"),
        ({**deepseek(LOGITS[:1]), "layers.0.hc_attn_base": np.ones(23)}, "n² [+] 2n for no n"),
        ({**deepseek(LOGITS[:1]), "layers.0.hc_attn_fn": np.ones((24, 7))}, "4·hidden"),
        ({**deepseek(LOGITS[:1]), "layers.0.hc_attn_fn": np.ones((20, 8))}, r"\[20, 8\]"),
        (
            {**deepseek(LOGITS[:1]), "h.0.H_res_logits": np.eye(4)},
            "deepseek-v4 and tokenbender",
        ),
        ({"h.0.H_res_logits": np.ones((4, 5))}, r"\[4, 5\] and not \[4, 4\]"),
        ({"h.0.H_res_logits": np.ones(())}, r"\[\] and not"),
    ],
)  # fmt: skip
def test_traps(tmp_path, tensors, why):
    with pytest.raises(InputError, match=why) as caught:
        model_of(tmp_path, tensors)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)


def test_configuration_beside_the_file(tmp_path):
    said = {"hc_mult": 4, "hc_sinkhorn_iters": 7, "hc_eps": 1e-4}
    (tmp_path / "config.json").write_text(json.dumps({"text_config": said}), encoding="utf-8")
    model = model_of(tmp_path, deepseek(LOGITS))
    assert model.loop == replace(LOOPS["deepseek-v4"], iters=7, denominator=1e-4)
    assert model_of(tmp_path, deepseek(LOGITS), iters=3).loop.iters == 3
    for wrong, why in (
        ({"hc_mult": 3}, "for 4 streams and config.json says 3"),
        ({"hc_sinkhorn_iters": 0}, "no count"),
        ({"hc_sinkhorn_iters": "20"}, "no count"),
        ({"hc_eps": -1.0}, "no small number"),
        ({"hc_eps": True}, "no small number"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(InputError, match=why):
            model_of(tmp_path, deepseek(LOGITS))
    (tmp_path / "config.json").write_text("[", encoding="utf-8")
    with pytest.raises(InputError, match="damaged or truncated configuration"):
        model_of(tmp_path, deepseek(LOGITS))


def test_what_was_said_of_the_loop(tmp_path):
    model = model_of(
        tmp_path, deepseek(LOGITS), first="column", start="exp", denominator=0.0, temperature=2.0
    )
    assert model.loop == replace(
        LOOPS["deepseek-v4"], first="column", start="exp", denominator=0.0, temperature=2.0
    )
    for wrong, why in (
        ({"iters": 0}, "iters"),
        ({"temperature": 0.0}, "temperature"),
        ({"denominator": -1.0}, "denominator"),
        ({"first": "diagonal"}, "first"),
        ({"start": "log"}, "start"),
        ({"implementation": "mine"}, "implementation"),
        ({"logits": "("}, "regular expression"),
        ({"start": "chain", "denominator": 0.1}, "divides by nothing"),
        ({"implementation": "plain"}, "names no tensors"),
        ({"implementation": "tokenbender"}, "no sites of tokenbender"),
    ):
        with pytest.raises(InputError, match=why):
            model_of(tmp_path, deepseek(LOGITS), **wrong)


def test_unknown_names(tmp_path):
    tensors = {"blk.1.mix": LOGITS[0], "blk.0.mix": LOGITS[1].ravel(), "blk.0.other": np.ones(3)}
    model = model_of(tmp_path, tensors, logits=r"\.mix$", iters=5)
    assert [site.place.layer for site in model.sites] == [0, 1]
    np.testing.assert_array_equal(model.sites[0].logits, LOGITS[1])
    assert np.all(np.isnan(model.sites[0].bound))  # what inputs add to them, nobody said
    assert np.all(read_model(LOGITS, Choice()).sites[0].bound == 0.0)
    assert model.loop == replace(LOOPS["plain"], iters=5)
    stacked = model_of(tmp_path, {"mix": LOGITS}, logits="mix", implementation="tokenbender")
    assert [site.place.key for site in stacked.sites] == ["mix.0", "mix.1", "mix.2", "mix.3"]
    assert stacked.loop == LOOPS["tokenbender"]
    for pattern, why in (("none", "no tensor's name matches none"), ("other", r"shape \[3\]")):
        with pytest.raises(InputError, match=why):
            model_of(tmp_path, tensors, logits=pattern)


def test_bare_logits(tmp_path):
    np.save(tmp_path / "a.npy", LOGITS)
    np.savez(tmp_path / "a.npz", logits=LOGITS.astype(np.float32))
    np.savez(tmp_path / "b.npz", x=LOGITS[0], y=LOGITS[1])
    for source in (LOGITS, str(tmp_path / "a.npy")):
        model = read_model(source, Choice())
        assert [site.place.layer for site in model.sites] == [0, 1, 2, 3]
        assert (model.implementation, model.loop) == ("plain", LOOPS["plain"])
        assert "assumed" in model.said[0]
        np.testing.assert_array_equal([site.logits for site in model.sites], LOGITS)
    assert read_model(str(tmp_path / "a.npz"), Choice()).sites[0].roundoff == 2.0**-24
    (site,) = read_model(f"{tmp_path / 'b.npz'}:y", Choice()).sites
    np.testing.assert_array_equal(site.logits, LOGITS[1])
    with pytest.raises(InputError, match="no known hyper-connections among 2"):
        read_model(str(tmp_path / "b.npz"), Choice())
    with pytest.raises(InputError, match="no array 'z'"):
        read_model(f"{tmp_path / 'b.npz'}:z", Choice())
    for shape in ((3,), (4, 5), (2, 2, 2, 2), (0, 4, 4), (4, 0, 0)):
        with pytest.raises(InputError, match="the logits have shape"):
            read_model(np.zeros(shape), Choice())
    with pytest.raises(InputError, match="complex"):
        read_model(1j * LOGITS, Choice())


def test_archives_with_names(tmp_path):
    np.savez(tmp_path / "a.npz", **{"h.1.H_res_logits": LOGITS[0], "other": np.ones(2)})
    model = read_model(str(tmp_path / "a.npz"), Choice())
    assert (model.implementation, model.sites[0].place.layer) == ("tokenbender", 1)
