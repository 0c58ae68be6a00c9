"""Privacy, dimensions of messages against the theorems of chapters 2 to 5, and matching by prices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from jaxsim.core.validation import InvalidInput
from jaxsim.models.mechanisms import dimensions as classes
from jaxsim.models.mechanisms import framework, matching


def test_ranks_agree_with_every_theorem():
    for row in classes.table(divisions=5, kinds=2, contingencies=3):
        assert row.size == row.theorem, row.case
        assert row.message == row.theorem, row.case
        assert row.unique, row.case
        # only the joint cost needs a number more than its bound: nobody can verify k_1 + k_2 alone
        exact = "non-separable" not in row.case and "level set" not in row.case
        assert row.announced == row.theorem if exact else row.announced >= row.theorem


@pytest.mark.parametrize("family", [classes.separable(3, 2), classes.joint_cost(), classes.forecast(3)])
def test_participants_see_their_own_environment_only(family):
    with jax.enable_x64(True):
        environments = family.environments(jnp.asarray(family.theta))
        message = jnp.asarray(family.message)
        clean = family.mechanism.residuals(message, environments)
        assert family.mechanism.agreed(message, environments)
        for j in range(len(environments)):
            poisoned = [e if i == j else jnp.full_like(e, jnp.nan) for i, e in enumerate(environments)]
            np.testing.assert_array_equal(family.mechanism.residuals(message, poisoned)[j], clean[j])
        assert not family.mechanism.agreed(message * 1.01, environments)


def test_a_class_without_the_uniqueness_property_is_found_out():
    # two numbers told to one participant, whose goal needs only their sum: theta -> (theta_1, theta_2), h = m
    alone = framework.Mechanism((lambda m, e: m[0] - e[0] - e[1], lambda m, e: m[0] - e), lambda m: m)
    family = framework.TestClass(alone, lambda t: (t, t[0] + t[1]), np.array([1.0, 2.0]), np.array([3.0]))
    found = framework.dimensions(family)
    assert found.size == 2 and found.message == 1 and found.crossing == 1 and not found.unique


def test_crossing_on_pairs_can_fail():
    rng = np.random.default_rng(0)
    assert classes.ordering_is_unique(7, rng) and classes.matching_is_unique(3, rng)
    # distinct numbers can all move a little without a change of order
    first, second = np.array([1.0, 2, 3, 4]), np.array([1.1, 2.1, 3.1, 4.1])
    assert not framework.uniqueness_holds(first, second, lambda e: bool(np.all(np.diff(e) >= 0)))


@pytest.mark.parametrize(("people", "frames"), [(7, 4), (4, 4), (3, 6)])
def test_matching_agrees_with_the_hungarian_method_and_the_dual_program(people, frames):
    rng = np.random.default_rng(people)
    for number in range(4):
        v = rng.normal(size=(people, frames)) + 1
        v = np.round(4 * v) / 4 if number == 0 else v  # ties
        found = matching.match_users(v)
        rows, columns = linear_sum_assignment(-np.maximum(v, 0))
        np.testing.assert_allclose(found.value, np.maximum(v, 0)[rows, columns].sum(), atol=1e-12)
        # (5.2), (5.3) by hand
        lam, s = np.asarray(found.rents), np.asarray(found.frames)
        gain = np.where(s >= 0, (v - lam)[np.arange(people), s], 0)
        assert np.all(lam >= 0) and np.all(gain >= np.maximum((v - lam).max(axis=1), 0) - 1e-9)
        assert np.all(lam[np.setdiff1d(np.arange(frames), s)] == 0)
        if number < 2:
            value, rents, gains = matching.matching_program(v)
            np.testing.assert_allclose(value, found.value, atol=1e-9)
            np.testing.assert_allclose(rents.sum() + gains.sum(), value, atol=1e-9)
            assert np.all(lam <= rents + 1e-9)  # ours are the smallest supporting rents


def test_auction_is_within_its_increments_of_the_optimum():
    v = np.random.default_rng(3).random((9, 5))
    rows, columns = linear_sum_assignment(-v)
    with jax.enable_x64(True):
        frames, _, bids = jax.jit(matching.auction)(jnp.asarray(v), jnp.asarray(0.02))
    kept = np.asarray(frames) >= 0
    value = v[np.arange(9)[kept], np.asarray(frames)[kept]].sum()
    assert v[rows, columns].sum() - 5 * 0.02 <= value <= v[rows, columns].sum() + 1e-12
    assert int(bids) >= 9


def test_the_first_frame_cannot_be_assigned_sequentially():
    np.testing.assert_allclose(matching.first_frame_losses(3, 0.7), [0, 0.7, 0.7], atol=1e-12)


def test_bad_matching_input():
    with pytest.raises(InvalidInput, match="values"):
        matching.match_users([1.0, 2.0])
