"""What ``report`` looks at closely: one matrix, at its layer's temperature and along a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sinkdiag.studies.subjects import Subject
from sinkdiag.temperature import Temperatures, automatic_grid, descending

# Temperatures of the curves, close enough for the slopes of power laws; from how many of the user's
# own no automatic ones are added.
COUNT, ENOUGH = 22, 4
# An automatic temperature gives way to one of the user's within this ratio, as a logarithm.
_NEAR = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Focus:
    """What the sections on a single matrix are about.

    ``subject`` holds it alone, at the temperature ``eps`` of its layer and along the grid
    ``curve``; ``whole`` is the input that it comes from, ``temperatures`` what was asked for.
    """

    subject: Subject
    whole: Subject
    eps: float
    curve: tuple[float, ...]
    temperatures: Temperatures

    @property
    def layer(self) -> Temperatures:
        """The one temperature of the layer."""
        return Temperatures(values=(self.eps,))

    @property
    def along(self) -> Temperatures:
        """The curve."""
        return Temperatures(values=self.curve)


def focus_on(subject: Subject, index: int, whole: Subject, temperatures: Temperatures) -> Focus:
    """One matrix of a subject: at the lowest temperature given, a record's own, or the middle.

    The curve is automatic, with the temperatures given among them; four or more stand alone.
    """
    problem = subject.problems[index]
    recorded = subject.record.eps
    given = temperatures.given([problem])
    if not given and recorded is not None and subject.stacked:
        given = [float(recorded[index])]
    eps = given[-1] if given else temperatures.or_middle([problem])[0]
    curve = given
    if len(given) < ENOUGH:
        own = descending([*given, eps])
        automatic = automatic_grid(problem, COUNT)
        curve = [*own, *(hot for hot in automatic if all(_apart(hot, one) for one in own))]
    alone = Subject(
        name=problem.name, layout=None, stacked=False, problems=(problem,), record=subject.record
    )
    return Focus(
        subject=alone,
        whole=whole,
        eps=eps,
        curve=tuple(descending(curve)),
        temperatures=temperatures,
    )


def _apart(eps: float, other: float) -> bool:
    """Whether two temperatures are worth a row each."""
    return abs(math.log(eps / other)) > _NEAR
