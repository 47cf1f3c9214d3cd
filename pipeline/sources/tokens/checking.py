"""Whose ids they are: files of ids do not say which tokenizer made them.

Where a tokenizer.json is known, it must be the recipe's: the same normalizer, pre-tokenizer and model, and the same id
for every added token that the files contain. Otherwise a keyed sample of documents is decoded and encoded again: of a
hundred, one may give other ids, because a document may rightly hold ids that no tokenizer makes of its text. Of fewer
documents than a hundred, none may.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from pipeline.core.documents import Ragged
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.notices import quoted
from pipeline.text import tokenizer_json
from pipeline.text.tokenizer import Tokenizer

SAMPLED = 500  # documents
MOST_TOKENS = 2048  # of a document that are looked at
EDGE = 32  # tokens before the place where a document was cut for that: the tokenizer may read its last word otherwise
ONE_OF = 100  # documents may differ
SHOWN = 12  # ids of an example
NAME_IT = "Name that tokenizer in the recipe: `tokenizer`."
PARTS = ("normalizer", "pre_tokenizer", "model")


def checked_tokenizer(own: Tokenizer, path: Path, at: str) -> tokenizers.Tokenizer:
    """The tokenizer.json at a path. SpecError, at the key `at`, if it makes other ids of texts than the recipe's."""
    try:
        theirs = tokenizer_json.at(path)
    except SpecError as error:
        raise SpecError(error.problem, error.remedy, (at,)) from None
    described = json.loads(theirs.to_str())
    for part in PARTS:
        if described[part] != own.description[part]:
            problem = f"its ids are of a tokenizer whose {part.replace('_', '-')} is not that of the recipe's"
            raise SpecError(problem, NAME_IT, (at,))
    return theirs


def check_added(own: Tokenizer, theirs: tokenizers.Tokenizer, seen: I64, at: str) -> None:
    """SpecError, at the key `at`, if an added token of a tokenizer, whose id is in `seen` (n,), has another id here."""
    held = {*seen.tolist()}
    for number, token in theirs.get_added_tokens_decoder().items():
        ours = own.backend.token_to_id(token.content)
        if number in held and ours != number:
            here = "no token" if ours is None else ours
            problem = f"its ids are of a tokenizer where {token.content!r} is {number}; in the recipe it is {here}"
            raise SpecError(problem, NAME_IT, (at,))


def check_sample(own: Tokenizer, tokens: Ragged, names: Sequence[str]) -> None:
    """SpecError if documents are not what the recipe's tokenizer makes of their own texts.

    tokens: ids of the documents, without end tokens, of MOST_TOKENS at most. names: what messages call them.
    """
    ids = [tokens.values[first:last] for first, last in zip(tokens.offsets, tokens.offsets[1:], strict=False)]
    texts = own.decode_all([document.tolist() for document in ids])
    again = [np.array(encoding.ids, np.int64) for encoding in own.encodings(texts)]
    wrong = [i for i, pair in enumerate(zip(ids, again, strict=True)) if not _same(*pair)]
    if len(wrong) <= len(ids) // ONE_OF:
        return
    first = wrong[0]
    raise SpecError(
        f"{len(wrong):,} of {len(ids):,} documents are not what the tokenizer makes of their texts: {names[first]} has "
        f"{_shown(ids[first])} for {quoted(texts[first])}, and the tokenizer {_shown(again[first])}",
        "Name the tokenizer that made the ids; where it is this one, `tokenizer_file` says so. If the text shows a "
        "token that ends or begins documents: `end`, `begin`.",
        ("files",),
    )


def _same(ids: NDArray[Any], again: NDArray[Any]) -> bool:
    """Whether a document's ids are those that its text gives; near the end of one that was cut, any are."""
    if len(ids) < MOST_TOKENS:
        return np.array_equal(ids, again)
    return np.array_equal(ids[:-EDGE], again[: len(ids) - EDGE])


def _shown(ids: NDArray[Any]) -> str:
    return f"[{', '.join(map(str, ids[:SHOWN].tolist()))}{', …' * (len(ids) > SHOWN)}]"
