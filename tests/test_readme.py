"""Every command that the README shows is run, and every command of the program is shown."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sinkdiag.annealing.trace import TraceRow
from sinkdiag.cli.main import group
from sinkdiag.report.table import column_names
from sinkdiag.studies.calibrate_row import CalibrationRow
from sinkdiag.studies.constants import ConstantsRow
from sinkdiag.studies.portrait import PseudospectrumRow
from sinkdiag.studies.sensitivity import SensitivityRow
from sinkdiag.studies.spectrum import SpectrumRow
from tests.helpers import planar_cost

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"^```console\n(.*?)^```", README, flags=re.S | re.M)
COMMANDS = [line[2:] for block in CONSOLE for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def folder(tmp_path):
    """What the examples of the README take for granted."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    np.save(tmp_path / "cost.npy", planar_cost(16))
    np.save(tmp_path / "costs.npy", np.stack([planar_cost(16)] * 12))
    return tmp_path


@pytest.mark.parametrize("command", [c for c in COMMANDS if "sinkdiag" in c])
def test_commands_of_the_readme_run(folder, command):
    bash = shutil.which("bash")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_python_of_the_readme_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    blocks = re.findall(r"^```python\n(.*?)^```", README, flags=re.S | re.M)
    assert blocks
    for block in blocks:
        if "torch" not in block:
            exec(compile(block, "README.md", "exec"), {})


def test_every_command_has_a_section_with_an_example():
    for name in group.commands:
        assert f"### `sinkdiag {name}`" in README
        assert any(f"sinkdiag {name} " in command for command in COMMANDS)


@pytest.mark.parametrize(
    "row_type",
    [CalibrationRow, TraceRow, SpectrumRow, SensitivityRow, ConstantsRow, PseudospectrumRow],
)
def test_every_column_is_in_the_dictionary(row_type):
    for name in column_names(row_type, extended=True):
        assert f"`{name}`" in README


def test_setup_commands_are_one_line_each():
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    assert lines[0].endswith(".venv/bin/sinkdiag calibrate examples/data/motorcycle.npy")
    assert lines[1].endswith("-m pytest")
