from __future__ import annotations

import itertools

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.whittle import whittle_index


def advantage_of_rest(r0, p0, r1, p1, beta, subsidies):
    """Exact advantage of passivity at each subsidy, from the values of all 2^n policies."""
    n, values = len(r0), []
    for rests in itertools.product((False, True), repeat=n):
        rests = np.array(rests)
        inverse = np.linalg.inv(np.eye(n) - beta * np.where(rests[:, None], p0, p1))
        values.append((inverse @ np.where(rests, r0, r1), inverse @ rests.astype(float)))
    best = np.max([a[None] + subsidies[:, None] * b[None] for a, b in values], axis=0)
    return r0 - r1 + subsidies[:, None] + beta * best @ (p0 - p1).T


def draw(rng, count, n):
    sparse = np.full(n, 0.3)
    return (
        rng.random((count, n)), rng.dirichlet(sparse, (count, n)),
        rng.random((count, n)), rng.dirichlet(sparse, (count, n)),
    )  # fmt: skip


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_frozen_passive_arms_give_the_gittins_index(beta):
    rng = np.random.default_rng(21)
    r, p = rng.normal(size=5), rng.dirichlet(np.ones(5), 5)
    found = whittle_index(np.zeros(5), np.eye(5), r, p, beta)
    assert bool(found.indexable)
    np.testing.assert_allclose(found.indices, gittins_index(r, p, beta), atol=1e-11)


def test_indices_and_indexability_against_all_policies():
    rng = np.random.default_rng(22)
    arms = draw(rng, 2000, 3)
    found = whittle_index(*arms, 0.9)
    failing = np.flatnonzero(~found.indexable)
    assert 5 < len(failing) < 100  # rare, and some exist
    subsidies = np.linspace(-12, 12, 2401)
    for i in [*range(40), *failing[:10]]:
        rests = advantage_of_rest(*(a[i] for a in arms), 0.9, subsidies) > 0
        grows = not np.any(rests[:-1] & ~rests[1:])
        assert grows == bool(found.indexable[i])
        if grows:
            np.testing.assert_allclose(subsidies[rests.argmax(0)], found.indices[i], atol=0.0101)
        else:
            assert np.any(np.isnan(found.indices[i]))


def test_average_reward_is_the_limit():
    rng = np.random.default_rng(23)
    r0, r1 = rng.random((2, 4))
    p0, p1 = rng.dirichlet(np.ones(4), (2, 4))
    limit = whittle_index(r0, p0, r1, p1, 1)
    near = whittle_index(r0, p0, r1, p1, 1 - 1e-6)
    np.testing.assert_allclose(limit.indices, near.indices, atol=1e-4)


def test_without_a_future_the_index_is_the_difference_of_rewards():
    found = whittle_index((1, 2), ((1, 0), (0, 1)), (4, 1), ((0, 1), (1, 0)), 0)
    np.testing.assert_allclose(found.indices, (3, -1))


def test_different_states_are_refused():
    with pytest.raises(InvalidInput, match="passive_rewards"):
        whittle_index((1, 2, 3), np.eye(3), (4, 1), np.eye(2), 0.9)
