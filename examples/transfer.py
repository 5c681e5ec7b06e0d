"""The transfer table: does a slope carry over where the length of a schedule does not.

Every case is calibrated by itself: k·std(C) of EPH-ASC (alpha0 0.8) and the shortest safe
exponential, linear and quadratic schedule. What was found on one case (row) is then used on every
other (column), on fresh replicates. Since what is calibrated may be taken with a margin, all of it
is tried again with half the slope and with twice the length. Last: the one slope, and the one
length of each form, that serves the most cases.

Run `python examples/transfer.py [--forms FORM ...] [--quick]`: Markdown tables. `--forms`: these
forms of schedules only. `--quick`: four small cases, fewer slopes and replicates.
"""

import argparse
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from cases import (
    BUDGET,
    FORMS,
    Rig,
    bootstrap,
    cases,
    failures,
    k_safe,
    number,
    steps_of,
    wrong_of,
)
from numpy.typing import NDArray

from sinkdiag.annealing.learning.lengths import Form
from sinkdiag.annealing.learning.paces import Pace
from sinkdiag.annealing.learning.slopes import SlopeFates
from sinkdiag.annealing.learning.trials import MOSTLY

MARGINS = (1.0, 2.0)
# Lengths that are tried for all cases, up to the longest that the budget allows.
COMMON = tuple(round(10 * 1.25**power) for power in range(21))


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """One case: the fates of its slopes, and what serves it best, of every way (nan, inf: none)."""

    rig: Rig
    fates: tuple[SlopeFates, ...]
    best: dict[str, float]

    @property
    def least(self) -> float:
        """The fewest steps of any length or slope that is safe on the held-out replicates."""
        slopes = [entry.steps for entry in self.fates if entry.safe]
        lengths = [steps for way, steps in self.best.items() if way != "slope"]
        return min([*slopes, *lengths])

    def pace(self, way: str, value: float) -> Pace:
        """Any way to cool, used on this case."""
        return self.rig.slope(value) if way == "slope" else self.rig.length(way, round(value))


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What was found on one case, used on another: fresh replicates."""

    steps: float
    failed: int
    count: int
    wrong: float

    @property
    def safe(self) -> bool:
        """On 90 % of them."""
        return self.count - self.failed >= MOSTLY * self.count

    def __str__(self) -> str:
        """For a table; failures in brackets, wrong mass where there are some."""
        steps = number(self.steps)
        return f"{steps} ({self.failed}; {self.wrong:.2f})" if self.failed else steps


def calibrate(rig: Rig, slopes: int, forms: Sequence[Form]) -> Found:
    """The best slope, times std(C), and the shortest lengths."""
    fates = rig.slope_fates(slopes)
    best = {"slope": k_safe(fates) * rig.std} | {form: rig.shortest(form) for form in forms}
    return Found(rig=rig, fates=fates, best=best)


def use(found: Found, way: str, value: float) -> Cell | None:
    """One cell; None where there is nothing to use."""
    if not math.isfinite(value):
        return None
    outcomes = found.rig.outcomes(found.pace(way, value))
    return Cell(
        steps=steps_of(outcomes),
        failed=failures(outcomes),
        count=len(outcomes),
        wrong=wrong_of(outcomes),
    )


Table = list[list[Cell | None]]


def table_of(every: list[Found], way: str, margin: float) -> Table:
    """Rows: calibrated on; columns: used on."""
    scale = 1.0 / margin if way == "slope" else margin
    return [[use(column, way, scale * row.best[way]) for column in every] for row in every]


def show(every: list[Found], way: str, table: Table) -> None:
    """Print a table; the diagonal is what a case gets from its own calibration."""
    unit = "k·std(C)" if way == "slope" else "steps"
    heads = " | ".join(str(number) for number in range(1, len(every) + 1))
    print(f"\nCarried over: the {way} ({unit}): steps (failures; wrong mass where some fail)\n")
    print(f"| calibrated on | {unit} | {heads} |\n|---|---|{'---|' * len(every)}")
    for place, (row, cells) in enumerate(zip(every, table, strict=True), 1):
        texts = " | ".join("-" if cell is None else str(cell) for cell in cells)
        print(f"| {place} {row.rig.case.name} | {number(row.best[way])} | {texts} |", flush=True)


def summarise(every: list[Found], tables: dict[tuple[str, float], Table]) -> None:
    """Over the cells beside the diagonal; intervals by resampling cases, not cells."""
    print("\n| carried over | safe on | of | share | 95 % | failed runs | times own steps |")
    print("|---|---|---|---|---|---|---|")
    own = [_own(tables, place) for place in range(len(every))]
    for (way, margin), table in tables.items():
        cells = [
            (cell, own[column])
            for row, column in product(range(len(every)), repeat=2)
            if row != column and (cell := table[row][column]) is not None
        ]
        if not cells:
            continue
        safe = [cell.safe for cell, _ in cells]
        ratios = [cell.steps / best for cell, best in cells if cell.safe]
        low, high = bootstrap(len(every), lambda drawn, table=table: _share(table, drawn))
        failed = sum(cell.failed for cell, _ in cells)
        name = way if margin == 1.0 else f"{way}, {'half' if way == 'slope' else 'twice'} of it"
        print(
            f"| {name} | {sum(safe)} | {len(cells)} | {sum(safe) / len(cells):.2f} | "
            f"{low:.2f} to {high:.2f} | {failed} of {sum(cell.count for cell, _ in cells)} | "
            f"{statistics.median(ratios) if ratios else math.nan:.2f} |",
            flush=True,
        )


def _own(tables: dict[tuple[str, float], Table], place: int) -> float:
    """The least steps of a case's own calibrations that are safe on its fresh replicates."""
    cells = [table[place][place] for table in tables.values()]
    return min((cell.steps for cell in cells if cell is not None and cell.safe), default=math.nan)


