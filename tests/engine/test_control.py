"""Control variates: right estimates, shorter intervals that cover, and a refusal where there are none."""

import functools

import numpy as np
import pytest
import toy

from jaxsim.core.errors import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing import control as own
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.balancing.policies import Own
from jaxsim.statistics import controlled_interval

GROUPS, EACH = 300, 16


@functools.cache
def system(**keys):
    return assemble(cycle(100), **keys)


@functools.cache
def large():
    s = system(control=True)  # reports the variate too
    return simulate(s.kernel, Own(), s.params, seed=2, replications=GROUPS * EACH, horizon=20.0, control=True)


@functools.cache
def exact():
    """Own queue's drops per queue are known: the mean of the variate, scaled to the horizon."""
    s = system(control=True)
    return own.mean(s.kernel.spec, s.params, 0, 4)


def test_the_estimate_is_right_and_its_interval_shorter():
    """4 standard errors: one false alarm in 16 000. On 100 queues the regimes make most of the noise."""
    found = large()["drops_per_node"]
    x, plain = large().samples["drops_per_node.numerator"], large().plain("drops_per_node")
    assert found.method == "control variates"
    assert abs(found.mean - exact()) < 4 * found.standard_error
    c = large().samples["own_queue_given_regimes.numerator"]
    left = np.sqrt(1 - np.corrcoef(x, c)[0, 1] ** 2)  # what regression leaves of the standard deviation
    assert found.half_width == pytest.approx(plain.half_width * left, rel=1e-3) and left < 0.5
    itself = large()["own_queue_given_regimes"]
    assert itself.mean == pytest.approx(exact()) and itself.half_width < 1e-6


def test_intervals_cover_in_small_samples():
    """300 groups of 16; within 4 standard errors of 95 % (one false alarm in 16 000)."""
    x, c = (large().samples[f"{n}.numerator"] for n in ("drops_per_node", "own_queue_given_regimes"))
    parts = zip(np.split(x, GROUPS), np.split(c[:, None], GROUPS), strict=True)
    found = [
        controlled_interval(part, np.ones(EACH), variate, np.array([exact()])) for part, variate in parts
    ]
    covered = np.mean([e.covers(exact()) for e in found])
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / GROUPS), covered


@pytest.mark.slow
def test_the_mean_of_the_variate_is_known_after_a_warm_up_and_for_unlike_servers():
    s = assemble(cycle(10), control=True, delay=1.0, service_rate=(1.0, 1.5) * 5, buffer=(3, 2) * 5)
    arguments = {"seed": 4, "replications": 2000, "horizon": 4.0, "warmup": 2.0}
    sampled = simulate(s.kernel, Own(), s.params, **arguments)["own_queue_given_regimes"]
    assert abs(sampled.mean - own.mean(s.kernel.spec, s.params, 2, 4)) < 4 * sampled.standard_error


def test_options_go_together():
    s = system()
    arguments = {"seed": 1, "replications": 40, "horizon": 20.0, "control": True, "antithetic": True}
    arguments |= {"histogram": "queue_length=0:5:5", "precision": {"drops_per_node": 0.05}}
    found = simulate(s.kernel, Own(), s.params, **arguments)
    assert set(found.estimates) == {"drops_per_node", "queue_length"}  # the variate is no metric of its own
    drops = found["drops_per_node"]
    assert drops.replications == found.replications // 2 and drops.method == "control variates"
    assert drops.half_width <= 0.05 * drops.mean
    assert found.histograms == ("queue_length",)
    assert found.plain("drops_per_node").half_width > drops.half_width


@pytest.mark.parametrize(
    ("bad", "named"), [({"control": 1}, "true nor false"), ({"control": True, "replications": 5}, "too few")]
)
def test_bad_requests_are_refused(bad, named):
    s = system()
    with pytest.raises(InvalidInput, match=named):
        simulate(s.kernel, Own(), s.params, **bad)


def test_a_kernel_without_control_variates_refuses():
    with pytest.raises(InvalidInput, match=r"control.*is not offered by this kernel"):
        simulate(toy.kernel(), None, toy.params(), control=True)
