"""The script of the separate process that makes the documents of a sample; sampling.py starts it."""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.core.key import Key
from pipeline.sources.own.calling import Function
from pipeline.sources.own.code import Code
from pipeline.sources.own.returned import Reader
from pipeline.sources.own.sampling import digests_of


def main() -> None:
    """Read a request from stdin, a line of JSON, and write its answer to stdout, whatever the user's code prints."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    request = json.loads(sys.stdin.readline())
    try:
        answer: dict[str, Any] = {"digests": _digests(request)}
    except PipelineError as error:
        answer = {"refused": error.problem}
    print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # nothing that the code has left running keeps it


def _digests(request: dict[str, Any]) -> list[str]:
    function = Function(Code(*request["code"]), request["function"], exact(request["options"]))
    item, variant = (np.array(request[name], np.int64) for name in ("item", "variant"))
    made = function.made(Key(*request["key"]), item, variant, Reader(function.symbols, function.labels), len(item))
    return digests_of(made)


def exact(written: Any) -> Any:
    """Options of a recipe, as `Function.written` has them for JSON."""
    if isinstance(written, dict):
        return Fraction(written["/"]) if written.keys() == {"/"} else {key: exact(v) for key, v in written.items()}
    return [exact(value) for value in written] if isinstance(written, list) else written
