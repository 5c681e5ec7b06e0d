"""What a site's matrix is worth: frozen, mixing, uniform or broken, why, and what helps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints.composite import uniform_distance
from sinkdiag.checkpoints.loops import Loop
from sinkdiag.checkpoints.projection import Norms, jacobian, norm_of, project
from sinkdiag.checkpoints.site import Site
from sinkdiag.jacobian.depth import CONTRAST

Word = Literal["frozen", "mixing", "uniform", "broken"]
Optimizer = Literal["sgd", "adam"]

# Rows or columns that miss 1 by more are broken.
BROKEN = 1e-2
# Adam adds this to the gradient's root mean square.
ADAM_EPS = 1e-8
# A float32 gradient that is wronger than this is unreliable.
UNRELIABLE = 0.5
# Factors on the temperature that are tried for a remedy.
_FACTORS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
_MOST_SWEEPS = 1000
# Typical dynamic logits, over the temperature, that may make another matrix of a token's.
FELT = 0.1


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A word, its cause, and what helps (empty where nothing need be done)."""

    word: Word
    cause: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a site counts as frozen: its optimizer, and the learning rate of SGD."""

    optimizer: Optimizer = "sgd"
    lr: float = 1e-3


def is_frozen(site: Site, norm: float, rule: Rule) -> bool:
    """Whether a unit gradient on the matrix moves no logit; ``norm``: ‖J‖₂ as the loop runs.

    Adam: ‖J‖₂ < 1e-8, the number that it adds to the denominator. SGD: that too, since with the
    same step nothing moves, or lr·‖J‖₂ < u·median|logits|, less than half a unit in the last place
    of a typical logit. (The median alone is 0 for logits on the diagonal only.)
    """
    if norm < ADAM_EPS:
        return True
    if rule.optimizer == "adam":
        return False
    return rule.lr * norm < site.roundoff * float(np.median(np.abs(site.logits)))


def judge(site: Site, loop: Loop, matrix: FloatArray, norms: Norms, rule: Rule) -> Verdict:
    """The verdict on the site's own matrix (n, n); broken before frozen before uniform."""
    if not np.all(np.isfinite(site.logits)):
        return Verdict(
            word="broken",
            cause="the static logits are not all finite",
            remedy="the parameters are lost: restore the layer from an earlier checkpoint",
        )
    if not np.all(np.isfinite(matrix)):
        return Verdict(
            word="broken",
            cause="a line's sum underflows to 0 in the loop's own arithmetic, and is divided by",
            remedy="cap the logits' range, or start from softmax or in the log domain",
        )
    errors = line_errors(matrix)
    if max(errors) > BROKEN:
        return _broken(site, loop, errors)
    if len(matrix) == 1:
        return Verdict(word="uniform", cause="a single stream has nothing to mix", remedy="")
    if is_frozen(site, norms.float32, rule):
        return _frozen(site, loop, norms, rule)
    if uniform_distance(matrix) <= CONTRAST:
        return _uniform(site, loop)
    return Verdict(word="mixing", cause=_mixing_words(norms), remedy="")


def line_errors(matrix: FloatArray) -> tuple[float, float]:
    """Largest |sum - 1| over the rows, and over the columns."""
    rows = np.abs(matrix.sum(axis=1) - 1.0).max()
    return float(rows), float(np.abs(matrix.sum(axis=0) - 1.0).max())


def scaled_range(site: Site, loop: Loop) -> float:
    """Largest minus smallest logit over the temperature."""
    return float(np.ptp(site.logits)) / loop.temperature


def _broken(site: Site, loop: Loop, errors: tuple[float, float]) -> Verdict:
    side = "rows" if errors[0] > errors[1] else "columns"
    cause = f"{side} miss 1 by up to {max(errors):.2g} after {loop.iters} sweeps"
    if loop.denominator > BROKEN / 2:
        remedy = f"lower the {loop.denominator:g} that is added to the sums"
        return Verdict(word="broken", cause=cause, remedy=remedy)
    needed = _sweeps_needed(site, loop)
    if needed is not None:
        remedy = f"more sweeps: {needed} bring them within 1 %"
    else:
        remedy = (
            f"cap the logits' range ({scaled_range(site, loop):.3g} over the temperature) or raise "
            f"the temperature; {_MOST_SWEEPS} sweeps do not help"
        )
    return Verdict(word="broken", cause=cause, remedy=remedy)


def _sweeps_needed(site: Site, loop: Loop) -> int | None:
    """Sweeps, by doubling, that bring the sums within 1 %; None where they are too many."""
    iters = loop.iters
    while 2 * iters <= _MOST_SWEEPS:
        iters *= 2
        matrix = project(site.logits, replace(loop, iters=iters))
        if np.all(np.isfinite(matrix)) and max(line_errors(matrix)) <= BROKEN:
            return iters
    return None


def _frozen(site: Site, loop: Loop, norms: Norms, rule: Rule) -> Verdict:
    felt = norms.float32
    if felt == 0.0:
        cause = "the gradient is exactly 0 in float32"
    elif felt < ADAM_EPS:
        cause = f"the gradient {felt:.2g} is below {ADAM_EPS:g}, at which Adam too stands still"
    else:
        step = float(np.median(np.abs(site.logits)))
        cause = (
            f"a step {rule.lr:g}·{felt:.2g} is lost in rounding beside logits of {step:.3g} "
            f"(unit roundoff {site.roundoff:.2g})"
        )
    cause += f"; logits span {scaled_range(site, loop):.3g} temperatures"
    factor = next((f for f in _FACTORS if _thaws(site, loop, rule, f)), None)
    if factor is None:
        remedy = "change the start: logits that differ by less"
        return Verdict(word="frozen", cause=cause, remedy=_after_tokens(site, loop, remedy))
    cap = float(np.ptp(site.logits)) / factor
    remedy = (
        f"raise the temperature to {factor * loop.temperature:g}, or cap the logits' range at "
        f"{cap:.3g}"
    )
    return Verdict(word="frozen", cause=cause, remedy=_after_tokens(site, loop, remedy))


def _thaws(site: Site, loop: Loop, rule: Rule, factor: float) -> bool:
    """Whether the site would move with its logits divided by the factor."""
    if len(site.logits) > 8:  # each try costs a Jacobian
        return False
    norm = norm_of(jacobian(site.logits / factor, loop, "float32")) / factor
    return not is_frozen(site, norm, rule)


def _uniform(site: Site, loop: Loop) -> Verdict:
    span = scaled_range(site, loop)
    cause = f"every stream becomes the mean within 1 %: logits span {span:.3g} temperatures"
    remedy = "change the start: favour the diagonal, or lower the temperature"
    if span > 1.0:
        cause += ", as sums of a row's and a column's shift, which the projection undoes"
    return Verdict(word="uniform", cause=cause, remedy=_after_tokens(site, loop, remedy))


def _after_tokens(site: Site, loop: Loop, remedy: str) -> str:
    """The remedy, after a look at the tokens where these may change the verdict."""
    typical = float(site.typical.max()) / loop.temperature
    if not typical > FELT:
        return remedy
    return (
        f"first see with --activations what tokens do, which move logits by {typical:.2g} "
        f"temperatures; then {remedy}"
    )


def _mixing_words(norms: Norms) -> str:
    if norms.float32_error > UNRELIABLE and not math.isnan(norms.float32_error):
        return f"the float32 gradient is unreliable: {norms.float32_error:.2g} off in norm"
    return ""
