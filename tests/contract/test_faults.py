"""NaN or infinity in any number of any family ends in a refusal or in the right result, never a wrong one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput, UntrustworthyResult
from jaxsim.engine import simulate
from jaxsim.experiments.registry import families

FAMILIES = [family for family in families().values() if family.system is not None]
POISONS = {"NaN": np.nan, "infinity": np.inf, "minus infinity": -np.inf}
STEPS = 40


@functools.cache
def built(family):
    card = families()[family]
    system = card.system.load()()
    return system, next(iter(card.policies.values())).load()(system)


def run(family, params, policy, horizon):
    """Simulate on one device, so that one compilation serves every poison."""
    devices = tuple(jax.local_devices()[:1])
    kernel = built(family)[0].kernel
    arguments = {"replications": 4, "horizon": horizon, "warmup": 0.0, "devices": devices, "lanes": 4}
    return simulate(kernel, policy, params, **arguments)


@functools.cache
def expected(family, horizon):
    """Return the result without poison; it is needed only where a poison is not refused."""
    system, policy = built(family)
    return run(family, system.params, policy, horizon)


def outcome(family, leaves, structure, horizon):
    """Return what became of it: refused, the right result, or a wrong one (with the numbers)."""
    params, policy = jax.tree.unflatten(structure, leaves)
    try:
        found = run(family, params, policy, horizon)
    except (InvalidInput, UntrustworthyResult) as error:
        assert "\n" not in str(error)
        return "refused"
    right = expected(family, horizon).samples
    same = all(np.array_equal(x, right[name], equal_nan=True) for name, x in found.samples.items())
    return "right" if same else f"wrong: {found.estimates}"


def name_of(where):
    return jax.tree_util.keystr(where[1:], simple=True, separator=".")


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
def test_poisoned_parameters_never_give_a_wrong_number(family):
    system, policy = built(family)
    places, structure = jax.tree_util.tree_flatten_with_path((system.params, policy))
    leaves = [leaf for _, leaf in places]
    horizon = STEPS * float(system.kernel.step_time(system.kernel.spec, system.params))
    refused = 0
    wrong = {}
    for i, (where, leaf) in enumerate(places):
        if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating) or np.size(leaf) == 0:
            continue
        for name, poison in POISONS.items():
            if name != "NaN" and (where[0].idx == 1 or name_of(where) in system.kernel.unbounded):
                continue  # there infinity has a meaning
            changed = [*leaves[:i], jnp.full_like(leaf, poison), *leaves[i + 1 :]]
            found = outcome(family, changed, structure, horizon)
            refused += found == "refused"
            if found.startswith("wrong"):
                wrong[jax.tree_util.keystr(where), name] = found
    assert not wrong
    assert refused > 0
