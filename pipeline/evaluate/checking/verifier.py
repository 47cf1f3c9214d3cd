"""Verifier: how answers to one kind of task are checked, declared at the foot of a file.

    VERIFIER = Verifier(rules=…, options=("modulus", …), options_of=…, layout=…, sizes=("l",))

The kind of source refers to it by its path (`SourceKind.verifier`), so that only `check` imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.json_layouts import OpenLayout
from pipeline.evaluate.checking.files import Rules

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Verifier:
    """How answers to one kind of task are checked.

    rules: makes the rules from keyword options; PipelineError for invalid values. options: their names; some are flags
    of `check`. options_of: the options that a source in a manifest's recipe implies. layout: such a source is checked
    against it first, since anybody may have written the file. sizes: what results can be broken down by, the default
    first; empty where there is no choice.
    """

    rules: Callable[..., Rules]
    options: tuple[str, ...]
    options_of: Callable[[Options], Options]
    layout: type[OpenLayout]
    sizes: tuple[str, ...] = ()
