"""A simulation that was stopped anywhere goes on to the very numbers of one that was not."""

import functools
import os
import signal
import warnings

import jax
import numpy as np
import pytest
import toy

from jaxsim.core.errors import Interrupted, InvalidInput
from jaxsim.engine import Every, FinalState, memory, plan, simulate
from jaxsim.engine import run as runs
from jaxsim.results import checkpoint
from jaxsim.results.checkpoint import FILE

CASES = {
    "batches": {"replications": 40, "lanes": 4, "horizon": 60.0, "warmup": 20.0},
    "one long path": {"replications": 1, "horizon": 900.0},
    "precision": {"replications": 8, "lanes": 4, "horizon": 60.0, "precision": {"jobs": 0.25}},
    "warm-up found": {"replications": 8, "lanes": 4, "horizon": 900.0, "warmup": "auto"},
    "slices": {"replications": 12, "lanes": 4, "horizon": 60.0, "record": Every(25)},
    "histogram": {"replications": 12, "lanes": 4, "horizon": 60.0, "warmup": 20.0, "histogram": "jobs=0:4:4"},
    "states": {"replications": 12, "lanes": 4, "horizon": 60.0, "record": FinalState()},
}


class Stopped(Exception):
    pass


@pytest.fixture(autouse=True)
def short_calls(monkeypatch):
    """A checkpoint after every call, and calls of at most 64 steps."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", np.inf)
    monkeypatch.setattr(plan, "LONGEST_CALL", 64)
    monkeypatch.setattr(plan, "SHORTEST_CALL", 64)


@functools.cache
def kernel():
    return toy.kernel()


def run(**arguments):
    return simulate(kernel(), None, toy.params(0.6), seed=5, **arguments)


def stopping_after(calls):
    """Progress that stops the simulation, as a kill would, before the checkpoint of this call is written."""
    left = [calls]

    def stop(progress):
        left[0] -= 1
        if left[0] < 0:
            raise Stopped

    return stop


def assert_same(one, other):
    assert one.replications == other.replications and one.warmup == other.warmup
    assert one.estimates == other.estimates and one.status == other.status
    for kind in ("samples", "series", "arrays"):
        first, second = getattr(one, kind), getattr(other, kind)
        assert first.keys() == second.keys()
        for name in first:
            assert np.asarray(first[name]).tobytes() == np.asarray(second[name]).tobytes(), (kind, name)


@pytest.mark.parametrize("case", CASES)
def test_goes_on_to_the_same_numbers(case, tmp_path):
    calls = []
    whole = run(**CASES[case], progress=calls.append)
    stops = sorted({0, 1, len(calls) // 2, len(calls) - 1})
    for stop in stops:
        folder = tmp_path / str(stop)
        with pytest.raises(Stopped):
            run(**CASES[case], checkpoint=folder, progress=stopping_after(stop))
        assert (folder / FILE).exists() == (stop > 0)
        more = []
        assert_same(whole, run(**CASES[case], checkpoint=folder, progress=more.append))
        assert len(more) == len(calls) - stop  # nothing is done twice but the call that was lost


def test_stopped_many_times_over(tmp_path):
    whole = run(**CASES["batches"])
    for _ in range(5):
        with pytest.raises(Stopped):
            run(**CASES["batches"], checkpoint=tmp_path, progress=stopping_after(2))
    assert_same(whole, run(**CASES["batches"], checkpoint=tmp_path))


def test_an_interrupt_is_answered_at_the_next_call(tmp_path):
    sent = []

    def press(progress):
        if not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))

    with pytest.raises(Interrupted, match="its checkpoint is in"):
        run(**CASES["batches"], checkpoint=tmp_path, progress=press)
    assert_same(run(**CASES["batches"]), run(**CASES["batches"], checkpoint=tmp_path))


@pytest.mark.parametrize(
    "changes, named",
    [({"horizon": 61.0}, "horizon: it was 60.0, it is 61.0"), ({"replications": 41}, "replications")],
)
def test_other_arguments_are_refused(changes, named, tmp_path):
    case = CASES["batches"]
    run(**case, checkpoint=tmp_path)
    with pytest.raises(InvalidInput, match=named):
        run(**case | changes, checkpoint=tmp_path)


def test_another_spec_or_parameter_is_refused(tmp_path):
    arguments = {"seed": 5, **CASES["batches"], "checkpoint": tmp_path}
    run(**CASES["batches"], checkpoint=tmp_path)
    with pytest.raises(InvalidInput, match="another spec"):
        simulate(toy.kernel(capacity=77), None, toy.params(0.6), **arguments)
    with pytest.raises(InvalidInput, match="another params"):
        simulate(kernel(), None, toy.params(0.61), **arguments)


def test_another_number_of_devices_goes_on_where_the_rows_can_be_shared(tmp_path):
    case = CASES["batches"]
    with pytest.raises(Stopped):
        run(**case, checkpoint=tmp_path, progress=stopping_after(2))
    one = tuple(jax.local_devices()[:1])
    assert_same(run(**case), run(**case, checkpoint=tmp_path, devices=one))


def exhausted(fails):
    """A device that has no memory for the first so many calls."""
    call, left = runs.Run.call, [fails]

    def failing(self, batch, lengths):
        left[0] -= 1
        if left[0] >= 0:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.")
        return call(self, batch, lengths)

    return failing


def test_out_of_memory_halves_the_batch_and_says_so(monkeypatch):
    case = CASES["batches"] | {"lanes": 16}
    whole = run(**case)
    monkeypatch.setattr(runs.Run, "call", exhausted(2))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert_same(whole, run(**case))
    text = [str(w.message) for w in said if w.category is RuntimeWarning]
    assert text == [
        "memory ran out: going on with 16 replications at once in the place of 32",
        "memory ran out: going on with 8 replications at once in the place of 16",
    ]


def test_out_of_memory_for_a_single_path_is_refused(monkeypatch):
    monkeypatch.setattr(runs.Run, "call", exhausted(9))
    with pytest.raises(InvalidInput, match="one replication does not fit"):
        run(**CASES["one long path"])


def test_other_errors_of_the_device_are_not_taken_for_want_of_memory(monkeypatch):
    def broken(self, batch, lengths):
        raise jax.errors.JaxRuntimeError("INTERNAL: broken")

    monkeypatch.setattr(runs.Run, "call", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        run(**CASES["batches"])


@pytest.mark.parametrize(
    "text, size", [("2GB", 2e9), ("512 MiB", 512 * 2**20), ("1e6", 1e6), (3000, 3000), ("0.5kB", 500)]
)
def test_sizes_are_read(text, size):
    assert memory.budget(text, tuple(jax.local_devices())) == size


@pytest.mark.parametrize("text", ["", "GB", "2 XB", "-1GB", "nan", "1e999", "0", "0.1B", "..5GB"])
def test_bad_sizes_are_refused(text):
    with pytest.raises(InvalidInput, match="memory"):
        memory.budget(text, tuple(jax.local_devices()))


def test_the_budget_is_measured():
    free = memory.free_on_host()
    assert 2**20 < free < 2**50
    assert 0 < memory.budget(None, tuple(jax.local_devices())) <= free


def test_a_smaller_budget_makes_smaller_batches():
    one = tuple(jax.local_devices()[:1])
    big, small = (plan.make_plan(10**6, 1000, one, size) for size in (10**9, 10**6))
    assert small.batch * 3 * 1000 <= 10**6 < big.batch * 3 * 1000 <= 10**9
