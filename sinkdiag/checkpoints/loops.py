"""How each public implementation makes a matrix of its logits: one table.

Every known loop alternates between rows and columns, so it is a start, the side that comes first,
the number of half-sweeps, what is added to the sums, and a temperature. Read from the released
packages ``transformers`` 5.24 (``models/deepseek_v4``) and ``hyper-connections`` 0.4.11; the others
as their public sources stood in 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

from sinkdiag.checks import MOST_ITERS, check_choice, check_count, check_size
from sinkdiag.errors import InputError

Start = Literal["softmax", "exp", "chain", "potentials"]
Side = Literal["row", "column"]
Name = Literal[
    "deepseek-v4",
    "hyper-connections",
    "hyper-connections-log",
    "mhc-lite",
    "tokenbender",
    "megatron",
    "maxtext",
    "plain",
]


@dataclass(frozen=True, kw_only=True)
class Loop:
    """One way from logits to a matrix.

    Attributes
    ----------
    start:
        ``softmax`` of each line of ``first``, plus ``denominator``; ``exp`` of each line minus its
        largest entry; or in the log domain, a ``chain`` of log-softmaxes or ``potentials``.
    first:
        The side whose lines are normalised first; from there on the sides alternate. A softmax
        counts as the first normalisation.
    iters:
        K, sweeps of two normalisations each.
    closing:
        Whether one more normalisation of ``first`` lines' kind follows the K sweeps.
    denominator, floor:
        A line is divided by max(sum, floor) + denominator.
    temperature:
        Logits are divided by it first.
    transposed:
        Whether the streams are mixed by the matrix's transpose, X_new = P'X.
    """

    start: Start
    first: Side
    iters: int = 20
    closing: bool = False
    denominator: float = 0.0
    floor: float = 0.0
    temperature: float = 1.0
    transposed: bool = True

    @property
    def divisions(self) -> int:
        """Half-sweeps after the start."""
        return 2 * self.iters + self.closing - (self.start == "softmax")

    @property
    def last(self) -> Side:
        """The side that is normalised last."""
        odd = (2 * self.iters + self.closing) % 2 == 1
        return self.first if odd else other_side(self.first)


LOOPS: MappingProxyType[Name, Loop] = MappingProxyType(
    {
        "deepseek-v4": Loop(start="softmax", first="row", denominator=1e-6),
        "hyper-connections": Loop(start="exp", first="column", floor=1e-12),
        "hyper-connections-log": Loop(start="chain", first="column"),
        "mhc-lite": Loop(start="chain", first="column"),
        "tokenbender": Loop(start="potentials", first="row", iters=10, temperature=0.05),
        "megatron": Loop(start="softmax", first="row", denominator=1e-6),
        "maxtext": Loop(start="softmax", first="column", closing=True, floor=1e-12),
        "plain": Loop(start="exp", first="row", transposed=False),
    }
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the user says of the loop; None: as recognised, or as the implementation has it.

    ``logits`` is a regular expression for the names of tensors that hold logits.
    """

    implementation: Name | None = None
    logits: str | None = None
    iters: int | None = None
    start: Start | None = None
    first: Side | None = None
    denominator: float | None = None
    temperature: float | None = None

    def applied(self, loop: Loop) -> Loop:
        """The loop with what was said in place of its own."""
        said = {
            name: value
            for name in ("iters", "start", "first", "denominator", "temperature")
            if (value := getattr(self, name)) is not None
        }
        found = replace(loop, **said)
        if self.denominator and found.start in ("chain", "potentials"):
            raise InputError(
                "denominator",
                f"a loop in the log domain ({found.start}) divides by nothing",
                "leave it out, or give the start as softmax or exp",
            )
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return self == Choice()


def check_choice_of_loop(choice: Choice) -> None:
    """Refuse what no loop can be.

    Raises
    ------
    InputError
        Naming the argument.
    """
    for name, known in (("implementation", Name), ("start", Start), ("first", Side)):
        if getattr(choice, name) is not None:
            check_choice(name, getattr(choice, name), get_args(known))
    if choice.iters is not None:
        check_count("iters", choice.iters, 1, MOST_ITERS)
    if choice.denominator is not None:
        check_size("denominator", choice.denominator, zero=True)
    if choice.temperature is not None:
        check_size("temperature", choice.temperature)
    if choice.logits is not None and not isinstance(choice.logits, str):
        raise InputError("logits", "is no regular expression", "give the pattern as text")


def other_side(side: Side) -> Side:
    """Columns for rows and rows for columns."""
    return "column" if side == "row" else "row"
