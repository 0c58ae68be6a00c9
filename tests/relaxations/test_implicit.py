"""Derivatives through equations against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.relaxations import fixed_point, optimum, stationary_law


@float64
def test_the_stationary_law_of_two_states_has_its_exact_derivative():
    # pi = (b, a) / (a + b) for rates a out of state 0 and b out of state 1.
    def second(a, b):
        return stationary_law(jnp.array([[1 - a, a], [b, 1 - b]]))[1]

    a, b = 0.3, 0.1
    assert abs(float(second(a, b)) - a / (a + b)) < 1e-12
    slopes = jax.grad(second, argnums=(0, 1))(a, b)
    np.testing.assert_allclose(slopes, (b / (a + b) ** 2, -a / (a + b) ** 2), rtol=1e-10)


@float64
def test_fixed_points_are_differentiated_without_unrolling():
    # x = exp(-c x) is W(c) / c, and dx/dc = -x^2 / (1 + c x). A second number rides along: y = x / 2 + c.
    def solved(c):
        return fixed_point(lambda x: (jnp.exp(-c * x[0]), x[0] / 2 + c), (0.5, 0.5), tolerance=1e-13)

    c = 0.8
    x, y = (float(v) for v in solved(c))
    assert abs(x - np.exp(-c * x)) < 1e-12 and abs(y - x / 2 - c) < 1e-12
    slope = -(x**2) / (1 + c * x)
    backward = [float(jax.grad(lambda t, i=i: solved(t)[i])(c)) for i in (0, 1)]
    np.testing.assert_allclose(backward, (slope, slope / 2 + 1), rtol=1e-9)
    np.testing.assert_allclose(jax.jvp(solved, (c,), (1.0,))[1], backward, rtol=1e-9)
    never = fixed_point(lambda x: -x, jnp.float64(1.0), limit=50)
    assert np.isnan(never)


@float64
def test_optima_are_differentiated_by_their_condition():
    # min sum exp(x - t) + x^2/2 over x: exp(x - t) = -x, so dx/dt = exp(x - t) / (1 + exp(x - t)).
    t = jnp.array([0.5, -1.0])

    def best(t):
        return optimum(lambda x: jnp.sum(jnp.exp(x - t) + x * x / 2), jnp.zeros(2))

    x = np.asarray(best(t))
    np.testing.assert_allclose(np.exp(x - t) + x, 0, atol=1e-10)
    lift = np.exp(x - np.asarray(t))
    np.testing.assert_allclose(jax.jacobian(best)(t), np.diag(lift / (1 + lift)), atol=1e-9)
