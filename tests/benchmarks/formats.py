"""How the records of a table become its lines."""

from __future__ import annotations

GOAL = 1e-9


def plain(*columns, **cells):
    """One row a record: titles, and under each the record's values in a format."""

    def made(records):
        rows = [[words(cell, record) for cell in cells.values()] for record in records]
        return markdown(columns, rows)

    return made


def words(cell, record):
    """A format over the record's fields, or a function of the record."""
    try:
        return cell(record) if callable(cell) else cell.format(**record)
    except TypeError:  # a number that was not finite, or not measured
        return "–"


def markdown(titles, rows):
    """A table's lines."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|", *body]


def pivot(records, row, column, cell):
    """Values by row and column, both in order of appearance."""
    found = {(record[row], record[column]): cell(record) for record in records}
    rows, columns = (list(dict.fromkeys(place[at] for place in found)) for at in (0, 1))
    return columns, [[str(r), *(found.get((r, c), "–") for c in columns)] for r in rows]


def reached(record):
    """Whether a solver came to the goal."""
    return record["error"] is not None and record["error"] <= GOAL


def outcome(record):
    """Seconds, or how far it came."""
    if reached(record):
        return f"{record['seconds']:.3g} s"
    far = "" if record["error"] is None else f" ({record['error']:.1e})"
    if record["seconds"] is None or record["seconds"] >= record["limit"]:
        return f">{record['limit']:g} s{far}"
    return f"stops{far}, {record['seconds']:.2g} s"


def best_peer(records):
    """The fastest peer that reached the goal in sinkdiag's times, or what the limit says."""
    own = next((r for r in records if r["solver"] == "sinkdiag" and reached(r)), None)
    others = [r for r in records if r["solver"] != "sinkdiag"]
    if own is None or not others:
        return "–"
    times = {r["solver"]: r["seconds"] for r in others if reached(r)}
    if not times:
        return f">{max(r['limit'] for r in others) / own['seconds']:.2g}×"
    name = min(times, key=times.__getitem__)
    return f"{times[name] / own['seconds']:.3g}× ({name})"


def passes(record):
    """Exponentials an entry and temperature (floor 1), and reads of the kernel."""
    count = record["passes"]
    share = count["exponentials"] / count["temperatures"]
    factors = f" + {count['factors']} factors" if count["factors"] else ""
    taken = f"{count['exponentials']}/{count['temperatures']} = {share:.2g}"
    return f"{taken}, {count['reads']:.0f}{factors}"


def peers(records):
    """One row a cell, one column a solver."""
    order = ["sinkdiag", *dict.fromkeys(r["solver"] for r in records if r["solver"] != "sinkdiag")]
    rows = []
    for cell in sorted(dict.fromkeys(r["cell"] for r in records), key=cell_order):
        here = {r["solver"]: r for r in records if r["cell"] == cell}
        times = [outcome(here[name]) if name in here else "–" for name in order]
        own = here.get("sinkdiag", {})
        kept = passes(own) if own.get("passes") else "–"
        rows.append([*cell.split(":"), *times, best_peer(list(here.values())), kept])
    last = "exponentials a temperature, reads"
    return markdown(["cost", "n", "eps/range", *order, "fastest peer", last], rows)


def cell_order(cell):
    """Digits last, then by size, costs, falling temperature."""
    kind, n, eps = cell.split(":")
    return kind == "digits", int(n), kind, -float(eps)


def growth(records):
    """Seconds by size, and the exponent of a power law through them."""
    import numpy as np

    rows, sizes = [], sorted({int(r["cell"].split(":")[1]) for r in records})
    groups = dict.fromkeys((r["cell"].split(":")[0], r["cell"].split(":")[2]) for r in records)
    for kind, eps in groups:
        times = {int(r["cell"].split(":")[1]): r["seconds"] for r in records
                 if r["cell"].split(":")[::2] == [kind, eps]}  # fmt: skip
        slope = "–"
        if len(times) > 1:
            slope = f"{np.polyfit(np.log(list(times)), np.log(list(times.values())), 1)[0]:.2f}"
        cells = [f"{times[n]:.3g} s" if n in times else "–" for n in sizes]
        rows.append([kind, eps, *cells, slope])
    return markdown(["cost", "eps/range", *(f"n = {n}" for n in sizes), "exponent"], rows)


def cold(records):
    """Full accuracy."""
    rows = [
        [*r["cell"].split(":"), f"{r['seconds']:.3g} s", f"{r['error']:.0e}", r["status"],
         f"{r['peak']:.1f}"]
        for r in records
    ]  # fmt: skip
    titles = ["cost", "n", "eps/range", "time", "marginal error", "status", "peak, n·n doubles"]
    return markdown(titles, rows)


def batched(records):
    """Rates, and in how many of theirs ours is."""
    own = records[0]["rate"]
    rows = [[r["layer"], f"{r['rate']:,.0f}", f"{own / r['rate']:.3g}"] for r in records]
    return markdown(["layer", "matrices a second", "ratio"], rows)


def jobs(records):
    """Seconds with each number of processes, in how many of one's, and whether the bytes agree."""
    rows = []
    for cell in dict.fromkeys(r["cell"] for r in records):
        command, count, size, *options = cell.split(":", 3)
        here = sorted((r for r in records if r["cell"] == cell), key=lambda r: r["jobs"])
        one = next((r["seconds"] for r in here if r["jobs"] == 1), float("nan"))
        same = "yes" if len({r["sha256"] for r in here}) == 1 else "no"
        rows += [
            [" ".join([command, *options]), f"{count} of {size}×{size}", str(r["jobs"]),
             f"{r['seconds']:.1f} s", f"{r['processor_seconds']:.1f} s",
             f"{one / r['seconds']:.2f}", same]
            for r in here
        ]  # fmt: skip
    titles = [
        "command",
        "matrices",
        "processes",
        "time",
        "processor time",
        "speed-up",
        "same bytes",
    ]
    return markdown(titles, rows)


def speed(records):
    """Seconds by what is computed and temperature."""
    columns, rows = pivot(records, "what", "eps", lambda r: f"{r['seconds']:.2f} s")
    return markdown([f"n = {records[0]['n']}, geometric", *(f"eps = {c:g}" for c in columns)], rows)


def times(field):
    """How many of sinkdiag's times that field is."""
    return lambda r: f"{r[field] / r['sinkdiag_ms']:.1f}"


def share(field):
    """Percent of a layer's forward call, and of that with its backward pass."""
    return lambda r: f"{r[field] / r['layer_us']:.2%}, {r[field] / r['both_us']:.2%}"
