"""One site measured: its matrix by the loop beside two fixed points, gradients, verdict."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints.composite import (
    identity_distance,
    second_singular_value,
    uniform_distance,
)
from sinkdiag.checkpoints.loops import Loop
from sinkdiag.checkpoints.projection import (
    Norms,
    fixed_point,
    jacobian_norms,
    project,
    shifted_fixed_point,
)
from sinkdiag.checkpoints.site import Site
from sinkdiag.checkpoints.verdict import Rule, is_frozen, judge, line_errors
from sinkdiag.errors import InputError
from sinkdiag.jacobian.gaps import spectral_gap
from sinkdiag.results import Status
from sinkdiag.studies.stack_row import StackRow

_NO_NORMS = Norms(float64=math.nan, float32=math.nan, bfloat16=math.nan, float32_error=math.nan)


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredSite:
    """A site with its matrix after the loop (n, n) and its row."""

    site: Site
    matrix: FloatArray
    row: StackRow


@dataclass(frozen=True, kw_only=True)
class FixedPoints:
    """What the loop would converge to."""

    gap: float = math.nan
    status: Status = Status.BELOW_RESOLUTION
    sigma_2: float = math.nan
    sweep_distance: float = math.nan
    start_distance: float = math.nan


def measure_site(site: Site, loop: Loop, rule: Rule) -> MeasuredSite:
    """Everything about one site; nan where its logits are not finite."""
    logits = site.logits
    usable = bool(np.all(np.isfinite(logits)))
    matrix = project(logits, loop) if usable else np.full_like(logits, np.nan)
    finite = bool(np.all(np.isfinite(matrix)))
    norms = jacobian_norms(logits, loop) if finite else _NO_NORMS
    verdict = judge(site, loop, matrix, norms, rule)
    fixed = _fixed_points(site, loop, matrix) if usable else FixedPoints()
    rows, columns = line_errors(matrix)
    bound, typical = float(site.bound.max()), float(site.typical.max())
    row = StackRow(
        layer=site.place.layer,
        site=site.place.site,
        streams=len(logits),
        logit_range=float(np.ptp(logits)) if usable else math.nan,
        sigma_2=second_singular_value(matrix),
        gap=fixed.gap,
        row_error=rows,
        col_error=columns,
        gradient_norm=norms.float64,
        gradient_norm_float32=norms.float32,
        gradient_norm_bfloat16=norms.bfloat16,
        identity_distance=identity_distance(matrix),
        uniform_distance=uniform_distance(matrix),
        verdict=verdict.word,
        cause=verdict.cause,
        remedy=verdict.remedy,
        dynamic_bound=bound,
        dynamic_typical=typical,
        key=site.place.key,
        status=fixed.status,
        range_bound=_range_bound(site) if usable else math.nan,
        sigma_2_fixed=fixed.sigma_2,
        sweep_distance=fixed.sweep_distance,
        start_distance=fixed.start_distance,
        float32_error=norms.float32_error,
        frozen_sgd=is_frozen(site, norms.float32, Rule(optimizer="sgd", lr=rule.lr)),
        frozen_adam=is_frozen(site, norms.float32, Rule(optimizer="adam")),
    )
    return MeasuredSite(site=site, matrix=matrix, row=row)


def write_matrices(measured: Sequence[MeasuredSite], stream: IO[bytes]) -> None:
    """An .npz with the matrix, the static logits and their bounds of every site."""
    with zipfile.ZipFile(stream, "w") as archive:
        for entry in measured:
            key, site = entry.row.key, entry.site
            arrays = {key: entry.matrix, f"{key}:logits": site.logits, f"{key}:bound": site.bound}
            for name, values in arrays.items():
                # As numpy.savez does, which takes no array named `file`.
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, values, allow_pickle=False)


def _range_bound(site: Site) -> float:
    return float((site.logits + site.bound).max() - (site.logits - site.bound).min())


def _fixed_points(site: Site, loop: Loop, matrix: FloatArray) -> FixedPoints:
    try:
        plain = fixed_point(site.logits, loop)
        shifted = shifted_fixed_point(site.logits, loop)
    except InputError:
        # Logits beyond what the solver takes, some 1e100: there is no plan to speak of.
        return FixedPoints()
    gap, status = spectral_gap(plain)
    return FixedPoints(
        gap=gap,
        status=status,
        sigma_2=second_singular_value(plain.plan),
        sweep_distance=float(np.abs(matrix - shifted.plan).max()),
        start_distance=float(np.abs(shifted.plan - plain.plan).max()),
    )
