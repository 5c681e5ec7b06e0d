"""The shape of the house: which room may use which, how long things are, what a kernel owes.

Every test but that of the columns reads the source (`tests/house.py`) and imports nothing of it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable
from dataclasses import fields
from importlib import import_module

import pytest

from tests.house import (
    PACKAGE,
    ROOT,
    SOURCES,
    TESTS,
    Source,
    body_lines,
    count_parameters,
    defined,
    homes,
    imported,
    is_command,
    is_kernel,
    kernels,
    names_from_naive,
    parts_imported,
    records,
    room_of,
    words,
)

# From the ground up: a room uses the floors below its own, and its neighbours without a circle.
FLOORS = (
    ("errors", "_version", "arrays", "checks", "columns", "progress", "results", "text"),
    ("numerics",),
    ("problem", "temperature"),
    ("load", "parallel"),
    ("solver",),
    ("jacobian",),
    ("derivatives",),
    ("resolvent", "claims"),
    ("annealing",),
    ("checkpoints",),
    ("rendering",),
    ("studies", "torch"),
    ("cli",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# The package's face and the script hand out names of every room and belong to none.
DOORS = {"__init__", "__main__"}

LONGEST_BODY, LONGEST_FILE, MOST_PARAMETERS = 40, 300, 8

# Dataclasses that are not frozen and keyword-only, and why.
OPEN_RECORDS: dict[str, str] = {}

# Names that a reader from the field does not know.
STRANGE = {
    "advance", "facts", "heat", "light", "notify", "portrait", "portraits", "question", "say",
    "tell", "warmth",
}  # fmt: skip


def none_of(offenders: Iterable[object]) -> None:
    """Fail with the whole list, one a line."""
    found = [str(offender) for offender in offenders]
    assert not found, "\n".join(["", *found])


def circles(arrows: dict[str, set[str]]) -> set[str]:
    """Every name from which the arrows lead back to itself."""
    found = set()
    for start in arrows:
        reached, waiting = set(), list(arrows[start])
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += arrows.get(name, ())
        if start in reached:
            found.add(start)
    return found


def test_imports_are_seen_wherever_they_stand():
    text = """
from typing import TYPE_CHECKING
import numpy
import sinkdiag.errors
from sinkdiag import solver
from . import options
if TYPE_CHECKING:
    from sinkdiag.results import Status
def late():
    from sinkdiag.rendering.table import Table
    import_module("sinkdiag.load")
