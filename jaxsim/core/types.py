"""Array types with shapes: jaxtyping's where it is installed, plain arrays where it is not.

The core runs without jaxtyping; the tests install it together with beartype and then every annotation is
checked at every call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jax import Array

if TYPE_CHECKING:
    from jaxtyping import Bool, Complex, Float, Int, Num, PyTree, Shaped, UInt, UInt8, UInt16, UInt32
else:
    try:
        from jaxtyping import Bool, Complex, Float, Int, Num, PyTree, Shaped, UInt, UInt8, UInt16, UInt32
    except ImportError:

        class _Unchecked:
            """Stands in for a jaxtyping class: ``Float[Array, "n"]`` means just ``Array``."""

            def __class_getitem__(cls, item: Any) -> Any:
                """Drop the shape."""
                return item[0] if isinstance(item, tuple) else Any

        Bool = Complex = Float = Int = Num = Shaped = UInt = UInt8 = UInt16 = UInt32 = _Unchecked
        PyTree = Any

Whole = Any
"""A whole number as a user gives it; `jaxsim.core.validation.integer` decides."""

Real = Any
"""A real number (or several) as a user gives it; `jaxsim.core.validation.numbers` and its kin decide."""

__all__ = [
    "Array", "Bool", "Complex", "Float", "Int", "Num", "PyTree", "Real", "Shaped", "UInt", "UInt8", "UInt16",
    "UInt32", "Whole",
]  # fmt: skip
