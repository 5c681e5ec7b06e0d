"""Checkpoints written by the real packages, and what their own modules make of them.

By a module's name its matrices (tokens, n, n), and by "NAME logits" what enters the projection,
(proposals, tokens, n, n). The first token is 0, which leaves the static logits.

    python -m tests.checkpoints.real

writes `tests/data/stack/` again. Needs the extra ``test-models``.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent.parent / "data" / "stack"
# Tokens that are run through every module.
TOKENS = 3


def deepseek_v4(folder: Path, *, layers: int = 3, streams: int = 4) -> dict[str, np.ndarray]:
    """A tiny DeepSeek-V4 by transformers, saved in shards; matrices of its modules by key.

    The hyper-connections get logits of every kind: frozen, mixing, uniform.
    """
    import torch
    from transformers.models.deepseek_v4 import DeepseekV4Config
    from transformers.models.deepseek_v4.modeling_deepseek_v4 import DeepseekV4ForCausalLM

    config = DeepseekV4Config(
        vocab_size=8, hidden_size=16, moe_intermediate_size=8, num_hidden_layers=layers,
        num_attention_heads=2, n_routed_experts=2, num_experts_per_tok=1, q_lora_rank=8,
        o_lora_rank=8, o_groups=2, head_dim=16, qk_rope_head_dim=4, index_n_heads=2,
        index_head_dim=16, index_topk=4, hc_mult=streams, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    model = DeepseekV4ForCausalLM(config)
    generator = torch.Generator().manual_seed(1)
    modules = [
        (f"model.layers.{number}.{name}", getattr(layer, name))
        for number, layer in enumerate(model.model.layers)
        for name in ("attn_hc", "ffn_hc")
    ]
    sizes = (0.01, 1.0, 3.0, 8.0)
    found: dict[str, np.ndarray] = {}
    with torch.no_grad():
        for number, (key, module) in enumerate(modules):
            size = sizes[number % len(sizes)]
            module.base.copy_(size * torch.randn(module.base.shape, generator=generator))
            module.fn.copy_(0.05 * torch.randn(module.fn.shape, generator=generator))
            streams_in = torch.randn(1, TOKENS, streams, config.hidden_size, generator=generator)
            streams_in[0, 0] = 0.0  # the static matrix
            _, matrices, _ = module(streams_in)
            found[key] = matrices[0].numpy()
            found[f"{key} logits"] = _deepseek_logits(module, streams_in)
    model.save_pretrained(folder, max_shard_size="30KB")
    return found


def _deepseek_logits(module, streams_in) -> np.ndarray:
    """What enters the softmax, by the module's own parts."""
    import torch

    n = module.hc_mult
    flat = module.input_norm(streams_in.flatten(2).float())
    mapped = torch.nn.functional.linear(flat, module.fn)[..., 2 * n :] * module.scale[2]
    return (mapped + module.base[2 * n :]).view(1, -1, n, n).numpy()


def lucidrains(path: Path, *, log_domain: bool = False) -> dict[str, np.ndarray]:
    """Manifold-constrained hyper-connections by lucidrains; matrices of its modules by key."""
    import torch
    from hyper_connections.manifold_constrained_hyper_connections import mHC
    from safetensors.torch import save_file

    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(2)
    modules = torch.nn.ModuleDict()
    found: dict[str, np.ndarray] = {}
    with torch.no_grad():
        for number in range(4):
            proposals = 2 if number == 3 else 1
            module = mHC(
                4, dim=8, layer_index=number, log_domain_sinkhorn=log_domain,
                num_dynamic_alpha_proposals=proposals,
            )  # fmt: skip
            if number:
                module.static_alpha.copy_(2 * torch.randn(4, 5, generator=generator))
            module.dynamic_alpha_fn.copy_(
                torch.randn(module.dynamic_alpha_fn.shape, generator=generator)
            )
            module.norm.gamma.copy_(0.1 * torch.randn(8, generator=generator))
            modules[str(number)] = module
            taken = _lucidrains_run(module, generator)
            found[str(number)], found[f"{number} logits"] = taken
    save_file(modules.state_dict(), path)
    return found


def _lucidrains_run(module, generator) -> tuple[np.ndarray, np.ndarray]:
    """Matrices, means over proposals, and every proposal's logits."""
    import torch

    taken = []
    constrain = module.residual_mix_constraint_fn
    module.residual_mix_constraint_fn = lambda logits: taken.append(logits) or constrain(logits)
    streams_in = torch.randn(1, TOKENS, 4, 8, generator=generator)
    streams_in[0, 0] = 0.0
    module.width_connection(streams_in.permute(0, 2, 1, 3).reshape(4, TOKENS, 8))
    module.residual_mix_constraint_fn = constrain
    (logits,) = taken
    shape = (len(logits), TOKENS, 4, 4)
    return constrain(logits).mean(dim=0).reshape(shape[1:]).numpy(), logits.reshape(shape).numpy()


def main() -> int:
    DATA.mkdir(exist_ok=True)
    with contextlib.suppress(ImportError):
        import transformers

        transformers.logging.set_verbosity_error()
    deepseek = deepseek_v4(DATA / "deepseek_v4")
    np.savez_compressed(DATA / "deepseek_v4.npz", **deepseek)
    others = lucidrains(DATA / "hyper_connections.safetensors")
    np.savez_compressed(DATA / "hyper_connections.npz", **others)
    return 0


if __name__ == "__main__":
    sys.exit(main())
