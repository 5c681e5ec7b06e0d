"""Figures 1, 2 and 3 of L. Chizat, *Annealed Sinkhorn*, arXiv 2408.11620, drawn again.

In its geometric setting (squared distances between an arc with a disc and two crossed bars, n =
300, equal weights) and its random setting (normal costs, random weights, n = 75): the error
against the sweeps beside the front of plain Sinkhorn at constant temperatures (Fig. 1), the error
after 200 sweeps against the exponent kappa (Fig. 2), and the row error against the sweeps (Fig. 3).
A table says where the numbers agree with the source's; points and weights are of another seed.

Run `python examples/chizat.py [FOLDER] [--quick] [--seed N]` from the repository's root: about half
a minute, or seconds with --quick (60 and 30 points, 300 sweeps: no numbers to compare).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import sinkdiag
from sinkdiag.annealing.schedules.front import plain_front
from sinkdiag.problem import make_problem

FloatArray = NDArray[np.float64]

NAMES = ("annealed", "debiased")
DEFAULTS = {"annealed": 1 / 2, "debiased": 2 / 3}
SLOPES = (0.33, 0.5, 0.67)
GRID = np.round(np.arange(0.2, 1.21, 0.05), 2)
# Okabe & Ito's colours, which the colour-blind tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Costs in units of their range, and the masses of rows and columns."""

    name: str
    cost: FloatArray
    row: FloatArray
    col: FloatArray


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sweeps of a long and of a short run."""

    long: int
    short: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the three figures show of one setting."""

    errors: dict[str, FloatArray]
    best: dict[str, FloatArray]
    row_errors: dict[float, FloatArray]


def geometric(seed: int, n: int) -> Setting:
    """150 points on a thick half circle and 150 in a disc, to 300 in two crossed bars."""
    random = np.random.default_rng(seed)
    half = n // 2

    def polar(angle: FloatArray, radius: FloatArray) -> FloatArray:
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    arc = polar(random.uniform(0, np.pi, half), 0.3 + 0.2 * random.random(half))
    disc = polar(random.uniform(0, 2 * np.pi, half), 0.1 * random.random(half))
    x = np.concatenate([arc, disc + np.array([-0.3, 0.4])])
    lying = random.uniform((-0.5, 0.0), (0.5, 0.15), (half, 2))
    standing = random.uniform((-0.075, 0.0), (0.075, 0.6), (half, 2))
    y = np.concatenate([lying, standing])
    cost = ((x[:, None] - y) ** 2).sum(axis=2)
    mass = np.full(2 * half, 0.5 / half)
    return Setting(name="geometric", cost=cost / np.ptp(cost), row=mass, col=mass)


def gaussian(seed: int, n: int) -> Setting:
    """Independent normal costs and uniform random weights."""
    random = np.random.default_rng(seed)
    cost = random.standard_normal((n, n))
    row, col = random.random(n), random.random(n)
    return Setting(
        name="random", cost=cost / np.ptp(cost), row=row / row.sum(), col=col / col.sum()
    )


def run(setting: Setting, schedules: list[str], steps: int) -> dict[str, list]:
    """The rows of every schedule."""
    result = sinkdiag.anneal(
        setting.cost,
        row=setting.row,
        col=setting.col,
        schedules=schedules,
        tv=False,
        max_steps=steps,
    )
    return {part: [row for row in result.rows if row.schedule == part] for part in schedules}


def measure(setting: Setting, scale: Scale) -> Measured:
    """All runs of one setting."""
    long = run(setting, list(NAMES), scale.long)
    grid = [f"{name}:kappa={kappa:g}" for name in NAMES for kappa in GRID]
    # The defaults go by their plain names.
    plain = {f"annealed:kappa={0.5:g}": "annealed"}
    short = run(setting, [plain.get(text, text) for text in grid], scale.short)
    ends = {text: short[plain.get(text, text)][-1].suboptimality for text in grid}
    slow = [f"annealed:kappa={kappa:g}" for kappa in SLOPES]
    rows = run(setting, [plain.get(text, text) for text in slow], scale.long)
    return Measured(
        errors={name: np.array([row.suboptimality for row in long[name]]) for name in NAMES},
        best={
            name: np.array([ends[f"{name}:kappa={kappa:g}"] for kappa in GRID]) for name in NAMES
        },
        row_errors={
            kappa: np.array([row.row_error for row in rows[plain.get(text, text)]])
            for kappa, text in zip(SLOPES, slow, strict=True)
        },
    )


