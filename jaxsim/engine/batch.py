"""Many replications at once: lanes under one ``vmap``, chunks in a loop, devices side by side.

Everything has two leading axes, (devices * chunks, lanes); the first is cut over the devices, and on a
device its chunks run one after another, so that the state of the chunk at work stays in cache.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec

from jaxsim.core.kernel import Kernel
from jaxsim.core.random import Key
from jaxsim.core.types import Array, Int, UInt32
from jaxsim.engine import path as paths
from jaxsim.engine.plan import Plan

_CUT, _SAME = PartitionSpec("replications"), PartitionSpec()


def mesh_of(plan: Plan) -> Mesh:
    """Return the row of devices that the replications are cut over."""
    return Mesh(np.asarray(plan.devices), ("replications",))


@functools.partial(jax.jit, static_argnames=("kernel",))
def prepare(kernel: Kernel, params: Any, policy: Any) -> Any:
    """Return what is constant along every path."""
    return kernel.prepare(kernel.spec, params, policy)


@functools.partial(jax.jit, static_argnames=("kernel",))
def first_path(kernel: Kernel, policy: Any, context: Any, root: Key) -> paths.Path:
    """Return the path of one replication before its first step; the plan reads its size from the shape."""
    return paths.start(kernel, policy, context, root)


@functools.partial(jax.jit, static_argnames=("kernel", "mesh"))
def begin(
    kernel: Kernel, mesh: Mesh, policy: Any, context: Any, root: Key, numbers: UInt32[Array, "chunks lanes"]
) -> Any:
    """Return the paths of the replications with these numbers, before their first step."""

    def local(policy: Any, context: Any, root: Key, numbers: Array) -> Any:
        def one(number: Array) -> paths.Path:
            return paths.start(kernel, policy, context, root.replication(number))

        return lax.map(jax.vmap(one), numbers)

    specs = (_SAME, _SAME, _SAME, _CUT)
    run = jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=_CUT, check_vma=False)
    return run(policy, context, root, numbers)


@functools.partial(jax.jit, static_argnames=("kernel", "mesh"), donate_argnames=("batch",))
def proceed(
    kernel: Kernel, mesh: Mesh, policy: Any, context: Any, batch: Any, steps: Int[Array, ""]
) -> tuple[Any, dict[str, Any]]:
    """Take ``steps`` steps (traced: any number runs the same program); return paths and their totals."""

    def local(policy: Any, context: Any, batch: Any, steps: Array) -> tuple[Any, dict[str, Any]]:
        def one(path: paths.Path) -> tuple[paths.Path, dict[str, Any]]:
            path = paths.advance(kernel, policy, context, path, steps)
            return paths.emptied(path), path.totals

        return lax.map(jax.vmap(one), batch)

    specs = (_SAME, _SAME, _CUT, _SAME)
    run = jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=_CUT, check_vma=False)
    return run(policy, context, batch, steps)
