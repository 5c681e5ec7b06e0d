"""Matching learned under a Sinkhorn layer: which cooling locks in, which is thrown out late.

A safety slope is calibrated on a proxy (synthetic pairs, SGD at 0.1, 300 steps) in two ways: by
`sinkdiag.calibrate_training`, which trains it, and by `sinkdiag.calibrate` from its record. Both
slopes, the paper's 0.5, and schedules whose lengths are tuned go into longer trainings at other
rates, sizes and data. Five seeds tune, ten others are reported.

    python examples/train_matching.py -o results     # a quarter of an hour on one core
    python examples/train_matching.py --quick        # the same shape, too small to conclude

Writes `runs.csv`, `traces.csv`, `tables.md`, `manifest.json` and one picture of the gradient norms
a setting. Needs `pip install '.[examples]'`.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from machine import machine
from matching_figure import draw
from matching_runs import (
    Pace,
    Setting,
    Stereo,
    Synthetic,
    Training,
    constant,
    controlled,
    exponential,
    gumbel,
    linear,
    quadratic,
    train,
)
from matching_tables import overview, rows_of, table_of, trace_rows, tuned

import sinkdiag
from sinkdiag.torch import CostRecorder


def proxy(steps: int) -> Setting:
    """What the slopes are calibrated on."""
    return Setting(task=Synthetic, n=16, optimiser="SGD", rate=0.1, steps=steps)


def settings(quick: bool) -> list[Setting]:
    """What the slopes are carried to; first the proxy's own, for longer."""
    steps = 100 if quick else 600
    rows = [
        (Synthetic, 16, "SGD", 0.1),
        (Synthetic, 8, "SGD", 0.1),
        (Synthetic, 32, "SGD", 0.1),
        (Synthetic, 16, "SGD", 0.02),
        (Synthetic, 16, "SGD", 0.3),
        (Synthetic, 16, "Adam", 0.001),
        (Stereo, 16, "SGD", 0.1),
        (Stereo, 16, "Adam", 0.001),
    ]
    rows = [rows[0], rows[6]] if quick else rows
    return [
        Setting(task=task, n=n, optimiser=optimiser, rate=rate, steps=steps)
        for task, n, optimiser, rate in rows
    ]


def paces(slopes: dict[str, float], quick: bool) -> list[Pace]:
    """Schedules to tune, and controllers with slopes known beforehand."""
    lengths = (50, 150) if quick else (50, 150, 400)
    tuned = [make(steps) for make in (exponential, linear, quadratic, gumbel) for steps in lengths]
    tuned += [constant(eps) for eps in (0.03, 0.1, 0.3)]
    tuned += [controlled(k) for k in ((0.1, 0.3) if quick else (0.03, 0.1, 0.3, 1.0, 3.0))]
    named = [controlled(k, name) for name, k in slopes.items() if math.isfinite(k)]
    return [*tuned, *named, controlled(0.01, "tracking 0.01", signal="tracking")]


def slope_by_training(steps: int, quick: bool) -> sinkdiag.TrainingCalibration:
    """The slope that trainings of the proxy bear."""

    def run(controller: sinkdiag.AdaptiveCooling, seed: int) -> float:
        pace = Pace(name="proxy", controller=lambda: controller)
        course = train(Training(setting=proxy(steps), paces=[pace], seeds=[2000 + seed]))
        return 1.0 - float(course.right[0, 0])

    count = 1 if quick else 3
    slopes = np.geomspace(0.05, 0.2, 5) if quick else np.geomspace(0.02, 1.5, 12)
    return sinkdiag.calibrate_training(
        run,
        eps_start=1.0,
        eps_min=0.01,
        alpha0=0.95,
        slopes=[float(k) for k in slopes],
        replicates=count,
        fresh=count,
    )


