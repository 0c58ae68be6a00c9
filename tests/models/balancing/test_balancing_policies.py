"""What policies do with what they see: brute force on small observations, and limits that are known."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.validation import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.balancing import (
    JSQ,
    SED,
    Observation,
    Offload,
    OwnState,
    PowerOfD,
    Rule,
    Table,
    comparing,
    policies,
)
from jaxsim.models.balancing.graphs import configuration
from jaxsim.models.balancing.system import assemble, system

QUEUES = np.array([[0, 0, 3, 2, 1], [0, 1, 3, 2, 0], [2, 1, 3, 4, 0]], np.uint8)


def observation(
    open_: np.ndarray | None = None, speeds: np.ndarray | None = None, repeat: int = 1
) -> Observation:
    queues = np.tile(QUEUES, repeat)
    nodes = queues.shape[1]
    exists = (True,) * 3 if open_ is None else tuple(jnp.asarray(o) for o in open_)
    degrees = np.full(nodes, 2) if open_ is None else open_[1:].sum(axis=0)
    return Observation(
        tuple(jnp.asarray(q) for q in queues),
        exists,
        jnp.asarray(degrees, jnp.int32),
        jnp.int32(0),
        2,
        None if speeds is None else tuple(jnp.asarray(s, jnp.float32) for s in speeds),
    )


def words(seed: int = 0, repeat: int = 1, bits: int = 32) -> jnp.ndarray:
    drawn = random.key(seed).words(random.Stream.POLICY, QUEUES.shape[1] * repeat)
    return drawn if bits == 32 else drawn.astype(jnp.uint16)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("choices", [1, 2, 3, 5])
def test_power_of_d_shares_by_enumeration(choices: int, masked: bool) -> None:
    exists = np.ones((3, 5), bool)
    if masked:
        exists[2, :3] = False
    shares = np.stack(PowerOfD(choices).shares(observation(exists if masked else None)))
    for j in range(5):
        slots = np.flatnonzero(exists[:, j])
        subsets = list(itertools.combinations(slots, min(choices, len(slots))))
        want = np.zeros(3)
        for subset in subsets:
            best = min(QUEUES[s, j] for s in subset)
            tied = [s for s in subset if QUEUES[s, j] == best]
            want[tied] += 1 / len(tied) / len(subsets)
        np.testing.assert_allclose(shares[:, j], want, atol=1e-6)


def test_jsq_breaks_ties_evenly() -> None:
    shares = np.stack(JSQ("packet")(words(), observation()).parts) / 6
    least = QUEUES.min(axis=0) == QUEUES
    want = least / least.sum(axis=0)
    np.testing.assert_allclose(shares, want, atol=1e-12)
    # One target at a time; 3000 copies of each node, 5 standard errors: false alarm 1e-5 over all cells.
    copies = observation(repeat=3000)
    one = np.stack(JSQ()(words(repeat=3000, bits=16), copies).parts)
    assert np.all(one.sum(axis=0) == 1)
    mean = one.reshape(3, 3000, 5).mean(axis=1)
    np.testing.assert_allclose(mean, want, atol=5 * np.sqrt(0.25 / 3000))


def test_sed_weighs_speed() -> None:
    speeds = np.array([[1, 1, 2, 1, 1], [1, 2, 2, 1, 1], [4, 1, 2, 2, 1]], np.float32)
    delays = (QUEUES + 1.0) / speeds
    least = delays == delays.min(axis=0)
    parts = np.stack(SED("packet")(words(), observation(speeds=speeds)).parts)
    np.testing.assert_allclose(parts, least / least.sum(axis=0), atol=1e-6)
    equal = np.stack(SED()(words(3, bits=16), observation()).parts)
    assert np.array_equal(equal, np.stack(JSQ()(words(3, bits=16), observation()).parts))


def test_rules_see_what_they_may() -> None:
    def apply(weights: jnp.ndarray, mu: jnp.ndarray) -> jnp.ndarray:
        return jnp.clip(weights * jnp.arange(6) / 5 + mu, 0.0, 1.0)

    own = Rule(jnp.float32(0.5), apply, 6)(words(), observation())
    assert isinstance(own, OwnState)
    np.testing.assert_allclose(own.table[0], np.minimum(1.0, 0.1 * np.arange(6) + 1.0))
    near = Rule(jnp.float32(0.5), apply, 6, "neighbours")
    seen = observation()
    mu = np.asarray(near.neighbourhood(seen))
    want = np.stack([np.bincount(QUEUES[:, j], minlength=6) / 3 for j in range(5)])
    np.testing.assert_allclose(mu, want, atol=1e-7)
    action = near(words(), seen)
    assert isinstance(action, Offload)
    z = QUEUES[0].astype(int)
    np.testing.assert_allclose(action.chance, np.minimum(1.0, 0.1 * z + want[np.arange(5), z]), atol=1e-6)
    everyone = Rule(jnp.float32(0.0), apply, 6, "all")(words(), seen)
    assert isinstance(everyone, Offload)
    np.testing.assert_allclose(everyone.chance, np.bincount(z, minlength=6)[z] / 5, atol=1e-6)


def test_a_rule_and_its_table_are_the_same_policy() -> None:
    s = system(topology="configuration", nodes=40, delay=2)
    zeta = jnp.linspace(0.0, 1.0, 6)
    rule = Rule(zeta, lambda weights, mu: weights, 6)
    a = simulate(s.kernel, rule, s.params, seed=4, replications=20)
    b = simulate(s.kernel, Table(zeta), s.params, seed=4, replications=20)
    assert a["drops_per_node"].mean == b["drops_per_node"].mean


def test_the_shortest_of_all_queues_is_jsq() -> None:
    # Equal laws in distribution, by shares and by units; 4 standard errors, false alarm 6e-5.
    s = assemble(configuration(40, (2, 3), seed=1), delay=2)
    a = simulate(s.kernel, PowerOfD(9), s.params, seed=1, replications=600)["drops_per_node"]
    b = simulate(s.kernel, JSQ("packet"), s.params, seed=2, replications=600)["drops_per_node"]
    assert abs(a.mean - b.mean) < 4 * np.hypot(a.standard_error, b.standard_error)


@pytest.mark.parametrize("keys", [{"choices": 0}, {"choices": 1.5}, {"reading": "sometimes"}])
def test_bad_choices_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        comparing.power_of_d(system(nodes=8), **keys)
    with pytest.raises(InvalidInput):
        policies.jsq(system(nodes=8), reading="perhaps")
