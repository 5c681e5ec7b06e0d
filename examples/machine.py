"""On what a table was made: for the manifests of the examples that train."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import sinkdiag


def processor() -> str:
    """The model's name, where the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def machine(packages: Sequence[str]) -> dict[str, object]:
    """Processor, cores, system, versions and the date (UTC)."""
    versions = {name: version(name) for name in packages if name != "sinkdiag"}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {"sinkdiag": sinkdiag.__version__, **versions},
    }
