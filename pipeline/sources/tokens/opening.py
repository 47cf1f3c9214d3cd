"""From what a recipe says to the files that are read, once the tokenizer is known."""

from __future__ import annotations

from collections.abc import Sequence

import tokenizers

from pipeline.core.documents import ROLES
from pipeline.core.errors import SpecError
from pipeline.sources.files.file import File
from pipeline.sources.tokens import columns, dataset
from pipeline.sources.tokens.cutting import Reading
from pipeline.sources.tokens.layouts import TokenFile
from pipeline.sources.tokens.manifest import Described
from pipeline.sources.tokens.spec import TokenOrId, TokensSpec
from pipeline.text.tokenizer import Tokenizer


def reading_of(spec: TokensSpec, own: Tokenizer, theirs: tokenizers.Tokenizer | None) -> Reading:
    """The ids of the tokens around documents: those of the recipe's tokenizer, of a dataset those of its own.

    SpecError for a token that the tokenizer has not.
    """
    if spec._described and theirs:
        return Reading(_id_of(spec._described.end, theirs, "files"))
    end = _id_of(own.eos_token if spec.end is None else spec.end, own.backend, "end")
    return Reading(end, -1 if spec.begin is None else _id_of(spec.begin, own.backend, "begin"))


def _id_of(token: TokenOrId, backend: tokenizers.Tokenizer, key: str) -> int:
    number = token if isinstance(token, int) else backend.token_to_id(token)
    if number is None:
        raise SpecError(f"the tokenizer has no token {token!r}", "Give its id, or name another one.", (key,))
    return number


def files_of(spec: TokensSpec, reading: Reading) -> list[TokenFile]:
    """The files of a spec, with what their layout needs to know."""
    assert spec.layout, "the spec is materialised"
    if (known := spec._described) is not None:
        return _of_dataset(known, spec._files, reading)
    column = columns.Column(spec.column, spec.rows == "stream") if spec.layout == "columns" else None
    pairs = zip(spec._files, spec._indexes or (None,) * len(spec._files), strict=True)
    return [TokenFile(file, spec.layout, reading, column, index) for file, index in pairs]


def _of_dataset(known: Described, files: Sequence[File], reading: Reading) -> list[TokenFile]:
    roles = tuple(ROLES.index(role) if role in ROLES else -1 for role in known.roles)
    shape = reading.end, known.length, known.packing, known.pure, known.columns
    shards = [dataset.Layout(*shape, *counts, len(known.attributes), roles) for counts in known.counts]
    found = [TokenFile(file, "dataset", reading, one) for file, one in zip(files, shards, strict=True) if one.documents]
    if not found:
        raise SpecError("the split of the dataset has no documents", "Name another.", ("split",))
    return found
