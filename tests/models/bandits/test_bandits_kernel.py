"""Simulated values against exact ones. Four standard errors: a false alarm in 1 of 16 000 comparisons."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput, UntrustworthyResult
from jaxsim.core.random import key
from jaxsim.core.status import Status
from jaxsim.core.tree import pytree
from jaxsim.engine import rollout, simulate
from jaxsim.models.bandits import policies
from jaxsim.models.bandits.arms import Tables, bernoulli
from jaxsim.models.bandits.policies import chains
from jaxsim.models.bandits.system import custom, system
from jaxsim.models.bandits.theory.arrivals import arrival_index, arrival_value
from jaxsim.models.bandits.theory.arrivals_exact import exact_arrivals
from jaxsim.models.bandits.theory.dynamic import policy_value
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.joint import joint_value

RNG = np.random.default_rng(5)
P, R = RNG.dirichlet(np.ones(5), 5), RNG.random(5)
THREE = {"rewards": R.tolist(), "transitions": P.tolist(), "arms": 3, "start": [0, 2, 4]}


@functools.partial(jax.jit, static_argnames=("kernel", "replications", "horizon"))
def all_paths(kernel, policy, params, replications, horizon):
    def one(number):
        state, means, _ = rollout(kernel, policy, params, key(1).replication(number), steps=horizon)
        return state.status, means

    return jax.vmap(one)(jnp.arange(replications))


def totals(system_, policy, *, replications=4000, horizon=150):
    """Totals of each observable, one per replication, without trouble; equal Specs share a compilation."""
    status, means = all_paths(system_.kernel, policy, system_.params, replications, horizon)
    assert not status.any()
    return {name: horizon * np.asarray(value, float) for name, value in means.items()}


def overflows(system_, policy, *, replications, horizon):
    """Whether each replication left its table or ran out of slots, as its status bits say."""
    status, _ = all_paths(system_.kernel, policy, system_.params, replications, horizon)
    return (np.asarray(status) & Status.BUFFER_OVERFLOW) > 0


def run(system_, policy, *, replications, horizon):
    return simulate(
        system_.kernel, policy, system_.params, replications=replications, horizon=horizon, warmup=0.0
    )


def within(sample, exact, slack=0.0):
    return abs(sample.mean() - exact) <= 4 * sample.std(ddof=1) / np.sqrt(len(sample)) + slack


def exact_three(action):
    return policy_value([(R, P)] * 3, 0.9, action)[0, 2, 4]


def test_index_myopic_and_fixed_rules_have_their_exact_values():
    """Horizon 150: the rest is worth less than .9^150 / .1 = 1.4e-6."""
    bandit = system(**THREE)
    nu = gittins_index(R, P, 0.9)
    assert (
        abs(
            exact_three(np.argmax(np.meshgrid(nu, nu, nu, indexing="ij"), 0))
            - joint_value([(R, P)] * 3, 0.9, [0, 2, 4])
        )
        < 1e-10
    )
    for name, score in (("index", nu), ("myopic", R), ("fixed", np.zeros(5))):
        exact = exact_three(np.argmax(np.meshgrid(score, score, score, indexing="ij"), 0))
        found = totals(bandit, getattr(policies, name)(bandit))["discounted"]
        assert within(found, exact, slack=2e-6), name


@pytest.mark.slow
def test_optimal_policy_is_the_index_rule_path_by_path():
    bandit = system(**THREE)
    best, index = (
        totals(bandit, make(bandit), replications=100) for make in (policies.optimal, policies.index)
    )
    for name, sample in best.items():
        np.testing.assert_allclose(sample, index[name], rtol=1e-6)


def test_many_arms_are_kept_in_padded_rows():
    """More than 32 arms: the words are filled up with zeros, which are never served."""
    bandit = system(rewards=R.tolist(), transitions=P.tolist(), arms=40, pipes=1, start=2)
    assert bandit.kernel.spec.width == 64
    exact = joint_value([(R, P)] * 40, 0.9, [2] * 40)
    found = totals(bandit, policies.index(bandit))
    assert within(found["discounted"], exact, slack=2e-6)
    assert found["plays"].mean() == 150


@pytest.mark.slow
def test_random_choice_has_its_exact_value():
    two = system(**{**THREE, "arms": 2, "start": [0, 2]})
    eye = np.eye(5)
    move = (np.kron(P, eye) + np.kron(eye, P)) / 2
    reward = (R[:, None] + R[None, :]).ravel() / 2
    exact = np.linalg.solve(np.eye(25) - 0.9 * move, reward)[2]
    assert within(totals(two, policies.random(two))["discounted"], exact, slack=2e-6)


@pytree
class Plain:
    """The same priorities as a policy that the kernel does not know: no ranks are made of it."""

    inner: policies.Priority

    def __call__(self, coin, seen):
        return self.inner(coin, seen)


@pytest.mark.parametrize(
    ("pipes", "may_idle"), [(1, True), pytest.param([2, 1, 3], False, marks=pytest.mark.slow)]
)
def test_ranks_and_scores_serve_the_same_arms(pipes, may_idle):
    """Ties included: rewards of three values, so that arms in different states often tie."""
    bandit = system(
        rewards=[1, 0, 1, 0.5, -1], transitions=P.tolist(), arms=4, pipes=pipes, may_idle=may_idle
    )
    fast = policies.myopic(bandit)
    a, b = (totals(bandit, p, replications=50, horizon=40) for p in (fast, Plain(fast)))
    for name, sample in a.items():
        np.testing.assert_allclose(sample, b[name], rtol=1e-5, err_msg=name)
    if not may_idle:
        assert a["plays"].mean() == pytest.approx(np.resize(pipes, 40).sum())
    else:
        assert a["plays"].mean() < np.resize(pipes, 40).sum()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sequences", "pipes", "horizon", "by_index", "best"),
    [
        (((0, 4, 0, 0), (0, 4, 0, 0), (0, 0, 7, 0)), 1, 4, 7, 8),
        (((1, 0), (1, 0), (1, 1)), 2, 2, 3, 4),
    ],
)
def test_counter_examples_of_the_thesis_in_simulation(sequences, pipes, horizon, by_index, best):
    """Sections 6.2.2 and 6.2.3 (the first of two), ties to the lowest arm."""
    bandit = system(kind="deterministic", rewards=sequences, pipes=pipes, discount=1, may_idle=True)
    for policy, total in (
        (policies.index(bandit), by_index),
        (policies.optimal(bandit, deadline=horizon), best),
    ):
        np.testing.assert_allclose(totals(bandit, policy, replications=2, horizon=horizon)["reward"], total)


def test_bernoulli_arms_learn():
    """Two uniform priors, discount .5: the index rule's value is Whittle's integral over belief chains."""
    bandit = system(kind="bernoulli", arms=2, discount=0.5, depth=14, successes=[1.0, 1.5])
    rewards, move = chains(bandit.kernel.spec, bandit.params)
    exact = joint_value(list(zip(rewards, move, strict=True)), 0.5, [0, 0])
    found = totals(bandit, policies.index(bandit), horizon=14)["discounted"]
    assert within(found, exact, slack=2 * 0.5**14)
    known = system(kind="bernoulli", arms=2, discount=0.5, depth=14, truth=[0.2, 0.9])
    found = totals(known, policies.fixed(known), horizon=14)["discounted"]
    assert within(found, 0.2 * 2, slack=0.5**13)


def test_leaving_the_table_sets_a_bit():
    bandit = system(kind="bernoulli", arms=1, depth=5)
    assert overflows(bandit, policies.fixed(bandit), horizon=6, replications=2).all()


@pytest.mark.slow
def test_leaving_the_table_is_reported():
    bandit = system(kind="bernoulli", arms=1, depth=5)
    assert run(bandit, policies.index(bandit), horizon=5, replications=2).status == {}
    with pytest.raises(UntrustworthyResult, match="BUFFER_OVERFLOW in 2"):
        run(bandit, policies.index(bandit), horizon=6, replications=2)


REWARDS, BETA = (0, 0.5, 1, 0), 0.7
MOVES = ((0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0.7, 0.3), (0, 0, 0, 1))


def test_arrivals_are_served_by_their_index():
    """The order with arrivals is optimal and the classical one is not, both at their exact values."""
    keys = {"rewards": REWARDS, "transitions": MOVES, "discount": BETA, "start": [0, 1], "arms": 40}
    bandit = system(**keys, arrival_probability=0.5, arrival_state=2)
    found = arrival_index(REWARDS, MOVES, BETA, [0.5], [[0, 0, 1, 0]])
    exact = arrival_value(found, BETA, [0, 1, 3])
    by_index = totals(bandit, policies.index(bandit), horizon=40)["discounted"]
    assert within(by_index, exact, slack=BETA**40 / 0.3)
    order = np.argsort(-gittins_index(REWARDS, MOVES, BETA)).tolist()
    other = exact_arrivals(REWARDS, MOVES, BETA, [0.5], [[0, 0, 1, 0]], start=[0, 1], most=12, priority=order)
    classical = totals(bandit, policies.classical(bandit), horizon=40)["discounted"]
    assert within(classical, other.lower[0], slack=1e-4)


@pytest.mark.slow
def test_arrivals_that_find_no_slot_are_reported():
    keys = {"rewards": REWARDS, "transitions": MOVES, "discount": BETA, "start": [0, 1]}
    full = system(**keys, arms=3, arrival_probability=0.5, arrival_state=2)
    with pytest.raises(UntrustworthyResult, match="BUFFER_OVERFLOW"):
        run(full, policies.index(full), horizon=40, replications=20)


def test_arrivals_that_find_no_slot_set_a_bit():
    # Two slots are taken for good by arms that never finish, and one comes in each step
    keys = {"rewards": (1, 0), "transitions": ((1, 0), (0, 1)), "start": [0, 0]}
    full = system(**keys, arms=2, arrival_probability=1, arrival_state=0)
    assert overflows(full, policies.fixed(full), horizon=1, replications=1).all()


def test_user_supplied_tables():
    # A coin: win 2 with chance .25, lose 1 else; one arm, so the value is (.5 - .75) / (1 - .5)
    coin = Tables(np.array([[[0.25, 0.75]]]), np.array([[[2.0, -1.0]]]), np.zeros((1, 1, 2), int), False)
    bandit = custom(coin, arms=1, discount=0.5)
    found = totals(bandit, policies.index(bandit), horizon=30)["discounted"]
    assert within(found, -0.5, slack=1e-8)
    with pytest.raises(InvalidInput, match="following"):
        custom(coin._replace(following=np.full((1, 1, 2), 7)), arms=1)


def test_belief_tables_follow_bayes():
    tables = bernoulli(2.0, 1.0, 3, None)
    # After one success and one failure the belief is Beta(3, 2): state 0 -> success 1 -> failure 4
    assert tables.following[0, 0, 0] == 1
    state = tables.following[0, 1, 1]
    assert state == 4
    np.testing.assert_allclose(tables.chances[0, state], (3 / 5, 2 / 5))


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"kind": "levy"}, "kind"), ({"discount": 1.2}, "discount"), ({"pipes": 0}, "pipes"),
        ({"pipes": [1, 9]}, "pipes"), ({"start": [0, 1]}, "start"), ({"start": 3}, "start"),
        ({"rewards": [1, 2]}, "transitions"), ({"arrival_probability": 0.5}, "transitions"),
        ({"kind": "deterministic", "rewards": [1, 2]}, "rewards"),
        ({"kind": "bernoulli", "successes": [1.0, 2.0]}, "arms"), ({"may_idle": 3}, "may_idle"),
    ],
)  # fmt: skip
def test_bad_keys_are_refused(keys, field):
    with pytest.raises(InvalidInput, match=field):
        system(**keys)


def test_the_optimal_policy_says_what_it_needs():
    bandit = system(pipes=2)
    with pytest.raises(InvalidInput, match="deadline"):
        policies.optimal(bandit)
    with pytest.raises(InvalidInput, match="deadline"):
        policies.optimal(system(), deadline=5)
