"""Verdicts on sites of every kind, and whether the remedies help."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.checkpoints.loops import LOOPS
from sinkdiag.checkpoints.projection import Norms, jacobian_norms, project
from sinkdiag.checkpoints.site import static_site
from sinkdiag.checkpoints.verdict import Rule, is_frozen, judge

EYE, PLAIN = np.eye(4), LOOPS["plain"]


def site_of(logits, roundoff=2.0**-24):
    return static_site("0", np.asarray(logits, dtype=float), roundoff)


def verdict_of(logits, loop=PLAIN, rule=None, roundoff=2.0**-24):
    site = site_of(logits, roundoff)
    matrix, norms = project(site.logits, loop), jacobian_norms(site.logits, loop)
    return judge(site, loop, matrix, norms, rule or Rule())


def test_mixing_needs_nothing():
    for logits in (EYE, 2 * EYE + np.arange(4), np.random.default_rng(0).normal(size=(4, 4))):
        found = verdict_of(logits)
        assert (found.word, found.cause, found.remedy) == ("mixing", "", "")


def test_frozen_and_its_remedy():
    found = verdict_of(8 * EYE - 8, LOOPS["tokenbender"])
    assert found.word == "frozen"
    assert "exactly 0 in float32" in found.cause
    assert "160 temperatures" in found.cause
    temperature = float(re.search(r"temperature to ([\d.]+)", found.remedy)[1])
    warmer = replace(LOOPS["tokenbender"], temperature=temperature)
    assert verdict_of(8 * EYE - 8, warmer).word == "mixing"
    cap = float(re.search(r"range at ([\d.]+)", found.remedy)[1])
    assert verdict_of(cap * EYE - cap, LOOPS["tokenbender"]).word == "mixing"


def test_the_rule_of_sgd_depends_on_what_is_stored():
    """mhc-lite's start: a gradient of 1.3e-3, felt beside float32 logits and lost in bfloat16."""
    start, loop = 8 * EYE - 8, LOOPS["mhc-lite"]
    assert verdict_of(start, loop).word == "mixing"
    assert verdict_of(start, loop, roundoff=2.0**-8).word == "frozen"
    assert verdict_of(start, loop, Rule(lr=1e-6)).word == "frozen"
    assert verdict_of(start, loop, Rule(optimizer="adam"), roundoff=2.0**-8).word == "mixing"
    norm = jacobian_norms(start, loop).float32
    assert norm == pytest.approx(1.3e-3, rel=0.05)


def test_thresholds_are_those_of_the_rule():
    site = site_of(8 * EYE - 8)
    edge = site.roundoff * 8 / 1e-3
    assert is_frozen(site, 0.999 * edge, Rule())
    assert not is_frozen(site, 1.001 * edge, Rule())
    assert is_frozen(site, 0.99e-8, Rule(optimizer="adam"))
    assert not is_frozen(site, 1.01e-8, Rule(optimizer="adam"))
    zero = site_of(np.zeros((4, 4)))
    assert is_frozen(zero, 0.99e-8, Rule())
    assert not is_frozen(zero, 1.01e-8, Rule())
    assert is_frozen(zero, 0.0, Rule())


@pytest.mark.parametrize("size", [25.0, 50.0, 100.0])
@pytest.mark.parametrize("name", ["deepseek-v4", "hyper-connections"])
def test_frozen_on_the_diagonal_alone(name, size):
    """Logits whose median is 0: no step is lost beside them, and none moves them."""
    assert verdict_of(size * EYE, LOOPS[name]).word == "frozen"


def test_tokens_come_before_a_remedy():
    for logits, word in ((0 * EYE, "uniform"), (100 * EYE, "frozen")):
        site = replace(site_of(logits), typical=np.full((4, 4), 2.5))
        norms, matrix = jacobian_norms(logits, PLAIN), project(logits, PLAIN)
        found = judge(site, PLAIN, matrix, norms, Rule())
        assert found.word == word
        assert found.remedy.startswith("first see with --activations")
        assert "2.5 temperatures" in found.remedy
        assert "activations" not in verdict_of(logits).remedy


def test_uniform_whether_by_small_logits_or_by_shifts():
    for logits in (np.zeros((4, 4)), 1e-4 * EYE):
        found = verdict_of(logits)
        assert found.word == "uniform"
        assert "shift" not in found.cause
    found = verdict_of(np.add.outer(np.arange(4), 3 * np.arange(4)))
    assert found.word == "uniform"
    assert "projection undoes" in found.cause


def test_broken_by_too_few_sweeps():
    logits = 6 * EYE + 4 * np.random.default_rng(1).normal(size=(4, 4))
    found = verdict_of(logits, replace(PLAIN, iters=1))
    assert found.word == "broken"
    assert "rows miss 1 by up to" in found.cause
    needed = int(re.search(r"more sweeps: (\d+)", found.remedy)[1])
    assert verdict_of(logits, replace(PLAIN, iters=needed)).word != "broken"


def test_broken_by_a_denominator():
    found = verdict_of(EYE, replace(PLAIN, denominator=0.05))
    assert found.word == "broken"
    assert "lower the 0.05" in found.remedy


def test_broken_beyond_more_sweeps():
    """Two rows that float32 leaves one column only: no sweeps make them doubly stochastic."""
    logits = np.zeros((4, 4))
    logits[1:3] = [-200.0, 0.0, -200.0, -200.0]
    found = verdict_of(logits)
    assert found.word == "broken"
    assert "sweeps do not help" in found.remedy


def test_broken_logits_and_matrices():
    none = Norms(float64=np.nan, float32=np.nan, bfloat16=np.nan, float32_error=np.nan)
    logits = np.where(EYE == 1, np.nan, 0.0)
    found = judge(site_of(logits), PLAIN, np.full((4, 4), np.nan), none, Rule())
    assert (found.word, "not all finite" in found.cause) == ("broken", True)
    # Rows are taken out of their largest entry; a column of exp(-200) is 0 in float32.
    logits = np.zeros((4, 4))
    logits[:, 0] = -200.0
    found = verdict_of(logits, replace(PLAIN, first="row", iters=1))
    assert found.word == "broken"
    assert "underflows" in found.cause


def test_unreliable_gradients_are_named():
    start = 40 * EYE - 40
    site, loop = site_of(start), LOOPS["deepseek-v4"]
    norms = replace(jacobian_norms(start, loop), float32=1e-7)
    assert norms.float32_error > 0.5
    found = judge(site, loop, project(start, loop), norms, Rule(lr=1e15))
    assert found.word == "mixing"
    assert "unreliable" in found.cause
