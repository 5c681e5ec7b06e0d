"""Cost matrices, marginals, recorded runs and truths, from files and from standard input."""

from sinkdiag.load.costs import CostData, Layout, load_costs, load_marginals
from sinkdiag.load.record import RecordData, recorded
from sinkdiag.load.truth import TruthData, load_truth

__all__ = [
    "CostData",
    "Layout",
    "RecordData",
    "TruthData",
    "load_costs",
    "load_marginals",
    "load_truth",
    "recorded",
]
