"""Checkpoints: what is saved comes back bit for bit; what does not belong, or is damaged, is refused."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.errors import Interrupted, InvalidInput
from jaxsim.results import checkpoint, files
from jaxsim.results.checkpoint import FILE, keep
from jaxsim.results.identity import digest, identity
from jaxsim.results.job import job, read_request


def tree() -> dict:
    return {
        "a": jnp.arange(6, dtype=jnp.int8).reshape(2, 3),
        "half": jnp.asarray([1.5, -2.0], jnp.bfloat16),
        "key": jax.random.key(3),
        "nested": (np.float64(0.1), [np.zeros((0, 4), np.float32)]),
        "number": 7,
    }


def job_identity(**changes):
    return identity("simulation", **({"seed": 1, "spec": (1, 2)} | changes))


def saved(folder: Path) -> Path:
    with keep(folder, job_identity()) as store:
        store.save(tree(), {"step": 12})
    return folder / FILE


def test_comes_back_bit_for_bit(tmp_path):
    saved(tmp_path)
    with keep(tmp_path, job_identity()) as store:
        found = store.load()
    assert found is not None and found.notes == {"step": 12}
    back, want = found.tree(tree()), tree()
    assert jax.tree.structure(back) == jax.tree.structure(want)
    assert jnp.array_equal(jax.random.key_data(back.pop("key")), jax.random.key_data(want.pop("key")))
    for x, y in zip(jax.tree.leaves(back), jax.tree.leaves(want), strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


def test_without_a_folder_nothing_is_kept():
    with keep(None, job_identity()) as store:
        store.offer(lambda: pytest.fail("asked for a snapshot"))
        assert store.load() is None


@pytest.mark.parametrize(
    "changed, named",
    [({"seed": 2}, "seed: it was 1, it is 2"), ({"spec": (1, 3)}, "another spec")],
)
def test_another_job_is_refused_by_name(tmp_path, changed, named):
    saved(tmp_path)
    with keep(tmp_path, job_identity(**changed)) as store, pytest.raises(InvalidInput, match=named):
        store.load()


def test_another_version_or_kind_is_refused(tmp_path):
    saved(tmp_path)
    old = job_identity()
    older = old | {"versions": old["versions"] | {"jaxsim-allocation": "0.0.9"}}
    for other, named in ((older, "another jaxsim-allocation: it was"), (old | {"kind": "tuning"}, "kind")):
        with keep(tmp_path, other) as store, pytest.raises(InvalidInput, match=named):
            store.load()


def test_another_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    saved(tmp_path)
    monkeypatch.setattr(checkpoint, "FORMAT", 1)
    with keep(tmp_path, job_identity()) as store, pytest.raises(InvalidInput, match="has format 2"):
        store.load()


def test_a_template_of_another_shape_is_refused(tmp_path):
    saved(tmp_path)
    with keep(tmp_path, job_identity()) as store:
        found = store.load()
    assert found is not None
    with pytest.raises(InvalidInput, match=r"checkpoint\.a = int8\(2, 3\) for int8\(3, 2\)"):
        found.tree(tree() | {"a": jnp.zeros((3, 2), jnp.int8)})
    with pytest.raises(InvalidInput, match="number"):
        found.tree({k: v for k, v in tree().items() if k != "number"})


def test_every_flipped_byte_is_noticed(tmp_path):
    """A flipped byte is refused, or lies where the archive holds nothing that is read (dates, versions)."""
    path = saved(tmp_path)
    sound = path.read_bytes()
    with keep(tmp_path, job_identity()) as store:
        want = store.load()
        assert want is not None
        refused = 0
        places = range(0, len(sound), 7)
        for place in places:
            path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x40]) + sound[place + 1 :])
            try:
                found = store.load()
            except InvalidInput as error:
                assert "\n" not in str(error)
                refused += 1
                continue
            assert found is not None and found.notes == want.notes
            for name, array in found.arrays.items():
                assert array.tobytes() == want.arrays[name].tobytes()
        assert refused > len(places) / 2
        for length in (0, 1, 100, len(sound) // 2, len(sound) - 1):
            path.write_bytes(sound[:length])
            with pytest.raises(InvalidInput, match="is damaged"):
                store.load()


def test_pickles_are_not_loaded(tmp_path):
    path = tmp_path / FILE
    with path.open("wb") as file:
        np.savez(file, head=np.asarray([print], dtype=object))
    with keep(tmp_path, job_identity()) as store, pytest.raises(InvalidInput, match="is damaged"):
        store.load()


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    saved(tmp_path)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with keep(tmp_path, job_identity()) as store:
        with monkeypatch.context() as patch:
            patch.setattr(files.os, "fsync", full)
            with pytest.raises(InvalidInput, match=r"No space left on device.*before it is kept"):
                store.save(tree(), {"step": 13})
        found = store.load()
    assert found is not None and found.notes == {"step": 12}
    assert sorted(p.name for p in tmp_path.iterdir()) == [FILE]


def test_a_file_size_limit_is_a_full_disk(tmp_path):
    """The system's own refusal in the middle of a write, in a process of its own."""
    code = (
        "import resource, numpy as np\n"
        "from jaxsim.results.checkpoint import keep\n"
        f"with keep({str(tmp_path)!r}, {{}}) as store:\n"
        "    store.save(np.zeros(10), {'step': 1})\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "    try: store.save(np.zeros(100000), {'step': 2})\n"
        "    except ValueError as error: print(error)\n"
        "    print(store.load().notes)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout and "{'step': 1}" in done.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidInput, match="cannot be written"), keep(tmp_path, {}):
        pass
    tmp_path.chmod(0o700)


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be written"), keep(tmp_path / "file" / "out", {}):
        pass


def test_one_process_at_a_time(tmp_path):
    code = f"from jaxsim.results.files import locked\nwith locked({str(tmp_path)!r}): print('mine')"
    other = [sys.executable, "-c", code]
    with files.locked(tmp_path), files.locked(tmp_path):  # twice in one process is fine
        refused = subprocess.run(other, capture_output=True, text=True)
        assert "in use by another process" in refused.stderr
    assert subprocess.run(other, capture_output=True, text=True, check=True).stdout == "mine\n"
    assert not list(tmp_path.iterdir())


def test_one_process_at_a_time_where_files_are_locked_as_on_windows(tmp_path, monkeypatch):
    held = []

    def locking(handle, mode, count):
        assert (mode, count) == (2, 1)
        if held:
            raise PermissionError(13, "Permission denied")
        held.append(handle)

    monkeypatch.setitem(sys.modules, "fcntl", None)  # importing it fails
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK=2))
    with files.locked(tmp_path):
        assert len(held) == 1
        monkeypatch.setattr(files, "_held", {})  # as another process sees it
        with pytest.raises(InvalidInput, match="in use by another process"), files.locked(tmp_path):
            pass
        monkeypatch.undo()


