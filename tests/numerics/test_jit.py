"""Kernels run whatever becomes of their cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import uniform_cost

ROOT = Path(__file__).parents[2]
IGNORE = shutil.ignore_patterns("__pycache__")


def spectrum(folder, **variables):
    command = [sys.executable, "-m", "sinkdiag", "spectrum", "cost.npy", "--eps", "0.1"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """A copy of the package whose cache nobody else uses."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT / "sinkdiag", folder / "sinkdiag", ignore=IGNORE)
    np.save(folder / "cost.npy", uniform_cost(5, 5))
    return folder


def test_without_a_folder_for_the_cache(folder, tmp_path):
    """A file stands where each cache would be, and the home is no folder either."""
    shutil.copytree(folder / "sinkdiag", tmp_path / "sinkdiag", ignore=IGNORE)
    for package in (tmp_path / "sinkdiag").rglob("*.py"):
        package.with_name("__pycache__").touch()
    shutil.copy(folder / "cost.npy", tmp_path)
    closed = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "NUMBA_CACHE_DIR": "/dev/null"}
    done = spectrum(tmp_path, **closed)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("every run: no folder for their cache") == 1
    assert done.stdout == spectrum(folder).stdout


@pytest.mark.parametrize("left", [0, 30])
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_with_a_damaged_cache(folder, ending, left):
    whole = spectrum(folder)
    files = list((folder / "sinkdiag").rglob(f"*.{ending}"))
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[:left])
    done = spectrum(folder)
    assert (done.returncode, done.stdout) == (0, whole.stdout), done.stderr
    assert "Traceback" not in done.stderr
