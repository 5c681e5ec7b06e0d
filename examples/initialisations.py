"""What popular hyper-connections start at: frozen, mixing or uniform, before a step is trained.

Every start is given by its rule (n = 4 streams); where a package is installed that makes it
(``pip install 'sinkdiag[test-models]'``), its own freshly made module is saved and read instead.
Depth is counted on equal sites: how many sublayers make a signal uniform to 1 %. Run it with
``python examples/initialisations.py``; it prints the table of examples/README.md.
"""

import math
import tempfile
from pathlib import Path

import numpy as np

import sinkdiag
from sinkdiag.checkpoints.loops import LOOPS
from sinkdiag.checkpoints.projection import project
from sinkdiag.jacobian.depth import mixing_depth

N, HIDDEN, TRIALS = 4, 4096, 101
FAVOURED, IDENTITY, ZERO = 8 * np.eye(N) - 8, np.eye(N), np.zeros((N, N))
# Name, implementation, start, what it is in words, typical size of the dynamic logits.
RULES = (
    ("tokenbender", "tokenbender", FAVOURED, "0 on the diagonal, -8 off it, over 0.05", 0.0),
    ("mhc-lite", "mhc-lite", FAVOURED, "0 on the diagonal, -8 off it", 0.0),
    ("hyper-connections", "hyper-connections", IDENTITY, "the identity as logits", 0.0),
    (
        "DeepSeek-V4 (transformers)", "deepseek-v4", ZERO, "0, inputs weighted by N(0, 0.02²)",
        0.02 * math.sqrt(N * HIDDEN),
    ),
    (
        "Megatron-LM", "megatron", ZERO, "0, inputs weighted by Xavier, times 0.01",
        0.01 * math.sqrt(2 * N * HIDDEN / (N * HIDDEN + N * N + 2 * N)),
    ),
    ("MaxText", "maxtext", ZERO, "0, inputs weighted by 1/fan-in, times 0.01", 0.01),
)  # fmt: skip


def made_by_hyper_connections(path):
    """Save a new module of lucidrains' package."""
    from hyper_connections.manifold_constrained_hyper_connections import mHC
    from safetensors.torch import save_file

    save_file({f"0.{k}": v for k, v in mHC(N, dim=64).state_dict().items()}, path)


def made_by_transformers(path):
    """Save the hyper-connections of a new DeepSeek-V4 of one layer, small but for its width."""
    from safetensors.torch import save_file
    from transformers.models.deepseek_v4 import DeepseekV4Config
    from transformers.models.deepseek_v4.modeling_deepseek_v4 import DeepseekV4ForCausalLM

    config = DeepseekV4Config(
        vocab_size=8, hidden_size=HIDDEN, moe_intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, n_routed_experts=2, num_experts_per_tok=1, q_lora_rank=8,
        o_lora_rank=8, o_groups=2, head_dim=16, qk_rope_head_dim=4, index_n_heads=2,
        index_head_dim=16, index_topk=4, hc_mult=N, max_position_embeddings=64,
    )  # fmt: skip
    state = DeepseekV4ForCausalLM(config).state_dict()
    save_file({k: v for k, v in state.items() if "attn_hc" in k}, path)


MADE = {
    "hyper-connections": made_by_hyper_connections,
    "DeepSeek-V4 (transformers)": made_by_transformers,
}


def start_of(name, implementation, logits, typical):
    """The start's only row, by the package where it is there; the origin of the numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "start.safetensors"
        try:
            MADE[name](path)
        except (KeyError, ImportError):
            row = sinkdiag.stack(logits, implementation=implementation).rows[0]
            return row, typical, "rule"
        row = sinkdiag.stack(str(path)).rows[0]
        return row, row.dynamic_typical, "package"


def depth_in_words(depth):
    """A number of sublayers, or never."""
    return f"{depth:,.0f}" if math.isfinite(depth) else "never"


def depth_over_tokens(logits, loop, typical):
    """Median sublayers until a product over random inputs is uniform to 1 %."""
    draw, depths = np.random.default_rng(0), []
    for _ in range(TRIALS):
        product, depth, distance = np.eye(N), 0, 1.0
        while distance > 0.01:
            token = logits + typical * draw.normal(size=(N, N))
            product, depth = project(token, loop).T @ product, depth + 1
            shares = product / product.sum(axis=1, keepdims=True)
            distance = 0.5 * np.abs(shares - 1 / N).sum(axis=1).max()
        depths.append(depth)
    return np.median(depths)


print("| implementation | starts at | σ_2 | gradient | verdict | uniform to 1 % after | from |")
print("|---|---|---|---|---|---|---|")
for name, implementation, logits, words, by_rule in RULES:
    row, typical, origin = start_of(name, implementation, logits, by_rule)
    loop = LOOPS[implementation]
    matrix = project(logits, loop)
    depth = depth_in_words(mixing_depth(matrix, matrix.sum(axis=1)))
    if typical > 1:
        depth += f" without inputs, {depth_over_tokens(logits, loop, typical):.0f} with random ones"
    print(
        f"| {name} | {words} | {row.sigma_2:.4g} | {row.gradient_norm_float32:.2g} | "
        f"{row.verdict} | {depth} | {origin} |"
    )
