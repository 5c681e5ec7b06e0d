"""Records back from the JSON that `sinkdiag.rendering.table.json_value` made of them, strictly."""

from __future__ import annotations

import math
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")

_NUMBERS: dict[object, float] = {None: math.nan, "inf": math.inf, "-inf": -math.inf}


def decode(kind: type[Record], value: object) -> Record:
    """A dataclass from an object of JSON: exactly its fields, each of its declared type.

    Fields may be bool, int, str, float (null is nan, "inf" and "-inf" are the infinities),
    Literal of words, Enum (by value, a word), tuples and dataclasses of the same.

    Raises
    ------
    ValueError
        Naming the field that does not fit.
    """
    found: Record = _decode(kind, value, kind.__name__)
    return found


def _decode(kind: Any, value: object, place: str) -> Any:
    if is_dataclass(kind):
        return _decode_record(kind, value, place)
    if get_origin(kind) is tuple:
        return _decode_tuple(get_args(kind), value, place)
    if get_origin(kind) is Literal or issubclass(kind, Enum):
        return _decode_word(kind, value, place)
    if kind is float and (value is None or value in ("inf", "-inf")):
        return _NUMBERS[value]
    if type(value) is not kind:
        raise ValueError(f"{place} is {str(value)[:40]!r}")
    return value


def _decode_record(kind: Any, value: object, place: str) -> Any:
    hints = get_type_hints(kind)
    if not isinstance(value, dict) or set(value) != set(hints):
        raise ValueError(f"{place} has other fields")
    items = {name: _decode(hint, value[name], f"{place}.{name}") for name, hint in hints.items()}
    return kind(**items)


def _decode_word(kind: Any, value: object, place: str) -> Any:
    """One of the values of a Literal, or the member of an Enum that has this value."""
    words = get_args(kind) or {member.value: member for member in kind}
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{place} is {str(value)[:40]!r}")
    return words[value] if isinstance(words, dict) else value


def _decode_tuple(kinds: tuple[Any, ...], value: object, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{place} is no list")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        raise ValueError(f"{place} has {len(value)} entries")
    return tuple(_decode(kind, item, place) for kind, item in zip(kinds, value, strict=True))
