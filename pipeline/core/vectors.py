"""Many numbers moved at once, by an instruction that numba's own language has no word for."""

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
        place = [
            builder.bitcast(builder.gep(cgutils.create_struct_proxy(kind)(cg, builder, array).data, [index]), pointer)
            for kind, array, index in ((signature.args[0], args[0], args[1]), (signature.args[2], args[2], args[3]))
        ]
        builder.store(builder.load(place[1], align=2), place[0], align=2)
        return cg.get_dummy_value()

    return types.void(target, t, origin, o), emit
