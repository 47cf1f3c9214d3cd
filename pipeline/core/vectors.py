"""Many numbers moved at once, by instructions that numba's own language has no words for."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator"
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pipeline.core.slack import VECTOR


@intrinsic
def move(context: Any, target: Any, t: Any, origin: Any, o: Any) -> Any:
    """target[t : t + VECTOR] = origin[o : o + VECTOR], arrays of one dtype, as one unaligned vector load and store."""

    def emit(cg: Any, builder: Any, signature: Any, args: Any) -> Any:
        width = VECTOR * signature.args[0].dtype.bitwidth // 8
        pointer = ir.VectorType(ir.IntType(8), width).as_pointer()
        to, of = (builder.bitcast(place, pointer) for place in _places(cg, builder, signature, args))
        builder.store(builder.load(of, align=2), to, align=2)
        return cg.get_dummy_value()

    return types.void(target, t, origin, o), emit


@intrinsic
def copy(context: Any, target: Any, t: Any, origin: Any, o: Any, count: Any) -> Any:
    """target[t : t + count] = origin[o : o + count], arrays of one dtype that do not overlap; nothing if count < 0.

    A loop over indices that may count from the end is not compiled to vector instructions: it takes twice as long.
    """

    def emit(cg: Any, builder: Any, signature: Any, args: Any) -> Any:
        to, of = _places(cg, builder, signature, args)
        none = args[4].type(0)
        some = builder.select(builder.icmp_signed("<", args[4], none), none, args[4])
        cgutils.raw_memcpy(builder, to, of, some, signature.args[0].dtype.bitwidth // 8)
        return cg.get_dummy_value()

    return types.void(target, t, origin, o, types.intp), emit


def _places(cg: Any, builder: Any, signature: Any, args: Any) -> list[Any]:
    """Pointers to the places in two arrays that the first four arguments, array, index, array, index, mean."""
    return [
        builder.gep(cgutils.create_struct_proxy(signature.args[i])(cg, builder, args[i]).data, [args[i + 1]])
        for i in (0, 2)
    ]
