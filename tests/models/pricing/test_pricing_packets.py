"""The packet model against exact queueing formulas, and its laws against their moments.

Statistical tests have fixed seeds and allow 4 standard errors (one false alarm in 16 000).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.core.random import Stream, key
from jaxsim.engine import FinalState, simulate
from jaxsim.models.pricing import catalogue, laws, packet_policies, packets, stages, system


def words(count, stream=1):
    return key(11).at(stream).pair(Stream.EVENTS, jnp.arange(count, dtype=jnp.uint32))


@pytest.mark.parametrize(
    ("law", "scv"),
    [("hyperexponential", 10 / 3), ("lognormal", 0.5), ("gamma", 0.1), ("gamma", 3.0), ("exponential", 1.0)],
)
def test_times_have_mean_1_and_their_coefficient_of_variation(law, scv):
    value, count = laws.parameter(law, jnp.float32(scv)), 200_000
    keys = jax.vmap(lambda n: key(12).replication(n))(jnp.arange(count))
    x = np.asarray(
        jax.jit(jax.vmap(lambda a, b, k: laws.time(law, value, (a, b), k)))(*words(count), keys), np.float64
    )
    for moment, exact in ((x, 1.0), (x * x, 1.0 + scv)):
        assert abs(moment.mean() - exact) <= 4 * moment.std() / np.sqrt(count)


@pytest.mark.parametrize(("mean", "scv"), [(3.0, 1.0), (1.0, 2.0), (0.5, 4.0), (4.0, 0.75)])
def test_batches_have_their_mean_and_coefficient_of_variation(mean, scv):
    count = 200_000
    chance, decay = laws.batch_parameters(jnp.float32(mean), jnp.float32(scv))
    sizes = jax.vmap(lambda word: laws.batch(chance, decay, word))(words(count)[0])
    x = np.asarray(sizes, np.float64)
    for moment, exact in ((x, mean), (x * x, mean**2 * (1 + scv))):
        assert abs(moment.mean() - exact) <= 4 * moment.std() / np.sqrt(count)
    if (mean, scv) == (1.0, 2.0):
        # The geometric law on {0, 1, ...} of mean 1: P(0) = 1/2.
        assert abs((x == 0).mean() - 0.5) <= 4 * 0.5 / np.sqrt(count)


@pytest.mark.parametrize("policy", ["constant", "game"])
def test_total_work_is_that_of_one_server(policy):
    """Poisson batches, exponential packets: E sum Q/mu = sum lambda E S^2 / (2 (C - rho)) for any shares.

    A user alone gets the whole capacity, so service is work conserving; lengths left are memoryless.
    """
    keys = {
        "interarrival": "exponential",
        "packets": "exponential",
        "interarrival_scv": 1.0,
        "packet_scv": 1.0,
    }
    s = system(model="queue", scale=1.0, theta=[-3.0, -1.5], capacity=200.0, **keys)
    users = s.params.users
    rate = np.asarray(packets.scaled_arrivals(s.params))[0]
    m, scv, mu = (np.asarray(x, np.float64) for x in (users.batch_mean[0], users.batch_scv, users.mu))
    second = m / mu**2 + m**2 * (1 + scv) / mu**2
    exact = np.sum(rate * second) / (2 * (200.0 - np.sum(rate * m / mu)))
    chosen = getattr(catalogue, policy)(s)
    found = simulate(s.kernel, chosen, s.params, horizon=300.0, warmup=60.0, replications=400, seed=2)[
        "workload"
    ]
    assert abs(found.mean - exact) <= 4 * found.standard_error
    assert found.half_width < 0.05 * exact


def test_stages_of_a_packet_are_reported_apart_and_add_up():
    """Poisson batches, packets of four stages: E work = sum lambda E S^2 / (2 (C - rho)) at one late moment.

    Work is what is left of packets in service, and the mean length of each packet that waits.
    """
    s = system(
        model="queue",
        scale=1.0,
        theta=[-3.0, -1.5],
        capacity=200.0,
        interarrival="exponential",
        interarrival_scv=1.0,
        packets="stages",
        until=300.0,
        stage_means=[1, 2, 5, 2],
        stage_scvs=[1.0, 0.5, 6.0, 0.0],
    )
    users = s.params.users
    scv = (1 + 0.5 * 4 + 6 * 25) / 100
    np.testing.assert_allclose(users.packet_scv, scv, rtol=1e-6)
    found = simulate(
        s.kernel,
        catalogue.constant(s),
        s.params,
        horizon=345.0,
        replications=1000,
        seed=2,
        record=FinalState(),
    )
    np.testing.assert_allclose(found.arrays["clock.0"], 300.0, rtol=1e-6)
    rate = np.asarray(packets.scaled_arrivals(s.params))[0]
    m, batch_scv, mu = (np.asarray(x, np.float64) for x in (users.batch_mean[0], users.batch_scv, users.mu))
    load = np.sum(rate * m / mu)
    second = m * scv / mu**2 + m**2 * (1 + batch_scv) / mu**2
    left = np.zeros(1000)
    for j in range(2):
        queue, part = found.arrays[f"queues.{j}"], found.arrays[f"work.{j}"]
        left = left + np.where(queue > 0, queue - 1 + part, 0.0) / mu[j]
    exact = np.sum(rate * second) / (2 * (200.0 - load))
    assert abs(left.mean() - exact) <= 4 * left.std() / 1000**0.5
    each = [found[f"work_{name}"] for name in stages.NAMES]
    for work, share in zip(each, (0.1, 0.2, 0.5, 0.2), strict=True):
        assert abs(work.mean - share * load) <= 4 * work.standard_error
        assert work.standard_error < 0.01 * share * load
    assert found.status == {}
    with pytest.raises(InvalidInput, match="packet_scv"):
        system(model="queue", packets="stages", packet_scv=3.0)
    with pytest.raises(InvalidInput, match="stage_means"):
        system(stage_means=[1, 2])


def test_paths_stop_together_and_an_empty_queue_is_never_served():
    s = system(model="queue", scale=4.0, until=2.0, generator=[[-1.0, 1.0], [2.0, -2.0]])
    policy = catalogue.game(s)
    found = simulate(s.kernel, policy, s.params, horizon=4.0, replications=50, seed=3, record=FinalState())
    np.testing.assert_allclose(found.arrays["clock.0"], 2.0, rtol=1e-6)
    assert min(found.arrays["queues.0"].min(), found.arrays["queues.1"].min()) >= 0
    again = simulate(s.kernel, policy, s.params, horizon=6.0, replications=50, seed=3, record=FinalState())
    np.testing.assert_array_equal(again.arrays["queues.1"], found.arrays["queues.1"])


def observation(s, queues):
    context = packets.prepare(s.kernel.spec, s.params, catalogue.constant(s))
    terms = packets.terms_of(s.kernel.spec.market, s.params.users, context.effective, 0)
    pool = tuple(map(tuple, s.params.alone[0]))
    return packets.PacketObservation(
        tuple(map(jnp.float32, queues)), 0, tuple(s.params.capacity[0]), pool, terms
    )


def test_rates_stay_in_the_region_with_one_user_faces():
    s = system(model="queue", one_user_capacity=150.0)
    for queues in ((5.0, 5.0), (1e4, 1e-3), (1e-3, 1e4)):
        x, y = packet_policies.pair_rates(observation(s, queues), (1.0, 1.0), (0, 1))
        assert float(x + y) == pytest.approx(200.0, rel=1e-6) and max(x, y) <= 150.0
    assert float(packet_policies.pair_rates(observation(s, (3.0, 0.0)), (1.0, 1.0), (0, 1))[0]) == 150.0


def test_pareto_queues_are_served_at_their_load():
    """The fixed point of the game: at the literal Pareto point the rates are rho (state space collapse)."""
    from jaxsim.models.pricing.policies import pair_queues, slopes

    s = system(model="queue")
    terms = observation(s, (1.0, 1.0)).terms
    queues, _ = pair_queues(terms, slopes(terms, (0.9, 1.2)), (0, 1), jnp.float32(800.0))
    rates = packet_policies.pair_rates(observation(s, queues), (0.9, 1.2), (0, 1))
    np.testing.assert_allclose(rates, [100.0, 100.0], rtol=1e-4)


@pytest.mark.parametrize(
    "name",
    ["game", *(pytest.param(n, marks=pytest.mark.slow) for n in ("constant", "arbitrary", "stochastic"))],
)
def test_three_users_two_pools_stay_finite(name):
    s = system(model="queue", users=3, pools=2, scale=3.0, theta=-0.5)
    found = simulate(s.kernel, getattr(catalogue, name)(s), s.params, horizon=0.5, replications=20, seed=5)
    assert found.status == {} and found["events"].mean > 0


def test_bad_input_is_refused():
    for keys, field in (
        ({"interarrival_scv": 0.5}, "interarrival_scv"),
        ({"packets": "normal"}, "packets"),
        ({"batch_mean": [3.0, 1.0], "batch_scv": [0.2, 2.0]}, "batch_scv"),
        ({"one_user_capacity": 300.0}, "one_user_capacity"),
        ({"scale": 0.01}, "scale"),
    ):
        with pytest.raises(InvalidInput, match=field):
            system(model="queue", **keys)
    s = system(model="queue")
    with pytest.raises(InvalidInput, match="model"):
        catalogue.two_dimensional(s)


def test_packet_state_is_a_fixed_point_and_lanes_do_not_matter():
    """The contract suite meets the diffusion only; the same two promises for packets, with two regimes."""
    s = system(model="queue", scale=3.0, generator=[[-1.0, 1.0], [2.0, -2.0]])
    kernel, policy = s.kernel, catalogue.constant(s)
    context = kernel.prepare(kernel.spec, s.params, policy)
    state = kernel.init(key(1).replication(0), kernel.spec, context)
    draws = kernel.draw(key(1).replication(0), kernel.spec, policy)
    after, _ = jax.eval_shape(lambda d, x: kernel.step(d, kernel.spec, context, policy, x), draws, state)
    shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), tree) for tree in (state, after)]
    assert shapes[0] == shapes[1]
    ends = [
        simulate(
            kernel, policy, s.params, horizon=1.0, replications=6, seed=8, lanes=lanes, record=FinalState()
        ).arrays
        for lanes in (2, 3)
    ]
    for name, value in ends[0].items():
        np.testing.assert_array_equal(value, ends[1][name])
