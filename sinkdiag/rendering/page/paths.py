"""Path data of figures, made short: relative steps in tenths of a point."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"[A-Za-z]|-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")
# Coordinates that each command takes; matplotlib writes no others, and all absolute.
_COUNTS = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}


# Round dots up to this size, in points, are written as squares: hatches are full of them.
_DOT = 1.6


def shortened(data: str) -> str:
    """The same path; of a command that is not known, as it was."""
    try:
        return "".join(_relative(_with_square_dots(data)))
    except KeyError:
        return data


def _with_square_dots(data: str) -> str:
    return "".join(_squared(part) for part in re.split(r"(?=M)", data))


def _squared(part: str) -> str:
    """A part of a path; a round dot as the square around its middle."""
    if "C" not in part or not part.rstrip().endswith("z"):
        return part
    numbers = [float(text) for text in _TOKEN.findall(part) if not text.isalpha()]
    low, high = ((end(numbers[0::2]), end(numbers[1::2])) for end in (min, max))
    if max(high[0] - low[0], high[1] - low[1]) > _DOT:
        return part
    return f"M {low[0]} {low[1]} L {high[0]} {low[1]} L {high[0]} {high[1]} L {low[0]} {high[1]} z "


def _relative(data: str) -> Iterator[str]:
    tokens, at, start = _TOKEN.findall(data), (0, 0), (0, 0)
    place, last = 0, ""
    while place < len(tokens):
        command = tokens[place].upper()
        numbers = [round(10.0 * float(text)) for text in tokens[place + 1 :][: _COUNTS[command]]]
        place += 1 + len(numbers)
        if command == "Z":
            at, last = start, ""
            yield "z"
            continue
        steps = [value - at[axis % 2] for axis, value in enumerate(numbers)]
        at = (numbers[-2], numbers[-1])
        if command == "M":
            start = at
        name, steps = _shortest(command.lower(), steps)
        yield _joined("" if name == last else name, steps)
        last = name


def _shortest(name: str, steps: list[int]) -> tuple[str, list[int]]:
    """Lines along an axis have commands of their own."""
    if name == "l" and steps[1] == 0:
        return "h", steps[:1]
    if name == "l" and steps[0] == 0:
        return "v", steps[1:]
    return name, steps


def _joined(name: str, tenths: list[int]) -> str:
    """A command and its numbers; a minus sign separates, and so does a command."""
    text = name
    for value in tenths:
        number = _number(value)
        text += number if number.startswith("-") or text == name != "" else f" {number}"
    return text


def _number(tenths: int) -> str:
    whole, rest = divmod(abs(tenths), 10)
    text = f"{whole or ''}.{rest}" if rest else f"{whole}"
    return f"-{text}" if tenths < 0 else text
