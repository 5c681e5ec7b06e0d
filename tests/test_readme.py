"""Every command and every Python block of the documents is run; what they point at exists."""

from __future__ import annotations

import pkgutil
import re
from importlib.util import find_spec

import numpy as np
import pytest

from sinkdiag.cli.main import COMMANDS
from tests.helpers import planar_cost
from tests.shell import ROOT, run_line

README = "README.md"
DOCUMENTS = (README, "examples/README.md", "tests/benchmarks/README.md", "CHANGELOG.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS}
# The one example whose output the README shows.
WORKED = "sinkdiag calibrate examples/data/motorcycle.npy --collapse-tv 0.03 --plot calibrate.png"


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.S | re.M)


def commands() -> list[str]:
    """Every line of a console block that follows a prompt, once."""
    lines = [line for text in TEXTS.values() for block in blocks(text, "console")
             for line in block.splitlines() if line.startswith("$ ")]  # fmt: skip
    return list(dict.fromkeys(line.removeprefix("$ ") for line in lines))


def marked(command: str) -> object:
    """A parameter of the tests; studies of the bundled matrix take their time."""
    long = re.search(r"(calibrate|sensitivity|constants) \S*motorcycle|report .*html", command)
    return pytest.param(command, marks=pytest.mark.slow) if long else command


@pytest.fixture(scope="module")
def saved_grid(tmp_path_factory):
    """A grid that an earlier command would have saved."""
    folder = tmp_path_factory.mktemp("grid")
    np.save(folder / "cost.npy", planar_cost(16))
    line = "sinkdiag -q pseudospectrum cost.npy --eps 0.1 --grid 8 --save-grid grid.npz"
    done = run_line(line, folder)
    assert done.returncode == 0, done.stderr
    return folder / "grid.npz"


@pytest.fixture(scope="module")
def saved_results(tmp_path_factory):
    """Two runs of an earlier command: their rows and their manifests."""
    folder = tmp_path_factory.mktemp("results")
    np.save(folder / "cost.npy", planar_cost(16))
    for name in ("before", "after"):
        files = f"-o {name}.json --manifest {name}.manifest.json"
        done = run_line(f"sinkdiag -q spectrum cost.npy --eps 0.1 {files}", folder)
        assert done.returncode == 0, done.stderr
    return sorted(folder.glob("*.json"))


@pytest.fixture
def folder(tmp_path):
    """What the examples take for granted."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    np.save(tmp_path / "cost.npy", planar_cost(16))
    np.save(tmp_path / "costs.npy", np.stack([planar_cost(16)] * 12))
    checkpoint = ROOT / "tests/data/stack/hyper_connections.safetensors"
    (tmp_path / "model.safetensors").write_bytes(checkpoint.read_bytes())
    np.save(tmp_path / "square.npy", np.random.default_rng(0).standard_normal((12, 12)))
    return tmp_path


@pytest.mark.parametrize("command", [marked(c) for c in commands() if c != WORKED])
def test_commands_run(folder, command, request):
    if "--from-grid" in command:
        (folder / "grid.npz").write_bytes(request.getfixturevalue("saved_grid").read_bytes())
    if " compare " in command:
        for path in request.getfixturevalue("saved_results"):
            (folder / path.name).write_bytes(path.read_bytes())
    if re.search(" (sensitivity|constants) ", command):
        command += " --claims"
    done = run_line(command, folder)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    # A claim may stay open; that the temperatures shown decide none of them may not.
    assert "too far apart" not in done.stderr
    assert done.stderr.count("cannot tell") <= 1


def shown(text: str) -> str:
    """The block that follows the worked command, without its line breaks."""
    block = re.search(re.escape(f"$ {WORKED}\n```\n\n```\n") + r"(.*?)\n```", text, flags=re.S)
    assert block is not None
    return " ".join(block[1].split())


@pytest.mark.slow
def test_the_worked_example_shows_its_real_output(folder):
    done = run_line(WORKED, folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "calibrate.png").stat().st_size > 0
    assert " ".join(done.stderr.splitlines()[-2:]) == shown(TEXTS[README])


def python_blocks() -> list[object]:
    """Every Python block that needs nothing but the package, named by its document."""
    return [
        pytest.param(block, id=f"{name}-{number}")
        for name, text in TEXTS.items()
        for number, block in enumerate(blocks(text, "python"))
        if "torch" not in block
    ]


@pytest.mark.parametrize("block", python_blocks())
def test_python_runs(folder, monkeypatch, block):
    monkeypatch.chdir(folder)
    exec(compile(block, "document", "exec"), {})


def test_python_blocks_with_torch_are_python():
    found = [block for text in TEXTS.values() for block in blocks(text, "python")]
    training = [block for block in found if "torch" in block]
    assert training
    for block in training:
        compile(block, "document", "exec")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown(name):
    assert f"| `{name}` |" in TEXTS[README]
    assert f"\n## `sinkdiag {name}`\n" in TEXTS["examples/README.md"]
    for document in (README, "examples/README.md"):
        lines = "".join(blocks(TEXTS[document], "console"))
        assert f"$ sinkdiag {name} " in lines


def test_the_readme_is_short():
    assert len(TEXTS[README].splitlines()) <= 150
    (code,) = blocks(TEXTS[README], "python")
    assert len(code.splitlines()) <= 10


def test_setup_commands_are_one_line_each():
    lines = [line for line in TEXTS[README].splitlines() if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    assert lines[0].endswith(".venv/bin/sinkdiag calibrate examples/data/motorcycle.npy")
    assert lines[1].endswith("-m pytest -n 2")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_points_at_exists(name):
    text, here = TEXTS[name], (ROOT / name).parent
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (here / target).exists(), target
    for path in re.findall(r"`([\w./-]+\.(?:py|sh|md|npy))`", text):
        found = [base for base in (ROOT, here) if (base / path).exists()]
        assert found or "/" not in path, path
    for dotted in re.findall(r"`(sinkdiag\.[\w.]+)", text):
        if dotted.startswith("sinkdiag.torch") and find_spec("torch") is None:
            continue
        pkgutil.resolve_name(dotted)
