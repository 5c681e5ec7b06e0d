"""Verdicts on curves that are known, and on the matrices whose limits are known."""

import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag.claims.claim import ClaimKey
from sinkdiag.claims.curve import Curve
from sinkdiag.claims.freeze_law import closing_rate, freeze_law
from sinkdiag.claims.judge import judge
from sinkdiag.claims.laws import LAWS
from sinkdiag.claims.power_law import Law, judge_law
from sinkdiag.problem import make_problem

EPS = np.geomspace(1.0, 1e-3, 31)
TIES = np.array(
    [
        [1, 0, 2, 3, 1, 2],
        [0, 1, 3, 2, 2, 1],
        [2, 3, 0, 1, 3, 2],
        [3, 2, 1, 0, 2, 3],
        [2, 3, 3, 2, 0, 1],
        [3, 2, 2, 3, 1, 0],
    ],
    dtype=float,
)


def curve(op_norm=None, gap=None, *, settled=True, components=1, cycles=1):
    size = len(EPS)
    op_norm = 1 / EPS if op_norm is None else op_norm
    gap = np.full(size, 0.3) if gap is None else gap
    return Curve(
        eps=EPS,
        op_norm=op_norm,
        dS_de=1 / EPS,
        K2=np.full(size, 0.2),
        gap=gap,
        duality=gap * 2,
        two_gauges=np.full(size, 0.1),
        diameter=2.0,
        components=(components,) * size,
        limit_components=components,
        limit_cycles=cycles,
        settled=settled,
    )


def law(values, slope=-1.0, *, bound=False, lasts=True):
    return Law(
        key=ClaimKey.SENSITIVITY,
        claim="claim",
        source="source",
        name="name",
        values=lambda _: values,
        slope=slope,
        bound=bound,
        lasts=lambda _: lasts,
        cause=lambda _: "the cause",
    )


def test_an_exact_power_law_holds():
    claim = judge_law(curve(), law(1 / EPS))
    assert claim.verdict == "holds"
    assert claim.slope == pytest.approx(-1.0)
    assert claim.window == pytest.approx((1e-3, 1.0))


def test_a_law_that_the_support_cannot_carry_on_holds_only_in_the_window():
    for made in (law(1 / EPS, lasts=False), law(1 / EPS)):
        settled = not made.lasts(curve())
        claim = judge_law(curve(settled=settled), made)
        assert claim.verdict == "holds in [0.001, 1]"


def test_a_broken_law_has_its_window_and_the_cause_below_it():
    values = np.where(EPS >= 0.01, 1 / EPS, 100 * (EPS / 0.01) ** 2)
    claim = judge_law(curve(), law(values))
    low, high = claim.window
    assert high == pytest.approx(1.0)
    # The fit sees the break from half its span away.
    assert 0.01 <= low <= 0.01 * 10 ** (1 / 6)
    assert claim.verdict.startswith("holds in [0.01")
    assert claim.sentence == "below that window the cause"


def test_the_wrong_slope_fails_and_a_bound_is_met_by_a_faster_fall():
    assert judge_law(curve(), law(EPS**2, slope=1.0)).verdict == "fails"
    assert judge_law(curve(), law(EPS**2, slope=1.0, bound=True)).verdict == "holds"
    assert judge_law(curve(), law(EPS**0.5, slope=1.0, bound=True)).verdict == "fails"


def test_what_was_not_resolved_is_not_judged():
    values = np.where(EPS > 0.5, 1 / EPS, np.nan)
    claim = judge_law(curve(), law(values))
    assert claim.verdict == "cannot tell"
    assert math.isnan(claim.slope)


def test_delta_of_an_exponential_gap_is_recovered():
    frozen = curve(gap=0.5 * np.exp(-0.2 / EPS), components=4, cycles=0)
    found = freeze_law(frozen, "cost", 0.07)
    assert found.delta == pytest.approx(0.2, rel=1e-12)
    assert found.delta_low <= found.delta * (1 + 1e-12)
    assert found.delta_high >= found.delta * (1 - 1e-12)
    assert (found.matrix, found.eps_freeze, found.iters) == ("cost", 0.07, 20)


def test_no_delta_without_freezing():
    assert math.isnan(closing_rate(curve()).slope)


def verdicts(cost, eps):
    (found,) = sinkdiag.sensitivity(cost, eps, replicates=2).verdicts
    return {claim.key: claim for claim in found.claims}


@pytest.fixture(scope="module")
def generic():
    return verdicts(np.random.default_rng(0).random((12, 12)), np.geomspace(1, 0.002, 28))


