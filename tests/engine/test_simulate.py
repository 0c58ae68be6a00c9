import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy

from jaxsim.core import random
from jaxsim.core.errors import InvalidInput, UntrustworthyResult
from jaxsim.engine import Every, FinalState, rollout, simulate

RATE = 0.5
EXACT = {"jobs": RATE / (1 - RATE), "wait": 1 / (1 - RATE), "arrived": RATE * 400.0}


def run(**changes):
    arguments = {"replications": 200, "horizon": 400.0, "warmup": 100.0, "seed": 3} | changes
    return simulate(toy.kernel(), None, toy.params(RATE), **arguments)


def test_estimates_agree_with_theory():
    result = run(replications=2000)
    for name, exact in EXACT.items():
        # 4 standard errors: false alarm 6e-5, once.
        assert abs(result[name].mean - exact) < 4 * result[name].standard_error, name


@pytest.mark.parametrize("changes", [{"lanes": 7}, {"lanes": 200}, {"memory": 20_000}, {"devices": 1}])
def test_paths_do_not_depend_on_lanes_chunks_memory_or_devices(changes):
    if "devices" in changes:
        changes = {"devices": tuple(jax.local_devices()[:1])}
    assert len(jax.local_devices()) == 2
    reference, other = run(), run(**changes)
    for name, sample in reference.samples.items():
        np.testing.assert_array_equal(sample, other.samples[name])


def test_more_replications_extend_and_do_not_change_the_first():
    few, many = run(replications=10), run(replications=33)
    np.testing.assert_array_equal(few.samples["jobs.numerator"], many.samples["jobs.numerator"][:10])


def test_changing_parameters_seed_horizon_or_replications_does_not_retrace():
    # A Spec that no other test uses, so that nothing is compiled before.
    kernel = toy.kernel(capacity=12345)
    simulate(kernel, None, toy.params(0.3), replications=64, horizon=50.0, lanes=16)
    before = toy.TRACES["step"]
    for rate, seed, horizon in ((0.4, 1, 60.0), (0.7, 2, 500.0)):
        simulate(kernel, None, toy.params(rate), replications=128, horizon=horizon, seed=seed, lanes=16)
    assert toy.TRACES["step"] == before


