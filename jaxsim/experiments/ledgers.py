"""Ledgers as files: written by ``jaxsim simulate --ledger``, checked by ``jaxsim verify``.

A ledger ``NAME.jsonl`` has a manifest ``NAME.head.json`` beside it with the hash of its last block,
without which missing blocks at the end cannot be seen. Who can write both can forge both: keep the head
elsewhere as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jaxsim.core.validation import refuse, require
from jaxsim.experiments.registry import Family
from jaxsim.models.pricing.ledger import Audit, audit, chain


def write(card: Family, system: Any, policy: Any, file: Path, **keys: Any) -> dict[str, Any]:
    """Record a replication's decisions as a ledger with its manifest; return the manifest.

    keys: seed, horizon, where given.

    Raises:
        InvalidInput: if the family records no decisions, or the file cannot be written.
    """
    if card.ledger is None:
        refuse("ledger", str(file), f"cannot be written: {card.name} records no decisions", "leave it out")
    about, decided = card.ledger.load()(system, policy, **keys)
    lines = list(chain(about, decided))
    manifest = {"file": file.name, "blocks": len(lines), "head": json.loads(lines[-1])["hash"]}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        _manifest(file).write_text(json.dumps(manifest) + "\n", encoding="utf-8")
    except OSError as error:
        refuse("ledger", str(file), f"cannot be written ({error.strerror})", "choose another file")
    return manifest


def verify(path: Path, head: str | None = None) -> dict[str, tuple[Audit, bool]]:
    """Audit a ledger, or every ``*.jsonl`` below a folder; return name -> (audit, whether a head was known).

    Raises:
        InvalidInput: if there is nothing to audit, or a file cannot be read.
    """
    require(path.exists(), "path", str(path), "does not exist", "give a ledger, or a folder that holds one")
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    require(bool(files), "path", str(path), "holds no ledger (*.jsonl)", "write one with simulate --ledger")
    single = head is None or len(files) == 1
    require(single, "head", head, f"is one, but there are {len(files)} ledgers", "verify each file by itself")
    found = {}
    for file in files:
        kept = head if head is not None else _kept_head(file)
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            refuse("path", str(file), f"cannot be read ({error.strerror})", "give a file that you may read")
        found[str(file)] = (audit(lines, kept), kept is not None)
    return found


def _manifest(file: Path) -> Path:
    return file.with_suffix(".head.json")


def _kept_head(file: Path) -> str | None:
    """Return the head that the manifest keeps; a damaged manifest keeps one that nothing matches."""
    if not _manifest(file).is_file():
        return None
    try:
        return str(json.loads(_manifest(file).read_text(encoding="utf-8"))["head"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unreadable"
