"""Lemma A.5 by its eigenvalue, Theorem A.2 without cancellation, and what noise is not."""

import numpy as np
import pytest

import sinkdiag
from sinkdiag.claims.claim import ClaimKey
from tests.helpers import uniform_cost

# Its plan is that of the marginals alone, at every temperature.
CONSTANT = 0.1 * np.add.outer(np.arange(5.0), np.arange(5.0)[::-1] ** 2)
MOVED = (ClaimKey.TEMPERATURE_SENSITIVITY, ClaimKey.DRIFT, ClaimKey.ADMISSIBLE_STEP)


def claims(cost, eps=None, **marginals):
    (found,) = sinkdiag.sensitivity(cost, eps, replicates=2, **marginals).verdicts
    return {claim.key: claim for claim in found.claims}


@pytest.mark.parametrize("cost", [[[0.0, 1.0], [1.0, 0.0]], uniform_cost(2, 2, 3)])
def test_duality_is_an_equality_on_two_by_two(cost):
    (found,) = sinkdiag.sensitivity(cost, np.geomspace(1, 0.02, 25), replicates=2).verdicts
    np.testing.assert_allclose(found.curve.duality, found.curve.gap, rtol=1e-9)
    claim = found.claim(ClaimKey.DUALITY)
    assert claim.verdict == "holds"
    assert claim.window == pytest.approx((0.02, 1.0))
    assert "up to 1 times the gap (equal counts as holding" in claim.sentence


@pytest.mark.parametrize("shift", [0.0, 50.0])
@pytest.mark.parametrize("count", [25, 49])
def test_a_curve_of_rounding_noise_decides_nothing(shift, count):
    found = claims(CONSTANT + shift, np.geomspace(2, 0.006, count))
    for key in MOVED:
        assert found[key].verdict == "cannot tell"
        assert np.isnan(found[key].slope)
        assert "rounding" in found[key].sentence
    assert "e+13" not in found[ClaimKey.COLLAPSE].sentence


def test_noise_is_not_drawn():
    (found,) = sinkdiag.sensitivity(CONSTANT, replicates=2).verdicts
    assert (found.curve.dS_de == 0).all()
    assert np.isnan(found.curve.admissible_step).all()
    sinkdiag.sensitivity(CONSTANT, replicates=2).figure()


def test_two_parts_are_invertible_on_two_gauges_unless_their_masses_are_proportional():
    """Row 1 with columns 1 and 2, rows 2 and 3 with column 3: smallest eigenvalue 1/3."""
    cost = np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    masses = {"row": [2.0, 1.0, 1.0], "col": [1.0, 1.0, 2.0]}
    (found,) = sinkdiag.sensitivity(
        cost, np.geomspace(0.5, 0.02, 25), replicates=2, **masses
    ).verdicts
    assert found.curve.components[-1] == 2
    # ‖A_S‖ = 4: twice the heaviest row.
    assert 4 * found.curve.two_gauges[-1] == pytest.approx(1 / 3, rel=1e-9)
    claim = found.claim(ClaimKey.GAUGES)
    assert claim.verdict == "holds"
    assert "has 2 components" in claim.sentence
    even = np.where(np.kron(np.eye(2), np.ones((2, 2))) > 0, 0.0, 1.0)
    lost = claims(even, np.geomspace(0.5, 0.02, 25))[ClaimKey.GAUGES]
    assert lost.verdict.startswith("holds in")
    assert "falls to 0 to within rounding" in lost.sentence


def test_the_edge_of_invertibility_does_not_depend_on_the_grid():
    edges = [
        claims(uniform_cost(8, 4), np.geomspace(1, 0.003, count))[ClaimKey.GAUGES].window[0]
        for count in (13, 25, 40)
    ]
    assert max(edges) / min(edges) < 1.03


def test_two_numbers_of_components_are_explained_where_they_differ():
    """At 0.01 the active support of this matrix hangs together and its limit does not."""
    for eps in np.geomspace(1, 0.02, 25), np.geomspace(1, 0.003, 25):
        (found,) = sinkdiag.sensitivity(uniform_cost(8, 4), eps, replicates=2).verdicts
        curve = found.curve
        sentence = found.claim(ClaimKey.GAUGES).sentence
        active = f"active support has {curve.components[-1]} component"
        limit = f"the limit support has {curve.limit_components} component"
        assert active in sentence
        differ = curve.components[-1] != curve.limit_components
        assert (limit in sentence) == differ == ("eps^(1/2)" in sentence)
        assert limit in found.claim(ClaimKey.GAP).sentence
        assert ("still has" in found.claim(ClaimKey.GAP).sentence) == differ
