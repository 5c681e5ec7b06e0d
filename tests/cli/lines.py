"""Command lines in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = [sys.executable, "-m", "sinkdiag"]
ROOT = str(Path(__file__).parents[2])


def line(*arguments, **variables):
    """A command in a process of its own, whose BLAS is not loaded yet."""
    return subprocess.run(
        [*SCRIPT, *arguments],
        env={**os.environ, "PYTHONPATH": ROOT, **variables},
        capture_output=True,
        check=False,
    )