def test_saves_as_seldom_as_it_is_dear(tmp_path, monkeypatch):
    with keep(tmp_path, job_identity()) as store:
        assert not store.due()
        monkeypatch.setattr(checkpoint, "EVERY", 0.0)
        assert store.due()
        store.save(tree(), {})
        store.cost = 3600.0  # an hour of writing is not begun again within the next week
        assert not store.due()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_first(tmp_path, number, capsys):
    with (
        pytest.raises(Interrupted, match="jaxsim resume"),
        job(tmp_path, "tune", {"steps": 5}),
        keep(tmp_path, job_identity()) as store,
    ):
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        store.offer(lambda: (tree(), {"step": 4}))
    assert "once more stops at once" in capsys.readouterr().err
    request = read_request(tmp_path)
    assert request.arguments == {"steps": 5} and not request.finished
    with keep(tmp_path, job_identity()) as store:
        found = store.load()
    assert found is not None and found.notes == {"step": 4}


def test_a_request_is_kept_and_finished(tmp_path):
    with job(tmp_path, "tune", {"family": "pooling", "config": Path("x.toml")}):
        saved(tmp_path)
        assert read_request(tmp_path).arguments == {"family": "pooling", "config": "x.toml"}
    assert read_request(tmp_path).finished and not (tmp_path / FILE).exists()
    with pytest.raises(ZeroDivisionError), job(tmp_path, "tune", {}):
        saved(tmp_path)
        raise ZeroDivisionError
    assert not read_request(tmp_path).finished
    with pytest.raises(InvalidInput, match="another job that is unfinished"), job(tmp_path, "tune", {"a": 1}):
        pass
    assert read_request(tmp_path).arguments == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 9}', '{"format": 1, "command": 3}', "\x00"])
def test_a_damaged_request_is_refused(tmp_path, text):
    (tmp_path / "request.json").write_text(text)
    with pytest.raises(InvalidInput):
        read_request(tmp_path)


def test_a_digest_sees_what_matters_and_nothing_else():
    def maker(rate):
        return lambda x: x * rate

    assert digest(maker(1.0)) == digest(maker(1.0)) != digest(maker(2.0))
    assert digest(np.zeros(3)) != digest(np.zeros(3, np.float32)) != digest(np.zeros((3, 1), np.float32))
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(("ab", "c")) != digest(("a", "bc"))
    assert digest(1) != digest(1.0) != digest(True)


def test_a_digest_is_the_same_in_another_process():
    code = (
        "import json, optax\n"
        "from jaxsim.experiments.build import simulated_card\n"
        "from jaxsim.experiments import inputs\n"
        "from jaxsim.results.identity import digest\n"
        "found = [digest(optax.adam(0.1))]\n"
        "for name in ('balancing', 'pooling'):\n"
        "    system = inputs.call(simulated_card(name).system.load(), {})\n"
        "    found += [digest(system.kernel), digest(system.params)]\n"
        "print(json.dumps(found))\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in (1, 2)
    ]  # fmt: skip
    assert runs[0] == runs[1] and len(set(json.loads(runs[0]))) == 5
