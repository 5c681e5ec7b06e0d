"""A small language model with hyper-connections, cooled exponentially and by EPH-ASC.

Each token mixes four residual streams by a matrix that 20 sweeps make doubly stochastic (package
`hyper-connections`); the temperature divides its logits. Text: CPython's own documentation topics,
byte by byte. Recorded at every step: loss, gradient norm before clipping, entropy of the matrices,
temperature, and whether the controller brakes.

    python examples/train_mhc.py -o mhc-results                  # two layers, on a processor
    python examples/train_mhc.py --layers 6 --dim 256 --batch 32 --context 128 --device cuda
    python examples/train_mhc.py --quick                         # too short to conclude

Writes `steps.csv`, `table.md`, `mhc.png`, `tokens.npz` (for `sinkdiag stack --activations`),
`manifest.json`. Needs `pip install '.[examples]'`.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import pydoc_data.topics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from hyper_connections.manifold_constrained_hyper_connections import (
    get_init_and_expand_reduce_stream_functions,
)
from machine import machine
from torch import nn
from torch.nn import functional

import sinkdiag
from sinkdiag.torch import LogitRecorder, Probe, Sites, TensorCooling

STREAMS, VOCABULARY, HEADS = 4, 256, 4


@dataclass(frozen=True, kw_only=True)
class Step:
    """One training step of one run; eps in units of the logits."""

    schedule: str
    seed: int
    step: int
    loss: float
    gradient: float
    entropy: float
    eps: float
    braking: float


class Attention(nn.Module):
    """Causal self-attention with a norm before it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm, self.take, self.give = (
            nn.LayerNorm(dim),
            nn.Linear(dim, 3 * dim),
            nn.Linear(dim, dim),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, dim) to the same."""
        parts = self.take(self.norm(inputs)).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.give(mixed.transpose(1, 2).flatten(-2))


class Decoder(nn.Module):
    """Bytes to logits of the next byte."""

    def __init__(self, layers: int, dim: int, context: int) -> None:
        super().__init__()
        start, self.expand, self.reduce = get_init_and_expand_reduce_stream_functions(
            STREAMS, dim=dim, log_domain_sinkhorn=True, add_stream_embed=True
        )
        self.embed, self.place = nn.Embedding(VOCABULARY, dim), nn.Embedding(context, dim)
        self.blocks = nn.ModuleList()
        for layer in range(layers):
            forward = nn.Sequential(
                nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
            )
            self.blocks.append(start(branch=Attention(dim), layer_index=2 * layer))
            self.blocks.append(start(branch=forward, layer_index=2 * layer + 1))
        # Streams that start as copies and take the same from every branch stay copies, and mixing
        # copies does nothing.
        nn.init.normal_(self.expand.stream_embed)
        for block in self.blocks:
            nn.init.normal_(block.static_beta)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, VOCABULARY))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(batch, tokens) to (batch, tokens, 256)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        streams = self.expand(self.embed(tokens) + self.place(places))
        for block in self.blocks:
            streams = block(streams)
        return self.head(self.reduce(streams))


def loosen(model: Decoder) -> None:
    """Random static logits and a dynamic part of full size.

    The package starts from the identity's logits and 1 % of the dynamic part: cooled, those
    matrices freeze before they have learned to mix, and no temperature matters any more.
    """
    for block in model.blocks:
        nn.init.normal_(block.static_alpha[:, 1:].data, std=0.5)
        nn.init.normal_(block.dynamic_alpha_fn, std=0.1)
        block.residual_scale.data.fill_(1.0)


def text() -> torch.Tensor:
    """The documentation topics, in the order of their names, as bytes."""
    topics = pydoc_data.topics.topics
    whole = "\n".join(topics[name] for name in sorted(topics)).encode()
    return torch.from_numpy(np.frombuffer(whole, dtype=np.uint8).astype(np.int64))


class Run:
    """One schedule with one seed."""

    def __init__(self, options: argparse.Namespace, schedule: str, seed: int) -> None:
        torch.manual_seed(seed)
        self.options, self.schedule, self.seed = options, schedule, seed
        self.model = Decoder(options.layers, options.dim, options.context).to(options.device)
        if options.start == "random":
            loosen(self.model)
        self.text = text().to(options.device)
        self.random = torch.Generator().manual_seed(seed)
        self.sites = Sites(self.model, watch_every=1)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=options.rate)
        slope = math.inf if schedule == "exponential" else options.k_safe
        alpha = (options.eps_min / options.eps_start) ** (1.0 / options.steps)
        self.controller = sinkdiag.AdaptiveCooling(
            slope, alpha, eps_start=options.eps_start, eps_min=options.eps_min, reduce="mean"
        )
        self.cooling = TensorCooling(self.controller)
        self.probed: list[torch.Tensor] = []
        self.probing = False
        self.sites.listen(self._site)
        self.probe = Probe(self.model, self._batch()[0][:1], module=self.model)

    def _site(self, _: str, logits: torch.Tensor, matrices: torch.Tensor) -> None:  # noqa: ARG002
        if self.probing:
            self.probed.append(matrices)

    def _batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        context = self.options.context
        starts = torch.randint(
            len(self.text) - context - 1, (self.options.batch,), generator=self.random
        )
        rows = torch.stack([self.text[start : start + context + 1] for start in starts.tolist()])
        return rows[:, :-1], rows[:, 1:]

    def plans(self) -> torch.Tensor:
        """All sites' matrices of the probe batch, (sites·tokens, 4, 4)."""
        self.probed, self.probing = [], True
        self.probe()
        self.probing = False
        return torch.cat(self.probed)

    def step(self, number: int) -> Step:
        """Probe, decide, learn."""
        eps = self.cooling.eps
        self.sites.set_eps(eps)
        if self.schedule == "exponential":
            following = self.controller.take(math.nan if number == 0 else 0.0)
        else:
            following = self.cooling.step(self.plans())
        inputs, wanted = self._batch()
        with torch.autocast(self.options.device, torch.bfloat16, enabled=self.options.bfloat16):
            loss = functional.cross_entropy(self.model(inputs).flatten(0, 1), wanted.flatten())
        self.optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip)
        self.optimiser.step()
        entropies = [watch.latest.entropy for watch in self.sites.watches.values()]
        return Step(
            schedule=self.schedule,
            seed=self.seed,
            step=number,
            loss=loss.item(),
            gradient=norm.item(),
            entropy=float(np.mean(entropies)),
            eps=eps,
            braking=float(following == eps > self.options.eps_min),
        )


