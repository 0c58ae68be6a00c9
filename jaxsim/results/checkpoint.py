"""Checkpoints: a job that was killed goes on from its last one to the same result.

For the verbs (`simulate`, tuning, training), which own their loops::

    with keep(folder, identity("tuning", objective=objective, start=start, seed=seed, ...)) as store:
        saved = store.load()                        # None in a fresh folder, or where folder is None
        step, carry = 0, start
        if saved is not None:
            step, carry = saved.notes["step"], saved.tree(carry)
        while step < steps:
            step, carry = one_piece(step, carry)
            store.offer(lambda: (carry, {"step": step}))    # saves if it is time to

`offer` asks for the (tree, notes) only when it saves: when `EVERY` seconds have passed and saving has taken
less than 1 % of the time, or when the job was interrupted. The tree is any pytree of arrays; the notes are
plain JSON (numbers of steps, curves that are short). `Saved.tree` puts the arrays into a template of the same
structure, shapes and types (arrays or ``ShapeDtypeStruct``). ``keep(None, ...)`` keeps nothing, so a verb
needs no second path.

The first Ctrl-C or SIGTERM lets the piece under way end, saves, and raises `Interrupted`, which says how to
go on; the second stops at once. A verb never removes its checkpoint: `jaxsim.results.job` does, once the
result is on the disk.

The file is ``checkpoint.npz``: the arrays, and a head of JSON with the format, the identity, the notes and
the SHA-256 of all of it. It is written under another name, forced to the disk, and renamed, so that there
always is a whole one; nothing in it can execute code. One process at a time may keep a folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxsim.core.errors import Interrupted
from jaxsim.core.validation import refuse, require
from jaxsim.results.files import locked, no_bomb, write_whole

FORMAT = 1
FILE = "checkpoint.npz"
EVERY = 10.0
"""Seconds between two checkpoints at least."""
SHARE = 0.005
"""Of the time, at most, goes into saving."""


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds: notes as they were given, and arrays by the path of their leaf."""

    notes: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def tree(self, template: Any) -> Any:
        """Return the arrays in the structure of the template.

        Raises:
            InvalidInput: if a leaf is missing, left over, or of another shape or type than in the template.
        """
        leaves, structure = jax.tree_util.tree_flatten_with_path(template)
        names = [_name(where) for where, _ in leaves]
        odd = sorted(set(names) ^ set(self.arrays))
        remedy = "start again in another folder"
        require(not odd, "checkpoint", ", ".join(odd), "does not fit the job", remedy)
        return structure.unflatten(
            _restored(n, self.arrays[n], leaf) for n, (_, leaf) in zip(names, leaves, strict=True)
        )


def _name(where: Any) -> str:
    return jax.tree_util.keystr(where, simple=True, separator="/") or "value"


def _is_key(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _stored(leaf: Any) -> np.ndarray:
    """Return the leaf as an array that npz can hold: key data of keys, bits of types that numpy lacks."""
    array = np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)
    return array if array.dtype.kind in "biufc" else array.view(f"u{array.dtype.itemsize}")


def _restored(name: str, array: np.ndarray, leaf: Any) -> Any:
    if not hasattr(leaf, "dtype"):  # a Python number
        return type(leaf)(array.item())
    if _is_key(leaf):
        return jax.random.wrap_key_data(jax.numpy.asarray(array), impl=jax.random.key_impl(leaf))
    dtype = np.dtype(leaf.dtype)
    same = array.shape == tuple(leaf.shape) and array.dtype.itemsize == dtype.itemsize
    shown = f"{array.dtype}{array.shape} for {dtype}{tuple(leaf.shape)}"
    require(same, f"checkpoint.{name}", shown, "does not fit the job", "start again in another folder")
    return array if array.dtype == dtype else array.view(dtype)


