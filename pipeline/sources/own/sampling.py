"""Whether a user's function makes the same document of an item whenever it is asked: tried on a sample, at `plan`.

A sample of items is made once, then in the reverse order and in other batches, and in a process with another
PYTHONHASHSEED. The first item that differs is refused. Documents are compared as they are returned, before tokens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from blake3 import blake3

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.core.system.secrets import needed
from pipeline.sources.own.calling import Function
from pipeline.sources.own.returned import Made, Reader

SAMPLE = 64  # items, the first quarter of them the first of the source
WAIT = 120  # seconds for the other process
_REMEDY = "Draw from `rng` alone, and go through sets and folders in sorted order."
_PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pipeline.sources.own import other_process
other_process.main()
"""


def sample_of(items: int, key: Key) -> I64:
    """The items that are tried: int64 (n,), in no order."""
    first = np.arange(min(SAMPLE // 4, items), dtype=np.int64)
    more = Permutation(items, key.child("tried"))(np.arange(min(SAMPLE, items), dtype=np.int64))
    return np.array(list(dict.fromkeys([*first.tolist(), *more.tolist()]))[:SAMPLE], np.int64)


def check_same(function: Function, key: Key, item: I64, variant: I64) -> None:
    """SpecError, at `function`, where the documents of `item` (n,) at `variant` (n,) are not the same again."""
    other = _started(function, key, item, variant)
    try:
        digests = digests_of(_made(function, key, item, variant, len(item)))
        back = slice(None, None, -1)
        again = digests_of(_made(function, key, item[back], variant[back], 7))[back]
        _compare(function, item, digests, again, "made again, in another order")
        _compare(function, item, digests, _answer(other, function), "made in another process")
    finally:
        other.kill()
        other.communicate()


def _compare(function: Function, item: I64, first: Sequence[str], second: Sequence[str], how: str) -> None:
    for number, one, other in zip(item.tolist(), first, second, strict=True):
        if one != other:
            raise SpecError(f"{function.shown}: item {number} is another document when {how}", _REMEDY, ("function",))


def _made(function: Function, key: Key, item: I64, variant: I64, size: int) -> Made:
    return function.made(key, item, variant, Reader(function.symbols, function.labels), size)


def digests_of(made: Made) -> list[str]:
    """A digest of each document: its parts with their roles and labels, and its topic."""
    parts, symbols = offsets_of(made.counts).tolist(), offsets_of(made.lengths).tolist()
    digests = []
    for i, topic in enumerate(made.topics):
        whole = range(parts[i], parts[i + 1])
        contents: list[Any] = (
            [made.texts[p] for p in whole]
            if made.texts is not None
            else [made.values[symbols[p] : symbols[p + 1]].tolist() for p in whole]
        )
        marks = [(int(made.roles[p]), made.names[made.labels[p]]) for p in whole]
        digests.append(blake3(json.dumps([topic, contents, marks]).encode()).hexdigest(16))
    return digests


def _started(function: Function, key: Key, item: I64, variant: I64) -> subprocess.Popen[str]:
    """The other process, at work on the same documents."""
    environment = {**needed(os.environ, ""), "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"}
    process = subprocess.Popen(  # noqa: S603  (of this Python)
        [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=environment,
    )
    request = {
        "code": [function.code.name, function.code.text],
        "function": function.name,
        "options": function.written,
        "key": [key.high, key.low],
        "item": item.tolist(),
        "variant": variant.tolist(),
    }
    assert process.stdin is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    return process


def _answer(process: subprocess.Popen[str], function: Function) -> list[str]:
    """The digests that the other process has made. SpecError where it fails."""
    try:
        said, _ = process.communicate(timeout=WAIT)
        answer = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError, subprocess.TimeoutExpired) as error:
        problem = f"{function.shown} cannot be tried in another process: {type(error).__name__}"
        raise SpecError(problem, "Have it neither exit nor take minutes.", ("function",)) from None
    if "refused" in answer:
        raise SpecError(f"in another process: {answer['refused']}", _REMEDY, ("function",))
    digests: list[str] = answer["digests"]
    return digests
