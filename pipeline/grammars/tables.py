"""Grammars as kernels read them: symbols and rules are numbered through, and what belongs to each stands in arrays.

Letters: S symbols, N of them no terminals, R rules with C children in all.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

U64s = Annotated[NDArray[np.uint64], "u8[::1]"]
I64s = Annotated[NDArray[np.int64], "i8[::1]"]
I32s = Annotated[NDArray[np.int32], "i4[::1]"]
U8s = Annotated[NDArray[np.uint8], "u1[::1]"]


class Tables(NamedTuple):
    """A grammar as arrays; those below are made from it.

    level int64 (levels + 1,): the first symbol of each level, and S. first int32 (N + 1,): the first rule of each
    symbol. threshold uint64 (R,) and alias int32 (R,): how one of them is chosen, by Walker's alias method. share
    float64 (R,): its probability. start int32 (R + 1,) and children int32 (C,): the symbols children[start[r] :
    start[r + 1]] of rule r. shortest and longest int64 (S,): terminals that a symbol stands for.
    """

    level: NDArray[np.int64]
    first: NDArray[np.int32]
    threshold: NDArray[np.uint64]
    alias: NDArray[np.int32]
    share: NDArray[np.float64]
    start: NDArray[np.int32]
    children: NDArray[np.int32]
    shortest: NDArray[np.int64]
    longest: NDArray[np.int64]


class Rules(NamedTuple):
    """What the parser reads: arrays of `Tables`, by the same names."""

    first: I32s
    start: I32s
    children: I32s
    shortest: I64s
    longest: I64s


class Distribution(NamedTuple):
    """What sentences are drawn by.

    level int64 (levels + 1,): the first symbol of each level, and S. choices uint64 (N,): in the upper half the first
    rule of each symbol, in the lower how many it has. threshold and alias, both uint64 (R,): how one of these is
    chosen, by Walker's method. spans uint64 (R,): in the upper half where the children of each rule begin, in the lower
    how many there are. children int32: their numbers, terminals counted from 0, and VECTOR more. Of noise: share of the
    sentences and rate of the symbols, of 2⁶⁴; the level, counted from the root; whether a symbol is replaced by the
    next one of its level, or else by any.
    """

    level: I64s
    choices: U64s
    threshold: U64s
    alias: U64s
    spans: U64s
    children: I32s
    noise_share: Annotated[np.uint64, "u8"]
    noise_rate: Annotated[np.uint64, "u8"]
    noise_level: Annotated[int, "i8"]
    noise_shifts: Annotated[bool, "b1"]


class Frame(NamedTuple):
    """What stands around each sentence, and how large one can be.

    lead, trail: free places before and behind it, which are 0. longest: terminals of a sentence. most: symbols above
    the terminals of one.
    """

    lead: Annotated[int, "i8"]
    trail: Annotated[int, "i8"]
    longest: Annotated[int, "i8"]
    most: Annotated[int, "i8"]


class Sentences(NamedTuple):
    """Sentences (d,) with what stands above them; T places in all.

    terminals int32 (T,). offsets int64 (d + 1,). replaced uint8 (T,): whether a terminal, or what it comes from,
    replaced another; empty where there is no noise. ancestors int32 (T, levels - 1): the symbols above each place, from
    the root down, -1 at free ones; ends int32 (T,): how many of these constituents end with it; both are empty where
    they are not wanted.
    """

    terminals: I32s
    offsets: I64s
    replaced: U8s
    ancestors: Annotated[NDArray[np.int32], "i4[:,::1]"]
    ends: I32s
