"""What it takes to run a result again: the checklist of the paper's appendix A.10."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sinkdiag._version import __version__
from sinkdiag.rendering.table import json_value

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class InputRecord:
    """One input: where it came from, and the SHA-256 of its bytes.

    ``hashed`` says of what: the ``file``, or for standard input the ``array`` that was read from
    it (float64, row by row).
    """

    source: str
    sha256: str
    hashed: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Versions, arithmetic, arguments and inputs of one run; no dates, so that it compares equal.

    Attributes
    ----------
    blas:
        Name and version of the library NumPy was built with.
    log_domain, implicit_differentiation:
        How the fixed point is solved and differentiated, in words.
    settings:
        Those of the study: tolerances, limits, seed, replicates and what else it takes.
    """

    sinkdiag: str
    python: str
    numpy: str
    scipy: str
    numba: str
    blas: str
    platform: str
    cpu_count: int
    thread_variables: dict[str, str]
    arithmetic: str
    arguments: tuple[str, ...]
    settings: dict[str, Any]
    log_domain: str
    implicit_differentiation: str
    inputs: tuple[InputRecord, ...]

    def render(self) -> str:
        """JSON, ending in a newline."""
        return json.dumps(asdict(self), indent=2) + "\n"


def make_manifest(
    inputs: Sequence[InputRecord], arguments: Sequence[str], settings: object
) -> Manifest:
    """Gather what this process knows of itself; ``settings`` is the dataclass of the study."""
    return Manifest(
        sinkdiag=__version__,
        python=platform.python_version(),
        numpy=version("numpy"),
        scipy=version("scipy"),
        numba=version("numba"),
        blas=_blas(),
        platform=platform.platform(),
        cpu_count=os.cpu_count() or 1,
        thread_variables={name: os.environ[name] for name in _THREADS if name in os.environ},
        arithmetic="float64",
        arguments=tuple(arguments),
        settings=json_value(settings),
        log_domain="yes: potentials in cost units, increments absorbed, Newton at the end",
        implicit_differentiation="yes: no iteration is differentiated",
        inputs=tuple(inputs),
    )


def file_record(source: str, path: str) -> InputRecord:
    """The record of an input that is a file."""
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return InputRecord(source=source, sha256=digest, hashed="file")


def array_record(source: str, data: bytes) -> InputRecord:
    """The record of an input of which only the array is left."""
    digest = hashlib.sha256(data).hexdigest()
    return InputRecord(source=source, sha256=digest, hashed="array")


def _blas() -> str:
    import numpy as np

    config = np.show_config(mode="dicts")
    found = config.get("Build Dependencies", {}).get("blas", {}) if config else {}
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()
