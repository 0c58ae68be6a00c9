"""A block of steps inside one Pallas kernel: what a GPU needs, where a launch per array and step costs most.

The step of one replication is traced as it is and carried out for many lanes at once: numbers of a
replication become vectors that stay in registers over the whole block; arrays of a replication (the words of
the servers, say) stay in memory, and each read or write of one of their cells becomes a load or a store. So
no kernel is written twice, and the paths are the same bit for bit (tested in Pallas's interpreter).

It carries out kernels whose steps read and write single cells of the arrays in their state and are otherwise
made of numbers, under parameters and policies made of numbers; `fits` says which. **Not measured on a GPU**:
therefore `batch.proceed` tries both ways on one, and keeps the faster.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jax.extend.core import ClosedJaxpr, Literal

from jaxsim.core.kernel import Kernel
from jaxsim.core.types import Array, Int
from jaxsim.engine.path import Path, block_length, folded, turn

WIDTHS = (128, 64, 32)
"""Lanes of one program: the first that divides the number of lanes."""


class Unsupported(Exception):
    """A step does with an array what this module does not carry out."""


class Cells:
    """An array of every lane, in memory: (lanes, cells)."""

    def __init__(self, ref: Any, lanes: Array):
        """Hold the rows of these lanes."""
        self.ref, self.lanes = ref, lanes


class Pair:
    """A complex number as its parts: some backends have no complex registers."""

    def __init__(self, real: Any, imag: Any):
        """Hold both."""
        self.real, self.imag = real, imag


def width_of(lanes: int) -> int | None:
    """Return how many lanes a program takes, or None where they cannot be shared out evenly."""
    return next((width for width in WIDTHS if lanes % width == 0), None)


def fits(kernel: Kernel, policy: Any, context: Any, chunk: Path) -> bool:
    """Return whether blocks of this kernel can run inside one Pallas kernel, from shapes alone."""
    numbers = all(jnp.size(leaf) <= 1 for leaf in jax.tree.leaves((policy, context)) if jnp.ndim(leaf))
    if not numbers or width_of(jax.tree.leaves(chunk)[0].shape[0]) is None:
        return False
    try:
        jax.eval_shape(partial(advance, kernel, interpret=True), policy, context, chunk, jnp.int32(1))
    except Unsupported:
        return False
    return True


def advance(
    kernel: Kernel, policy: Any, context: Any, chunk: Path, steps: Int[Array, ""], *, interpret: bool = False
) -> Path:
    """Do what `path.advance` does under ``vmap``: take that many steps with every lane of the chunk."""
    block = block_length(kernel)

    def run(i: Any, chunk: Path) -> Path:
        length = lax.min(block, steps - i * block)
        chunk = _block(kernel, policy, context, chunk, length, interpret)
        return jax.vmap(folded, in_axes=(0, None))(chunk, length)

    return lax.fori_loop(0, (steps + block - 1) // block, run, chunk)


def _block(kernel: Kernel, policy: Any, context: Any, chunk: Path, length: Any, interpret: bool) -> Path:
    """Run one Pallas kernel: every program takes its lanes through ``length`` steps."""
    leaves, structure = jax.tree.flatten(chunk)
    one = structure.unflatten([jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in leaves])
    fixed = [jnp.reshape(x, -1) for x in jax.tree.leaves((policy, context))]
    step = jax.make_jaxpr(lambda p, c, j, path: turn(kernel, p, c, j, path))(
        policy, context, jnp.int32(0), one
    )
    parts = [part for x in leaves for part in _parts(x)]
    lanes, width = leaves[0].shape[0], width_of(leaves[0].shape[0])
    assert width is not None
    given = [x for x in fixed if x.size]

    def program(*refs: Any) -> None:
        count, numbers = refs[0], refs[1 : 1 + len(given)]
        inputs, outputs = refs[1 + len(given) : -len(parts)], refs[-len(parts) :]
        rows = pl.program_id(0) * width + lax.iota(jnp.int32, width)
        # Arrays are read and written through the outputs, which lie where the inputs do.
        kept = [i for i, x in enumerate(parts) if x.ndim > 1]
        held = iter(numbers)
        scalars = [next(held)[0] if x.size else None for x in fixed]
        start = tuple(inputs[i][...] for i in range(len(parts)) if i not in kept)

        def take(j: Any, carry: tuple[Any, ...]) -> tuple[Any, ...]:
            moving = iter(carry)
            whole = [Cells(outputs[i], rows) if i in kept else next(moving) for i in range(len(parts))]
            found = _evaluate(step, [*scalars, j, *_joined(whole, leaves)], width)
            return tuple(x for value in found for x in _apart(value) if not isinstance(x, Cells))

        found = iter(lax.fori_loop(0, count[0], take, start))
        for i in range(len(parts)):
            if i not in kept:
                outputs[i][...] = next(found)

    whole, ahead = pl.BlockSpec(memory_space=pl.ANY), 1 + len(given)
    lane = pl.BlockSpec((width,), lambda i: (i,))
    single = pl.BlockSpec((1,), lambda i: (0,))
    specs = [whole if x.ndim > 1 else lane for x in parts]
    out = pl.pallas_call(
        program, grid=(lanes // width,), in_specs=[single] * ahead + specs, out_specs=specs,
        out_shape=[jax.ShapeDtypeStruct(x.shape, x.dtype) for x in parts],
        input_output_aliases={ahead + i: i for i in range(len(parts))}, interpret=interpret,
        compiler_params=triton.CompilerParams(num_warps=width // 32),
    )(jnp.reshape(length, 1), *given, *parts)  # fmt: skip
    values = [lax.complex(x.real, x.imag) if isinstance(x, Pair) else x for x in _joined(out, leaves)]
    return structure.unflatten(values)


def _parts(x: Array) -> tuple[Array, ...]:
    return (lax.real(x), lax.imag(x)) if jnp.iscomplexobj(x) else (x,)


def _joined(parts: Any, leaves: list[Any]) -> list[Any]:
    """Put the parts of complex leaves together."""
    left = iter(parts)
    return [Pair(next(left), next(left)) if jnp.iscomplexobj(leaf) else next(left) for leaf in leaves]


def _apart(value: Any) -> tuple[Any, ...]:
    return (value.real, value.imag) if isinstance(value, Pair) else (value,)


def _evaluate(jaxpr: ClosedJaxpr, arguments: list[Any], width: int) -> list[Any]:
    """Carry out the operations of one replication for all lanes of a program.

    A value is a number (the same in every lane), a vector (one number for each lane), `Cells` or a `Pair`.
    """
    known: dict[Any, Any] = dict(zip(jaxpr.jaxpr.constvars, jaxpr.consts, strict=True))
    known |= dict(zip(jaxpr.jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.jaxpr.eqns:
        inputs = [read(atom) for atom in equation.invars]
        results = _operation(equation, inputs, width)
        known |= dict(zip(equation.outvars, results, strict=True))
    return [_spread(read(atom), atom, width) for atom in jaxpr.jaxpr.outvars]


def _spread(value: Any, atom: Any, width: int) -> Any:
    """A result that is the same in every lane, as a vector (the loop carries vectors)."""
    if isinstance(value, Cells | Pair) or jnp.ndim(value):
        return value
    return jnp.full(width, value, atom.aval.dtype)


def _operation(equation: Any, inputs: list[Any], width: int) -> list[Any]:
    """Carry out one operation."""
    name, parameters = equation.primitive.name, equation.params
    if isinstance(inputs[0] if inputs else None, Cells):
        return [_cell(name, parameters, inputs)]
    if any(isinstance(x, Cells) for x in inputs):
        raise Unsupported(name)
    if name == "complex":
        return [Pair(*inputs)]
    if name in ("real", "imag") and isinstance(inputs[0], Pair):
        return [getattr(inputs[0], name)]
    if name in ("jit", "pjit"):
        return _evaluate(parameters["jaxpr"], inputs, width)
    if any(isinstance(x, Pair) for x in inputs):
        raise Unsupported(name)
    shapes = [v.aval.shape for v in (*equation.invars, *equation.outvars)]
    if name in ("broadcast_in_dim", "reshape", "squeeze") and all(shape in ((), (1,)) for shape in shapes):
        return inputs[:1]  # one number in an array of length 1
    if any(shape != () for shape in shapes):
        raise Unsupported(name)
    return _bind(equation, inputs)


def _bind(equation: Any, inputs: list[Any]) -> list[Any]:
    """Bind a primitive of numbers to vectors."""
    axes = [0 if jnp.ndim(x) else None for x in inputs]

    def call(*values: Any) -> list[Any]:
        found = equation.primitive.bind(*values, **equation.params)
        return list(found) if equation.primitive.multiple_results else [found]

    return jax.vmap(call, in_axes=axes)(*inputs) if 0 in axes else call(*inputs)


def _cell(name: str, parameters: Any, inputs: list[Any]) -> Any:
    """Read or write one cell of every lane's array; indices are in bounds, as the kernels promise."""
    array, index = inputs[0], inputs[1]
    if name == "dynamic_slice" and parameters["slice_sizes"] == (1,):
        return array.ref[array.lanes, index]
    if name == "scatter" and parameters["update_jaxpr"] is None:
        array.ref[array.lanes, index] = inputs[2]
        return array
    raise Unsupported(f"{name} of an array")
