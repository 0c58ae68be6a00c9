"""Normal variables by inversion: every one of the 2**23 values against scipy."""

import jax.numpy as jnp
import numpy as np
from scipy.special import ndtri

from jaxsim.models.pricing.gaussian import normal


def test_every_value_is_the_inverse_of_the_distribution_function():
    top = np.arange(2**22, dtype=np.uint32)  # u < 1/2; the others are their negatives
    found = np.asarray(normal(jnp.asarray(top << np.uint32(9))), np.float64)
    exact = ndtri((2.0 * top + 1.0) / 2.0**24)
    assert np.max(np.abs(found / exact - 1.0)) < 6e-7
    mirror = np.asarray(normal(jnp.asarray(~(top << np.uint32(9)))))
    np.testing.assert_array_equal(mirror, -found.astype(np.float32))
