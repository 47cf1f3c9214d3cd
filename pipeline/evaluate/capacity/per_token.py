"""Losses and predictions from arrays, .npy files or functions of ids; checked when they are read.

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
    """A number for each token of input_ids (S, L), from an array, an .npy file or a function.

    name: for messages. kinds: allowed values of `dtype.kind`. PlanError for other shapes and types, StorageError for an
    unreadable file.
    """

    def __init__(self, name: str, numbers: Numbers, kinds: str, shape: tuple[int, int]) -> None:
        self._name, self._kinds = name, kinds
        self._numbers = opened_array(numbers) if isinstance(numbers, str | Path) else numbers
        if not callable(self._numbers):
            self._check(self._numbers, shape)

    def __call__(self, row: int, ids: NDArray[Any]) -> NDArray[Any]:
        """The numbers (s, L) for ids (s, L), the rows of the split from `row` on."""
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
    """The array in an .npy file, memory-mapped. StorageError for other files, and for a wrong size."""
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
    """(shape, whether in Fortran order, dtype). ValueError without a valid header."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, fortran, kind = readers[np.lib.format.read_magic(file)](file)
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError):
        raise ValueError("it does not begin with the header of an array") from None  # errors of the Python parser
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, fortran, kind


def checked_losses(losses: NDArray[Any], row: int) -> NDArray[np.float64]:
    """A float64 copy of losses (s, L), column 0 set to 0. PlanError for invalid losses. row: the first row."""
    losses = losses.astype(np.float64)
    losses[:, 0] = 0
    wrong = np.argwhere(~((losses >= 0) & (losses < np.inf)))
    if len(wrong):
        s, t = wrong[0].tolist()
        raise PlanError(
            f"losses[{row + s}, {t}] is {losses[s, t]}", "Minus the logarithm of a probability is 0 or more."
        )
    return losses
