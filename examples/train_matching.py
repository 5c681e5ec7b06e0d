"""Matching learned under a Sinkhorn layer: which cooling locks in, which is thrown out late.

A safety slope is calibrated on a proxy (synthetic pairs, SGD at 0.1, 300 steps) in two ways: by
`sinkdiag.calibrate_training`, which trains it, and by `sinkdiag.calibrate` from its record. Both
slopes, the paper's 0.5, and schedules whose lengths are tuned go into longer trainings at other
rates, sizes and data. Five seeds tune, ten others are reported.

    python examples/train_matching.py --output results     # about half an hour on one core
    python examples/train_matching.py --quick              # the same shape, too small to conclude

Writes `runs.csv`, `traces.csv`, `tables.md`, `manifest.json`. Needs `pip install '.[examples]'`.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from matching_runs import (
    Course,
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
from scipy.stats import t as student

import sinkdiag
from sinkdiag.torch import CostRecorder

FAMILIES = ("exponential", "linear", "quadratic", "constant", "Gumbel-Sinkhorn", "EPH-ASC k =")


def proxy(steps: int) -> Setting:
    """What the slopes are calibrated on."""
    return Setting(task=Synthetic, n=16, optimiser="SGD", rate=0.1, steps=steps)


def settings(quick: bool) -> list[Setting]:
    """What the slopes are carried to; first the proxy's own, for longer."""
    steps = 100 if quick else 600
    rows = [
        (Synthetic, 16, "SGD", 0.1),
        (Synthetic, 16, "SGD", 0.02),
        (Synthetic, 16, "SGD", 0.3),
        (Synthetic, 16, "Adam", 0.001),
        (Stereo, 16, "SGD", 0.1),
        (Stereo, 16, "Adam", 0.001),
        (Synthetic, 32, "SGD", 0.1),
    ]
    rows = [rows[0], rows[4]] if quick else rows
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


def fate(right: float, best: float, arrived: bool, enough: float) -> str:
    """Right is a run that ends with enough of the held-out rows; thrown, if it had been so."""
    if right >= enough:
        return "safe" if arrived else "held"
    return "thrown" if best >= enough else "locked"


def rows_of(
    setting: Setting, chosen: Sequence[Pace], course: Course
) -> Iterable[dict[str, object]]:
    """One row a run."""
    for at, pace in enumerate(chosen):
        for seed in range(course.right.shape[1]):
            right, best = float(course.right[at, seed]), float(course.best[at, seed])
            arrived = not math.isnan(course.arrival[at, seed])
            yield {
                "setting": setting.name,
                "schedule": pace.name,
                "seed": seed,
                "right": right,
                "fate": fate(right, best, arrived, setting.task.enough),
                "steps_to_enough": float(course.steps_to_enough[at, seed]),
                "eps_end": float(course.eps[at, seed]),
                "arrival": float(course.arrival[at, seed]),
                "gradient_max": float(course.trace_gradient[:, at, seed].max()),
            }


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval by Student's t."""
    if len(values) < 2:
        return f"{values.mean():.3f}"
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return f"{values.mean():.3f} ± {half:.3f}"


def failures(values: np.ndarray, enough: float) -> str:
    """How many are not right, and Wilson's 95 % interval of their share."""
    count, n, z = int((values < enough).sum()), len(values), 1.96
    share = count / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{count} of {n} ({max(centre - half, 0):.0%} to {min(centre + half, 1):.0%})"


def tuned(chosen: Sequence[Pace], course: Course, tuning: int) -> dict[str, int]:
    """Of each family the schedule that was best on the tuning seeds; of equals the first."""
    found = {}
    for family in FAMILIES:
        members = [at for at, pace in enumerate(chosen) if pace.name.startswith(family)]
        found[family] = max(members, key=lambda at: round(course.right[at, :tuning].mean(), 3))
    return found