def test_counters_fold_before_they_overflow():
    # Blocks of 20 steps instead of 4096: the totals must not notice.
    small = simulate(
        toy.kernel(largest_count=2**31 // 20), None, toy.params(RATE), replications=20, horizon=400.0, seed=3
    )
    usual = simulate(toy.kernel(), None, toy.params(RATE), replications=20, horizon=400.0, seed=3)
    for name, sample in usual.samples.items():
        np.testing.assert_array_equal(sample, small.samples[name])


def test_rollout_takes_the_path_of_simulate():
    result = run(replications=3, warmup=0.0, horizon=200.0, record=FinalState())
    steps = math.ceil(200.0 * 1.5)
    assert result.steps == steps
    for number in range(3):
        key = random.key(3).replication(number)
        state, means, _ = rollout(toy.kernel(), None, toy.params(RATE), key, steps=steps)
        assert int(state.jobs) == result.arrays["jobs"][number]
        assert float(means["jobs"]) == pytest.approx(result.samples["jobs.numerator"][number] / steps)


def test_records_are_slices_of_the_path():
    every = run(replications=4, warmup=0.0, horizon=200.0, record=Every(10))
    assert every.arrays["jobs"].shape == (4, 30)
    np.testing.assert_allclose(every.arrays["jobs"].sum(1) * 10, every.samples["jobs.numerator"])
    _state, means, pieces = rollout(
        toy.kernel(), None, toy.params(RATE), random.key(3).replication(2), steps=300, record=Every(10)
    )
    np.testing.assert_allclose(pieces["jobs"], every.arrays["jobs"][2], rtol=1e-6)
    assert float(means["jobs"]) == pytest.approx(float(pieces["jobs"].mean()))


def test_rollout_is_differentiable():
    def objective(rate):
        _, means, _ = rollout(toy.kernel(), None, toy.Params(rate), random.key(0).replication(0), steps=50)
        return means["smooth"]

    rate = np.float32(RATE)
    _, means, _ = rollout(toy.kernel(), None, toy.params(RATE), random.key(0).replication(0), steps=50)
    # "smooth" is jobs * rate, and along a frozen path its derivative is the mean of jobs.
    assert float(jax.grad(objective)(rate)) == pytest.approx(float(means["jobs"]), rel=1e-5)


def test_series_average_the_slices():
    result = run(replications=50)
    assert result.series["time"][-1] == pytest.approx(500.0)
    assert result.series["time"].size == 32
    total = result.samples["jobs.numerator"].mean() / result.steps
    assert np.nanmean(result.series["jobs"]) == pytest.approx(total, rel=0.02)


def test_one_replication_uses_batch_means():
    result = run(replications=1, horizon=100_000.0)
    assert "batch means" in result["jobs"].method
    assert abs(result["jobs"].mean - EXACT["jobs"]) < 4 * result["jobs"].standard_error


def test_auto_warmup_finds_the_transient_or_refuses():
    result = simulate(toy.kernel(), None, toy.params(0.9), replications=64, horizon=4000.0, warmup="auto")
    assert 50 < result.warmup < 2000  # relaxation time of this queue: 1 / (1 - sqrt(.9))^2 = 380
    with pytest.raises(InvalidInput, match="warmup"):
        simulate(toy.kernel(), None, toy.params(1.5), replications=8, horizon=100.0, warmup="auto")


def test_precision_is_reached_by_adding_replications():
    result = run(replications=20, precision={"jobs": 0.02})
    assert result.replications > 20
    assert result["jobs"].half_width <= 0.02 * result["jobs"].mean
    absolute = run(replications=30, precision="jobs=0.05abs")
    assert absolute["jobs"].half_width <= 0.05 < run(replications=30)["jobs"].half_width
    assert run(replications=2, precision={"jobs": 0.9}).replications >= 30
    for bad in ({"nothing": 0.1}, "jobs=small", "1%abs"):
        with pytest.raises(InvalidInput, match="precision"):
            run(precision=bad)
    with pytest.raises(InvalidInput, match="needs more than 100 replications"):
        run(precision=1e-4, most_replications=100)


def test_antithetic_replications_are_pairs_of_reflected_words():
    usual, pairs = (run(replications=40, warmup=0.0, antithetic=a) for a in (False, True))
    assert pairs["jobs"].replications == 20 and pairs.replications == 40
    path = random.key(3, antithetic=True).replication(7)
    _, means, _ = rollout(toy.kernel(), None, toy.params(RATE), path, steps=pairs.steps)
    reflected = float(means["jobs"]) * pairs.steps
    # Pair 3 holds replication 3 as it is without antithetic streams, and its reflection.
    both = [usual.samples["jobs.numerator"][3], reflected]
    assert both[0] != pytest.approx(reflected, rel=1e-3)
    assert pairs.samples["jobs.numerator"][3] == pytest.approx(np.mean(both), rel=1e-6)
    for name, exact in EXACT.items():
        assert abs(pairs[name].mean - exact) < 4 * pairs[name].standard_error + 0.02 * exact, name
    assert pairs["arrived"].half_width < 0.8 * usual["arrived"].half_width


@pytest.mark.parametrize("bad", [{"replications": 5}, {"replications": 2}, {"antithetic": 1}])
def test_replications_that_make_no_pairs_are_refused(bad):
    with pytest.raises(InvalidInput, match=r"replications|antithetic"):
        run(**{"replications": 40, "antithetic": True, **bad})


def test_trouble_raises_or_is_reported():
    arguments = {"replications": 10, "horizon": 400.0}
    with pytest.raises(UntrustworthyResult, match="QUEUE_OVERFLOW in"):
        simulate(toy.kernel(capacity=3), None, toy.params(0.9), **arguments)
    result = simulate(toy.kernel(capacity=3), None, toy.params(0.9), on_trouble="report", **arguments)
    assert result.status["QUEUE_OVERFLOW"] == 10


def test_numbers_that_are_not_finite_are_found_even_if_the_kernel_does_not_look():
    def careless(draws, spec, params, policy, state):
        state, observed = toy.step(draws, spec, params, policy, state)
        return state, observed | {"smooth": jnp.where(observed["jobs"] > 4, jnp.nan, observed["smooth"])}

    kernel = dataclasses.replace(toy.kernel(), step=careless)
    with pytest.raises(UntrustworthyResult, match="NON_FINITE"):
        simulate(kernel, None, toy.params(0.9), replications=10, horizon=400.0)
    clean = simulate(kernel, None, toy.params(0.9), replications=10, horizon=1.0)
    assert clean.status == {}


def test_progress_reaches_the_end():
    seen = []
    run(progress=seen.append)
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].fraction == 1.0 and seen[-1].done == seen[-1].total


@pytest.mark.parametrize(
    "bad",
    [
        {"replications": 0},
        {"replications": "many"},
        {"horizon": -1},
        {"horizon": 1e12},
        {"warmup": -1},
        {"warmup": "soon"},
        {"level": 1.0},
        {"seed": -1},
        {"precision": 0},
        {"memory": 10},
        {"lanes": 0},
        {"record": Every(0)},
        {"on_trouble": "ignore"},
        {"precision": 0.1, "replications": 1},
    ],
)
def test_bad_arguments_are_refused_by_name(bad):
    with pytest.raises(InvalidInput) as caught:
        run(**bad)
    assert next(iter(bad)) in str(caught.value)


def test_result_knows_where_it_came_from():
    result = run(replications=4)
    assert result.family == "toy" and result.params == {"arrival_rate": 0.5}
    assert result.timing["compile"] >= 0 and "jax" in result.versions
    assert dataclasses.is_dataclass(result)
