from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.deadline import optimal_with_deadline, sequence_arm
from jaxsim.models.bandits.theory.dynamic import optimal_joint, policy_value
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.joint import joint_value


def random_arms(rng, sizes):
    return [(rng.normal(size=n), rng.dirichlet(np.ones(n), n)) for n in sizes]


def index_actions(arms, beta):
    grids = np.meshgrid(*[gittins_index(r, p, beta) for r, p in arms], indexing="ij")
    return np.argmax(np.stack(grids), axis=0)


@pytest.mark.parametrize("beta", [0.3, 0.9])
def test_index_rule_equals_the_joint_optimum(beta):
    """Theorem 6.3.1 on random systems: the index rule's exact value is the optimal one, in every state."""
    rng = np.random.default_rng(11)
    for _ in range(10):
        arms = random_arms(rng, (4, 3, 5))
        optimum = optimal_joint(arms, beta)
        by_index = policy_value(arms, beta, index_actions(arms, beta))
        np.testing.assert_allclose(by_index, optimum.value, atol=1e-10)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.95])
def test_whittles_integral_equals_the_dynamic_program(beta):
    rng = np.random.default_rng(12)
    for _ in range(5):
        arms = random_arms(rng, (4, 3, 4))
        optimum = optimal_joint(arms, beta).value
        for start in ((0, 0, 0), (3, 1, 2)):
            assert abs(joint_value(arms, beta, start) - optimum[start]) < 1e-10


def test_many_arms_need_no_product_space():
    # 30 copies of the cycle 0 -> 1 -> 0 earning (1, 0): first the 30 fresh arms are played once each
    beta, arms = 0.9, [((1.0, 0.0), ((0, 1), (1, 0)))] * 30
    # after the 30 fresh plays every arm is in state 1 with value of one arm played alone: b / (1 - b^2)
    expected = (1 - beta**30) / (1 - beta) + beta**30 * beta / (1 - beta**2)
    assert abs(joint_value(arms, beta, [0] * 30) - expected) < 1e-12


def test_identical_arms_with_a_tie_and_a_single_arm():
    arm = ((0, 0, 9), ((0, 1, 0), (0, 0, 1), (1, 0, 0)))
    alone = 9 * 0.9**2 / (1 - 0.9**3)
    assert abs(joint_value([arm], 0.9, [0]) - alone) < 1e-12
    both = optimal_joint([arm, arm], 0.9)
    assert abs(joint_value([arm, arm], 0.9, [0, 2]) - both.value[0, 2]) < 1e-11


def brute_force_deadline(sequences, pipes, horizon):
    import itertools

    def best(levels, t):
        if t == horizon:
            return 0.0
        options = []
        for k in range(pipes[t] + 1):
            for chosen in itertools.combinations(range(len(sequences)), k):
                gain = sum(sequences[i][levels[i]] if levels[i] < len(sequences[i]) else 0 for i in chosen)
                after = tuple(min(level + (i in chosen), len(sequences[i])) for i, level in enumerate(levels))
                options.append(gain + best(after, t + 1))
        return max(options)

    return best((0,) * len(sequences), 0)


def test_deadline_program_equals_enumeration():
    rng = np.random.default_rng(13)
    for pipes in ([1, 1, 1, 1], [2, 2, 2, 2], [2, 0, 1, 2]):
        sequences = [rng.normal(size=3) for _ in range(3)]
        value, _, _ = optimal_with_deadline([sequence_arm(z) for z in sequences], pipes, 4)
        assert abs(value[0, 0, 0] - brute_force_deadline(sequences, pipes, 4)) < 1e-12


def test_bad_input_is_refused():
    arm = ((0, 1), ((0, 1), (1, 0)))
    with pytest.raises(InvalidInput, match="start"):
        joint_value([arm], 0.9, [2])
    with pytest.raises(InvalidInput, match="start"):
        joint_value([arm], 0.9, [0, 0])
    with pytest.raises(InvalidInput, match="discount"):
        joint_value([arm], 1.0, [0])
    with pytest.raises(InvalidInput, match="arms"):
        optimal_joint([(np.zeros(200), np.eye(200))] * 3, 0.9)
    with pytest.raises(InvalidInput, match="pipes"):
        optimal_with_deadline([arm], [1, 2], 3)
