"""The Jacobian of a solved problem: block operator, Laplacian, active support, modes."""
