"""Results as JSON lines, each with the machine that it was measured on.

A line is one object: `table` (which table of the README it belongs to), `machine`, and what was
measured. `tables.py` makes the tables from them.
"""

from __future__ import annotations

import json
import math
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# What a result may depend on; those that are not installed are left out.
PACKAGES = (
    "numpy", "scipy", "numba", "POT", "ott-jax", "jax", "geomloss", "regot", "mdot-tnt", "torch",
    "scikit-learn",
)  # fmt: skip


def processor():
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine(packages=PACKAGES):
    """Processor, cores this process may use, versions, date (UTC) and the load of the minute."""
    import sinkdiag

    versions = {"sinkdiag": sinkdiag.__version__}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "all_cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
        "date": datetime.now(UTC).date().isoformat(),
        "load": round(os.getloadavg()[0], 2),
    }


def read(path):
    """The records of a file, none if there is no file."""
    if path is None or not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


class Lines:
    """The records of one run: kept, and appended to a file where one is given."""

    def __init__(self, path=None, packages=PACKAGES):
        self.path, self.packages, self.records = path, packages, []
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, table, **values):
        """Keep one measurement, and write it at once: a broken run keeps what it has."""
        record = {"table": table, **finite(values), "machine": machine(self.packages)}
        self.records.append(record)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, allow_nan=False) + "\n")
        return record


def finite(value):
    """Without numbers that JSON does not have: null in their place."""
    if isinstance(value, dict):
        return {name: finite(entry) for name, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def add_output(parser):
    """The option that every benchmark has."""
    parser.add_argument(
        "-o", "--output", type=Path, help="append JSON lines to this file (tables.py reads them)"
    )
