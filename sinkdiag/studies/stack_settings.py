"""What ``stack`` takes beside the models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import get_args

from sinkdiag.checkpoints.loops import LOOPS, Choice, Loop
from sinkdiag.checkpoints.site import Model
from sinkdiag.checkpoints.verdict import Optimizer, Rule
from sinkdiag.checks import check_choice, check_size


@dataclass(frozen=True, kw_only=True)
class Against:
    """The other side of a comparison: another way to run the same logits, or another network.

    ``choice`` is what was said of its loop; ``transposed`` mixes by the other one of matrix and
    transpose.
    """

    choice: Choice = field(default_factory=Choice)
    transposed: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether the same network is to be run in another way."""
        return self.transposed or not self.choice.is_empty

    def model_after(self, model: Model) -> Model:
        """The same logits as they run on the other side."""
        name = self.choice.implementation
        loop = self.choice.applied(model.loop if name is None else LOOPS[name])
        return replace(model, implementation=name or model.implementation, loop=self.turned(loop))

    def turned(self, loop: Loop) -> Loop:
        """The loop, mixing by the other one of matrix and transpose if that was asked for."""
        return replace(loop, transposed=loop.transposed != self.transposed)


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """The settings of one study.

    Attributes
    ----------
    choice:
        What was said of the loop.
    optimizer, lr:
        When a site counts as frozen, see `sinkdiag.checkpoints.verdict.is_frozen`.
    extended:
        Whether the extended columns were asked for.
    """

    choice: Choice = field(default_factory=Choice)
    optimizer: Optimizer = "sgd"
    lr: float = 1e-3
    extended: bool = False

    def __post_init__(self) -> None:
        check_choice("optimizer", self.optimizer, get_args(Optimizer))
        check_size("lr", self.lr)

    @property
    def rule(self) -> Rule:
        """When a site counts as frozen."""
        return Rule(optimizer=self.optimizer, lr=self.lr)
