"""Whether two files can be compared: two of a kind, of one command."""

from __future__ import annotations

from sinkdiag.errors import InputError
from sinkdiag.rendering.saved_results import SavedResult


def check_comparable(first: SavedResult, second: SavedResult) -> None:
    """Refuse a result beside a manifest, and results of two commands.

    Those say their command themselves or, in CSV and JSON lines, by their columns: of the one with
    fewer half must be in both (extended ones come on top).

    Raises
    ------
    InputError
        Naming the second.
    """
    if first.kind != second.kind:
        fault = f"is a {second.kind}, and {first.name} is a {first.kind}"
        raise InputError(second.name, fault, "give two of a kind")
    commands = [result.values.get(("summary", "command")) for result in (first, second)]
    columns = [{name for row, name in r.values if row == "0"} for r in (first, second)]
    least = min(len(names) for names in columns)
    shared = len(columns[0] & columns[1])
    if None in commands:
        differ = shared < 0.5 * least
        what = f"has {shared} columns in common with {first.name}, of {least}"
    else:
        differ = commands[0] != commands[1]
        what = f"is a result of {commands[1]}, and {first.name} is one of {commands[0]}"
    if differ:
        raise InputError(second.name, what, "compare two results of one command")
