"""What ``report`` is asked: the layer, the learner, and which sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from sinkdiag.annealing.learning.learner import Loss
from sinkdiag.checks import MOST_ITERS, check_choice, check_count
from sinkdiag.errors import InputError
from sinkdiag.studies.check_row import Start
from sinkdiag.studies.report_names import SECTIONS, SectionName, unknown_section


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """The options of the command.

    Attributes
    ----------
    iters, start:
        K, the sweeps of the layer, from zero (``cold``) or from carried potentials (``warm``).
    loss:
        Of the learner that tells whether cooling needs a controller: ``mse``, ``mass``, ``nll``.
    only, skip:
        Sections that are made alone (none named: all), and sections that are left out.
    seed:
        Of the learner and of random starts.

    Raises
    ------
    InputError
        Naming the setting that cannot be used.
    """

    iters: int = 20
    start: Start = "cold"
    loss: Loss = "mse"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("iters", self.iters, 1, MOST_ITERS)
        check_choice("start", self.start, get_args(Start))
        check_choice("loss", self.loss, get_args(Loss))
        check_count("seed", self.seed, 0)
        for option, names in (("only", self.only), ("skip", self.skip)):
            unknown = unknown_section(names)
            if unknown is not None:
                raise InputError(
                    option, f"{unknown!r} is no section", f"there are {', '.join(SECTIONS)}"
                )
        if not self.sections:
            raise InputError("skip", "no section is left", "leave some of them in")

    @property
    def sections(self) -> tuple[SectionName, ...]:
        """Those that were asked for, in the order of the page."""
        wanted = self.only or SECTIONS
        return tuple(name for name in SECTIONS if name in wanted and name not in self.skip)
