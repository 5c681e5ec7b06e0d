"""Fates, tables and traces of what `train_matching.py` has trained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matching_runs import Course, Pace, Setting
from scipy.stats import t as student

FAMILIES = ("exponential", "linear", "quadratic", "constant", "Gumbel-Sinkhorn", "EPH-ASC k =")
# Steps of an epoch in traces and pictures.
EPOCH = 25


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
                "gradient_max": float(course.gradients[:, at, seed].max()),
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
            f"{np.median(course.gradients[:, at, tuning:].max(axis=0)):.3g} |"
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


def epochs(gradients: np.ndarray) -> np.ndarray:
    """Median gradient norm of every epoch of every run, (epochs, schedules, seeds)."""
    count = len(gradients) // EPOCH
    return np.median(gradients[: count * EPOCH].reshape(count, EPOCH, *gradients.shape[1:]), axis=1)


def geometric_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Geometric mean and its 95 % interval by Student's t on logarithms; of finite values."""
    logs = np.log(values[np.isfinite(values) & (values > 0)])
    if len(logs) == 0:
        return math.nan, math.nan, math.nan
    half = math.nan
    if len(logs) > 1:
        half = student.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs))
    centre = logs.mean()
    return float(np.exp(centre)), float(np.exp(centre - half)), float(np.exp(centre + half))


def trace_rows(
    setting: Setting, chosen: Sequence[Pace], course: Course, tuning: int
) -> Iterable[dict[str, object]]:
    """Right rows and gradient norms over epochs, of the reported seeds."""
    norms = epochs(course.gradients[:, :, tuning:])
    for at, pace in enumerate(chosen):
        for epoch, right in enumerate(course.trace_right[:, at, tuning:]):
            mean, low, high = geometric_interval(norms[epoch, at])
            yield {
                "setting": setting.name,
                "schedule": pace.name,
                "epoch": epoch + 1,
                "right": float(right.mean()),
                "gradient": mean,
                "gradient_low": low,
                "gradient_high": high,
            }
