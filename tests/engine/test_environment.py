"""Environments of three families: the six values, the ends of episodes, gymnasium's own checkers."""

import warnings

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import jaxsim
from jaxsim.core.errors import InvalidInput
from jaxsim.engine.environment import environment
from jaxsim.engine.gymnasium import OneEnvironment, VectorEnvironment
from jaxsim.models.actors.views import picks
from jaxsim.models.balancing import Table, assemble
from jaxsim.models.balancing.graphs import configuration, cycle
from jaxsim.models.balancing.views import neighbourhoods, numbered, seen_by
from jaxsim.models.pricing.views import prices


def balancing(kind="mf-g"):
    graph = cycle(9)
    return environment(*seen_by(kind, assemble(graph, delay=25.0)))


def pricing():
    system = jaxsim.system("pricing", users=2, reference="none")
    made, _ = environment(*prices(system))
    return made, made.params(system.params, horizon=3 * float(system.params.time_step))


def actors():
    system = jaxsim.system("actors")
    made, _ = environment(*picks(system))
    return made, made.params(system.params, horizon=4.0 / float(system.params.uniform_rate))


MADE = {"balancing": balancing, "pricing": pricing, "actors": actors}


@pytest.fixture(params=MADE)
def made(request):
    return request.param, *MADE[request.param]()


def test_episodes_end_where_they_should(made):
    family, env, params = made
    view = env.view
    shape = (view.agents,) if view.choices else (view.agents, view.actions)
    action = jnp.zeros(shape, jnp.int32 if view.choices else jnp.float32)
    steps = int(params.steps)
    keys = jax.random.split(jax.random.key(3), steps + 1)
    step = jax.jit(env.step)
    first, now = jax.jit(env.reset)(keys[0], params)
    for t in range(1, steps + 1):
        seen, now, reward, terminated, truncated, info = step(keys[t], now, action, params)
        assert np.isfinite(reward).all()
        # The horizon is balancing's own; the other families go on after it.
        assert bool(terminated) == (t == steps and family == "balancing")
        assert bool(truncated) == (t == steps and family != "balancing")
    assert int(now.time) == 0
    if family == "balancing":
        np.testing.assert_array_equal(seen, first)
        assert not np.array_equal(info["final_observation"], first)


def test_gymnasium_accepts_it(made):
    _, env, params = made
    with warnings.catch_warnings():
        # It has no spec to be made again from, which the checker says.
        warnings.filterwarnings("ignore", message=".*not able to test alternative render modes.*")
        warnings.filterwarnings("ignore", message=".*The environment .* has no spec.*")
        warnings.filterwarnings("ignore", category=UserWarning)
        check_env(OneEnvironment(env, params), skip_render_check=True)


def test_vectors_begin_anew_and_keep_the_last_observation(made):
    _, env, params = made
    envs = VectorEnvironment(env, params, num_envs=3)
    first, _ = envs.reset(seed=5)
    assert envs.observation_space.contains(first)
    envs.action_space.seed(0)
    paths = []
    for _ in range(2):
        envs.reset(seed=5)
        envs.action_space.seed(0)
        path = []
        for t in range(int(params.steps)):
            seen, reward, terminated, truncated, info = envs.step(envs.action_space.sample())
            assert envs.observation_space.contains(seen)
            assert reward.shape == terminated.shape == truncated.shape == (3,)
            assert ("final_obs" in info) == (t + 1 == int(params.steps))
            path.append(reward)
        assert all(envs.single_observation_space.contains(last) for last in info["final_obs"])
        paths.append(path)
    np.testing.assert_array_equal(*paths)  # one seed, one path
    wrapped = gymnasium.wrappers.vector.RecordEpisodeStatistics(envs)
    wrapped.reset(seed=1)
    for _ in range(int(params.steps)):
        *_, info = wrapped.step(wrapped.action_space.sample())
    assert (info["episode"]["l"] == int(params.steps)).all()


def test_a_role_environment_is_the_simulation_of_its_table():
    """The same mean drops as the exact kernel under the table; 4 standard errors, 1 false alarm in 15000."""
    graph, zeta = cycle(21), jnp.asarray([0.1, 0.2, 0.3, 0.4, 0.6, 0.8])
    system = assemble(graph, delay=5.0)
    env, params = environment(*seen_by("mf-r", system))

    def episode(key):
        def one(now, t):
            _, now, reward, *_ = env.step_once(key.at(t), now, zeta[:, None], params)
            return now, reward

        return -jnp.sum(jax.lax.scan(one, env.reset(key, params)[1], jnp.arange(1, 11))[1])

    keys = jax.vmap(jaxsim.key(1).replication)(jnp.arange(2000))
    drops = np.asarray(jax.jit(jax.vmap(episode))(keys))
    exact = jaxsim.simulate(system.kernel, Table(zeta), system.params, replications=2000, seed=2)
    found = exact["drops_per_node"]
    error = np.hypot(drops.std() / np.sqrt(2000), found.half_width / 1.96)
    assert abs(drops.mean() - found.mean) < 4 * error


def test_neighbourhoods_are_numbered_one_by_one():
    from jaxsim.models.balancing.actions import Observation

    graph = configuration(60, (2, 3), seed=0)
    queues = np.random.default_rng(0).integers(0, 6, (4, 60)).astype(np.uint8)
    opened = (True, *(jnp.asarray(graph.degrees > k) for k in range(3)))
    seen = Observation(tuple(map(jnp.asarray, queues)), opened, jnp.asarray(graph.degrees), jnp.int32(0))
    rows = neighbourhoods(6, 3, False)[np.asarray(numbered(seen, 6))]
    for node in range(60):
        around = queues[: 1 + graph.degrees[node], node]
        expected = np.concatenate(
            [np.eye(6)[queues[0, node]], np.bincount(around, minlength=6) / len(around)]
        )
        np.testing.assert_allclose(rows[node], expected, atol=1e-6)


def test_refusals_name_the_field():
    graph = cycle(9)
    with pytest.raises(InvalidInput, match="view = mean-field"):
        seen_by("mean-field", assemble(graph))
    env, _ = balancing()
    with pytest.raises(InvalidInput, match="horizon"):
        env.params(assemble(graph).params, horizon=0.0)
