"""``--hosts``: start the processes that share a simulation, and say so in one line when one of them is lost.

Each host works in a process of its own that a second one watches: what ends the first (a kill, a crash, the
loss of another host, at which JAX ends a process without asking) cannot end the second, which reports it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from jaxsim.core.validation import integer, refuse

if TYPE_CHECKING:
    from jaxsim.engine.hosts import Hosts
else:
    Hosts = Any

VARIABLE = "JAXSIM_HOST"
"""Tells a process that it is a host: ``auto``, or ADDRESS:PORT,COUNT,INDEX."""
PATIENCE = 30.0
"""Seconds that the other hosts get to save their work when one is lost."""
HELP = "share the work: N processes here, or ADDRESS:PORT,COUNT,INDEX, or auto (SLURM, Kubernetes, MPI)"


def is_host() -> bool:
    """Return whether this process is one of the hosts, rather than the one that watches."""
    return VARIABLE in os.environ


def join() -> Hosts:
    """Join the other hosts; alone where there are none."""
    from jaxsim.engine import hosts

    if not is_host():
        return hosts.Hosts()
    # What the libraries below print on standard output would break --json.
    sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    place = os.environ[VARIABLE]
    if place == "auto":
        return hosts.join()
    address, count, index = place.split(",")
    return hosts.join(address, int(count), int(index))


def supervise(text: str) -> int:
    """Run this command line once for each host that is started here; return the exit code.

    Raises:
        InvalidInput: if the text says no hosts, or a host was lost.
    """
    with contextlib.ExitStack() as files:
        places = _places(text)
        said = [files.enter_context(tempfile.TemporaryFile()) if i else None for i in range(len(places))]
        return _supervise(places, said)


def _supervise(places: list[str], said: Sequence[IO[bytes] | None]) -> int:
    children = [_start(place, len(places), out) for place, out in zip(places, said, strict=True)]
    before = {each: signal.signal(each, _forward(children)) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        failed = _wait(children)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for child in children:
            child.kill()
    if failed is None:
        return max(child.returncode for child in children)
    code, out = children[failed].returncode, said[failed]
    if code < 0:
        name = signal.Signals(-code).name
        problem = f"was lost ({name})" if -code != signal.SIGABRT else "lost the others (SIGABRT)"
        refuse("hosts", places[failed], problem, "give the command again, or resume the folder of --out")
    if out is not None:  # the words of host 0 have been seen
        out.seek(0)
        print(out.read().decode(errors="replace").rstrip().rpartition("\n")[2], file=sys.stderr)
    return code


def _places(text: str) -> list[str]:
    if text == "auto":
        return [text]
    if re.fullmatch(r"\S+:\d+,\d+,\d+", text):
        _, count, index = text.split(",")
        integer("hosts", index, low=0, high=integer("hosts", count, low=1) - 1)
        return [text]
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        refuse("hosts", text, "is not known", "give a number, ADDRESS:PORT,COUNT,INDEX, or auto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [f"127.0.0.1:{port},{text},{index}" for index in range(int(text))]


def _start(place: str, here: int, said: IO[bytes] | None) -> subprocess.Popen[bytes]:
    """Start a host; those of one machine share its cores."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, VARIABLE: place}
    flag = "--xla_force_host_platform_device_count"
    if here > 1 and flag not in environment.get("XLA_FLAGS", ""):
        cores = max(1, (os.cpu_count() or 1) // here)
        environment["XLA_FLAGS"] = f"{environment.get('XLA_FLAGS', '')} {flag}={cores}"
    line = [sys.executable, "-m", "jaxsim.cli", *sys.argv[1:]]
    # A session of its own: Ctrl-C reaches it through this process, once.
    return subprocess.Popen(line, env=environment, stderr=said, start_new_session=True)


def _forward(children: list[subprocess.Popen[bytes]]) -> Any:
    def forward(number: int, frame: Any) -> None:
        for child in children:
            child.send_signal(number)

    return forward


def _wait(children: list[subprocess.Popen[bytes]]) -> int | None:
    """Wait for all; return the first that failed (3, untrustworthy numbers, is no failure), or None."""
    failed, deadline = None, float("inf")
    while any(child.poll() is None for child in children):
        bad = [i for i, child in enumerate(children) if child.returncode not in (None, 0, 3)]
        if bad and failed is None:
            failed, deadline = bad[0], time.monotonic() + PATIENCE
            for child in children:
                child.terminate()
        if time.monotonic() > deadline:
            for child in children:
                child.kill()
        time.sleep(0.05)
    bad = [i for i, child in enumerate(children) if child.returncode not in (0, 3)]
    return failed if failed is not None else next(iter(bad), None)
