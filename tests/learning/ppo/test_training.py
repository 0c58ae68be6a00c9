"""Training on a small cycle: it learns, seeds run side by side, and a kill loses nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsim
from jaxsim.engine.environment import environment
from jaxsim.learning.ppo import Rates, begin, settings, train, trainer, update
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.balancing.views import seen_by
from jaxsim.results.checkpoint import Store


@pytest.fixture(scope="module")
def made():
    return environment(*seen_by("mf-r", assemble(cycle(9), delay=10.0)))


@pytest.fixture(scope="module")
def how():
    return settings("fast", updates=10, batch=500, passes=2, minibatches=2, widths=8)


class Killed(Exception):
    pass


def test_it_learns_and_goes_on_after_a_kill(made, how, tmp_path, monkeypatch):
    done = train(*made, seed=3, sizes=how[0], rates=how[1])
    curve = done.curve["return"]
    # Offloading half of everything is far from the best at delay 10: drops fall from the first update on.
    assert np.mean(curve[-3:]) > np.mean(curve[:3])
    monkeypatch.setattr(Store, "due", lambda self: self.path is not None)  # a checkpoint after every piece

    def kill(progress):
        if progress.fraction > 0.5:
            raise Killed

    arguments = {"seed": 3, "sizes": how[0], "rates": how[1], "checkpoint": tmp_path}
    with pytest.raises(Killed):
        train(*made, **arguments, progress=kill)
    again = train(*made, **arguments)
    np.testing.assert_array_equal(again.curve["return"], curve)
    jax.tree.map(np.testing.assert_array_equal, again.policy, done.policy)


def test_seeds_and_rates_run_side_by_side(made, how):
    environment_, params = made
    setup = trainer(environment_, params, how[0])
    rates = jax.vmap(lambda x: Rates(**{**vars(how[1]), "learning_rate": x}))(jnp.asarray([1e-2, 3e-2]))

    def two(key, rates):
        carry = begin(setup, params, key)
        return update(setup, params, rates, carry)[1]["return"], carry.params

    keys = jax.vmap(jaxsim.key(0).replication)(jnp.arange(2))
    returns, first = jax.jit(jax.vmap(two, in_axes=(0, 0)))(keys, rates)
    assert returns.shape == (2,) and returns[0] != returns[1]
    kernels = first["policy"]["network"]["params"]["Dense_0"]["kernel"]
    assert not np.array_equal(kernels[0], kernels[1])
