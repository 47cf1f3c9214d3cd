"""What many recipes need compiled: draws, the bijection, the one gather that renders documents, and packing.

    draws.py       indices and orders drawn by keys; the bijection that shuffles
    rendering.py   sentences → token ids; where values and sentences stand in them
    packing.py     rows in another order, documents on a line of sequences, what is marked along it
    generator.py   the bits of a numpy.random.Generator, for functions of a user's own
    characters.py  texts looked through character by character

Signatures are explicit and the machine code is cached (../jit.py), so the compiler runs once per machine, when kernels
are first needed. Nothing here is imported by `plan`. All index arithmetic is uint64: an int64 scalar beside a uint64
array would become float64.
"""

from pipeline.core.compile_first import COMMON, compile_first

compile_first(*COMMON)
