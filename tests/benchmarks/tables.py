"""Make the tables of the README again from JSON lines.

    python tests/benchmarks/tables.py                       # from results/*.jsonl into the pages
    python tests/benchmarks/tables.py --print run.jsonl     # to standard output

A table stands between `<!-- table:NAME -->` and `<!-- end:NAME -->`. Tables of which no file holds
a line stay as they are. Of two lines for one cell the later counts, files in order of name.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from formats import batched, cold, growth, jobs, peers, plain, share, speed, times
from lines import read

HERE = Path(__file__).resolve().parent
PAGE, EXAMPLES = HERE / "README.md", HERE.parents[1] / "examples" / "README.md"


@dataclass(frozen=True, kw_only=True)
class Table:
    """What tells its cells apart, the lines it is made of, and the page it stands on."""

    key: tuple[str, ...]
    lines: Callable[[list[dict]], list[str]]
    page: Path = PAGE


TABLES = {
    "peers": Table(key=("solver", "cell"), lines=peers),
    "peers-both": Table(key=("solver", "cell"), lines=peers),
    "growth": Table(key=("cell",), lines=growth),
    "cold": Table(key=("cell",), lines=cold),
    "batched": Table(key=("layer",), lines=batched),
    "anneal": Table(
        key=("what",),
        lines=plain(
            "what", "suboptimality", "sweeps", "time",
            a="{what}", b="{suboptimality:.3g}", c="{sweeps}", d="{seconds:.3g} s",
        ),
    ),
    "anneal-five": Table(
        key=("cost", "fixed_points"),
        lines=plain(
            "costs", "fixed points", "rows", "time",
            a="{cost}", b=lambda r: "of every step" if r["fixed_points"] else "none",
            c="{rows:,}", d="{seconds:.3g} s",
        ),
    ),
    "spectrum-accuracy": Table(
        key=("eps",),
        lines=plain(
            "eps", "gap, 160 digits", "sinkdiag", "`numpy.linalg.eig`",
            "`scipy.sparse.linalg.eigs`",
            a="{eps:g}", b="{gap:.4g}", c="{sinkdiag:.0e}", d="{eig:.0e}", e="{eigs:.0e}",
        ),
    ),
    "spectrum-speed": Table(key=("what", "eps", "n"), lines=speed),
    "spectrum-large": Table(
        key=("n", "eps"),
        lines=plain(
            "n", "eps", "modes", "plan norm", "memory", "of it the plan and its making",
            a="{n:,}", b="{eps:g}", c="{modes_seconds:.0f} s", d="{norm_seconds:.0f} s",
            e="{peak_gb:.2f} GB", f="{plan_gb:.2f} GB",
        ),
    ),
    "pseudospectrum": Table(
        key=("matrix", "n"),
        lines=plain(
            "matrix", "n", "kappa(V)", "grid, s", "ms a point", "SVD, ms a point",
            "faster than SVD", "error against SVD", "unconverged", "psacore, ms a point",
            "faster than psacore",
            a="{matrix}", b="{n}", c="{kappa:.3g}", d="{seconds:.2f}", e="{ms:.3f}",
            f="{svd_ms:.1f}", g=lambda r: f"{r['svd_ms'] / r['ms']:.0f}×", h="{error:.0e}",
            i="{unconverged}", j="{psacore_ms:.1f}",
            k=lambda r: f"{r['psacore_ms'] / r['ms']:.0f}× (differs {r['psacore_apart']:.0e})",
        ),
    ),
    "sensitivity": Table(
        key=("n", "way"),
        lines=plain(
            "n", "way", "seconds", "relative error of the norm",
            a="{n}", b="{way}", c="{seconds:.4g}", d="{error:.1e}",
        ),
    ),
    "sensitivity-scale": Table(
        key=("n",),
        lines=plain(
            "n", "temperatures", "seconds", "peak memory so far",
            a="{n}", b="{temperatures}", c="{seconds:.1f}", d="{peak_gb:.2f} GB",
        ),
    ),
    "learner": Table(
        key=("n", "precision", "share"),
        lines=plain(
            "n", "precision", "eps/range", "sinkdiag", "torch", "times", "products", "times", "off",
            a="{n}", b="{precision}", c="{share}", d="{sinkdiag_ms:.3g}", e="{torch_ms:.3g}",
            f=times("torch_ms"), g="{products_ms:.3g}", h=times("products_ms"), i="{off:.0e}",
        ),
    ),
    "calibrations": Table(
        key=("cost", "n"),
        lines=plain(
            "costs", "n", "processor s", "wall s (load before)", "learning steps", "k·std(C)",
            "arrives at", "verdict",
            a="{cost}", b="{n}", c="{processor_seconds:.1f}",
            d=lambda r: f"{r['wall_seconds']:.1f} ({r['load_before']:.1f})",
            e="{steps:,}", f="{k_safe_std:.3g}", g="{steps_safe:g}", h="{verdict}",
        ),
    ),
    "jobs": Table(key=("cell", "jobs"), lines=jobs),
    "watch": Table(
        key=("plans",),
        lines=plain(
            "plans", "layer, µs", "and back, µs", "`Watch`, µs", "shares", "`TensorCooling`, µs",
            "shares",
            a="{plans}", b="{layer_us:,.0f}", c="{both_us:,.0f}", d="{watch_us:.3g}",
            e=share("watch_us"), f="{cooling_us:.3g}", g=share("cooling_us"),
        ),
        page=EXAMPLES,
    ),
}  # fmt: skip


def machines(records):
    """What the records were measured on, a line each."""
    found = {}
    for record in records:
        machine = record["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        cores = f"{machine['cores']} of {machine['all_cores']} cores"
        clock = {"cpu": ", processor time"}.get(record.get("clock"), "")
        found.setdefault(
            f"{machine['cpu']}, {cores}{clock}, Python {machine['python']}, {versions}", []
        ).append(machine)
    lines = []
    for text, held in found.items():
        dates = sorted({machine["date"] for machine in held})
        load = max(machine["load"] for machine in held)
        lines.append(
            f"{text}; {' to '.join(dates[:: max(len(dates) - 1, 1)])}, load up to {load:g}."
        )
    return lines


def latest(records, key):
    """The last record of every cell, in order of first appearance."""
    return list({tuple(record[name] for name in key): record for record in records}.values())


def render(name, records):
    """The lines of a table, with its machine."""
    table = TABLES[name]
    kept = latest([record for record in records if record["table"] == name], table.key)
    return [*table.lines(kept), "", *machines(kept)]


def show(name, records):
    """A run's own table on standard output."""
    if records:
        print("\n".join(render(name, records)), flush=True)


def put(page, name, lines):
    """The page with the table of that name replaced."""
    start, end = f"<!-- table:{name} -->\n", f"<!-- end:{name} -->"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"the page has no single place for table {name}")
    text = "\n".join(lines)
    return pattern.sub(lambda _: f"{start}\n{text}\n\n{end}", page)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--print", action="store_true", help="write no page")
    args = parser.parse_args()
    files = args.files or sorted((HERE / "results").glob("*.jsonl"))
    records = [record for file in files for record in read(file)]
    for name in TABLES:
        if any(record["table"] == name for record in records):
            if args.print:
                show(name, records)
                continue
            page = TABLES[name].page
            page.write_text(put(page.read_text("utf-8"), name, render(name, records)), "utf-8")
            print(f"{name}: {page.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
