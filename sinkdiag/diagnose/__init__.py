"""Diagnostics on the linearisation: spectra, pseudospectra, sensitivities, constants, claims."""
