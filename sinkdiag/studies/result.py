"""What every command's result has: rows, frame, summary, findings, status and figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from sinkdiag.rendering.table import Label, Table
from sinkdiag.results import Status, worst

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What a study found about one case.

    Attributes
    ----------
    label, name:
        Which input it is, as in the columns source and index, and as sentences call it.
    rows:
        Its rows, in order.
    findings, details:
        What they say, in sentences; the details are for who asks for more.
    """

    label: Label
    name: str
    rows: tuple[Any, ...]
    findings: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


PartT = TypeVar("PartT", bound=Part)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result(ABC, Generic[PartT]):
    """A finished study, as the command line publishes it and Python receives it.

    Attributes
    ----------
    command, row_type:
        Whose result, and the type of its rows.
    parts:
        One a case, in the order of the input.
    extended:
        Whether the extended columns were asked for.
    labelled:
        Whether rows begin with source and index.
    notes:
        Sentences about the inputs themselves, each naming its own.
    drawn:
        How many parts the figure shows at most.
    other_rows:
        The row types of files beside the rows, by the option that asks for them.
    """

    command: ClassVar[str]
    row_type: ClassVar[type]
    drawn: ClassVar[int] = 1
    other_rows: ClassVar[Mapping[str, type]] = MappingProxyType({})
    parts: tuple[PartT, ...]
    extended: bool = False
    labelled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Any, ...]:
        """All rows, in order."""
        return tuple(row for part in self.parts for row in part.rows)

    @property
    @abstractmethod
    def summary(self) -> object:
        """What JSON carries beside the rows."""

    @abstractmethod
    def figure(self) -> Figure:
        """The command's figure.

        Raises
        ------
        NothingToDrawError
            When nothing on it was resolved.
        """

    @property
    def brief(self) -> bool:
        """Whether a terminal, unless it asks for the rows, is better served by the sentences."""
        return False

    @property
    def statuses(self) -> tuple[Status, ...]:
        """The status of every row."""
        return tuple(row.status for row in self.rows)

    @property
    def status(self) -> Status:
        """The gravest of them."""
        return worst(self.statuses)

    @property
    def findings(self) -> tuple[str, ...]:
        """What was found, in sentences that name their input; failures come last."""
        return (*self.notes, *(self.digest or self._each), *self.failures)

    @property
    def digest(self) -> tuple[str, ...]:
        """Many parts in a few sentences; empty where each speaks for itself."""
        return ()

    @property
    def details(self) -> tuple[str, ...]:
        """More sentences, for who asks for more: of every part, where there is a digest."""
        each = self._each if self.digest else ()
        return (*each, *(text for part in self.parts for text in part.details))

    @property
    def _each(self) -> tuple[str, ...]:
        return tuple(f"{part.name}: {text}" for part in self.parts for text in part.findings)

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence for each kind of failure, with its cause and its remedy."""
        return failure_sentences(self.statuses)

    @property
    def table(self) -> Table:
        """The rows as a table, in the contract's column order."""
        return self.table_of(self.command, self.row_type, [part.rows for part in self.parts])

    def table_of(self, name: str, row_type: type, groups: Sequence[Sequence[object]]) -> Table:
        """A table of other rows, one group a part, labelled like the result's own."""
        labels = [part.label for part, rows in zip(self.parts, groups, strict=True) for _ in rows]
        return Table.of(
            name,
            row_type,
            [row for rows in groups for row in rows],
            extended=self.extended,
            labels=labels if self.labelled else None,
            summary=self.summary,
        )

    def frame(self) -> pd.DataFrame:
        """The rows as a frame: the same columns and numbers as on the command line."""
        return self.table.frame()

    def plot(self, path: str) -> None:
        """Draw the figure into a file (.png, .pdf or .svg), whole or not at all.

        Raises
        ------
        InputError
            When the file cannot be written.
        NothingToDrawError
            When nothing on the figure was resolved.
        """
        from sinkdiag.rendering.figures.style import save

        save(self.figure(), path)


def failure_sentences(statuses: Sequence[Status]) -> tuple[str, ...]:
    """One sentence for each kind of failure among the statuses of rows."""
    return tuple(
        f"{statuses.count(status)} of {len(statuses)} rows are {status}: {status.cause}; "
        f"{status.remedy}"
        for status in dict.fromkeys(statuses)
        if status.failed
    )
