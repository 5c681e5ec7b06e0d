"""The source of the package as data: modules, imports, functions, kernels, records, names.

Read with `ast`; nothing of the package is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sinkdiag"
TESTS = ROOT / "tests"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One module of the package, parsed."""

    module: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """The second part of its dotted name; the package's own files are doors."""
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    def functions(self) -> Iterator[tuple[str, ast.FunctionDef, bool]]:
        """Every function with its name as `Class.method`, and whether self or cls comes first."""
        yield from _functions(self.tree, "", method=False)


def _functions(
    node: ast.AST, prefix: str, *, method: bool
) -> Iterator[tuple[str, ast.FunctionDef, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            static = any(ast.unparse(entry) == "staticmethod" for entry in child.decorator_list)
            yield prefix + child.name, child, method and not static
            yield from _functions(child, f"{prefix}{child.name}.", method=False)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.", method=True)
        else:
            yield from _functions(child, prefix, method=method)


def _read(path: Path) -> Source:
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Source(module=module, path=path, tree=ast.parse(path.read_text(encoding="utf-8")))


SOURCES = tuple(_read(path) for path in sorted(PACKAGE.rglob("*.py")))
MODULES = {source.module for source in SOURCES}


def imported(source: Source) -> set[str]:
    """Modules of the package that a source imports anywhere: in functions, for types, by name."""
    package = source.module if source.path.stem == "__init__" else source.module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            inner = {f"{base}.{alias.name}" for alias in node.names}
            names |= (inner & MODULES) | ({base} if inner - MODULES else set())
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names |= {
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            }
    return {name for name in names if name.split(".")[0] == "sinkdiag"}


def parts_imported(source: Source) -> set[str]:
    """The parts of every absolute name that it imports from, whosever it is."""
    names: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= set((node.module or "").split("."))
    return names


def room_of(module: str) -> str:
    """The room that a dotted name lies in; the package itself is its door."""
    return [*module.split("."), "__init__"][1]


def body_lines(function: ast.FunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    decorators = getattr(body[0], "decorator_list", [])
    first = min([body[0].lineno, *(entry.lineno for entry in decorators)])
    return (function.end_lineno or first) - first + 1


def homes() -> dict[str, str]:
    """The public names and the modules that they live in, as the package's face declares them."""
    face = next(source for source in SOURCES if source.module == "sinkdiag")
    for node in face.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "_HOMES" for target in targets):
            return dict(ast.literal_eval(node.value))
    raise AssertionError("sinkdiag/__init__.py declares no _HOMES")


def decorators(function: ast.FunctionDef) -> set[str]:
    """The names of its decorators, without their arguments."""
    calls = [node.func if isinstance(node, ast.Call) else node for node in function.decorator_list]
    return {ast.unparse(call) for call in calls}


def is_kernel(function: ast.FunctionDef) -> bool:
    return any(name.split(".")[-1] in ("njit", "njit_parallel") for name in decorators(function))


def is_command(function: ast.FunctionDef) -> bool:
    return any(name.endswith((".command", ".group")) for name in decorators(function))


def count_parameters(function: ast.FunctionDef, *, bound: bool) -> int:
    given = function.args
    named = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
    return named + (given.vararg is not None) + (given.kwarg is not None) - bound


def kernels() -> list[tuple[str, str]]:
    """Every compiled function: its module and its name."""
    return [
        (source.module, name)
        for source in SOURCES
        for name, function, _ in source.functions()
        if is_kernel(function)
    ]


def names_from_naive(tree: ast.Module) -> set[str]:
    """What a test takes from tests.naive, as `naive.NAME`, by import or by a string."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    taken, modules = set(), set()
    for node in imports:
        if node.module == "tests.naive":
            modules |= {alias.asname or alias.name for alias in node.names}
        elif (node.module or "").startswith("tests.naive."):
            taken |= {alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in modules:
            taken.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and modules:
            taken.add(node.value)
    return taken


def records() -> Iterator[tuple[str, ast.ClassDef, dict[str, object]]]:
    """Every dataclass with its dotted name and the decorator's arguments."""
    for source in SOURCES:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.ClassDef):
                continue
            for entry in node.decorator_list:
                call = entry.func if isinstance(entry, ast.Call) else entry
                if ast.unparse(call).split(".")[-1] == "dataclass":
                    options = {
                        option.arg or "**": ast.literal_eval(option.value)
                        for option in getattr(entry, "keywords", [])
                    }
                    yield f"{source.module}.{node.name}", node, options


def defined(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names that a source gives to things: functions, classes, parameters, variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def words(name: str) -> set[str]:
    """The words of snake_case and CamelCase names, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}
