"""The system's keys, the kernel against exact values, and what is refused."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.status import UntrustworthyResult
from jaxsim.core.validation import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.balancing import policies
from jaxsim.models.balancing.graphs import configuration, cycle
from jaxsim.models.balancing.system import assemble, system
from jaxsim.models.balancing.theory import constant_rates

OWN = {1.0: 3.4258, 5.0: 3.5144}


def test_own_queue_loses_what_the_matrix_exponential_says() -> None:
    # 4 standard errors: false alarm 6e-5.
    for delay, exact in OWN.items():
        s = assemble(cycle(16), delay=delay, largest_delay=5.0)
        r = simulate(s.kernel, policies.Own(), s.params, seed=3, replications=4000)
        e = r["drops_per_node"]
        assert abs(e.mean - exact) < 4 * e.standard_error
    again = simulate(s.kernel, policies.Random(), s.params, seed=3, replications=4000)
    assert np.array_equal(r.samples["drops_per_node.numerator"], again.samples["drops_per_node.numerator"])


def test_expected_drops_have_the_same_mean_and_less_noise() -> None:
    # One regime, so that drops are all the noise there is; 4 standard errors, false alarm 6e-5.
    exact = constant_rates(delay=5.0, arrival_rates=0.9)["drops_per_node"]
    errors = []
    for expected in (False, True):
        s = assemble(cycle(16), delay=5.0, arrival_rates=0.9, expected=expected)
        e = simulate(s.kernel, policies.Own(), s.params, seed=4, replications=2000)["drops_per_node"]
        assert abs(e.mean - exact) < 4 * e.standard_error
        errors.append(e.standard_error)
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"delay": -1}, "delay"),
        ({"delay": "soon"}, "delay"),
        ({"buffer": 0}, "buffer"),
        ({"buffer": 2.5}, "buffer"),
        ({"service_rate": 0}, "service_rate"),
        ({"arrival_rates": [-1, 1]}, "arrival_rates"),
        ({"arrival_rates": []}, "arrival_rates"),
        ({"arrival_rates": [0, 0]}, "arrival_rates"),
        ({"arrival_rates": [1, 2, 3]}, "switch"),
        ({"switch": [[0.5, 0.6], [0.5, 0.5]]}, "switch"),
        ({"start": [1, 1]}, "start"),
        ({"topology": "taurus"}, "topology"),
        ({"topology": "file"}, "path"),
        ({"nodes": 0}, "nodes"),
        ({"service_rate": [1, 2]}, "service_rate"),
        ({"expected": "maybe"}, "expected"),
    ],
)
def test_bad_input_is_refused_by_name(keys: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        system(**keys)  # type: ignore[arg-type]
    assert str(caught.value).startswith(field) and "\n" not in str(caught.value)


@pytest.mark.parametrize("zeta", [[0.1], [0.1, 0.2, 0.3, 0.4, 0.5, 1.2], "much", [[0.1] * 6] * 3])
def test_bad_tables_are_refused(zeta: object) -> None:
    with pytest.raises(InvalidInput, match="zeta"):
        policies.table(system(nodes=8), zeta=zeta)


def test_rates_beyond_the_tables_set_the_status() -> None:
    s = system(nodes=8, delay=1)
    import dataclasses

    heavy = dataclasses.replace(s.params, arrival_rates=jnp.asarray([9.0, 6.0]))
    with pytest.raises(UntrustworthyResult, match="NOT_CONVERGED"):
        simulate(s.kernel, policies.Own(), heavy, replications=8)
    broken = dataclasses.replace(s.params, arrival_rates=jnp.asarray([jnp.nan, 0.6]))
    with pytest.raises(InvalidInput, match=r"params\.arrival_rates .* is not finite"):
        simulate(s.kernel, policies.Own(), broken, replications=8)


def test_delays_and_graphs_of_one_shape_share_a_kernel() -> None:
    # Equal kernels are one static argument of the engine, so they share a compilation.
    short, long = (assemble(cycle(9), delay=d, largest_delay=10.0).kernel for d in (1.0, 10.0))
    assert short == long and hash(short) == hash(long)
    one, other = (configuration(40, (2, 3), seed=s) for s in (1, 2))
    a, b = assemble(one).kernel, assemble(other).kernel
    assert a == b or a.spec != b.spec
