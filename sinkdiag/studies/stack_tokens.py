"""What recorded tokens do at one site, in one row."""

from __future__ import annotations

import numpy as np

from sinkdiag.checkpoints.activations import QUANTILES, TokenSite
from sinkdiag.checkpoints.verdict import BROKEN
from sinkdiag.jacobian.depth import CONTRAST
from sinkdiag.studies.stack_row import TokenRow


def token_row(site: TokenSite) -> TokenRow:
    """Quantiles and shares over the tokens; σ_2 of those whose matrix is finite."""
    known = site.sigma_2[np.isfinite(site.sigma_2)]
    low, middle, high = np.quantile(known, QUANTILES) if len(known) else [np.nan] * 3
    return TokenRow(
        layer=site.place.layer,
        site=site.place.site,
        tokens=len(site.sigma_2),
        logit_range=float(np.median(site.logit_range)),
        sigma_2_low=float(low),
        sigma_2_median=float(middle),
        sigma_2_high=float(high),
        uniform_share=float(np.mean(site.uniform_distance <= CONTRAST)),
        broken_share=float(np.mean(~(site.line_error <= BROKEN))),
        key=site.place.key,
    )
