"""What watching and controlling a layer costs beside the layer: `python tests/benchmarks/watch.py`.

Processor time on one thread, medians of blocks. The layer is 20 log-domain sweeps in float32, once
forward only, once with its backward pass, as a training calls it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from lines import Lines, add_output
from tables import show

from sinkdiag import AdaptiveCooling
from sinkdiag.torch import TensorCooling, Watch

SWEEPS, EVERY = 20, 100
SHAPES = {
    "64×64": (64, 64),
    "256×256": (256, 256),
    "1024×1024": (1024, 1024),
    "10,000 of 4×4": (10_000, 4, 4),
}


def layer(cost: torch.Tensor, eps: float) -> torch.Tensor:
    """20 cold sweeps."""
    log = -cost / eps
    for _ in range(SWEEPS):
        log = log - torch.logsumexp(log, -2, keepdim=True)
        log = log - torch.logsumexp(log, -1, keepdim=True)
    return log.exp()


def seconds(call: Callable[[], object], calls: int, blocks: int = 9) -> float:
    """Median over blocks of the processor time of one call."""
    call()
    found = []
    for _ in range(blocks):
        begun = time.process_time()
        for _ in range(calls):
            call()
        found.append((time.process_time() - begun) / calls)
    return statistics.median(found)


def measure(name: str, shape: tuple[int, ...], lines: Lines) -> None:
    """One row: the layer, what `Watch` adds to a call, what `TensorCooling` does."""
    cost = torch.rand(shape)
    # Two plans in turn, as a training makes them: new memory every time.
    plans = [layer(cost, eps) for eps in (0.1, 0.09)]
    leaf = cost.clone().requires_grad_()
    calls = (3, 2) if cost.numel() > 1e5 else (20, 20)
    base = seconds(lambda: layer(cost, 0.1), calls[0])
    both = seconds(lambda: layer(leaf, 0.1).square().sum().backward(), calls[1])
    watch, cooling = Watch(every=EVERY), TensorCooling(AdaptiveCooling(1e9, 0.999999))
    turn = [0]

    def watched() -> None:
        turn[0] ^= 1
        watch.observe(cost, plans[turn[0]], 0.1)

    def controlled() -> None:
        turn[0] ^= 1
        cooling.step(plans[turn[0]])

    seen, acted = seconds(watched, EVERY), seconds(controlled, EVERY)
    micro = {"layer_us": base, "both_us": both, "watch_us": seen, "cooling_us": acted}
    found = {key: 1e6 * value for key, value in micro.items()}
    lines.add("watch", plans=name, every=EVERY, sweeps=SWEEPS, clock="cpu", **found)


def main() -> None:
    """Print one row a shape."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shapes", nargs="*", choices=[*SHAPES, []], default=[])
    add_output(parser)
    options = parser.parse_args()
    lines = Lines(options.output, ("torch",))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name in options.shapes or SHAPES:
        measure(name, SHAPES[name], lines)
    show("watch", lines.records)


if __name__ == "__main__":
    main()
