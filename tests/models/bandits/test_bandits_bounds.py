from __future__ import annotations

import itertools

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.auction import (
    Auction,
    accepts,
    message_dimension,
    order_numbers,
    sequential_auction,
)
from jaxsim.models.bandits.theory.bounds import deadline_bound, index_rule_with_deadline, markov_bound
from jaxsim.models.bandits.theory.deadline import index_rule_value, optimal_with_deadline, sequence_arm
from jaxsim.models.bandits.theory.deterministic import deterministic_index
from jaxsim.models.bandits.theory.gittins import gittins_index


def test_the_counter_example_with_a_deadline():
    """Section 6.2.2: T = 4, Z1 = Z2 = (0, 4, 0, 0), Z3 = (0, 0, 7, 0): the index rule earns 7, the best 8."""
    report = index_rule_with_deadline([(0, 4, 0, 0), (0, 4, 0, 0), (0, 0, 7, 0)], 1, 4)
    assert (report.index_rule, report.optimum) == (7, 8)
    assert report.assignment[:3] == ((2,), (2,), (2,))
    assert report.regret <= report.bound == 21  # W = 7 at the last packet, D = 3


def test_the_counter_examples_with_two_pipes():
    """Section 6.2.3: equal indices with a bad tie-break, and falling rewards that need user 3."""
    tied = index_rule_with_deadline([(1, 0), (1, 0), (1, 1)], 2, 2)
    assert [deterministic_index(z, 1).indices[0] for z in ((1, 0), (1, 1))] == [1, 1]
    assert tied.assignment[0] == (0, 1)
    assert (tied.index_rule, tied.optimum) == (3, 4)
    # The other way to break the tie is optimal
    assert index_rule_with_deadline([(1, 1), (1, 0), (1, 0)], 2, 2).regret == 0
    falling = index_rule_with_deadline([(2, 0), (2, 0), (1, 1)], 2, 2)
    assert (falling.index_rule, falling.optimum) == (5, 6)


@pytest.mark.parametrize("pipes", [1, 2, (2, 1, 2, 1), (1, 3, 0, 2)])
def test_bounds_hold_on_random_instances(pipes):
    rng = np.random.default_rng(31)
    used = 0
    for _ in range(40):
        sequences = [rng.exponential(size=3) * rng.integers(0, 2, 3) for _ in range(4)]
        report = index_rule_with_deadline(sequences, pipes, 4)
        assert -1e-12 <= report.regret <= report.bound + 1e-12
        if isinstance(pipes, int) and len(report.assignment[-1]) == pipes:
            assert report.regret <= report.unfinished + 1e-12  # (6.10): no pipe idle at the deadline
        used += report.regret > 1e-9
    assert used > 3  # the index rule does lose on some of them


@pytest.mark.slow
@pytest.mark.parametrize("pipes", [1, 2, 3, (2, 1, 2, 1, 2), (3, 1, 0, 2, 1)])
def test_bounds_hold_on_thousands_of_random_instances(pipes):
    rng = np.random.default_rng(32)
    # Few combinations of lengths: the program compiles for each
    lengths = itertools.cycle([(3, 3, 3, 3), (1, 2, 3, 3), (2, 2, 2, 2), (3, 1, 1, 2), (1, 1, 1, 1)])
    for _, sizes in zip(range(1000), lengths, strict=False):
        sequences = [rng.normal(0.5, 1, size) for size in sizes]
        report = index_rule_with_deadline(sequences, pipes, 5)
        assert -1e-12 <= report.regret <= report.bound + 1e-12


def test_markov_bounds():
    # A deterministic sequence as a Markov arm has the bound of the sequence; a cycle is never finished
    z = (0, 0, 7)
    assert markov_bound([sequence_arm(z)], 1) == deadline_bound([z], 1) == 7 * 3
    assert markov_bound([sequence_arm(z)] * 2, 2) == deadline_bound([z] * 2, 2) == 42
    cycle = ((0, 0, 9), ((0, 1, 0), (0, 0, 1), (1, 0, 0)))
    assert markov_bound([cycle], 2) == np.inf
    # Users who earn 1 or 2 and finish with chance .5 or .8 per packet: W = 2, D = 2 packets on average
    leaving = [((1, 0), ((0.5, 0.5), (0, 1))), ((2, 0), ((0.2, 0.8), (0, 1)))]
    assert markov_bound(leaving, 2) == pytest.approx(2 * 2 * 2)
    assert markov_bound([leaving[0], ((2, 0), np.eye(2))], 2) == np.inf
    assert markov_bound([cycle], 1) == 9 * 3


