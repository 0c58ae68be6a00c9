"""The family of ``tests/seventh_family.py`` against theory, and its length."""

from pathlib import Path

import numpy as np
import seventh_family

from jaxsim.engine import simulate

STANDARD_ERRORS = 4  # of three values: a false alarm in 1 of 5000 seeds; the seed is fixed


def erlang_a(servers, arrival, service, patience, most=400):
    """Return the metrics from the stationary law of the birth-death chain.

    p_n is proportional to prod_{k=1..n} lambda / (min(k, c) mu + max(k - c, 0) theta); whoever does not leave
    is served, so the share that leaves is theta E[waiting] / lambda.
    """
    n = np.arange(1, most + 1)
    down = np.minimum(n, servers) * service + np.maximum(n - servers, 0) * patience
    law = np.exp(np.concatenate([[0.0], np.cumsum(np.log(arrival / down))]))
    law /= law.sum()
    waiting = law @ np.maximum(np.arange(most + 1) - servers, 0)
    return {"jobs": law @ np.arange(most + 1), "waiting": waiting, "abandoned": patience * waiting / arrival}


def test_it_agrees_with_erlang_a():
    system = seventh_family.system(servers=4, arrival_rate=3.5, patience_rate=0.5, room=40)
    run = {"replications": 200, "horizon": 100.0, "warmup": 20.0, "seed": 3}
    found = simulate(system.kernel, seventh_family.admit(system), system.params, **run)
    for metric, exact in erlang_a(4, 3.5, 1.0, 0.5).items():
        assert abs(found[metric].mean - exact) < STANDARD_ERRORS * found[metric].standard_error, metric


def test_it_is_under_100_lines():
    assert len(Path(seventh_family.__file__).read_text().splitlines()) < 100
