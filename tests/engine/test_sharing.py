"""How hosts share replications and hear of each other, without a network."""

import jax
import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.engine import hosts
from jaxsim.engine.gathered import Gathered
from jaxsim.engine.hosts import Hosts


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("replications", [7, 20, 21])
def test_shares_cover_every_replication_once_and_are_woven_in_order(count, replications):
    team = [Hosts(i, count) for i in range(count)]
    numbers = [np.arange(host.share(replications)) * count + host.index for host in team]
    assert sorted(np.concatenate(numbers)) == list(range(replications))
    parts = []
    for mine in numbers:
        one = Gathered()
        sums = np.stack([mine, 10.0 * mine])
        one.add(
            {"x": sums}, mine.astype(np.uint32), {}, keep=True, final={"s": np.stack([mine, mine], axis=1)}
        )
        parts.append(one.tree())
    whole, every = Gathered.of_hosts(parts), np.arange(replications)
    assert np.array_equal(whole.totals[0]["x"], 11.0 * every)
    assert np.array_equal(whole.kept[0]["x"], np.stack([every, 10.0 * every]))
    assert np.array_equal(whole.status[0], every)
    assert np.array_equal(whole.final[0]["s"], np.stack([every, every], axis=1))
    assert np.array_equal(whole.slices["x"], [every.sum(), 10.0 * every.sum()])


class Service:
    """A coordination service in which the host that is waited for says nothing."""

    def __init__(self, alive, error="DEADLINE_EXCEEDED: timed out"):
        self.alive, self.error = alive, error

    def key_value_set(self, key, value):
        self.said = (key.rpartition("/")[2], value)

    def blocking_key_value_get(self, key, milliseconds):
        if key.endswith("/0"):
            return self.said[1]
        raise jax.errors.JaxRuntimeError(self.error)

    def get_live_nodes(self, numbers):
        return dict.fromkeys(self.alive, 1)


@pytest.mark.parametrize(
    "service, named",
    [
        (Service([0, 2]), "hosts = 0 of 3: host 1 was lost"),
        (Service([0, 1, 2], "UNAVAILABLE: Socket closed"), r"does not answer \(UNAVAILABLE\)"),
    ],
)
def test_a_host_that_is_lost_is_named(service, named, monkeypatch):
    monkeypatch.setattr(hosts, "_client", lambda: service)
    waited = []
    with pytest.raises(InvalidInput, match=named):
        Hosts(0, 3).meet(5, lambda: waited.append(1))
    assert service.said == ("0", "5")


def test_an_interrupt_gets_through_while_a_host_waits(monkeypatch):
    monkeypatch.setattr(hosts, "_client", lambda: Service([0, 1]))

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Hosts(0, 2).meet(5, interrupted)


@pytest.mark.parametrize("place", [("here", 2, 0), ("h:1", 0, 0), ("h:1", 2, 2), ("h:x", 2, 0)])
def test_bad_places_are_refused(place):
    with pytest.raises(InvalidInput, match="hosts"):
        hosts.join(*place)