def foretold(options: argparse.Namespace) -> str:
    """What sinkdiag says of the initial static logits, before any training."""
    grid = np.geomspace(options.eps_start, options.eps_min, 25)
    blocks = Run(options, "exponential", 0).model.blocks
    costs = [-block.static_alpha[:, 1:].detach().cpu().double().numpy() for block in blocks]
    found = [sinkdiag.sensitivity(cost, [float(eps) for eps in grid]).rows for cost in costs]
    norms = np.array([[row.op_norm for row in rows] for rows in found])
    peaks = ", ".join(f"{row.max():.3g} at eps {grid[row.argmax()]:.3g}" for row in norms)
    ends = ", ".join(f"{row[-1]:.2g}" for row in norms)
    return (
        f"Beforehand, of the initial static logits ({options.start} start), sinkdiag sensitivity: "
        f"the derivative of each site's matrix in its logits is largest, {peaks}; at eps "
        f"{options.eps_min:g} it is {ends}."
    )


def table(steps: Sequence[Step], options: argparse.Namespace) -> list[str]:
    """One row a run."""
    lines = [
        "| schedule | seed | loss, last 50 | gradient norm, median | largest, at step | largest of "
        "the last tenth | first braking | steps braked | eps at the end | entropy at the end |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for schedule, seed in sorted({(step.schedule, step.seed) for step in steps}):
        run = [step for step in steps if (step.schedule, step.seed) == (schedule, seed)]
        norms = np.array([step.gradient for step in run])
        braked = [step.step for step in run if step.braking and step.step > 0]
        late = norms[-max(options.steps // 10, 1) :]
        lines.append(
            f"| {schedule} | {seed} | {np.mean([step.loss for step in run[-50:]]):.3f} | "
            f"{np.median(norms):.3g} | {norms.max():.3g}, {norms.argmax()} | {late.max():.3g} | "
            f"{braked[0] if braked else 'none'} | {len(braked)} | {run[-1].eps:.3g} | "
            f"{run[-1].entropy:.3f} |"
        )
    return lines


def trained(options: argparse.Namespace, schedule: str, seed: int) -> list[Step]:
    """One run, in a process of its own; the first controlled one leaves its tokens."""
    torch.set_num_threads(1)
    run = Run(options, schedule, seed)
    steps = [run.step(number) for number in range(options.steps)]
    if schedule == "EPH-ASC" and seed == 0:
        recorder = LogitRecorder(run.sites, capacity=200)
        run.probe()
        recorder.save(options.output / "tokens.npz")
    return steps


def draw(path: Path, steps: Sequence[Step]) -> None:
    """Three panels over the steps: loss; gradient norm; entropy and temperature, brakes marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 8), layout="constrained")
    panels = figure.subplots(3, sharex=True)
    other = panels[2].twinx()
    colours = {"exponential": "#0072B2", "EPH-ASC": "#D55E00"}
    for schedule, seed in sorted({(step.schedule, step.seed) for step in steps}):
        run = [step for step in steps if (step.schedule, step.seed) == (schedule, seed)]
        colour, x = colours[schedule], [step.step for step in run]
        label = schedule if seed == 0 else None
        panels[0].plot(x, [s.loss for s in run], color=colour, lw=0.6, label=label)
        panels[1].semilogy(x, [s.gradient for s in run], color=colour, lw=0.6)
        panels[2].plot(x, [s.entropy for s in run], color=colour, lw=0.8)
        other.semilogy(x, [s.eps for s in run], color=colour, lw=0.8, ls="--")
        marks = [(s.step, s.eps) for s in run if s.braking]
        if marks:
            other.plot(*zip(*marks, strict=True), "|", color=colour, ms=5)
    panels[0].set_ylabel("loss, nats a byte")
    panels[1].set_ylabel("gradient norm before clipping")
    panels[2].set_ylabel("entropy of the matrices (full)")
    other.set_ylabel("eps (dashed, | brakes)")
    panels[2].set_xlabel("training step")
    panels[0].legend()
    figure.suptitle("hyper-connections, 20 sweeps; drift in the Frobenius norm, eps in logits")
    figure.savefig(path, dpi=110)


def parse() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("mhc-results"))
    parser.add_argument("--quick", action="store_true", help="60 steps, one seed")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--start", choices=("random", "identity"), default="random")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time")
    sizes = {"steps": 1000, "seeds": 3, "layers": 2, "dim": 32, "context": 32, "batch": 4}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    values = {"rate": 3e-3, "clip": 1.0, "k-safe": 0.5, "eps-start": 1.0, "eps-min": 0.01}
    for name, value in values.items():
        parser.add_argument(f"--{name}", type=float, default=value)
    options = parser.parse_args()
    if options.quick:
        options.steps, options.seeds, options.jobs = 60, 1, 1
    return options


def main() -> None:
    """Train, write."""
    options, begun = parse(), time.perf_counter()
    options.output.mkdir(parents=True, exist_ok=True)
    lines = [foretold(options), ""]
    pairs = [(s, seed) for seed in range(options.seeds) for s in ("exponential", "EPH-ASC")]
    given = ([options] * len(pairs), *zip(*pairs, strict=True))
    if options.jobs == 1:
        done = list(map(trained, *given))
    else:
        context = torch.multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
            done = list(pool.map(trained, *given))
    steps = [step for run in done for step in run]
    with (options.output / "steps.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(asdict(steps[0])))
        writer.writeheader()
        writer.writerows(asdict(step) for step in steps)
    report = "\n".join([*lines, *table(steps, options), ""])
    (options.output / "table.md").write_text(report, encoding="utf-8")
    draw(options.output / "mhc.png", steps)
    written = {
        "command": " ".join(["python", "examples/train_mhc.py", *sys.argv[1:]]),
        **machine(("sinkdiag", "torch", "hyper-connections", "numpy")),
        "options": {name: str(value) for name, value in vars(options).items()},
        "seeds": list(range(options.seeds)),
        "seconds": time.perf_counter() - begun,
    }
    (options.output / "manifest.json").write_text(json.dumps(written, indent=2) + "\n")
    print(report)


if __name__ == "__main__":
    main()