def slope_by_record(folder: Path, steps: int, quick: bool) -> sinkdiag.CalibrationResult:
    """The slope that `calibrate` reads off a record of the proxy under plain cooling."""
    setting = proxy(steps)
    recorder = CostRecorder(
        folder / "proxy.npz", truth=np.arange(setting.n), block=steps, every=steps, most=2 * steps
    )
    cooling = exponential(150)
    train(Training(setting=setting, paces=[cooling], seeds=[2000], record=recorder.record))
    recorder.save()
    with np.load(recorder.path) as held:
        return sinkdiag.calibrate(
            held["cost"],
            truth=held["truth"],
            record_eps=held["eps"],
            record_step=held["step"],
            layout="trajectory",
            alpha0=0.95,
            quick=quick,
        )


def manifest(arguments: argparse.Namespace, slopes: dict[str, float]) -> dict[str, object]:
    """What it takes to make the tables again."""
    return {
        "command": " ".join(["python", "examples/train_matching.py", *sys.argv[1:]]),
        **machine(("sinkdiag", "torch", "numpy", "scipy", "scikit-image")),
        "threads": torch.get_num_threads(),
        "tuning_seeds": list(range(arguments.tuning)),
        "reported_seeds": list(range(arguments.tuning, arguments.tuning + arguments.seeds)),
        "proxy_seeds": "2000 and on",
        "slopes": {name: k if math.isfinite(k) else None for name, k in slopes.items()},
    }


def write_rows(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """CSV with a header."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def parse() -> argparse.Namespace:
    """Options of the command line, and how many seeds tune and are reported."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("matching-results"))
    parser.add_argument("--quick", action="store_true", help="two minutes at most")
    parser.add_argument(
        "--only",
        default="",
        metavar="PATTERN",
        help="settings whose name holds this regular expression; the proxy's own always runs",
    )
    arguments = parser.parse_args()
    arguments.tuning, arguments.seeds = (1, 2) if arguments.quick else (5, 10)
    first, *others = settings(arguments.quick)
    arguments.settings = [first, *(s for s in others if re.search(arguments.only, s.name))]
    return arguments


def calibrated(arguments: argparse.Namespace) -> tuple[dict[str, float], list[str]]:
    """Slopes by name, and what their calibrations say."""
    steps = 60 if arguments.quick else 300
    trained = slope_by_training(steps, arguments.quick)
    recorded = slope_by_record(arguments.output, steps, arguments.quick)
    slopes = {
        "EPH-ASC, paper's 0.5": 0.5,
        f"EPH-ASC, calibrate_training {trained.k_safe:.3g}": trained.k_safe,
        f"EPH-ASC, calibrate on the record {recorded.rows[0].k_safe:.3g}": recorded.rows[0].k_safe,
    }
    lines = [f"calibrate_training: {text}\n" for text in trained.findings]
    return slopes, [*lines, f"calibrate: {recorded.rows[0].verdict}\n"]


def main() -> None:
    """Calibrate, train, write; after every setting all that there is so far."""
    arguments = parse()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    begun = time.process_time()
    slopes, lines = calibrated(arguments)
    rows, traces, carried, seconds = [], [], None, {}
    chosen, report = paces(slopes, arguments.quick), ""
    for setting in arguments.settings:
        started = time.process_time()
        seeds = range(arguments.tuning + arguments.seeds)
        course = train(Training(setting=setting, paces=chosen, seeds=seeds))
        carried = carried or tuned(chosen, course, arguments.tuning)
        lines += table_of(setting, chosen, course, arguments.tuning, carried)
        rows += list(rows_of(setting, chosen, course))
        traces += list(trace_rows(setting, chosen, course, arguments.tuning))
        report = "\n".join([*lines, *overview(rows, arguments.tuning)])
        (arguments.output / "tables.md").write_text(report, encoding="utf-8")
        write_rows(arguments.output / "runs.csv", rows)
        write_rows(arguments.output / "traces.csv", traces)
        draw(arguments.output / f"gradients-{setting.slug}.png", setting.name, traces)
        seconds[setting.name] = time.process_time() - started
        written = {
            **manifest(arguments, slopes),
            "processor_seconds": {"all": time.process_time() - begun, **seconds},
        }
        (arguments.output / "manifest.json").write_text(json.dumps(written, indent=2) + "\n")
    print(report)


if __name__ == "__main__":
    main()
