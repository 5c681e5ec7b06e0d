"""Checkpoints of the real packages: as written some time ago, and, where they are, written anew."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import sinkdiag
from sinkdiag import InputError
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


@PACKAGES
@pytest.mark.parametrize(("fractions", "mixed"), [(1, False), (1, True), (2, False)])
def test_the_second_version_projects_the_same_way(tmp_path, fractions, mixed):
    import torch
    from hyper_connections.mHCv2 import mHC
    from safetensors.torch import save_file

    module = mHC(4, dim=8, num_fracs=fractions, mix_streams_before_norm=mixed)
    taken = []
    constrain = module.residual_mix_constraint_fn
    module.residual_mix_constraint_fn = lambda logits: taken.append(logits) or constrain(logits)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        module.static_alpha.copy_(2 * torch.randn(module.static_alpha.shape, generator=generator))
        shape = module.dynamic_alpha_fn.shape
        module.dynamic_alpha_fn.copy_(torch.randn(shape, generator=generator))
        module.width_connection(torch.zeros(1, 1, 4, 8))
        module.width_connection(torch.randn(1, 50, 4, 8, generator=generator))
    save_file(module.state_dict(), tmp_path / "a.safetensors")
    (site,) = read_model(str(tmp_path / "a.safetensors"), Choice()).sites
    n = 4 * fractions
    wanted = constrain(taken[0]).detach().reshape(n, n).numpy()
    found = project(site.logits, LOOPS["hyper-connections"])
    np.testing.assert_allclose(found, wanted, atol=WITHIN)
    tokens = taken[1].detach().reshape(50, n, n).numpy()
    assert np.all(np.abs(tokens - site.logits) <= site.bound + WITHIN)
    assert np.abs(tokens - site.logits).max() > 0.01


@PACKAGES
def test_modules_that_project_nothing_square_are_refused(tmp_path):
    from hyper_connections.hyper_connections import HyperConnections
    from hyper_connections.manifold_constrained_hyper_connections import mHC
    from safetensors.torch import save_file

    for module, why in (
        (HyperConnections(4, dim=8), "plain hyper-connections"),
        (mHC(4, dim=8, num_fracs=2), "num_fracs = 2"),
        (mHC(4, dim=8, num_fracs=2, add_branch_out_to_residual=False), "num_fracs or"),
    ):
        state = {f"layers.0.{name}": value for name, value in module.state_dict().items()}
        save_file(state, tmp_path / "a.safetensors")
        with pytest.raises(InputError, match=why):
            read_model(str(tmp_path / "a.safetensors"), Choice())


@PACKAGES
def test_streams_are_mixed_by_the_transpose(tmp_path):
    """What leaves a real module is P'X, the orientation that the composite rests on."""
    import torch
    from hyper_connections.manifold_constrained_hyper_connections import mHC
    from safetensors.torch import save_file

    module = mHC(4, dim=8)
    with torch.no_grad():
        module.static_alpha.copy_(2 * torch.randn(4, 5, generator=torch.Generator().manual_seed(4)))
        streams = torch.randn(4, 1, 8, generator=torch.Generator().manual_seed(5))
        _, left, _ = module.width_connection(streams)
    save_file(module.state_dict(), tmp_path / "a.safetensors")
    result = sinkdiag.stack(str(tmp_path / "a.safetensors"))
    (entry,) = result.parts[0].measured
    mixer = entry.matrix.T if result.parts[0].model.loop.transposed else entry.matrix
    wanted = mixer @ streams[:, 0].numpy()  # dynamic_alpha_fn is 0 at the start
    np.testing.assert_allclose(left[:, 0].numpy(), wanted, atol=5e-6)
    assert np.abs(entry.matrix @ streams[:, 0].numpy() - wanted).max() > 0.1
