"""One matrix whose temperatures are shared: the same points, wherever each is measured."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from sinkdiag.errors import InputError
from sinkdiag.parallel.workers import InProcess, LostWorker
from sinkdiag.problem import make_problem
from sinkdiag.progress import silent
from sinkdiag.rendering.table import Label
from sinkdiag.solver.path import solve_path
from sinkdiag.studies.constants import ConstantsSettings, study_constants
from sinkdiag.studies.pseudospectrum import PseudospectrumSettings, study_pseudospectrum
from sinkdiag.studies.sensitivity import SensitivitySettings, study_sensitivity
from sinkdiag.studies.spectrum import SpectrumSettings, study_spectrum
from sinkdiag.studies.stretches import Stretch, cut, measure_along, stretches_of
from sinkdiag.studies.subjects import Case, subject_of
from sinkdiag.studies.units import Work
from sinkdiag.temperature import Temperatures
from tests.helpers import planar_cost

TEMPERATURES = Temperatures(values=(1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02), unit="none")
STUDIES = {
    "spectrum": partial(study_spectrum, settings=SpectrumSettings(extended=True)),
    "constants": partial(study_constants, settings=ConstantsSettings(extended=True)),
    "sensitivity": partial(study_sensitivity, settings=SensitivitySettings(replicates=2)),
    "sensitivity, extended": partial(
        study_sensitivity, settings=SensitivitySettings(replicates=2, extended=True)
    ),
    "pseudospectrum": partial(
        study_pseudospectrum,
        settings=PseudospectrumSettings(grid=(4, 4), norm=("plan", "natural")),
    ),
}


class Several(InProcess):
    """Workers that are said to be several; ``taken`` counts what they were given."""

    def __init__(self, count):
        self.count, self.taken = count, []

    def map(self, function, units, progress):
        self.taken += units
        return super().map(function, units, progress)


class Fatal(Several):
    """Workers that all die."""

    def map(self, function, units, progress):
        del function, progress
        return iter([LostWorker() for _ in units])


def case(size=6):
    problem = make_problem(planar_cost(size))
    return Case(label=Label(source="cost", index=0), name="cost", problems=(problem,))


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 20])
def test_stretches_are_all_places_in_order_and_almost_equally_long(pieces):
    found = cut(7, pieces)
    assert [place for start, stop in found for place in range(start, stop)] == list(range(7))
    lengths = {stop - start for start, stop in found}
    assert max(lengths) - min(lengths) <= 1
    assert len(found) == min(7, pieces)


def test_one_worker_has_one_stretch_and_several_have_two_each():
    assert len(stretches_of(case(), 7, Several(1))) == 1
    assert len(stretches_of(case(), 7, Several(2))) == 4
    assert len(stretches_of(case(), 3, Several(8))) == 3


def test_a_stretch_has_the_fixed_points_of_the_whole_grid_from_the_one_before_it():
    grid = TEMPERATURES.values
    whole = list(solve_path(case().problem, grid))
    stretch = Stretch(**vars(case()), start=3, stop=5)
    found = dict(stretch.fixed_points(grid, solve_path, tol=1e-12, max_iter=10_000))
    assert list(found) == [2, 3, 4]
    for place, solution in found.items():
        np.testing.assert_array_equal(solution.plan, whole[place].plan)


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("study", STUDIES)
def test_shared_temperatures_give_the_rows_and_words_of_one_worker(study, count):
    subject = subject_of(planar_cost(9))
    whole = STUDIES[study]([subject], TEMPERATURES)
    workers = Several(count)
    shared = STUDIES[study]([subject], TEMPERATURES, work=Work(workers=workers))
    assert len(workers.taken) >= 2 * min(count, 3)
    assert shared.table.render("csv") == whole.table.render("csv")
    assert shared.findings == whole.findings
    assert [part.details for part in shared.parts] == [part.details for part in whole.parts]


def test_bifurcations_are_counted_across_the_ends_of_stretches():
    """Every stretch begins with a support that differs from, or equals, the one before it."""
    subject = subject_of(planar_cost(9))
    for study in ("spectrum", "constants"):
        rows = STUDIES[study]([subject], TEMPERATURES, work=Work(workers=Several(7))).parts[0].rows
        flags = [row.bifurcates for row in rows]
        assert len(set(flags[1:])) == 2  # both kinds, each row a stretch of its own


def test_workers_share_matrices_where_there_are_as_many():
    subjects = [subject_of(planar_cost(6, seed)) for seed in range(2)]
    for count, taken in ((2, 2), (3, 2 * 6)):
        workers = Several(count)
        STUDIES["spectrum"](subjects, TEMPERATURES, work=Work(workers=workers))
        assert len(workers.taken) == taken


def test_a_lost_worker_or_a_refusal_ends_the_unit():
    def refuse(stretch, progress):
        del progress
        raise InputError(stretch.name, "cannot be used", "leave it out")

    with pytest.raises(InputError, match="ended twice"):
        measure_along(Fatal(2), case(), TEMPERATURES.values, refuse, silent)
    with pytest.raises(InputError, match="cannot be used"):
        measure_along(Several(2), case(), TEMPERATURES.values, refuse, silent)