def by_hand(arms, pipes):
    """Expected total reward of the index rule (discount 1) from (0, 0, ...), path by path."""
    indices = [gittins_index(r, p, 1) for r, p in arms]

    def value(states, t):
        if t == len(pipes):
            return 0.0
        order = sorted(range(len(arms)), key=lambda n: -indices[n][states[n]])
        served = [n for n in order if indices[n][states[n]] > 0][: pipes[t]]
        total = sum(arms[n][0][states[n]] for n in served)
        for after in itertools.product(*(range(len(arms[n][0])) for n in served)):
            chance = np.prod([arms[n][1][states[n], s] for n, s in zip(served, after, strict=True)])
            moved = list(states)
            for n, s in zip(served, after, strict=True):
                moved[n] = s
            total += chance * value(tuple(moved), t + 1)
        return total

    return value((0,) * len(arms), 0)


@pytest.mark.parametrize("pipes", [(1, 1, 1), (2, 0, 2)])
def test_the_stochastic_bound_holds_against_the_dynamic_program(pipes):
    """Two users of two live states that finish with chance .3 at least, and what the index rule earns."""
    rng = np.random.default_rng(33)
    for _ in range(4):
        arms = []
        for _ in range(2):
            move = np.vstack([np.hstack([0.7 * rng.dirichlet(np.ones(2), 2), [[0.3], [0.3]]]), [0, 0, 1]])
            arms.append((np.append(rng.normal(size=2), 0), move))
        optimum, by_index = optimal_with_deadline(arms, pipes, 3)[0], index_rule_value(arms, pipes, 3)
        assert by_index[0, 0] == pytest.approx(by_hand(arms, pipes), abs=1e-12)
        assert np.all(by_index <= optimum + 1e-12)
        assert np.all(optimum <= by_index + markov_bound(arms, pipes) + 1e-12)


def all_assignments(sequences):
    labels = [u for u, z in enumerate(sequences) for _ in z]
    return sorted(set(itertools.permutations(labels)))


def reward_of(sequences, slots, beta):
    load, total = [0] * len(sequences), 0.0
    for t, u in enumerate(slots):
        total += beta**t * sequences[u][load[u]]
        load[u] += 1
    return total


def announced(sequences, slots, beta):
    load, bids = [0] * len(sequences), []
    for u in slots:
        bids.append(deterministic_index(sequences[u], beta).envelope[load[u]])
        load[u] += 1
    return Auction(np.array(slots), np.array(bids[1::2]))


@pytest.mark.parametrize("values", ["real", "tied"])
def test_the_corrected_auction_accepts_exactly_the_optimal_orders(values):
    rng, beta = np.random.default_rng(34), 0.75
    wrongly_accepted_as_printed = 0
    for _ in range(6):
        draw = rng.random if values == "real" else lambda k: rng.integers(0, 3, k).astype(float)
        sequences = [draw(2), draw(2), draw(1)]
        orders = all_assignments(sequences)
        rewards = np.array([reward_of(sequences, o, beta) for o in orders])
        optimal = rewards > rewards.max() - 1e-12
        messages = [announced(sequences, o, beta) for o in orders]
        agreed = np.array([all(accepts(sequences, beta, m)) for m in messages])
        printed = np.array([all(accepts(sequences, beta, m, as_printed=True)) for m in messages])
        np.testing.assert_array_equal(agreed, optimal)
        wrongly_accepted_as_printed += int(np.sum(printed & ~optimal))
        chosen = sequential_auction(sequences, beta)
        assert all(accepts(sequences, beta, chosen))
    assert wrongly_accepted_as_printed > 0


def test_the_printed_mechanism_accepts_a_wrong_order():
    message = Auction(np.array([0, 1, 2]), np.array([1.0]))
    assert all(accepts([[2], [1], [3]], 0.9, message, as_printed=True))
    assert accepts([[2], [1], [3]], 0.9, message) == [True, True, False]


def test_ordering_numbers_with_half_as_many():
    order, told = order_numbers((3, 9, 1, 7, 5))
    assert order.tolist() == [1, 3, 4, 0, 2]
    assert told.tolist() == [7, 3]
    assert [message_dimension(n) for n in (1, 2, 3, 4, 5)] == [0, 1, 1, 2, 2]


def test_bad_messages_are_refused():
    with pytest.raises(InvalidInput, match="assignment"):
        accepts([[2], [1]], 0.9, Auction(np.array([0, 0]), np.array([1.0])))
    with pytest.raises(InvalidInput, match="winning_bids"):
        accepts([[2], [1]], 0.9, Auction(np.array([0, 1]), np.array([1.0, 2.0])))
    with pytest.raises(InvalidInput, match="sequences"):
        sequential_auction([[-1.0]], 0.9)
