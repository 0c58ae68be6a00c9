import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from jaxsim.core import random, samplers
from jaxsim.core.random import Stream
from jaxsim.core.validation import InvalidInput

U = jnp.uint32


def test_threefry_known_answers():
    # Published with the reference code of Salmon et al. (2011): kat_vectors, threefry2x32, 20 rounds.
    ones = U(0xFFFFFFFF)
    assert [hex(x) for x in random.threefry(U(0), U(0), U(0), U(0))] == ["0x6b200159", "0x99ba4efe"]
    assert [hex(x) for x in random.threefry(ones, ones, ones, ones)] == ["0x1cb996fc", "0xbb002be7"]


def test_threefry_agrees_with_jax():
    k = np.random.default_rng(0).integers(0, 2**32, 2, dtype=np.uint32)
    x = np.random.default_rng(1).integers(0, 2**32, 1000, dtype=np.uint32)
    ours = np.concatenate(random.threefry(U(k[0]), U(k[1]), jnp.asarray(x[:500]), jnp.asarray(x[500:])))
    np.testing.assert_array_equal(ours, threefry_2x32(jnp.asarray(k), jnp.asarray(x)))


def test_words_do_not_depend_on_how_they_are_asked_for():
    root = random.key(7)
    one_by_one = [root.replication(r).at(5).words(Stream.ROUTING, 6) for r in range(4)]
    together = jax.vmap(lambda r: root.replication(r).at(5).words(Stream.ROUTING, 6))(jnp.arange(4))
    np.testing.assert_array_equal(np.stack(one_by_one), together)
    stepped = root.replication(2)
    for _ in range(5):
        stepped = stepped.after(1)
    np.testing.assert_array_equal(stepped.words(Stream.ROUTING, 6), one_by_one[2])


def test_seeds_replications_streams_and_steps_differ():
    words = {
        tuple(np.asarray(random.key(s).replication(r).at(t).words(stream, 2)))
        for s in (0, 1, 2**33)
        for r in (0, 1)
        for t in (0, 1)
        for stream in (Stream.ARRIVALS, Stream.SERVICES)
    }
    assert len(words) == 3 * 2 * 2 * 2


def test_antithetic_words_are_reflected_in_pairs_and_the_first_are_the_usual_ones():
    root, plain = random.key(7, antithetic=True), random.key(7)
    for number in (0, 1, 6, 7):
        usual = plain.replication(number // 2).at(3).words(Stream.ROUTING, 5)
        found = root.replication(number).at(3).words(Stream.ROUTING, 5)
        np.testing.assert_array_equal(found, ~usual if number % 2 else usual)
    batch = jax.vmap(lambda r: root.replication(r).words(Stream.ROUTING, 4))(jnp.arange(2))
    u = samplers.uniform(batch)
    np.testing.assert_array_equal(u[0] + u[1], np.float32(1 - 2.0**-24))


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "x"])
def test_bad_seed_is_refused(seed):
    with pytest.raises(InvalidInput, match="seed"):
        random.key(seed)


def words(count, number=0):
    return random.key(11).replication(number).words(Stream.EVENTS, count)


def chi_square(counts, expected):
    """Return (X^2 - df) / sqrt(2 df), about standard normal."""
    x = float(np.sum((counts - expected) ** 2 / expected))
    df = counts.size - 1
    return (x - df) / np.sqrt(2 * df)


# Each check below is two-sided at 5 standard deviations: a false alarm has probability below 1e-6, once,
# because the seeds are fixed.
def test_every_bit_is_fair_and_independent_of_the_next():
    w = np.asarray(words(1 << 18))
    bits = (w[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    assert np.all(np.abs(bits.mean(0) - 0.5) < 5 * 0.5 / np.sqrt(len(w)))
    signs = 2.0 * bits - 1
    within = signs.T @ signs / len(w) - np.eye(32)
    between = signs[1:].T @ signs[:-1] / (len(w) - 1)
    # 32 * 32 correlations each: the largest of 1500 at 5 standard deviations, false alarm below 1e-3, once.
    assert np.all(np.abs(within) < 5 / np.sqrt(len(w)))
    assert np.all(np.abs(between) < 5 / np.sqrt(len(w)))


@pytest.mark.parametrize("what", ["replications", "steps", "indices"])
def test_neighbours_in_every_coordinate_are_independent(what):
    n = 1 << 16
    root = random.key(3)
    numbers = jnp.arange(n, dtype=jnp.uint32)
    draw = {
        "replications": lambda i: root.replication(i).pair(Stream.EVENTS)[0],
        "steps": lambda i: root.at(i).pair(Stream.EVENTS)[0],
        "indices": lambda i: root.pair(Stream.EVENTS, i)[0],
    }[what]
    w = np.asarray(jax.vmap(draw)(numbers))
    pairs = (w[:-1] >> 28) * 16 + (w[1:] >> 28)
    assert abs(chi_square(np.bincount(pairs, minlength=256), (n - 1) / 256)) < 5
    assert abs(chi_square(np.bincount(w & 255, minlength=256), n / 256)) < 5


def test_uniform_moments_and_range():
    u = np.asarray(samplers.uniform(words(1 << 18)), np.float64)
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / u.size)
    assert float(samplers.open_uniform(U(0))) > 0 and float(samplers.open_uniform(U(2**32 - 1))) < 1


def test_joined_words_come_apart_bit_for_bit_after_being_carried():
    key, n = random.key(9).replication(3), 1 << 16
    index = jnp.arange(n, dtype=jnp.uint32)

    @jax.jit
    def carried(step):
        begin = key.joined(Stream.EVENTS, index)
        return random.apart(
            jax.lax.fori_loop(0, step, lambda j, _: key.after(j + 1).joined(Stream.EVENTS, index), begin)
        )

    # Some of the words are not numbers, subnormal or infinite when read as floats.
    for found, word in zip(carried(5), key.at(5).pair(Stream.EVENTS, index), strict=True):
        np.testing.assert_array_equal(found, word)
    bits = np.asarray(word)
    assert np.isnan(bits.view(np.float32)).any() and (np.abs(bits.view(np.float32)) < 1e-38).any()


def test_exponential_and_normal_distributions():
    e = np.sort(np.asarray(samplers.exponential(words(1 << 17)), np.float64))
    grid = (np.arange(e.size) + 0.5) / e.size
    # Kolmogorov: P(sqrt(n) D > 2.5) = 2 exp(-12.5) = 7e-6.
    assert np.sqrt(e.size) * np.max(np.abs(1 - np.exp(-e) - grid)) < 2.5
    x, y = samplers.normal(words(1 << 17, 1), words(1 << 17, 2))
    z = np.concatenate([x, y]).astype(np.float64)
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / z.size)
    assert abs(np.mean(z**4) - 3) < 5 * np.sqrt(96 / z.size)


@pytest.mark.parametrize("count", [1, 3, 977, 65536, 100_003, 2**31 - 1])
def test_index_is_the_exact_multiply_high(count):
    w = words(4096)
    exact = np.asarray(w).astype(np.uint64) * count >> 32
    np.testing.assert_array_equal(samplers.index(w, count), exact.astype(np.int64))


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 40.0])
def test_poisson_law(mean):
    n = 40_000
    x = np.asarray(
        samplers.poisson(random.key(5), Stream.ARRIVALS, jnp.full(n, mean), jnp.arange(n, dtype=jnp.uint32))
    )
    if mean == 0:
        assert not x.any()
        return
    assert abs(x.mean() - mean) < 5 * np.sqrt(mean / n)
    assert abs(x.var() - mean) < 5 * np.sqrt((mean + 2 * mean**2) / n)
