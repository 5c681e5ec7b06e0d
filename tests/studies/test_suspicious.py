"""What is suspicious is said, with a remedy; what is honest, or chance, is not."""

from __future__ import annotations

import numpy as np
import pytest

import sinkdiag
from sinkdiag.problem import make_problem
from sinkdiag.studies.subjects import suspicion_notes
from sinkdiag.studies.suspicious import suspicions
from sinkdiag.temperature import Temperatures
from tests.helpers import invoke, planar_cost, uniform_cost


def rules(cost, temperatures=None, **marginals):
    found = suspicions(make_problem(cost, **marginals), temperatures)
    return [suspicion.rule for suspicion in found]


def embeddings(n, seed=0):
    """Points, and the same points jittered and shuffled."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 8))
    y = x[rng.permutation(n)] + 0.1 * rng.standard_normal((n, 8))
    return x, y


def unit(points):
    return points / np.linalg.norm(points, axis=1)[:, None]


X, Y = embeddings(24)
DISTANCE = np.linalg.norm(X[:, None] - Y, axis=2)

SUSPICIOUS = {
    "plan": sinkdiag.solve(planar_cost(6), 0.05).plan,
    "probability plan": sinkdiag.solve(planar_cost(6), 0.05).plan / 6,
    "softmax": np.exp(DISTANCE) / np.exp(DISTANCE).sum(1, keepdims=True),
    "correlation": np.corrcoef(X),
    "cosines": unit(X) @ unit(Y).T,
    "kernel": np.exp(-DISTANCE),
    "negative distances": -DISTANCE,
    "similarities on the diagonal": -np.linalg.norm(X[:, None] - X - 0.01, axis=2),
}


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_similarities_and_plans_are_noticed(name):
    (suspicion,) = suspicions(make_problem(SUSPICIOUS[name]))
    assert suspicion.rule == ("plan" if "plan" in name or name == "softmax" else "similarities")
    assert "give" in suspicion.sentence


HONEST = {
    "distances": DISTANCE,
    "squares": DISTANCE**2,
    "own distances": np.linalg.norm(X[:, None] - X, axis=2),
    "cosine distances": 1.0 - unit(X) @ unit(Y).T,
    "one minus identity": 1.0 - np.eye(9),
    "two by two": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "rectangular": DISTANCE[:10],
    "heavy tails": np.random.default_rng(1).pareto(1.0, (20, 20)),
    "one row": np.ones((1, 4)),
    "constant": np.zeros((3, 3)),
    "forbidden": np.where(np.eye(5) > 0, np.inf, uniform_cost(5, 5)),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_costs_are_not_suspected(name):
    assert rules(HONEST[name]) == []


def test_chance_is_rarely_suspected():
    """Ten thousand matrices without structure; each rule is allowed one in ten thousand."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(10_000):
        n, m = rng.integers(2, 16, 2)
        found += bool(rules(rng.random((n, n if rng.random() < 0.5 else m))))
    assert found <= 3


def test_rows_without_a_preference_and_dustbins():
    cost = planar_cost(6)
    cost[2] = 0.7
    cost[:, 4] = cost[2, 4]
    (suspicion,) = suspicions(make_problem(cost))
    assert suspicion.rule == "constant"
    assert "row 2 and in column 4" in suspicion.sentence
    binned = np.full((7, 6), 0.9)
    binned[:6, :5] = planar_cost(6)[:, :5]
    (suspicion,) = suspicions(make_problem(binned))
    assert "dustbin (all 0.9)" in suspicion.sentence
    assert rules(binned, row=[1.0] * 6 + [5.0], col=[1.0] * 5 + [6.0]) == []


@pytest.mark.parametrize(("eps", "rule"), [(1e-6, ["cold"]), (1e4, ["hot"]), (0.1, [])])
def test_absurd_temperatures(eps, rule):
    cost = planar_cost(6)
    assert rules(cost, Temperatures(values=(eps,))) == rule
    assert rules(cost, Temperatures(values=(eps,), unit="range")) == rule
    assert rules(cost, Temperatures()) == []


def test_the_sentence_names_the_unit_that_would_help():
    (found,) = suspicions(make_problem(3846.0 * planar_cost(6)), Temperatures(values=(1e-3,)))
    assert "of the costs' range" in found.sentence
    assert "--eps-unit range" in found.sentence


def test_a_batch_is_told_once():
    stack = [make_problem(-DISTANCE, name=f"c[{k}]") for k in range(5)]
    (note,) = suspicion_notes(stack)
    assert note.startswith("c[0] and 4 more: ")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("check", []),
        ("spectrum", ["--eps", "0.5"]),
        ("sensitivity", ["--eps", "0.5"]),
        ("constants", ["--eps", "0.5"]),
        ("pseudospectrum", ["--eps", "0.5", "--grid", "4"]),
        ("calibrate", ["--replicates", "2", "--max-steps", "20"]),
    ],
)
def test_every_command_says_it(tmp_path, command, options):
    np.save(tmp_path / "cost.npy", SUSPICIOUS["correlation"][:8, :8])
    outcome = invoke(command, tmp_path / "cost.npy", *options)
    assert "look like correlations or cosines" in outcome.err
    assert "--score" in outcome.err
