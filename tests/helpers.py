"""Small problems and ways of running the command line that several tests use."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pandas as pd

from sinkdiag.cli.main import run


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


def invoke(*arguments: object, stdin: bytes = b"") -> Outcome:
    """Run one command line in this process, as the script would."""
    out, err = io.StringIO(), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        before, sys.stdin = sys.stdin, given
        try:
            status = run([str(argument) for argument in arguments])
        finally:
            sys.stdin = before
    return Outcome(status, out.getvalue(), err.getvalue())


def uniform_cost(n: int, m: int, seed: int = 0):
    return np.random.default_rng(seed).random((n, m))


def planar_cost(n: int, seed: int = 0):
    """Distances between two sets of uniform points in the unit square."""
    random = np.random.default_rng(seed)
    x, y = random.random((n, 2)), random.random((n, 2))
    return np.linalg.norm(x[:, None] - y[None], axis=2)


def kernel_names(module: ModuleType) -> set[str]:
    """The compiled functions that a module defines itself."""
    return {
        name
        for name, value in vars(module).items()
        if hasattr(value, "py_func") and value.py_func.__module__ == module.__name__
    }


def graded_plan(n: int, seed: int = 0, decades: float = 30):
    """Near a permutation: a heavy pair in each row, the rest spread over many decades."""
    rng = np.random.default_rng(seed)
    plan = 10.0 ** (-3 - decades * rng.random((n, n)))
    plan[np.arange(n), rng.permutation(n)] = 1.0
    return plan


def frame_of(text: str) -> pd.DataFrame:
    """CSV as a frame, its numbers read as Python reads them: to the last bit."""
    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    for name in frame.columns:
        with contextlib.suppress(ValueError):
            frame[name] = frame[name].map(float)
    return frame
