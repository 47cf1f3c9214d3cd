"""Pieces of text joined by a compiled loop. Imported only where it is tried: compiling it takes a second."""

# mypy: disable-error-code="no-untyped-call, call-arg"
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH = 16  # bytes moved at once; both buffers need this much slack at their end


@intrinsic
def _move(context: Any, target: Any, t: Any, origin: Any, o: Any) -> Any:
    """target[t : t + WIDTH] = origin[o : o + WIDTH] as one unaligned vector load and store."""

    def emit(cg: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), WIDTH).as_pointer()
        place = [
            builder.bitcast(builder.gep(cgutils.create_struct_proxy(kind)(cg, builder, array).data, [index]), vector)
            for kind, array, index in ((signature.args[0], args[0], args[1]), (signature.args[2], args[2], args[3]))
        ]
        builder.store(builder.load(place[1], align=1), place[0], align=1)
        return cg.get_dummy_value()

    return types.void(target, t, origin, o), emit


@njit("i8(i4[:,::1], i8[::1], i8[::1], u1[::1], u1[::1])", error_model="numpy")
def join(indices: Any, base: Any, start: Any, blob: Any, out: Any) -> Any:
    """Document i as its pieces, one from each table t: row indices[t, i], which is piece base[t] + row of the blob."""
    tables, documents = indices.shape
    at = 0
    for i in range(documents):
        for t in range(tables):
            piece = base[t] + indices[t, i]
            first = start[piece]
            length = start[piece + 1] - first
            for moved in range(0, length, WIDTH):
                _move(out, at + moved, blob, first + moved)
            at += length
    return at
