"""Run a line of a shell as a reader would type it, with this checkout's sinkdiag."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run_line(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one line under bash in a folder; `sinkdiag` and `python3` are those of this Python."""
    bash = shutil.which("bash")
    assert bash is not None
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [bash, "-o", "pipefail", "-c", line],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
