"""Train a cost through the fixed point: gradients of the plan in the cost and the temperature.

The loss is the squared distance between the plan and a target permutation; a few steps of gradient
descent on the cost bring the plan there. No iteration of the solver is differentiated, so the
gradient is that of the exact plan. Run it with ``python examples/vjp.py``.
"""

import numpy as np

import sinkdiag

rng = np.random.default_rng(0)
cost, eps = rng.random((6, 6)), 0.2
target = np.eye(6)[rng.permutation(6)]

for step in range(41):
    plan = sinkdiag.solve(cost, eps).plan
    loss = 0.5 * np.sum((plan - target) ** 2)
    gradient = sinkdiag.vjp(cost, eps, plan - target)
    if step % 10 == 0:
        print(f"step {step:2d}  loss {loss:.6f}  dloss/deps {gradient.eps:+.4f}")
    cost -= 0.5 * gradient.cost

# The same number by a central difference in the temperature.
h = 1e-5


def loss_at(temperature):
    """The loss of the trained cost at another temperature."""
    return 0.5 * np.sum((sinkdiag.solve(cost, temperature).plan - target) ** 2)


plan = sinkdiag.solve(cost, eps).plan
exact = sinkdiag.vjp(cost, eps, plan - target).eps
print(
    f"dloss/deps {exact:.9f}, by differences {(loss_at(eps + h) - loss_at(eps - h)) / (2 * h):.9f}"
)
