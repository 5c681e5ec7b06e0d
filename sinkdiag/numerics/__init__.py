"""Plain numerics: compiled kernels, GTH elimination, Lanczos, components, norms."""
