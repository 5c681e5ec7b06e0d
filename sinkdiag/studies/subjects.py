"""What a study is made on: matrices, batches and trajectories, from files or from Python alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.checks import check_choice
from sinkdiag.errors import InputError
from sinkdiag.load.record import NO_RECORD, RecordData
from sinkdiag.problem import MarginalKind, Problem, check_real, make_problem
from sinkdiag.rendering.table import Label
from sinkdiag.solver.feasible import count_blocks
from sinkdiag.studies.suspicious import suspicions
from sinkdiag.temperature import Temperatures

Layout = Literal["batch", "trajectory"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """One input: a matrix, or a stack of them.

    ``layout`` is what the first axis of a stack was said to be; ``stacked`` whether there is one;
    ``note`` how a file was understood, or empty; ``record`` what it holds of a training run;
    ``beside`` whether other inputs were given with it, read or not.
    """

    name: str
    layout: Layout | None
    stacked: bool
    problems: tuple[Problem, ...]
    note: str = ""
    record: RecordData = NO_RECORD
    beside: bool = False

    def stack(self) -> FloatArray:
        """All costs as one array (T, n, m)."""
        return np.stack([problem.cost for problem in self.problems])


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """What one part of a result is about: one matrix, or a stack that is taken as a whole."""

    label: Label
    name: str
    problems: tuple[Problem, ...]
    whole: bool = False
    record: RecordData = NO_RECORD

    @property
    def problem(self) -> Problem:
        """The first matrix."""
        return self.problems[0]


def subject_of(
    cost: ArrayLike,
    *,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    layout: Layout | None = None,
) -> Subject:
    """A subject from an array (n, m), or (T, n, m) with ``layout``.

    Raises
    ------
    InputError
        When the cost or the marginals cannot be used, or three dimensions come without ``layout``.
    """
    check_choice("marginals", marginals, get_args(MarginalKind))
    if layout is not None:
        check_choice("layout", layout, get_args(Layout))
    stack = check_real(cost, "cost")
    if stack.ndim != 3:
        problem = make_problem(stack, row=row, col=col, marginals=marginals)
        return Subject(name="cost", layout=layout, stacked=False, problems=(problem,))
    if layout is None:
        raise InputError(
            "cost",
            f"the cost has 3 dimensions {stack.shape}",
            'say what the first one is: layout="batch" or layout="trajectory"',
        )
    if len(stack) == 0:
        raise InputError("cost", f"the cost is empty (shape {stack.shape})", "give T×n×m costs")
    problems = tuple(
        make_problem(matrix, row=row, col=col, marginals=marginals, name=f"cost[{index}]")
        for index, matrix in enumerate(stack)
    )
    return Subject(name="cost", layout=layout, stacked=True, problems=problems)


def cases(subjects: Sequence[Subject], *, together: Layout | None = None) -> tuple[Case, ...]:
    """Every matrix on its own; stacks of the layout ``together`` stay whole."""
    found: list[Case] = []
    for subject in subjects:
        if subject.stacked and subject.layout == together:
            label = Label(source=subject.name, index=0)
            found.append(
                Case(
                    label=label,
                    name=subject.name,
                    problems=subject.problems,
                    whole=True,
                    record=subject.record,
                )
            )
            continue
        found += [
            Case(
                label=Label(source=subject.name, index=index),
                name=problem.name,
                problems=(problem,),
                record=subject.record,
            )
            for index, problem in enumerate(subject.problems)
        ]
    return tuple(found)


def are_labelled(subjects: Sequence[Subject]) -> bool:
    """Whether rows begin with source and index: with several inputs, and with any layout."""
    return len(subjects) > 1 or any(
        subject.layout is not None or subject.beside for subject in subjects
    )


def notes_of(
    subjects: Sequence[Subject], temperatures: Temperatures | None = None
) -> tuple[str, ...]:
    """How files were understood, forbidden pairs that cut a matrix apart, suspicious input."""
    suspicious = [suspicion_notes(subject.problems, temperatures) for subject in subjects]
    return (*reading_notes(subjects), *(text for found in suspicious for text in found))


def reading_notes(subjects: Sequence[Subject]) -> tuple[str, ...]:
    """How files were understood, and forbidden pairs that cut a matrix apart."""
    notes = [f"{subject.name}: {subject.note}" for subject in subjects if subject.note]
    for subject in subjects:
        for problem in subject.problems:
            blocks = 1 if not np.isposinf(problem.cost).any() else count_blocks(problem.cost)
            if blocks > 1:
                notes.append(
                    f"{problem.name}: forbidden pairs split the matrix into {blocks} blocks that "
                    "exchange no mass: the gap is 0 at every eps; give the blocks one by one"
                )
    return tuple(notes)


def suspicion_notes(
    problems: Sequence[Problem], temperatures: Temperatures | None = None
) -> list[str]:
    """One sentence for each rule that the matrices of one input meet, naming the first."""
    first: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    for problem in problems:
        for found in suspicions(problem, temperatures):
            first.setdefault(found.rule, found.sentence)
            names.setdefault(found.rule, []).append(problem.name)
    return [
        f"{found[0]}{f' and {len(found) - 1} more' if len(found) > 1 else ''}: {first[rule]}"
        for rule, found in names.items()
    ]
