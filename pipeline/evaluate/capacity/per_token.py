"""Losses and predictions as users give them: arrays, .npy files, or functions from ids; checked as they are read.

Letters: s sequences of a batch, S of a split, L tokens in each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.errors import PlanError, StorageError
from pipeline.core.system.open_files import expanded, opened

Numbers = str | Path | NDArray[Any] | Callable[[I64], Any]
"""An .npy file, an array (S, L), or a function from ids (s, L) to as many numbers."""


class PerToken:
    """Numbers beside input_ids (S, L), wherever they come from.

    name: what messages call them. kinds: those of numpy that their dtype may be of. PlanError for other shapes and
    types, StorageError for a file that cannot be read.
    """

    def __init__(self, name: str, numbers: Numbers, kinds: str, shape: tuple[int, int]) -> None:
        self._name, self._kinds = name, kinds
        self._numbers = opened_array(numbers) if isinstance(numbers, str | Path) else numbers
        if not callable(self._numbers):
            self._check(self._numbers, shape)

    def __call__(self, row: int, ids: NDArray[Any]) -> NDArray[Any]:
        """Those beside ids (s, L), which begin at a row of the split."""
        if not callable(self._numbers):
            return self._numbers[row : row + len(ids)]
        numbers = np.asarray(self._numbers(ids.astype(np.int64)))
        self._check(numbers, ids.shape)
        return numbers

    def _check(self, numbers: NDArray[Any], shape: tuple[int, ...]) -> None:
        if numbers.shape != shape:
            remedy = "The split's shards, in order, have one for each of their input_ids."
            if numbers.shape == (shape[0], shape[1] - 1):
                remedy = "Put a column of zeros before them: there is one for each of input_ids, the first too."
            raise PlanError(f"{self._name} of shape {numbers.shape}, not {shape}", remedy)
        if numbers.dtype.kind not in self._kinds:
            wanted = "floating-point numbers" if self._kinds == "f" else "integers"
            raise PlanError(f"{self._name} of type {numbers.dtype}", f"Give {wanted}.")


def opened_array(path: str | Path) -> NDArray[Any]:
    """The array in an .npy file, memory-mapped. StorageError unless the file is one, and holds just what it says."""
    remedy = "It must be an array of numbers in C order, saved by numpy.save."
    try:
        with opened(expanded(path)) as file:
            shape, fortran, kind = _header(file)
            needed, size = file.tell() + prod(shape) * kind.itemsize, os.fstat(file.fileno()).st_size
            if kind.hasobject or fortran:
                raise ValueError("it holds objects" if kind.hasobject else "it is in Fortran order")
            if size != needed:
                raise ValueError(f"an array of shape {shape} needs {needed:,} bytes, and it has {size:,}")
            return np.memmap(file, kind, "r", file.tell(), shape) if prod(shape) else np.empty(shape, kind)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", remedy, str(path)) from None
    except ValueError as error:
        raise StorageError(f"cannot be read: {error}", remedy, str(path)) from None


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran order, and type. ValueError where there is no header of an array."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, fortran, kind = readers[np.lib.format.read_magic(file)](file)
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError):
        raise ValueError("it does not begin with the header of an array") from None  # what a parser of Python says
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, fortran, kind


def checked_losses(losses: NDArray[Any], row: int) -> NDArray[np.float64]:
    """A copy of losses (s, L) from a row of the split on, those of first tokens 0. PlanError for what is no loss."""
    losses = losses.astype(np.float64)
    losses[:, 0] = 0
    wrong = np.argwhere(~((losses >= 0) & (losses < np.inf)))
    if len(wrong):
        s, t = wrong[0].tolist()
        raise PlanError(
            f"losses[{row + s}, {t}] is {losses[s, t]}", "Minus the logarithm of a probability is 0 or more."
        )
    return losses
