"""With which settings ``report`` runs the other commands, and which it leaves out."""

from __future__ import annotations

from typing import NamedTuple

from sinkdiag.studies.anneal_settings import AnnealSettings
from sinkdiag.studies.calibrate_settings import CalibrateSettings
from sinkdiag.studies.check_row import CheckSettings
from sinkdiag.studies.constants import ConstantsSettings
from sinkdiag.studies.pseudospectrum_point import PseudospectrumSettings
from sinkdiag.studies.report_names import SectionName
from sinkdiag.studies.report_settings import ReportSettings
from sinkdiag.studies.sensitivity_run import SensitivitySettings
from sinkdiag.studies.spectrum_settings import SpectrumSettings

# Entries above which sections that take minutes are made only when they are asked for.
LARGEST = 160_000
LONG: tuple[SectionName, ...] = ("sensitivity", "constants", "calibrate", "anneal")
# Entries above which the cooling factor is not searched for: that takes as long as the rest.
_SEARCHED, _USUAL_ALPHA = 2_500, 0.8
# Points of a pseudospectrum along each axis, steps of annealing, jittered copies.
_GRID, _STEPS, _REPLICATES = (40, 40), 100, 2
# Of which a quick calibration takes a third.
_CALIBRATED = 9


class Plan(NamedTuple):
    """The settings of every section."""

    check: CheckSettings
    spectrum: SpectrumSettings
    pseudospectrum: PseudospectrumSettings
    sensitivity: SensitivitySettings
    constants: ConstantsSettings
    calibrate: CalibrateSettings
    anneal: AnnealSettings


def plan_of(settings: ReportSettings, entries: int) -> Plan:
    """For a matrix of so many entries."""
    iters, start, seed = settings.iters, settings.start, settings.seed
    return Plan(
        check=CheckSettings(iters=iters, start=start, seed=seed),
        spectrum=SpectrumSettings(iters=iters, seed=seed),
        pseudospectrum=PseudospectrumSettings(grid=_GRID, seed=seed),
        sensitivity=SensitivitySettings(replicates=_REPLICATES, seed=seed),
        constants=ConstantsSettings(seed=seed),
        calibrate=CalibrateSettings(
            iters=iters,
            start=start,
            loss=settings.loss,
            alpha0=_USUAL_ALPHA if entries > _SEARCHED else None,
            quick=True,
            replicates=_CALIBRATED,
            seed=seed,
        ),
        anneal=AnnealSettings(iters=iters, start=start, max_steps=_STEPS, seed=seed),
    )


def takes_too_long(name: SectionName, settings: ReportSettings, entries: int) -> bool:
    """Whether a section is left out of the report of so large a matrix, unless asked for."""
    return name in LONG and entries > LARGEST and name not in settings.only