def test_twelve_by_twelve_freezes(generic):
    gap = generic[ClaimKey.GAP]
    assert gap.verdict == "fails"
    assert "support has 12 components" in gap.sentence
    assert "Δ = 0.100" in gap.sentence
    op = generic[ClaimKey.SENSITIVITY]
    assert op.verdict.startswith("holds in")
    low, high = op.window
    assert low == pytest.approx(0.02, rel=0.5)
    assert high == pytest.approx(0.1, rel=0.5)
    assert "support has 12 components" in op.sentence


def test_the_duality_and_the_quadratic_bound_hold(generic):
    assert generic[ClaimKey.DUALITY].verdict == "holds"
    assert "equal counts as holding" in generic[ClaimKey.DUALITY].sentence
    assert generic[ClaimKey.SECOND_DERIVATIVE].verdict == "holds"


def test_lemma_a5_needs_a_gauge_for_each_component(generic):
    claim = generic[ClaimKey.GAUGES]
    assert claim.verdict.startswith("holds in")
    assert "one gauge for each is needed" in claim.sentence


def test_eight_by_four_falls_apart_into_four():
    found = verdicts(np.random.default_rng(0).random((8, 4)), np.geomspace(1, 0.003, 28))
    assert found[ClaimKey.GAP].verdict == "fails"
    assert "support has 4 components" in found[ClaimKey.GAP].sentence
    assert "no cycle" in found[ClaimKey.SENSITIVITY].sentence


def test_ties_keep_the_sensitivity_and_lose_the_gap():
    # Three blocks of two rows in which both matchings cost the same: three components, each a
    # cycle of four pairs.
    cost = TIES.copy()
    cost[[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]] = 0
    cost[[0, 1, 2, 3, 4, 5], [1, 0, 3, 2, 5, 4]] = 0
    found = verdicts(cost, np.geomspace(1, 0.02, 28))
    op = found[ClaimKey.SENSITIVITY]
    assert op.verdict == "holds"
    assert "3 components and 3 independent cycles" in op.sentence
    assert found[ClaimKey.GAP].verdict == "fails"
    row = sinkdiag.sensitivity(cost, 0.02).rows[0]
    assert row.C0_est == pytest.approx(0.5, rel=1e-9)
    assert found[ClaimKey.RADIUS].verdict == "fails"


def test_seven_by_five_is_a_tree():
    found = verdicts(np.random.default_rng(0).random((7, 5)), np.geomspace(1, 0.0015, 28))
    assert "the limit support is a tree" in found[ClaimKey.SENSITIVITY].sentence
    assert found[ClaimKey.SENSITIVITY].verdict != "holds"
    gap = found[ClaimKey.GAP]
    assert gap.verdict == "fails"
    assert "tends to a constant" in gap.sentence


def test_every_claim_is_judged_once_with_a_source():
    claims = judge(curve(), [make_problem(np.eye(3))])
    assert [claim.key for claim in claims] == list(ClaimKey)
    assert len({claim.claim for claim in claims}) == len(claims) == 11
    assert [law.key for law in LAWS] == list(ClaimKey)[: len(LAWS)]
    assert all(claim.source and claim.sentence for claim in claims)


def test_a_bound_leaves_room_for_ups_and_downs_but_not_for_growth():
    wavy = 0.2 * np.exp(0.3 * np.sin(4 * np.log(EPS)))
    held = judge_law(curve(), law(wavy, slope=0.0, bound=True))
    assert np.abs(np.diff(np.log(wavy)) / np.diff(np.log(EPS))).max() > 1.0
    assert held.verdict == "holds"
    assert f"at most {wavy.max():.3g}" in held.sentence
    for growing in (EPS**-0.3, EPS**-1.0):
        lost = judge_law(curve(), law(growing, slope=0.0, bound=True))
        assert lost.verdict == "fails"
        assert "still grows" in lost.sentence


def test_a_coarse_grid_judges_no_slopes_and_says_so():
    """Twelve temperatures of this matrix once made A.10 hold over 0.9 decades, by averaging."""
    cost = np.random.default_rng(0).random((6, 6))
    found = verdicts(cost, np.geomspace(1, 0.003, 12))
    claim = found[ClaimKey.TEMPERATURE_SENSITIVITY]
    assert claim.verdict == "cannot tell"
    assert "too far apart" in claim.sentence
    fine = verdicts(cost, np.geomspace(1, 0.003, 60))
    low, high = fine[ClaimKey.TEMPERATURE_SENSITIVITY].window
    # Just half a decade, as is the window of ‖DS‖ here (0.50 by the fit, 0.51 by exact slopes).
    assert 0.5 <= np.log10(high / low) <= 0.52
    assert fine[ClaimKey.SENSITIVITY].verdict != "cannot tell"
