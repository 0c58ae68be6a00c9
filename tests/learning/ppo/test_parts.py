"""The parts of proximal policy optimization against what they are defined by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.learning.ppo.estimators import advantages
from jaxsim.learning.ppo.losses import adapted, policy_loss, value_loss
from jaxsim.learning.ppo.networks import Law, squashed
from jaxsim.learning.ppo.settings import settings
from jaxsim.learning.sac.codes import count, number
from jaxsim.learning.saved import Decide, load_policy, save_policy

rng = np.random.default_rng(0)


def by_definition(r, v, w, terminated, truncated, gamma, lam):
    """Sum the discounted one-step errors of each episode, step by step."""
    out = np.zeros_like(r)
    for t in range(len(r)):
        weight = 1.0
        for s in range(t, len(r)):
            alive = 0.0 if terminated[s] else 1.0
            out[t] += weight * (r[s] + gamma * alive * w[s] - v[s])
            if terminated[s] or truncated[s]:
                break
            weight *= gamma * lam
    return out


@pytest.mark.parametrize("lam", [0.0, 0.7, 1.0])
def test_advantages_are_the_sums_they_are_defined_as(lam):
    r, v, w = (rng.normal(size=12).astype(np.float32) for _ in range(3))
    terminated, truncated = np.zeros(12, bool), np.zeros(12, bool)
    terminated[4], truncated[8] = True, True
    found = advantages(
        *map(jnp.asarray, (r, v, w)), jnp.asarray(terminated), jnp.asarray(truncated), 0.9, lam
    )
    expected = by_definition(r, v, w, terminated, truncated, 0.9, lam)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


def test_with_lambda_one_advantages_are_returns_minus_values():
    r, v = (rng.normal(size=6).astype(np.float32) for _ in range(2))
    end = jnp.arange(6) == 5
    after = jnp.asarray(np.append(v[1:], 0), jnp.float32)
    found = advantages(jnp.asarray(r), jnp.asarray(v), after, end, ~end & False, 0.95, 1.0)
    returns = [sum(0.95 ** (s - t) * r[s] for s in range(t, 6)) for t in range(6)]
    np.testing.assert_allclose(found, np.asarray(returns) - v, rtol=1e-4, atol=1e-5)


def test_the_surrogate_has_the_policy_gradient_at_the_old_policy_and_none_when_clipped():
    gain = jnp.asarray(rng.normal(size=50), jnp.float32)
    slope = jax.grad(lambda x: policy_loss(x, gain, 0.2))(jnp.zeros(50))
    np.testing.assert_allclose(slope, -gain / 50, rtol=1e-5)
    far = jnp.where(gain > 0, 1.0, -1.0)  # better than before by more than the clip: nothing more to gain
    np.testing.assert_array_equal(jax.grad(lambda x: policy_loss(x, gain, 0.2))(far), 0.0)


def test_the_value_loss_is_the_worse_of_two():
    value, old, target = jnp.asarray([0.0, 5.0]), jnp.asarray([0.0, 0.0]), jnp.asarray([1.0, 5.0])
    # Second: within the clip of 1 it could only have gone to 1, an error of 4.
    np.testing.assert_allclose(value_loss(value, old, target, 1.0), 0.5 * (1.0 + 16.0) / 2)


def test_the_coefficient_follows_the_divergence():
    for seen, factor in ((0.03, 1.5), (0.004, 0.5), (0.01, 1.0)):
        np.testing.assert_allclose(adapted(jnp.float32(0.2), jnp.float32(seen), 0.01), 0.2 * factor)


@pytest.mark.parametrize("deviation", [None, (-0.3, 0.2)])
def test_laws_are_what_they_sample(deviation):
    """KL and entropy are means of differences of log densities: 200000 samples, 5 standard errors."""
    width = jnp.asarray(deviation) if deviation else None
    law = Law(jnp.asarray([0.3, -0.2]), width)
    other = Law(jnp.asarray([-0.1, 0.5]), None if width is None else width + 0.1)
    u = jax.vmap(law.sample)(jax.random.split(jax.random.key(1), 200_000))
    logs, others = jax.vmap(law.log_density)(u), jax.vmap(other.log_density)(u)
    for exact, sample in ((law.divergence(other), logs - others), (law.entropy(), -logs)):
        error = float(jnp.std(sample)) / np.sqrt(len(sample))
        assert abs(float(jnp.mean(sample)) - float(exact)) < 5 * error


def test_the_squash_reaches_both_ends():
    np.testing.assert_allclose(squashed(jnp.asarray([-3.0, 0.0, 1.0, 2.5])), [0.0, 0.5, 0.75, 1.0])
    assert squashed(jnp.asarray([2, 0])).dtype == jnp.int32  # choices stay


def test_settings_refuse_what_they_do_not_know():
    for changes, match in (({"learning_rat": 1}, "training = learning_rat"), ({"discount": 2.0}, "discount"),
                           ({"batch": 0}, "batch"), ({"clip": -1.0}, "clip")):  # fmt: skip
        with pytest.raises(InvalidInput, match=match):
            settings("fast", **changes)
    sizes, rates = settings("paper")  # table 2
    assert sizes.widths == (256, 256) and sizes.batch == 4000 and sizes.updates == 50
    paper = (rates.discount, rates.lam, rates.divergence, rates.divergence_target, rates.clip)
    np.testing.assert_allclose(paper, (0.99, 1.0, 0.2, 0.01, 0.3))
    np.testing.assert_allclose(rates.learning_rate, 5e-5)


def test_neighbourhoods_have_numbers_of_their_own():
    ring = np.stack([(np.arange(5) - 1) % 5, (np.arange(5) + 1) % 5], axis=1)
    states = np.array(np.meshgrid(*[range(3)] * 3, indexing="ij")).reshape(3, -1).T
    found = {int(number(jnp.asarray([s[0], s[2], 0, 0, s[1]]), ring, 3)[0]) for s in states}
    assert found == set(range(count(ring, 3)))
    tail = np.array([[1, 3], [0, 2], [1, 3]])  # a path: 3 stands for no neighbour
    assert int(number(jnp.asarray([2, 1, 0]), tail, 3).max()) < count(tail, 3) == 4**3


def test_saved_policies_come_back_and_damage_is_noticed(tmp_path):
    from jaxsim.learning.ppo.networks import Network

    decide = Decide((4,), 2)
    rows = jnp.asarray(rng.normal(size=(3, 5)), jnp.float32)
    weights = Network((4,), 2).init(jax.random.key(0), rows)
    file = tmp_path / "policy.npz"
    save_policy(file, decide, weights, {"family": "balancing", "view": "mf-r", "features": 5})
    back = load_policy(file)
    np.testing.assert_array_equal(back.decide(back.weights, rows), decide(weights, rows))
    assert back.notes["view"] == "mf-r"
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 1
    file.write_bytes(whole)
    with pytest.raises(InvalidInput, match="damaged"):
        load_policy(file)
    with pytest.raises(InvalidInput, match="does not exist"):
        load_policy(tmp_path / "none.npz")
