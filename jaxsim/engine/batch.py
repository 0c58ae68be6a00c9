"""Many replications at once: lanes under one ``vmap``, chunks in a loop, devices side by side.

Everything has two leading axes, (devices * chunks, lanes); the first is cut over the devices, and on a
device its chunks run one after another, so that the state of the chunk at work stays in cache. Where devices
share the nodes of each replication, they hold rows for the same replications, and what is constant along a
path has a leading axis of parts (see `jaxsim.engine.nodes`).
"""

from __future__ import annotations

import functools
import time
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec

from jaxsim.core.kernel import Kernel
from jaxsim.core.random import Key
from jaxsim.core.types import Array, Int, UInt32
from jaxsim.engine import fused
from jaxsim.engine import path as paths
from jaxsim.engine.nodes import AXIS
from jaxsim.engine.plan import Plan

CUT, _SAME = PartitionSpec(("replications", AXIS)), PartitionSpec()
_OPTIONS = {"xla_cpu_prefer_vector_width": 512}
"""XLA:CPU uses half of an AVX-512 register by default; whole ones are 10 to 20 % faster (measured on Zen 4).
Without effect on other processors and on accelerators."""


def mesh_of(plan: Plan) -> Mesh:
    """Return the devices as groups, which the replications are cut over, of those that share their nodes."""
    return Mesh(np.asarray(plan.devices).reshape(-1, plan.parts), ("replications", AXIS))


def rows_of(plan: Plan, numbers: np.ndarray) -> np.ndarray:
    """Return the numbers of a batch's replications as they lie on the devices: (rows, lanes)."""
    groups = numbers.reshape(-1, 1, plan.chunks, plan.lanes)
    shape = (groups.shape[0], plan.parts, plan.chunks, plan.lanes)
    return np.broadcast_to(groups, shape).reshape(plan.rows, plan.lanes)


def by_part(plan: Plan, values: Any) -> Any:
    """Return an array of leading axis rows as (parts, chunks on all groups, ...)."""
    values = np.asarray(values)
    apart = values.reshape(-1, plan.parts, plan.chunks, *values.shape[1:])
    return np.moveaxis(apart, 1, 0).reshape(plan.parts, -1, *values.shape[1:])


def _constant(mesh: Mesh) -> PartitionSpec:
    """Return how what is constant along a path lies on the devices: everywhere, or part by part."""
    return PartitionSpec(AXIS) if mesh.shape[AXIS] > 1 else _SAME


def _here(mesh: Mesh, context: Any) -> Any:
    return jax.tree.map(lambda x: x[0], context) if mesh.shape[AXIS] > 1 else context


_MET: set[Any] = set()


def unmet(kernel: Kernel, mesh: Mesh, pieces: int, arrays: Any) -> bool:
    """Return whether `proceed` meets arguments of these shapes for the first time, and so compiles."""
    leaves, structure = jax.tree.flatten(arrays)
    shapes = tuple((jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)
    arguments = (kernel, mesh, pieces, structure, shapes)
    new = arguments not in _MET
    _MET.add(arguments)
    return new


@functools.partial(jax.jit, static_argnames=("kernel", "parts"))
def prepare(kernel: Kernel, params: Any, policy: Any, parts: int = 1) -> Any:
    """Return what is constant along every path; of all parts, where there are several."""
    if parts == 1:
        return kernel.prepare(kernel.spec, params, policy)
    return jax.lax.map(lambda part: kernel.prepare(kernel.spec, part, policy), params)


@functools.partial(jax.jit, static_argnames=("kernel", "parts"))
def first_path(kernel: Kernel, policy: Any, context: Any, root: Key, parts: int = 1) -> paths.Path:
    """Return the path of one replication before its first step; the plan reads its size from the shape."""
    if parts == 1:
        return paths.start(kernel, policy, context, root)
    return jax.vmap(lambda here: paths.start(kernel, policy, here, root), axis_name=AXIS)(context)


@functools.partial(jax.jit, static_argnames=("kernel", "mesh"))
def begin(
    kernel: Kernel, mesh: Mesh, policy: Any, context: Any, root: Key, numbers: UInt32[Array, "chunks lanes"]
) -> Any:
    """Return the paths of the replications with these numbers, before their first step."""

    def local(policy: Any, context: Any, root: Key, numbers: Array) -> Any:
        context = _here(mesh, context)

        def one(number: Array) -> paths.Path:
            return paths.start(kernel, policy, context, root.replication(number))

        return lax.map(jax.vmap(one), numbers)

    specs = (_SAME, _constant(mesh), _SAME, CUT)
    run = jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=CUT, check_vma=False)
    return run(policy, context, root, numbers)


