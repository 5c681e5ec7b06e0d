"""One Sinkhorn sweep, linearised: block operator, modes in a norm, active support, freeze."""
