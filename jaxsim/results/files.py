"""Files that are whole or absent, and folders that one process owns at a time."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from jaxsim.core.validation import refuse

_LOCK = ".lock"
LARGEST_SMALL, MOST_RATIO = 1 << 30, 100
_held: dict[str, int] = {}
"""Folders that this process has locked, and how many times over."""


def write_whole(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file under another name, then rename it: readers see the old file or the new, never half.

    The data are on the disk before the name is, so that this also holds when the power fails.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_mask())  # mkstemp gives it to its owner alone
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mask() -> int:
    """Return the process's mask of file permissions, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, in a folder that is made if missing.

    Raises:
        InvalidInput: if the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write(text.encode()))
    except OSError as error:
        unwritable(path.parent, error)


def no_bomb(path: Path) -> None:
    """Refuse an archive that would unpack to far more than it is: over 1 GiB and 100 times its size.

    Raises:
        ValueError: then; and whatever a damaged archive raises.
    """
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > max(LARGEST_SMALL, MOST_RATIO * path.stat().st_size):
        raise ValueError(f"it would unpack to {unpacked} bytes")


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _try_lock(handle: int) -> bool:
    """Lock an open file unless another process has; the system unlocks it when the process ends, however."""
    try:
        try:
            import fcntl
        except ImportError:  # Windows
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (
        BlockingIOError,
        PermissionError,
    ):  # held by another: on POSIX, on Windows
        return False
    return True


@contextlib.contextmanager
def locked(folder: str | Path) -> Iterator[Path]:
    """Make the folder if it is missing and own it until the block ends; a process may own it twice over.

    Raises:
        InvalidInput: if the folder cannot be written, or another process owns it.
    """
    folder = Path(folder)
    name = os.path.realpath(folder)
    handle = _acquire(folder) if name not in _held else None
    _held[name] = _held.get(name, 0) + 1
    try:
        yield folder
    finally:
        _held[name] -= 1
        if handle is not None:
            del _held[name]
            # Unlinked while it is still locked: whoever waits for this very file sees that it is gone.
            with contextlib.suppress(OSError):
                (folder / _LOCK).unlink()
            os.close(handle)


def _acquire(folder: Path) -> int:
    path = folder / _LOCK
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            unwritable(folder, error)
        if not _try_lock(handle):
            os.close(handle)
            refuse("out", str(folder), "is in use by another process", "wait for it, or give another folder")
        with contextlib.suppress(OSError):
            if os.fstat(handle).st_ino == path.stat().st_ino:
                return handle
        os.close(handle)  # its owner let go and removed the file between our two calls


def unwritable(folder: str | Path, error: OSError) -> NoReturn:
    """Refuse a folder that cannot be written."""
    refuse("out", str(folder), f"cannot be written ({error.strerror})", "choose another folder")