def _checksum(head: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    found = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for name, array in arrays.items():
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return found.hexdigest()


def write(path: Path, identity: dict[str, Any], tree: Any, notes: dict[str, Any]) -> None:
    """Write a checkpoint file; the one that was there is kept if this one cannot be written.

    Raises:
        InvalidInput: if it cannot (a full disk, a folder without permission).
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(jax.device_get(tree))
    arrays = {_name(where): _stored(leaf) for where, leaf in leaves}
    head = {"format": FORMAT, "identity": identity, "notes": notes, "leaves": list(arrays)}
    head |= {"sha256": _checksum(head, arrays)}
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    members = {"head": text} | {str(i): array for i, array in enumerate(arrays.values())}
    try:
        write_whole(path, lambda file: np.savez(file, **members))  # type: ignore[arg-type]
    except OSError as error:
        remedy = "make room and resume: the checkpoint before it is kept"
        refuse("checkpoint", str(path), f"cannot be written ({error.strerror})", remedy)


def read(path: Path, identity: dict[str, Any]) -> Saved:
    """Read a checkpoint file.

    Raises:
        InvalidInput: if it is damaged, of another format, or belongs to a job with another identity.
    """
    remedy = "remove the file to begin from the start"
    try:
        no_bomb(path)
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            found = head["format"]
            known = found == FORMAT
            arrays = {n: file[str(i)] for i, n in enumerate(head["leaves"])} if known else {}
        checksum = head.pop("sha256")
        whole = not known or checksum == _checksum(head, arrays)
    except Exception as error:  # readers of damaged archives raise almost anything
        problem = f"is damaged ({type(error).__name__})"
        refuse("checkpoint", str(path), problem, remedy)
    require(known, "checkpoint", str(path), f"has format {found}", f"this jaxsim reads format {FORMAT}")
    require(whole, "checkpoint", str(path), "is damaged (its checksum differs)", remedy)
    _same_job(path, head["identity"], identity)
    return Saved(head["notes"], arrays)


def _same_job(path: Path, saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse a checkpoint of another job; name what differs."""
    saved, now = ({**d, **d.get("versions", {})} for d in (saved, now))
    for name in [n for n in (*now, *saved) if n != "versions"]:
        then, here = saved.get(name), now.get(name)
        shown = "" if isinstance(here, str) and len(here) == 64 else f": it was {then}, it is {here}"
        remedy = "resume with what it was begun with, or give another folder"
        require(then == here, "checkpoint", str(path), f"belongs to another {name}{shown}", remedy)


@dataclass
class Store:
    """Where one job keeps its checkpoints; see the module's docstring."""

    path: Path | None
    identity: dict[str, Any]
    last: float = 0.0
    cost: float = 0.0
    saves: int = 0
    stopping: bool = False

    def load(self) -> Saved | None:
        """Return the last checkpoint, or None where there is none."""
        if self.path is None or not self.path.exists():
            return None
        return read(self.path, self.identity)

    def due(self) -> bool:
        """Return whether it is time to save."""
        waited = time.perf_counter() - self.last
        return self.path is not None and (self.stopping or waited >= max(EVERY, self.cost / SHARE))

    def offer(self, snapshot: Callable[[], tuple[Any, dict[str, Any]]]) -> None:
        """Save the (tree, notes) if it is time to.

        Raises:
            Interrupted: after saving, if the job was asked to stop.
        """
        if self.due():
            self.save(*snapshot())

    def save(self, tree: Any, notes: dict[str, Any]) -> None:
        """Save now."""
        if self.path is None:
            return
        began = time.perf_counter()
        write(self.path, self.identity, tree, notes)
        self.last, self.saves = time.perf_counter(), self.saves + 1
        self.cost = self.last - began
        if self.stopping:
            raise Interrupted(
                f"interrupted; its checkpoint is in {self.path.parent}: begin it again to go on"
            )


@contextlib.contextmanager
def keep(folder: str | Path | None, identity: dict[str, Any]) -> Iterator[Store]:
    """Own the folder and yield the `Store` of the job's checkpoints in it; without a folder, keep nothing.

    Raises:
        InvalidInput: if the folder cannot be written or another process owns it.
    """
    if folder is None:
        yield Store(None, identity)
        return
    with locked(folder) as owned:
        for half in owned.glob(f"{FILE}.*"):  # what a kill left in the middle of writing
            half.unlink(missing_ok=True)
        store = Store(owned / FILE, identity, last=time.perf_counter())
        with _asked_to_stop(store):
            yield store


@contextlib.contextmanager
def _asked_to_stop(store: Store) -> Iterator[None]:
    """Turn the first interrupt into a request that the next `Store.offer` grants."""

    def ask(number: int, frame: Any) -> None:
        store.stopping = True
        for each, before in handlers.items():
            signal.signal(each, before)  # the second stops at once
        print("stopping at the next checkpoint; once more stops at once", file=sys.stderr)

    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, before in handlers.items():
            signal.signal(each, before)