def _share(table: Table, drawn: NDArray[np.int64]) -> float:
    """The share of safe cells between different cases of a resample."""
    cells = [table[row][column] for row, column in product(drawn, repeat=2) if row != column]
    safe = [cell.safe for cell in cells if cell is not None]
    return sum(safe) / len(safe) if safe else math.nan


def common(every: list[Found]) -> None:
    """Print the one slope and the one length of each form that serves the most cases.

    On the held-out replicates; of those that serve equally many the soonest.
    """
    print("\n| one for all | value | serves | not | times the least steps |\n|---|---|---|---|---|")
    least = [found.least for found in every]
    budget = every[0].rig.trials.course.max_steps
    for way in every[0].best:
        values = _slopes(every) if way == "slope" else [s for s in COMMON if s < budget]
        tried = [_serve(every, way, value, least) for value in values]
        served, slower, value, names = max(tried, key=lambda entry: (entry[0], -entry[1]))
        missing = "; ".join(names) or "none"
        print(
            f"| {way} | {number(value)} | {served} of {len(every)} | {missing} | {slower:.2f} |",
            flush=True,
        )


def _slopes(every: list[Found]) -> tuple[float, ...]:
    """The grid that all cases share, times std(C); the paper's 0.5 is in the unit of the costs."""
    scaled = [{round(f.slope * found.rig.std, 9) for f in found.fates} for found in every]
    return tuple(sorted(set.intersection(*scaled)))


def _serve(
    every: list[Found], way: str, value: float, least: list[float]
) -> tuple[int, float, float, list[str]]:
    """How many cases one value serves, how many times the least steps it takes there, and where
    it fails.
    """
    ratios, names = [], []
    for found, steps in zip(every, least, strict=True):
        trials, panel = found.rig.trials, found.rig.held_out
        pace = found.pace(way, value)
        trials.race([pace], panel, 0.0)
        if trials.is_safe(pace, panel):
            ratios.append(steps_of(trials.outcomes(pace, panel)) / steps)
        else:
            names.append(found.rig.case.name)
    slower = math.exp(statistics.fmean(map(math.log, ratios))) if ratios else math.inf
    return len(ratios), slower, value, names


def main(forms: Sequence[Form], *, quick: bool) -> None:
    """All tables."""
    replicates, slopes, budget = (3, 24, 250) if quick else (10, 48, BUDGET)
    rigs = [Rig(case, replicates=replicates, budget=budget) for case in cases(quick=quick)]
    every = [calibrate(rig, slopes, forms) for rig in rigs]
    ways = ("slope", *forms)
    print(f"| case | k·std(C) | k | {' | '.join(forms)} |\n|---|---|---|{'---|' * len(forms)}")
    for place, found in enumerate(every, 1):
        cells = [number(found.best[way]) for way in ways]
        cells.insert(1, number(found.best["slope"] / found.rig.std))
        print(f"| {place} {found.rig.case.name} | {' | '.join(cells)} |", flush=True)
    tables = {(way, margin): table_of(every, way, margin) for way, margin in product(ways, MARGINS)}
    for way in ways:
        show(every, way, tables[way, 1.0])
    summarise(every, tables)
    common(every)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS, metavar="FORM")
    parser.add_argument("--quick", action="store_true", help="four small cases")
    asked = parser.parse_args()
    main(asked.forms, quick=asked.quick)
