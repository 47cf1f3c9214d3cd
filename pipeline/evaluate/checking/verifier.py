"""What the file of a verifier declares at its foot: how answers to one kind of task are checked.

    VERIFIER = Verifier(rules=…, options=("modulus", …), options_of=…, layout=…, sizes=("l",))

The kind of source that it is of names it by its path (`SourceKind.verifier`), so it is imported by `check` alone.
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

    rules: makes the rules from options, which it takes by their names; PipelineError for values that it cannot take.
    options: their names; those of them that are flags of `check` can be given there. options_of: the options that a
    source in the recipe of a manifest implies. layout: what such a source is held against first, since anybody may
    have written it. sizes: what results may be broken down by, the default first; none where there is no choice.
    """

    rules: Callable[..., Rules]
    options: tuple[str, ...]
    options_of: Callable[[Options], Options]
    layout: type[OpenLayout]
    sizes: tuple[str, ...] = ()