def proceed(
    kernel: Kernel, mesh: Mesh, policy: Any, context: Any, batch: Any, lengths: Int[Array, " pieces"]
) -> tuple[Any, dict[str, Any]]:
    """Take pieces of so many steps each (traced: any lengths run the same program); the batch is given away.

    A chunk takes all its pieces before the next chunk begins, so its state stays in cache and is not copied.
    On a GPU the loop over steps is one Pallas kernel where that is possible and faster (see `in_one_kernel`).

    Returns:
        The paths, and the totals of each piece: leaves of shape (chunks, pieces, lanes).
    """
    way = in_one_kernel(kernel, mesh, policy, context, batch)
    return _proceed(kernel, mesh, way, policy, context, batch, lengths)


@functools.partial(
    jax.jit,
    static_argnames=("kernel", "mesh", "one_kernel"),
    donate_argnames=("batch",),
    compiler_options=_OPTIONS,
)
def _proceed(
    kernel: Kernel, mesh: Mesh, one_kernel: bool, policy: Any, context: Any, batch: Any, lengths: Any
) -> tuple[Any, dict[str, Any]]:
    def local(policy: Any, context: Any, batch: Any, lengths: Array) -> tuple[Any, dict[str, Any]]:
        context = _here(mesh, context)

        def steps(chunk: Any, length: Array) -> Any:
            if one_kernel:
                return fused.advance(kernel, policy, context, chunk, length)
            return jax.vmap(lambda path: paths.advance(kernel, policy, context, path, length))(chunk)

        def piece(chunk: Any, length: Array) -> tuple[Any, dict[str, Any]]:
            chunk = steps(paths.emptied(chunk), length)
            return chunk, chunk.totals

        return lax.map(lambda chunk: lax.scan(piece, chunk, lengths), batch)

    specs = (_SAME, _constant(mesh), CUT, _SAME)
    run = jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=CUT, check_vma=False)
    return run(policy, context, batch, lengths)


_WAYS: dict[Any, bool] = {}
TRIAL_STEPS = 256


def in_one_kernel(kernel: Kernel, mesh: Mesh, policy: Any, context: Any, batch: Any) -> bool:
    """Return whether to run the loop over steps inside one Pallas kernel; the paths are the same either way.

    Only a GPU is asked: it runs both ways for a moment, once for each kernel and shape, and keeps the faster.
    A way that does not compile there is not taken, with a warning.
    """
    if not has_pallas(mesh):
        return False
    leaves, structure = jax.tree.flatten(batch)
    known = (kernel, mesh, structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
    if known not in _WAYS:
        chunk = jax.eval_shape(lambda tree: jax.tree.map(lambda leaf: leaf[0], tree), batch)
        _WAYS[known] = fused.fits(kernel, policy, context, chunk) and _faster(
            kernel, mesh, policy, context, batch
        )
    return _WAYS[known]


def has_pallas(mesh: Mesh) -> bool:
    """Return whether a Pallas kernel can do it: no exchange of nodes, nor hosts that must run one program."""
    alone = mesh.shape[AXIS] == 1 and jax.process_count() == 1
    return alone and mesh.devices.flat[0].platform == "gpu"


def _faster(kernel: Kernel, mesh: Mesh, policy: Any, context: Any, batch: Any) -> bool:
    def seconds(way: bool) -> float:
        spent, lengths = 0.0, jnp.full(1, TRIAL_STEPS, jnp.int32)
        for _ in range(2):  # the first call compiles
            copy = jax.block_until_ready(jax.tree.map(jnp.copy, batch))
            clock = time.perf_counter()
            jax.block_until_ready(_proceed(kernel, mesh, way, policy, context, copy, lengths))
            spent = time.perf_counter() - clock
        return spent

    plain = seconds(False)
    try:
        return seconds(True) < plain
    except Exception as error:  # whatever the compiler of this device raises: the plain way is always there
        text = f"the loop in one Pallas kernel does not run here, the plain one does: {error}"
        warnings.warn(" ".join(text.split())[:300], RuntimeWarning, stacklevel=2)
        return False
