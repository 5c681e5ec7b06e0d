"""Verdicts on the second source's statements, on made-up runs that decide them and on real ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.annealing.schedules.annealed import Annealed
from sinkdiag.annealing.schedules.evidence import EvidenceMaker
from sinkdiag.annealing.schedules.iteration import Scaled
from sinkdiag.annealing.schedules.optimum import optimum_of
from sinkdiag.annealing.schedules.path import path_plan
from sinkdiag.claims.annealed import STATEMENTS, AnnealedCurve, AnnealedEvidence, judge_annealed
from sinkdiag.claims.claim import AnnealingKey
from sinkdiag.problem import make_problem
from tests.annealing.chizat import geometric, random_setting

T = np.geomspace(100, 1000, 10)
GRID = np.linspace(0.2, 1.2, 21)
EPS = np.geomspace(0.1, 1e-4, 25)


def ignored(share):
    del share


def run(kappa):
    """As the source has it: both errors, and the row error, exact powers."""
    beta, increment = T**kappa, kappa * T ** (kappa - 1)
    return AnnealedCurve(
        kappa=kappa,
        t=T,
        eps=1 / beta,
        increment=increment,
        row_error=increment,
        suboptimality=0.01 / beta + increment if kappa else np.full(len(T), 0.1),
    )


def evidence(**changes):
    made = AnnealedEvidence(
        curves=tuple(run(kappa) for kappa in (1 / 3, 1 / 2, 2 / 3, 1.0)),
        constant=run(0.0),
        kappas=GRID,
        annealed=1e-2 * (1 + (GRID - 0.5) ** 2),
        debiased=1e-3 * (1 + (GRID - 0.8) ** 2),
        short=200,
        eps=EPS,
        entropic=0.3 * EPS,
        path_t=(10, 100),
        to_path=np.array([0.02, 0.005]),
        to_fixed=np.array([0.1, 0.05]),
    )
    return replace(made, **changes)


def verdicts(**changes):
    return {claim.key: claim.verdict for claim in judge_annealed(evidence(**changes))}


def test_all_hold_where_the_source_is_right():
    found = verdicts()
    assert list(found) == [statement.key for statement in STATEMENTS]
    held = found.pop(AnnealingKey.ENTROPIC_ERROR)
    assert held == "holds in [0.0001, 0.1]"
    assert set(found.values()) == {"holds"}


def spoiled(curves, kappa, **changes):
    return tuple(replace(each, **changes) if each.kappa == kappa else each for each in curves)


CURVES = evidence().curves


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        # With constant increments the error must stay; with beta constant it must too.
        ("solves_transport", {"curves": spoiled(CURVES, 1.0, suboptimality=1 / T)}),
        ("solves_transport", {"constant": replace(run(0.0), suboptimality=1 / T)}),
        ("solves_transport", {"curves": spoiled(CURVES, 0.5, suboptimality=np.ones(10))}),
        ("entropic_error", {"entropic": EPS**2}),
        ("relaxation_error", {"curves": spoiled(CURVES, 2 / 3, suboptimality=1 / T)}),
        ("row_error", {"curves": spoiled(CURVES, 0.5, row_error=T**-0.56)}),
        ("best_exponent", {"annealed": 1 + (GRID - 0.65) ** 2}),
        ("debiased_exponent", {"debiased": 1e-3 * (1 + (GRID - 0.5) ** 2)}),
        ("debiased_exponent", {"debiased": np.full(21, 0.02)}),
        ("regularisation_path", {"to_path": np.array([0.0, 0.04])}),
    ],
)
def test_each_fails_on_runs_that_refute_it(key, changes):
    assert verdicts(**changes)[AnnealingKey(key)] == "fails"


def test_what_was_not_measured_cannot_be_told():
    found = verdicts(annealed=np.full(21, np.nan), to_path=np.full(2, np.nan))
    assert found.pop(AnnealingKey.ROW_ERROR) == "holds"
    assert set(found.values()) == {"cannot tell"}
    few = np.where(np.arange(25) < 2, EPS, 0.0)
    assert verdicts(entropic=few)[AnnealingKey.ENTROPIC_ERROR] == "cannot tell"


def test_the_path_s_plans_meet_their_conditions():
    """P'1 = c, and log(P1/r) = -(increment/beta) u where log(P N/(rc')) + beta C = u + v."""
    problem = random_setting(n=8)
    beta, increment = 30.0, 2.0
    start = Scaled.start(problem)
    for t in range(1, 20):
        start = Annealed().sweep(start, problem.cost, t, (beta, beta))
    plan = path_plan(problem, beta, increment, start)
    np.testing.assert_allclose(plan.sum(axis=0), problem.col, rtol=1e-12)
    u = -beta / increment * np.log(plan.sum(axis=1) / problem.row)
    rest = np.log(plan / np.outer(problem.row, problem.col)) + beta * problem.cost - u[:, None]
    # Potentials settle to 1e-10, which beta/increment = 15 and the contraction magnify.
    np.testing.assert_allclose(rest, np.broadcast_to(rest[0], rest.shape), atol=1e-7)


def test_a_real_matrix_is_judged_as_it_was_measured():
    problem = make_problem(random_setting(n=20).cost)
    found = EvidenceMaker(problem, optimum_of(problem), ignored).make()
    assert found.annealed.shape == found.debiased.shape == found.kappas.shape
    claims = {claim.key: claim for claim in judge_annealed(found)}
    assert claims[AnnealingKey.SOLVES_TRANSPORT].verdict == "holds"
    assert claims[AnnealingKey.REGULARISATION_PATH].verdict == "holds"


@pytest.mark.slow
def test_in_the_geometric_setting_every_statement_holds():
    problem = geometric()
    found = EvidenceMaker(problem, optimum_of(problem), ignored).make()
    for claim in judge_annealed(found):
        assert claim.verdict.startswith("holds"), claim