def slope_of(errors: FloatArray) -> float:
    """Log-log slope over the last decade of sweeps."""
    t = np.arange(1, len(errors) + 1)
    last = t >= len(errors) / 10
    return float(np.polyfit(np.log(t[last]), np.log(errors[last]), 1)[0])


def draw(setting: Setting, found: Measured, scale: Scale) -> Figure:
    """The three figures side by side."""
    figure = Figure(figsize=(12.0, 4.0), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    figure.suptitle(
        f"{setting.name} setting, n = {len(setting.row)}, beta = 10 t^kappa/osc(C), total mass 1"
    )
    draw_errors(first, setting, found)
    for name, colour in zip(NAMES, COLOURS, strict=False):
        second.plot(GRID, found.best[name], marker="o", ms=3, color=colour, label=name)
    second.set_yscale("log")
    second.set_xlabel("exponent kappa")
    second.set_ylabel(f"suboptimality after {scale.short} sweeps (osc(C))")
    second.legend()
    for (kappa, errors), colour in zip(found.row_errors.items(), COLOURS, strict=True):
        label = f"kappa = {kappa:g}: slope {slope_of(errors):.2f}"
        third.loglog(np.arange(1, len(errors) + 1), errors, color=colour, label=label)
    third.set_xlabel("sweeps")
    third.set_ylabel("row error Σ|P1 − r| (mass)")
    third.legend()
    return figure


def draw_errors(axes: Axes, setting: Setting, found: Measured) -> None:
    """Error against sweeps, and the front of plain Sinkhorn."""
    for name, colour in zip(NAMES, COLOURS, strict=False):
        errors = found.errors[name]
        label = f"{name}, kappa = {DEFAULTS[name]:.2g}"
        axes.loglog(np.arange(1, len(errors) + 1), errors, color=colour, label=label)
    problem = make_problem(setting.cost, row=setting.row, col=setting.col)
    front = plain_front(problem, len(found.errors["annealed"]))
    axes.loglog(
        [point.sweeps for point in front],
        [point.suboptimality for point in front],
        color="black",
        ls=":",
        label="front of plain Sinkhorn",
    )
    axes.set_xlabel("sweeps")
    axes.set_ylabel("suboptimality after rounding (osc(C))")
    axes.legend()


def report(setting: Setting, found: Measured, scale: Scale, *, compare: bool) -> list[str]:
    """Lines of the table; with ``compare`` beside the source's numbers."""
    wanted = {
        "annealed error": (3.6e-3 * 0.6, 3.6e-3 * 1.4),
        "debiased error": (7.5e-4 * 0.6, 7.5e-4 * 1.4),
        "annealed best kappa": (0.45, 0.6),
        "debiased best kappa": (0.7, 0.9),
        "row slope, kappa = 0.33": (-0.71, -0.61),
        "row slope, kappa = 0.5": (-0.55, -0.45),
        "row slope, kappa = 0.67": (-0.37, -0.27),
    }
    values = {f"{name} error": float(found.errors[name][-1]) for name in NAMES}
    values |= {f"{name} best kappa": float(GRID[np.argmin(found.best[name])]) for name in NAMES}
    values |= {f"row slope, kappa = {k:g}": slope_of(found.row_errors[k]) for k in SLOPES}
    lines = [f"{setting.name} setting, {scale.long} sweeps ({scale.short} for the best kappa)"]
    for name, value in values.items():
        low, high = wanted[name]
        verdict = "agrees" if low <= value <= high else "differs"
        beside = f"  [{low:.3g}, {high:.3g}]  {verdict}" if compare else ""
        lines.append(f"  {name:<24} {value:10.3g}{beside}")
    return lines


def main() -> None:
    """Draw the figures of both settings, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    scale = Scale(long=300, short=60) if given.quick else Scale(long=1000, short=200)
    sizes = (60, 30) if given.quick else (300, 75)
    for setting in (geometric(given.seed, sizes[0]), gaussian(given.seed, sizes[1])):
        found = measure(setting, scale)
        # The source's figures give numbers for the geometric setting.
        compare = setting.name == "geometric" and not given.quick
        print("\n".join(report(setting, found, scale, compare=compare)))
        path = given.folder / f"chizat-{setting.name}.png"
        draw(setting, found, scale).savefig(path, dpi=150)
        print(f"  {path}")


if __name__ == "__main__":
    main()
