"""What it takes to run a result again: the checklist of the paper's appendix A.10."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from sinkdiag._version import __version__

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class InputRecord:
    """One input: where it came from, and the SHA-256 of its bytes.

    ``hashed`` says of what: the ``file``, or for standard input the ``array`` that was read from
    it (float64, row by row).
    """

    source: str
    sha256: str
    hashed: str


@dataclass(frozen=True)
class Manifest:
    """Versions, arithmetic, arguments and inputs of one run; no dates, so that it compares equal.

    Attributes
    ----------
    blas:
        Name and version of the library NumPy was built with.
    log_domain, implicit_differentiation:
        How the fixed point is solved and differentiated, in words.
    replicates:
        As asked for; None where the command takes none.
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
    seed: int
    replicates: int | None
    tolerance: float
    max_iter: int
    log_domain: str
    implicit_differentiation: str
    inputs: tuple[InputRecord, ...]

    def render(self) -> str:
        """JSON, ending in a newline."""
        return json.dumps(asdict(self), indent=2) + "\n"


def make_manifest(
    inputs: Sequence[InputRecord],
    *,
    seed: int,
    replicates: int | None,
    tolerance: float,
    max_iter: int,
) -> Manifest:
    """Gather what this process knows of itself; the arguments are those of its command line."""
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
        arguments=tuple(sys.argv[1:]),
        seed=seed,
        replicates=replicates,
        tolerance=tolerance,
        max_iter=max_iter,
        log_domain="yes: potentials in cost units, increments absorbed, Newton at the end",
        implicit_differentiation="yes: no iteration is differentiated",
        inputs=tuple(inputs),
    )


def file_record(source: str, path: str) -> InputRecord:
    """The record of an input that is a file."""
    return InputRecord(source, hashlib.sha256(Path(path).read_bytes()).hexdigest(), "file")


def array_record(source: str, data: bytes) -> InputRecord:
    """The record of an input of which only the array is left."""
    return InputRecord(source, hashlib.sha256(data).hexdigest(), "array")


def _blas() -> str:
    import numpy as np

    config = np.show_config(mode="dicts")
    found = config.get("Build Dependencies", {}).get("blas", {}) if config else {}
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()