"""
    source = Source(module="sinkdiag.cli.x", path=PACKAGE / "cli" / "x.py", tree=ast.parse(text))
    assert imported(source) == {
        "sinkdiag.errors", "sinkdiag.solver", "sinkdiag.cli.options", "sinkdiag.results",
        "sinkdiag.rendering.table", "sinkdiag.load",
    }  # fmt: skip


def test_every_room_has_its_floor():
    assert {source.room for source in SOURCES} - DOORS == set(FLOOR)


def test_imports_go_down():
    upwards = [
        f"{source.module} -> {target}"
        for source in SOURCES
        if source.room not in DOORS
        for target in sorted(imported(source))
        if FLOOR.get(room_of(target), len(FLOORS)) > FLOOR.get(source.room, len(FLOORS) - 1)
    ]
    none_of(upwards)


def test_only_the_room_of_torch_and_the_reader_of_pt_files_use_torch_and_nobody_uses_that_room():
    others = [s for s in SOURCES if s.room != "torch" and s.module != "sinkdiag.checkpoints.store"]
    foreign = {"lightning", "torch", "transformers"}
    none_of(s.module for s in others if foreign & parts_imported(s))


def test_rooms_of_one_floor_do_not_use_each_other_in_circles():
    arrows: dict[str, set[str]] = {}
    for source in SOURCES:
        used = {room_of(target) for target in imported(source)} - {source.room}
        beside = {room for room in used if FLOOR.get(room) == FLOOR.get(source.room)}
        arrows.setdefault(source.room, set()).update(beside)
    none_of(sorted(circles(arrows) - DOORS))


def test_modules_of_one_room_do_not_use_each_other_in_circles():
    arrows = {source.module: imported(source) - {source.module} for source in SOURCES}
    none_of(sorted(circles(arrows)))


def test_functions_are_short():
    long = [
        f"{source.module}.{name}: {body_lines(function)}"
        for source in SOURCES
        for name, function, _ in source.functions()
        if body_lines(function) > LONGEST_BODY
    ]
    none_of(long)


def test_files_are_short():
    sizes = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted([*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py")])
    }
    none_of(f"{path}: {size}" for path, size in sizes.items() if size > LONGEST_FILE)


def test_functions_have_few_parameters():
    public = {(home, name) for name, home in homes().items()}
    public |= {(home, f"{name}.__init__") for home, name in public}
    many = [
        f"{source.module}.{name}: {count_parameters(function, bound=bound)}"
        for source in SOURCES
        for name, function, bound in source.functions()
        if count_parameters(function, bound=bound) > MOST_PARAMETERS
        and (source.module, name) not in public
        and not is_kernel(function)
        and not is_command(function)
    ]
    none_of(many)


def test_every_kernel_has_a_slow_twin():
    twins = {
        node.name
        for path in sorted((TESTS / "naive").glob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert kernels()
    none_of(f"{home}.{name}" for home, name in kernels() if name.lstrip("_") not in twins)


def test_every_twin_is_compared():
    compared: set[str] = set()
    for path in sorted(TESTS.rglob("test_*.py")):
        compared |= names_from_naive(ast.parse(path.read_text(encoding="utf-8")))
    none_of(f"{home}.{name}" for home, name in kernels() if name.lstrip("_") not in compared)


def test_nothing_is_fastmath():
    loose = [
        f"{source.module}:{node.lineno}"
        for source in SOURCES
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.keyword) and node.arg == "fastmath")
        or (isinstance(node, ast.Constant) and node.value == "fastmath")
        or (isinstance(node, ast.Attribute) and node.attr == "fastmath")
    ]
    none_of(loose)


def test_records_are_frozen_and_keyword_only():
    loose = [
        name
        for name, _, options in records()
        if name not in OPEN_RECORDS and not (options.get("frozen") and options.get("kw_only"))
    ]
    none_of(loose)


def test_exceptions_are_still_needed():
    strict = {
        name for name, _, options in records() if options.get("frozen") and options.get("kw_only")
    }
    assert set(OPEN_RECORDS) <= {name for name, _, _ in records()} - strict


def test_records_with_arrays_are_not_compared():
    """``==`` of two arrays is an array, so a generated ``__eq__`` raises."""
    compared = [
        name
        for name, node, options in records()
        if options.get("eq", True)
        and any(
            re.match(r"\w*Array\b|NDArray|np\.ndarray", ast.unparse(entry.annotation))
            for entry in node.body
            if isinstance(entry, ast.AnnAssign)
        )
    ]
    none_of(compared)


def test_names_are_those_of_the_field():
    strange = [
        f"{source.module}:{line} {name}"
        for source in SOURCES
        for name, line in [*defined(source.tree), (source.path.stem, 0)]
        if words(name) & STRANGE
    ]
    none_of(strange)


def test_tests_mirror_the_rooms():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    mirrored = {path.name for path in TESTS.iterdir() if (path / "__init__.py").exists()}
    assert mirrored - {"naive"} == rooms
    assert {path.stem for path in (TESTS / "naive").glob("*.py")} - {"__init__"} <= rooms


def row_types() -> list[str]:
    """Dotted names of the row types of the studies."""
    return [
        name
        for name, _, _ in records()
        if name.startswith("sinkdiag.studies.") and name.endswith("Row")
    ]


def test_every_command_has_a_row():
    modules = {name.split(".")[2].removesuffix("_row") for name in row_types()}
    commands = {
        "anneal", "calibrate", "check", "compare", "constants", "info", "pseudospectrum", "report",
        "sensitivity", "spectrum", "stack",
    }  # fmt: skip
    assert commands <= modules


@pytest.mark.parametrize("name", row_types())
def test_columns_say_what_they_mean(name):
    module, _, row_type = name.rpartition(".")
    silent = [
        entry.name
        for entry in fields(getattr(import_module(module), row_type))
        if not entry.metadata.get("meaning")
    ]
    none_of(silent)


def test_lowest_versions_are_the_declared_ones():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    declared = {entry.replace(">=", "==") for entry in needed if ">=" in entry}
    lowest = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    kept = {line for line in lowest if line and not line.startswith("#")}
    assert {line for line in declared if not line.startswith(("mypy", "ruff"))} == kept
