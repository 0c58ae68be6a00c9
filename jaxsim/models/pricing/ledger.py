"""A ledger of hash-linked blocks: what was decided, in an order that cannot be changed unseen.

    hash_n = SHA-256( {"block": n, "decision": ..., "previous": hash_{n-1}} ),   hash_{-1} = 64 zeros

Block 0 says what the ledger is about; every further block holds one decision. A block is one line of
canonical JSON (keys sorted, no spaces, no NaN), so that equal content has equal bytes. Whoever changes,
removes, inserts or moves a block breaks a link, which `audit` names. Two things no chain can show by
itself: that blocks are missing at the end, and that somebody has computed all hashes from some block on
anew. Both change the hash of the last block, the *head*: keep it apart and give it to `audit`.

Source: Dai (2024), section 1, figures 1 and 2: decisions are stored in blocks with a time stamp and a link to
the block before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import positive, scalar
from jaxsim.models.pricing import diffusion
from jaxsim.models.pricing.paths import Decisions, decisions

NO_HASH = "0" * 64
_FIELDS = {"block", "decision", "previous", "hash"}


@dataclass(frozen=True)
class Audit:
    """What an audit found: number of blocks, hash of the last one, and the faults in order, one line each."""

    blocks: int
    head: str
    faults: tuple[str, ...]


def canonical(value: Any) -> str:
    """Return canonical JSON of plain finite values.

    Raises:
        ValueError: for NaN, infinities or values that are not plain.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def chain(about: dict[str, Any], decided: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a ledger: ``about`` as block 0, then a block per decision."""
    previous = NO_HASH
    for number, decision in enumerate((about, *decided)):
        content = {"block": number, "decision": decision, "previous": previous}
        previous = _digest(content)
        yield canonical({**content, "hash": previous})


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def audit(lines: Iterable[str], head: str | None = None) -> Audit:
    """Check every block and every link; with the head, also that nothing is missing or rewritten.

    Never raises for what it reads: a line that is no block is a fault of the block that it stands for.
    """
    faults: list[str] = []
    count, previous = 0, NO_HASH
    for count, line in enumerate(lines, start=1):
        number = count - 1
        try:
            block = json.loads(line)
            content = {name: block[name] for name in _FIELDS - {"hash"}}
            stated = block["hash"]
            good = set(block) == _FIELDS and canonical(block) == line and isinstance(stated, str)
            found = _digest(content)
        except (ValueError, TypeError, KeyError, RecursionError):
            faults.append(f"block {number} cannot be read")
            previous = ""
            continue
        if content["block"] != number:
            faults.append(f"block {content['block']} stands in the place of block {number}")
        if stated != found:
            faults.append(f"block {content['block']} was altered: its hash does not match its content")
        elif not good:
            faults.append(f"block {content['block']} was altered: it is not in canonical form")
        if previous and content["previous"] != previous:
            faults.append(f"block {content['block']} does not follow the block before it, which was replaced")
        previous = stated if isinstance(stated, str) else ""
    if count == 0:
        faults.append("the ledger is empty")
    if head is not None and previous != head:
        faults.append("the last block is not the head that was kept: blocks are missing, added or rewritten")
    return Audit(count, previous, tuple(faults))


def entries(path: Decisions) -> Iterator[dict[str, Any]]:
    """Yield the decisions of a recorded replication as plain values, one dict per step.

    time, regime (from 1), workload, queues, prices, rates (per user), selected (numbers of users, from 1).
    Single-precision numbers are written with the fewest digits that give them back.
    """
    columns = {
        name: _plain(getattr(path, name)) for name in ("time", "workload", "queues", "prices", "rates")
    }
    regimes, chosen = np.asarray(path.regime), np.asarray(path.selected)
    for n, regime in enumerate(regimes):
        selected = (np.flatnonzero(chosen[n]) + 1).tolist()
        yield {name: values[n] for name, values in columns.items()} | {
            "regime": int(regime) + 1, "selected": selected,
        }  # fmt: skip


def _plain(array: Any) -> list[Any]:
    values = np.asarray(array)
    flat = [float(str(x)) for x in values.ravel()]
    return np.array(flat).reshape(values.shape).tolist()


def record(
    system: System, policy: Any, *, seed: Whole = 0, replication: Whole = 0, horizon: Real = None
) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """Return block 0 and the decisions of one replication, as `chain` takes them.

    The replication is the one that ``simulate`` takes under the same seed and number; ``horizon`` (model
    time, default the kernel's) is rounded up to whole steps.

    In the packet model a step is an event, and whole steps are the expected number of events in that time.

    Raises:
        InvalidInput: for numbers out of range.
    """
    kernel = system.kernel
    length = kernel.horizon if horizon is None else scalar("horizon", horizon, positive)
    step = float(kernel.step_time(kernel.spec, system.params))
    steps = max(1, int(np.ceil(length / step * (1 - 1e-6))))  # the step is a float32
    path = decisions(system, policy, seed=seed, replication=replication, steps=steps)
    about = {
        "family": kernel.family, "policy": type(policy).__name__, "seed": int(seed),
        "replication": int(replication), "steps": steps,
    }  # fmt: skip
    if isinstance(kernel.spec, diffusion.Spec):
        about["time_step"] = float(str(np.float32(step)))
    return about, entries(path)
