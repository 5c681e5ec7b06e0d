import numpy as np
import pytest

from sinkdiag.errors import InputError
from tests.helpers import invoke

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")
hyper = pytest.importorskip(
    "hyper_connections.manifold_constrained_hyper_connections",
    reason="pip install 'sinkdiag[test-models]'",
)

from sinkdiag.torch import LogitRecorder, Sites  # noqa: E402


class Streams(torch.nn.Module):
    """Two sublayers with hyper-connections of four streams."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        start, self.expand, self.reduce = hyper.get_init_and_expand_reduce_stream_functions(
            4, dim=8, layer_index=0
        )
        self.blocks = torch.nn.ModuleList(start(branch=torch.nn.Linear(8, 8)) for _ in range(2))
        for block in self.blocks:
            torch.nn.init.normal_(block.dynamic_alpha_fn)
            block.residual_scale.data.fill_(1.0)

    def forward(self, inputs):
        streams = self.expand(inputs)
        for block in self.blocks:
            streams = block(streams)
        return self.reduce(streams)


def test_sites_are_watched_and_left_as_they_were():
    model, inputs = Streams(), torch.randn(2, 5, 8)
    plain = model(inputs)
    sites = Sites(model, watch_every=1)
    torch.testing.assert_close(model(inputs), plain)
    assert sites.names == ("blocks.0", "blocks.1")
    for watch in sites.watches.values():
        assert 0.0 < watch.latest.entropy < 1.0
        assert watch.latest.eps == 1.0
    sites.remove()
    model(inputs)
    assert len(sites.watches["blocks.0"].steps) == 1


def test_the_temperature_divides_the_logits():
    model, inputs, met = Streams(), torch.randn(2, 5, 8), []
    sites = Sites(model)
    sites.listen(lambda *seen: met.append(seen[1:]))
    sites.set_eps(0.2)
    model(inputs)
    logits, matrices = met[0]
    assert logits.shape == matrices.shape == (10, 4, 4)
    torch.testing.assert_close(matrices, hyper.sinkhorn_knopps(logits / 0.2, iters=20))
    assert sites.eps == 0.2


def test_every_token_has_the_same_chance_and_is_one_at_all_sites(tmp_path):
    model = Streams()
    sites = Sites(model)
    met = {name: [] for name in sites.names}
    sites.listen(lambda *seen: met[seen[0]].append(seen[1]))
    recorder = LogitRecorder(sites, capacity=30, seed=1)
    with torch.no_grad():
        for count in (3, 40, 7, 60, 1, 90):
            model(torch.randn(1, count, 8))
    recorder.save(tmp_path / "tokens.npz")
    assert recorder.tokens_seen == 201
    with np.load(tmp_path / "tokens.npz") as held:
        assert set(held) == set(sites.names)
        where = []
        for name in sites.names:
            seen = torch.cat(met[name]).numpy().reshape(-1, 16)
            kept = held[name].reshape(-1, 16)
            where.append([int(np.abs(seen - row).sum(axis=1).argmin()) for row in kept])
            np.testing.assert_array_equal(seen[where[-1]], kept)
    assert where[0] == where[1]
    assert len(set(where[0])) == 30


def test_the_reservoir_is_fair():
    """Over 2,000 reservoirs of 5 of 20 each token is kept 500 times, give or take 4.5 sigma."""
    model = Streams()
    recorder = LogitRecorder(Sites(model), capacity=5)
    counts = np.zeros(20)
    for _ in range(2000):
        recorder.tokens_seen, held = 0, np.full(5, -1)
        for first, count in ((0, 3), (3, 10), (13, 7)):
            for slot, token in recorder._chosen(count).items():
                held[slot] = first + token
        counts[held] += 1
    assert np.abs(counts - 500).max() < 4.5 * np.sqrt(500 * 0.75)


def test_a_pass_that_misses_a_site_is_dropped(tmp_path):
    model = Streams()
    recorder = LogitRecorder(Sites(model))
    blocks = model.blocks
    model.blocks = torch.nn.ModuleList([blocks[0]])
    model(torch.randn(1, 2, 8))
    assert (recorder.dropped_passes, recorder.tokens_seen) == (1, 0)
    with pytest.raises(InputError, match="no token was recorded"):
        recorder.save(tmp_path / "tokens.npz")
    model.blocks = blocks
    blocks[0](torch.randn(4, 2, 8))  # outside a pass: recomputation
    recorder.remove()
    model(torch.randn(1, 2, 8))
    assert recorder.tokens_seen == 0


def test_models_that_it_does_not_know():
    with pytest.raises(InputError, match="no hyper-connections that sinkdiag knows"):
        Sites(torch.nn.Linear(2, 2))
    several = hyper.ManifoldConstrainedHyperConnections(4, dim=8, num_dynamic_alpha_proposals=2)
    with pytest.raises(InputError, match="several proposals"):
        Sites(torch.nn.Sequential(several))
    with pytest.raises(ValueError, match="capacity"):
        LogitRecorder(Sites(Streams()), capacity=0)


def test_deepseek_s_logits_are_those_that_it_projects():
    pytest.importorskip("transformers", reason="pip install 'sinkdiag[test-models]'")
    from transformers.models.deepseek_v4 import DeepseekV4Config
    from transformers.models.deepseek_v4.modeling_deepseek_v4 import DeepseekV4HyperConnection

    torch.manual_seed(0)
    module = DeepseekV4HyperConnection(DeepseekV4Config(hidden_size=16, hc_mult=4))
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    model, met = torch.nn.ModuleDict({"attn_hc": module}), []
    sites = Sites(model, watch_every=1)
    sites.listen(lambda *seen: met.append(seen))
    _, matrices, _ = module(torch.randn(2, 3, 4, 16))
    ((name, logits, seen),) = met
    assert name == "attn_hc"
    torch.testing.assert_close(seen, matrices.reshape(-1, 4, 4))
    again = torch.softmax(logits, dim=-1) + module.hc_eps
    again = again / (again.sum(-2, keepdim=True) + module.hc_eps)
    for _ in range(module.hc_sinkhorn_iters - 1):
        again = again / (again.sum(-1, keepdim=True) + module.hc_eps)
        again = again / (again.sum(-2, keepdim=True) + module.hc_eps)
    torch.testing.assert_close(seen, again)
    with pytest.raises(InputError, match="has no temperature"):
        sites.set_eps(0.5)


def test_stack_reads_the_recorded_tokens(tmp_path):
    save_file = pytest.importorskip(
        "safetensors.torch", reason="pip install 'sinkdiag[test-models]'"
    ).save_file
    model = Streams()
    recorder = LogitRecorder(Sites(model), capacity=8)
    model(torch.randn(2, 20, 8))
    recorder.save(tmp_path / "tokens.npz")
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    done = invoke("stack", tmp_path / "model.safetensors", "--activations", tmp_path / "tokens.npz")
    assert done.status == 0, done.err
    assert "8 tokens" in done.err