def table_of(
    setting: Setting, chosen: Sequence[Pace], course: Course, tuning: int, carried: dict[str, int]
) -> list[str]:
    """One table: what was tuned here, what was tuned on the proxy's setting, the named slopes."""
    here, enough = tuned(chosen, course, tuning), setting.task.enough
    lines = [
        f"### {setting.name}, {setting.steps} steps",
        "",
        f"| schedule | right rows | failures | locked, thrown | steps to {enough:.0%} | "
        "eps at the end | largest gradient |",
        "|---|---|---|---|---|---|---|",
    ]
    entries = [(f"{chosen[at].name}, tuned here", at) for at in here.values()]
    entries += [
        (f"{chosen[at].name}, tuned at the proxy's setting", at)
        for family, at in carried.items()
        if at != here[family]
    ]
    entries += [
        (pace.name, at) for at, pace in enumerate(chosen) if not pace.name.startswith(FAMILIES)
    ]
    for name, at in entries:
        right, best = course.right[at, tuning:], course.best[at, tuning:]
        fates = [fate(one, other, True, enough) for one, other in zip(right, best, strict=True)]
        soon = course.steps_to_enough[at, tuning:]
        lines.append(
            f"| {name} | {interval(right)} | {failures(right, enough)} | {fates.count('locked')}, "
            f"{fates.count('thrown')} | {np.median(np.nan_to_num(soon, nan=np.inf)):.0f} | "
            f"{np.median(course.eps[at, tuning:]):.3g} | "
            f"{np.median(course.trace_gradient[:, at, tuning:].max(axis=0)):.3g} |"
        )
    return [*lines, ""]


def overview(rows: Sequence[dict[str, object]], tuning: int) -> list[str]:
    """Failures of every schedule in every setting, reported seeds only."""
    settings_met = list(dict.fromkeys(str(row["setting"]) for row in rows))
    lines = [
        "### Failures",
        "",
        "| schedule | " + " | ".join(settings_met) + " |",
        "|---" * (len(settings_met) + 1) + "|",
    ]
    for schedule in dict.fromkeys(str(row["schedule"]) for row in rows):
        counts = []
        for setting in settings_met:
            fates = [
                row["fate"]
                for row in rows
                if (row["setting"], row["schedule"]) == (setting, schedule)
                and int(str(row["seed"])) >= tuning
            ]
            counts.append(f"{fates.count('locked') + fates.count('thrown')} of {len(fates)}")
        lines.append(f"| {schedule} | " + " | ".join(counts) + " |")
    return [*lines, ""]


def manifest(arguments: argparse.Namespace, slopes: dict[str, float]) -> dict[str, object]:
    """What it takes to make the tables again."""
    packages = ("sinkdiag", "torch", "numpy", "scipy", "scikit-image")
    found = {name: _version(name) for name in packages}
    return {
        "command": " ".join(sys.argv),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "versions": found,
        "tuning_seeds": list(range(arguments.tuning)),
        "reported_seeds": list(range(arguments.tuning, arguments.tuning + arguments.seeds)),
        "proxy_seeds": "2000 and on",
        "slopes": slopes,
    }


def _version(name: str) -> str:
    return sinkdiag.__version__ if name == "sinkdiag" else version(name)


def write_rows(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """CSV with a header."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Calibrate, train, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("matching-results"))
    parser.add_argument("--quick", action="store_true", help="two minutes at most")
    arguments = parser.parse_args()
    arguments.tuning, arguments.seeds = (1, 2) if arguments.quick else (5, 10)
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    begun, steps = time.process_time(), 60 if arguments.quick else 300
    trained = slope_by_training(steps, arguments.quick)
    recorded = slope_by_record(arguments.output, steps, arguments.quick)
    slopes = {
        "EPH-ASC, paper's 0.5": 0.5,
        f"EPH-ASC, calibrate_training {trained.k_safe:.3g}": trained.k_safe,
        f"EPH-ASC, calibrate on the record {recorded.rows[0].k_safe:.3g}": recorded.rows[0].k_safe,
    }
    lines = [f"calibrate_training: {text}\n" for text in trained.findings]
    lines += [f"calibrate: {recorded.rows[0].verdict}\n"]
    rows, traces, carried = [], [], None
    for setting in settings(arguments.quick):
        chosen = paces(slopes, arguments.quick)
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
    written = {**manifest(arguments, slopes), "processor_seconds": time.process_time() - begun}
    (arguments.output / "manifest.json").write_text(json.dumps(written, indent=2) + "\n")
    print(report)


def trace_rows(
    setting: Setting, chosen: Sequence[Pace], course: Course, tuning: int
) -> Iterable[dict[str, object]]:
    """Right rows and gradient norms over time, means of the reported seeds."""
    for at, pace in enumerate(chosen):
        for entry in range(len(course.trace_right)):
            yield {
                "setting": setting.name,
                "schedule": pace.name,
                "evaluation": entry,
                "right": float(course.trace_right[entry, at, tuning:].mean()),
                "gradient": float(course.trace_gradient[entry, at, tuning:].mean()),
            }


if __name__ == "__main__":
    main()
