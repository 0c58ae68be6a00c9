"""Many descents at once, stopping when precise, restarts, checkpoints, and what a shortfall promises."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import samplers
from jaxsim.core.errors import InvalidInput
from jaxsim.core.random import Stream
from jaxsim.learning import Exact, Interval, Pathwise, Positive, Simplex, recorded, tune, tune_many
from jaxsim.learning import descent as module
from jaxsim.results import compare, load, save


def aimed(goal):
    """E (rate X - goal)^2 = 2 rate^2 - 2 goal rate + goal^2 for X exponential: least at goal / 2."""

    def objective(rate, key):
        return (rate * samplers.exponential(key.pair(Stream.EVENTS)[0]) - goal) ** 2

    return objective


def at_two(rate, key):
    return aimed(2.0)(rate, key)


def test_many_descents_equal_descents_one_by_one_and_their_bounds_hold():
    goals = np.array([2.0, 4.0, 1.0], np.float32)
    keys = {"gradient": Pathwise(32), "constraint": Positive(), "steps": 100, "judges": 64}
    found = tune_many(aimed, np.full(3, 3.0, np.float32), goals, seeds=[1, 2, 3], **keys)
    for goal, one in zip(goals, found, strict=True):
        best = goal / 2
        missing = 2 * (float(one.tuned) - best) ** 2
        # 95 % bounds, made wide by the triangle inequality; three of them, and errors within 4 of theirs.
        assert missing <= one.shortfall.bound and one.shortfall.flat == 0
        assert abs(float(one.tuned) - best) < 4 * float(one.shortfall.tuned_error)
        assert one.points.shape == (100,) and one.settled
    alone = tune_many(aimed, np.full(1, 3.0, np.float32), goals[:1], seeds=[1], assess=False, **keys)[0]
    np.testing.assert_allclose(alone.points, found[0].points, rtol=1e-4)
    with pytest.raises(InvalidInput, match="cases"):
        tune_many(aimed, np.ones(2, np.float32), goals, **keys)


def test_the_shortfall_covers_what_it_says():
    """Over 60 seeds a true gap exceeds its 95 % bound at most 8 times (binomial, 5e-3 of the test's
    seeds)."""
    seeds = list(range(60))
    found = tune_many(
        aimed, np.full(60, 3.0, np.float32), np.full(60, 2.0, np.float32), seeds=seeds,
        gradient=Pathwise(16), constraint=Positive(), steps=60, judges=2,
    )  # fmt: skip
    gaps = np.array([2 * (float(f.tuned) - 1) ** 2 for f in found])
    bounds = np.array([f.shortfall.bound for f in found])
    assert np.sum(gaps > bounds) <= 8
    assert np.median(bounds) < 30 * np.median(gaps)  # and is of the size of the gap


def test_it_stops_when_it_is_precise_and_not_when_it_is_only_noisy():
    keys = {"gradient": Pathwise(64), "constraint": Positive(), "seed": 4, "judges": 64}
    long = tune(at_two, 3.0, steps=1000, precision=0.01, **keys)
    assert long.stopped and long.steps < 1000 and long.shortfall.bound < 0.015 * 2
    short = tune(at_two, 3.0, steps=20, precision=1e-6, **keys)
    assert not short.stopped and short.steps == 20


def test_restarts_leave_a_local_minimum():
    def wells(x, key):  # minima near -1 (value about .2) and 1 (value about -.2)
        return (x**2 - 1) ** 2 - 0.2 * x

    stuck = tune(wells, -1.0, gradient=Exact(), steps=60, judges=2, assess=False)
    free = tune(wells, -1.0, gradient=Exact(), steps=60, judges=2, restarts=8, spread=1.5)
    assert float(stuck.tuned) < 0 < float(free.tuned)
    assert free.shortfall.bound < 1e-3
    with pytest.raises(InvalidInput, match="restarts"):
        tune(wells, -1.0, restarts=0)


@pytest.mark.slow
def test_a_simplex_has_one_direction_without_meaning():
    target = jnp.asarray([0.2, 0.5, 0.3])

    def divergence(p, key):
        return jnp.sum(p * jnp.log(p / target))

    found = tune(divergence, jnp.ones(3) / 3, gradient=Exact(), constraint=Simplex(), steps=150, judges=2)
    assert found.shortfall.flat == 0 and found.shortfall.bound < 1e-4
    np.testing.assert_allclose(found.tuned, target, atol=5e-3)


def test_an_optimum_on_a_bound_is_known_to_be_near():
    found = tune(lambda p, key: p * 1.0, 0.4, gradient=Exact(), constraint=Interval(), steps=100, judges=2)
    gap = float(found.tuned)  # the optimum is 0
    assert 0.95 * gap <= found.shortfall.bound <= 3 * gap  # the tail is exponential up to p^2


def test_a_killed_descent_goes_on_to_the_same_numbers(tmp_path, monkeypatch):
    keys = {"gradient": Pathwise(8), "constraint": Positive(), "steps": 40, "judges": 8, "assess": False}
    whole = tune(at_two, 3.0, **keys)
    monkeypatch.setattr(module.Descent, "offer", _save_and_die)
    with pytest.raises(KeyboardInterrupt):
        tune(at_two, 3.0, checkpoint=tmp_path, **keys)
    monkeypatch.undo()
    resumed = tune(at_two, 3.0, checkpoint=tmp_path, **keys)
    np.testing.assert_array_equal(resumed.values, whole.values)
    assert float(resumed.tuned) == float(whole.tuned)
    with pytest.raises(InvalidInput, match="checkpoint"):
        tune(at_two, 2.0, checkpoint=tmp_path, **keys)


def _save_and_die(self, store):
    if self.done >= 20:
        store.save((self.carry, self.trace), {"done": self.done, "stopped": self.stopped})
        raise KeyboardInterrupt


def test_a_tuning_is_a_result_that_can_be_saved_and_compared(tmp_path):
    keys = {"gradient": Pathwise(8), "constraint": Positive(), "judges": 1024}
    made = []
    for steps in (8, 60):
        found = tune(at_two, 3.0, steps=steps, **keys)
        about = {"family": "toy", "name": "rate", "inputs": {"steps": steps}, "seed": 0, "labels": ("rate",)}
        made.append(recorded(found, **about))
    save(made[1], tmp_path)
    again = load(tmp_path)
    np.testing.assert_array_equal(again.series["rate"], made[1].series["rate"])
    assert again["rate"].mean == made[1].params["rate"] and len(again.series["step"]) == 60
    better = compare(made[0], made[1], "objective")
    assert better.mean - better.half_width > 0
    assert np.all(np.isfinite(again.series["objective"]))
