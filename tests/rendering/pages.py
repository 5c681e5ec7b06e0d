"""One report with every section, and its page: what several tests look at."""

from __future__ import annotations

from functools import cache

import numpy as np

import sinkdiag
from sinkdiag.studies.report_result import ReportResult
from tests.helpers import planar_cost


@cache
def small_report() -> ReportResult:
    """Every section on a small matrix."""
    return sinkdiag.report(planar_cost(10), 0.05, iters=8)


@cache
def small_page() -> str:
    """Its page."""
    return small_report().page()


def network(layers: int = 3):
    """Logits of a few sites."""
    return np.random.default_rng(0).standard_normal((layers, 4, 4))
