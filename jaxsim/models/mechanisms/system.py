"""The mechanisms system by name: keys, defaults and their validation."""

from __future__ import annotations

import jax.numpy as jnp

from jaxsim.core.kernel import System
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import integer, positive, require, scalar
from jaxsim.models.mechanisms.kernel import Params, Spec, build


def system(
    *,
    divisions: Whole = 10,
    resources: Whole = 3,
    weight: Real = 5.0,
    scale: Real = 1.0,
    use: Real = 1.0,
    supply: Real = 1.0,
    first_price: Real = 1.0,
    tolerance: Real = 1e-3,
    patience: Whole = 2000,
) -> System:
    """Return random economies in which prices are found by tatonnement.

    Args:
        divisions: N, 1 to 4096.
        resources: K, 1 to 64.
        weight: mean of the w_j in u_j(x) = w_j ln(1 + x/d_j), above 0.
        scale: mean of the d_j, above 0.
        use: consumption a_jk is uniform on (0.2, 1.2) times this, above 0.
        supply: supplies are within 50 % of this times N, above 0.
        first_price: announced first for every resource, above 0.
        tolerance: a market is clear when max |min(p, relative excess supply)| is at most this; 1e-5 to 0.1
            (the simulation runs in single precision).
        patience: rounds after which an economy is abandoned and NOT_CONVERGED is raised, 1 to 1000000.

    Returns:
        The system; its unit of model time is one round.

    Raises:
        InvalidInput: if a key is out of range.
    """
    spec = Spec(
        integer("divisions", divisions, low=1, high=4096),
        integer("resources", resources, low=1, high=64),
        integer("patience", patience, low=1, high=1_000_000),
    )
    given = {
        "weight": weight, "scale": scale, "use": use, "supply": supply, "first_price": first_price,
        "tolerance": tolerance,
    }  # fmt: skip
    checked = {name: scalar(name, value, positive) for name, value in given.items()}
    near = 1e-5 <= checked["tolerance"] <= 0.1
    require(near, "tolerance", tolerance, "is out of range", "give a number from 1e-5 to 0.1")
    return System(build(spec), Params(**{name: jnp.asarray(v, jnp.float32) for name, v in checked.items()}))
