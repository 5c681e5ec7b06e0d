"""Checkpoints of the real packages: as written some time ago, and, where they are, written anew."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from sinkdiag.checkpoints.loops import LOOPS, Choice
from sinkdiag.checkpoints.projection import jacobian, project
from sinkdiag.checkpoints.recognise import read_model
from tests.checkpoints import real

# The bound, on entries and on singular values; a float32 entry's last bits are 1e-7.
WITHIN = 1e-6

PACKAGES = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("torch", "transformers", "hyper_connections")
    ),
    reason="needs torch, transformers and hyper-connections: pip install 'sinkdiag[test-models]'",
)


def agree(source, wanted, choice=None):
    """Static matrices, and those of every token, within the bound; logits within theirs."""
    model = read_model(str(source), Choice() if choice is None else choice)
    keys = {name for name in wanted if not name.endswith("logits")}
    found = {site.place.key: site for site in model.sites}
    assert len(found) == len(keys) > 0
    for key in keys:
        site = found[key.replace("attn_hc", "hc_attn").replace("ffn_hc", "hc_ffn")]
        matrices, logits = wanted[key], wanted[f"{key} logits"]
        np.testing.assert_allclose(project(site.logits, model.loop), matrices[0], atol=WITHIN)
        np.testing.assert_allclose(site.logits, logits[0, 0], atol=WITHIN)
        for token, matrix in zip(logits.swapaxes(0, 1), matrices, strict=True):
            assert np.all(np.abs(token - site.logits) <= site.bound + WITHIN)
            again = np.mean([project(one.astype(float), model.loop) for one in token], axis=0)
            np.testing.assert_allclose(again, matrix, atol=WITHIN)
            values = [np.linalg.svd(m.astype(float), compute_uv=False)[1] for m in (again, matrix)]
            assert values[0] == pytest.approx(values[1], abs=WITHIN)
    return model


def test_deepseek_v4_as_transformers_wrote_it():
    model = agree(real.DATA / "deepseek_v4", np.load(real.DATA / "deepseek_v4.npz"))
    assert model.implementation == "deepseek-v4"
    assert model.loop == LOOPS["deepseek-v4"]
    assert [site.place.site for site in model.sites[:2]] == ["hc_attn", "hc_ffn"]
    assert [site.place.layer for site in model.sites] == [0, 0, 1, 1, 2, 2]
    assert "config.json" in " ".join(model.said)


def test_hyper_connections_as_the_package_wrote_them():
    path = real.DATA / "hyper_connections.safetensors"
    model = agree(path, np.load(real.DATA / "hyper_connections.npz"))
    assert model.implementation == "hyper-connections"


@PACKAGES
def test_deepseek_v4_anew(tmp_path):
    wanted = real.deepseek_v4(tmp_path, layers=2, streams=3)
    model = agree(tmp_path, wanted)
    assert len(model.sites[0].logits) == 3


@PACKAGES
@pytest.mark.parametrize("log_domain", [False, True])
def test_hyper_connections_anew(tmp_path, log_domain):
    path = tmp_path / "a.safetensors"
    wanted = real.lucidrains(path, log_domain=log_domain)
    name = "hyper-connections-log" if log_domain else "hyper-connections"
    agree(path, wanted, Choice(implementation=name))


@PACKAGES
def test_module_names_are_read_too(tmp_path):
    """The names of the modules themselves, which saving gives back as DeepSeek's own."""
    import torch
    from safetensors.torch import save_file
    from transformers.models.deepseek_v4 import DeepseekV4Config
    from transformers.models.deepseek_v4.modeling_deepseek_v4 import DeepseekV4HyperConnection

    module = DeepseekV4HyperConnection(DeepseekV4Config(hidden_size=8, hc_mult=4))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter))
        _, matrix, _ = module(torch.zeros(1, 1, 4, 8))
    named = {f"model.layers.7.attn_hc.{k}": v for k, v in module.state_dict().items()}
    save_file(named, tmp_path / "a.safetensors")
    model = read_model(str(tmp_path / "a.safetensors"), Choice())
    (site,) = model.sites
    assert (site.place.layer, site.place.site) == (7, "attn_hc")
    found = project(site.logits, model.loop)
    np.testing.assert_allclose(found, matrix[0, 0].numpy(), atol=WITHIN)


@PACKAGES
@pytest.mark.parametrize("name", ["hyper-connections", "hyper-connections-log"])
def test_gradients_are_autograd_s(name):
    """In float32 to the rounding of float32; in float64 against the package's own in float32."""
    import torch
    from hyper_connections import manifold_constrained_hyper_connections as package

    function = {
        "hyper-connections": package.sinkhorn_knopps,
        "hyper-connections-log": package.log_domain_sinkhorn_knopps,
    }[name]
    logits = 2 * torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    wanted = torch.autograd.functional.jacobian(function, logits).reshape(16, 16).numpy()
    for precision in ("float32", "float64"):
        found = jacobian(logits.numpy().astype(float), LOOPS[name], precision)
        np.testing.assert_allclose(found, wanted, atol=40 * 2.0**-24)


@PACKAGES
def test_a_pytorch_checkpoint(tmp_path):
    import torch

    state = {"layers.0.hc.H_res_logits": torch.eye(4, dtype=torch.bfloat16), "step": 3}
    torch.save({"state_dict": state}, tmp_path / "a.pt")
    (site,) = read_model(str(tmp_path / "a.pt"), Choice()).sites
    assert site.logits.tolist() == np.eye(4).tolist()
    assert site.roundoff == 2.0**-8
