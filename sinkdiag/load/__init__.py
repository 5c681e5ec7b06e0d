"""Cost matrices and marginals from files and from standard input."""

from sinkdiag.load.costs import CostData, Layout, load_costs, load_marginals

__all__ = ["CostData", "Layout", "load_costs", "load_marginals"]
