"""What watching and controlling a layer costs beside the layer: `python -m tests.benchmarks.watch`.

Processor time on one thread, medians of blocks. The layer is 20 log-domain sweeps in float32, once
forward only, once with its backward pass, as a training calls it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from sinkdiag import AdaptiveCooling
from sinkdiag.torch import TensorCooling, Watch

SWEEPS, EVERY = 20, 100
SHAPES = {"64": (64, 64), "256": (256, 256), "1024": (1024, 1024), "10000x4x4": (10_000, 4, 4)}


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


def main() -> None:
    """Print one row a shape."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, one thread, every = {EVERY}")
    print("| plans | layer, µs | and back, µs | watch, µs | shares | controller, µs | shares |")
    print("|---|---|---|---|---|---|---|")
    for name, shape in SHAPES.items():
        cost = torch.rand(shape)
        # Two plans in turn, as a training makes them: new memory every time.
        plans = [layer(cost, eps) for eps in (0.1, 0.09)]
        base = seconds(lambda cost=cost: layer(cost, 0.1), 3 if cost.numel() > 1e5 else 20)
        leaf = cost.clone().requires_grad_()
        both = seconds(
            lambda leaf=leaf: layer(leaf, 0.1).square().sum().backward(),
            2 if cost.numel() > 1e5 else 20,
        )
        watch = Watch(every=EVERY)
        cooling = TensorCooling(AdaptiveCooling(1e9, 0.999999))
        turn = [0]

        def watched(cost=cost, plans=plans, watch=watch, turn=turn) -> None:
            turn[0] ^= 1
            watch.observe(cost, plans[turn[0]], 0.1)

        def controlled(plans=plans, cooling=cooling, turn=turn) -> None:
            turn[0] ^= 1
            cooling.step(plans[turn[0]])

        seen, acted = seconds(watched, EVERY), seconds(controlled, EVERY)
        print(
            f"| {name} | {1e6 * base:.0f} | {1e6 * both:.0f} "
            f"| {1e6 * seen:.1f} | {seen / base:.2%}, {seen / both:.2%} "
            f"| {1e6 * acted:.1f} | {acted / base:.2%}, {acted / both:.2%} |"
        )


if __name__ == "__main__":
    main()
