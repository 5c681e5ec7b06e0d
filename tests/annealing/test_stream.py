import numpy as np

from sinkdiag.annealing.stream import BLOCK, NoisyMatrix, Trajectory
from sinkdiag.problem import make_problem
from tests.helpers import uniform_cost


def test_noise_decays_repeats_and_differs_between_replicates():
    problem = make_problem(uniform_cost(4, 5))
    stream = NoisyMatrix(problem=problem, noise=0.5, decay=0.5, seed=(7, 1))

    def deviations(stream):
        walk = stream.walk()
        return [np.abs(next(walk) - problem.cost).max() for _ in range(60)]

    sizes = deviations(stream)
    assert sizes == deviations(stream)
    assert sizes != deviations(NoisyMatrix(problem=problem, noise=0.5, decay=0.5, seed=(7, 2)))
    assert sizes[0] > 0.1
    assert sizes[-1] == 0.0


def test_noise_is_the_same_whether_it_is_kept_or_drawn_again(monkeypatch):
    problem = make_problem(uniform_cost(4, 5))

    def first(count):
        stream = NoisyMatrix(problem=problem, noise=0.5, decay=0.5, seed=(7, 1))
        next(stream.walk())  # an earlier walk that ended soon
        walk = stream.walk()
        return np.stack([next(walk) for _ in range(count)])

    kept = first(60)
    monkeypatch.setattr("sinkdiag.annealing.stream.KEPT_BYTES", 0)
    np.testing.assert_array_equal(first(60), kept)


def test_forbidden_pairs_stay_forbidden_under_noise():
    cost = uniform_cost(3, 3)
    cost[0, 1] = np.inf
    walk = NoisyMatrix(problem=make_problem(cost), noise=0.1, decay=0.9, seed=(0,)).walk()
    assert np.isinf(next(walk)[0, 1])


def test_trajectory_replicates_keep_increments_and_rejoin_the_record():
    costs = np.cumsum(np.random.default_rng(0).normal(size=(2 * BLOCK + 4, 3, 3)), axis=0)
    problem = make_problem(costs[0])
    record = Trajectory(problem=problem, costs=costs)
    replicate = Trajectory(problem=problem, costs=costs, seed=(0, 1))
    np.testing.assert_array_equal(np.array(list(record.walk())), costs)
    other = np.array(list(replicate.walk()))
    assert len(other) == record.length
    # Sums of a few numbers of size 1 to 10: rounding stays below 1e-13.
    np.testing.assert_allclose(other[::BLOCK], costs[::BLOCK], atol=1e-13)
    assert np.abs(other - costs).max() > 0.1
    for start in range(0, len(costs) - 1, BLOCK):
        block = slice(start, start + BLOCK + 1)
        np.testing.assert_allclose(
            np.sort(np.diff(other[block], axis=0)[:, 0, 0]),
            np.sort(np.diff(costs[block], axis=0)[:, 0, 0]),
            atol=1e-13,
        )
