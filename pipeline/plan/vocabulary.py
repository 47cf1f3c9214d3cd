"""The tokens in use: what the documents of a recipe can hold, as its compiled sources know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipeline.columns import COLUMNS
from pipeline.columns.column import PlannedSplit
from pipeline.core.errors import SpecError
from pipeline.recipe.places import Loaded
from pipeline.sources import Source
from pipeline.text.reduced_tokenizer import check_model
from pipeline.text.tokenizer import Tokenizer
from pipeline.text.tokenizer_loading import reduced_to

_AT = ("vocabulary",)


def reduced_to_use(
    loaded: Loaded, whole: Tokenizer, sources: Mapping[str, Source], marks: Sequence[str], symbols: Sequence[str]
) -> Tokenizer:
    """The tokenizer of a recipe, reduced to the tokens in use. sources: all of them, compiled with the whole one.

    marks, symbols: the special tokens and symbols that documents may contain. RecipeError where the tokens of a source
    are not known, or its model cannot be reduced.
    """
    with loaded.refusing("tokenizer"):
        check_model(whole)
        in_use = {whole.eos, *whole.ids_of([*marks, *symbols]).tolist()}
        for name, source in sources.items():
            in_use |= _ids_of(loaded, name, source)
        for encoding in whole.plain(_texts(loaded, sources)):
            in_use |= {*encoding.ids}
        return reduced_to(in_use, whole, marks, symbols)


def check_in_use(loaded: Loaded, tokenizer: Tokenizer, sources: Mapping[str, Source]) -> None:
    """RecipeError where a source can make tokens of a reduced tokenizer that are not in use."""
    count = tokenizer.in_use.count if tokenizer.in_use else tokenizer.vocabulary
    with loaded.refusing("tokenizer"):
        for name, source in sources.items():
            ids = source.token_ids()
            if ids is not None and ids[-1] >= count:
                token = tokenizer.backend.id_to_token(int(ids[-1]))
                raise SpecError(
                    f"the source '{name}' has the token {token!r}, and in use are the first {count:,} alone",
                    "Name the tokenizer that it was reduced from, with `vocabulary: used`, or take `vocabulary` away.",
                    _AT,
                    [_AT, ("..", "sources", name)],
                )


def _ids_of(loaded: Loaded, name: str, source: Source) -> set[int]:
    """The ids that documents of a source can have; none, where they are not known and texts are given for them."""
    spec = loaded.recipe.tokenizer.vocabulary
    ids = source.token_ids()
    if ids is None and spec is not None and spec.plus is None:
        raise SpecError(
            f"the tokens of the source '{name}' are not known before its documents are encoded",
            "Give texts with all of its tokens, vocabulary: {used: true, plus: [a text]}, or leave `vocabulary` out.",
            _AT,
            [_AT, ("..", "sources", name)],
        )
    return set() if ids is None else {*ids.tolist()}


def _texts(loaded: Loaded, sources: Mapping[str, Source]) -> list[str]:
    """Texts whose tokens are in use beside those of documents: what columns name, and what the recipe adds."""
    return [*_of_columns(loaded, sources), *_added(loaded)]


def _of_columns(loaded: Loaded, sources: Mapping[str, Source]) -> Iterator[str]:
    for spec in loaded.recipe.splits.values():
        split = PlannedSplit(spec.packing, {name: sources[name] for name in spec.source_names}, spec.columns)
        for column in spec.columns:
            yield from COLUMNS[column].texts(split)


def _added(loaded: Loaded) -> Iterator[str]:
    """The texts of `plus`, each as it stands, as a row of a corpus does, and behind a space, as a sentence does."""
    spec = loaded.recipe.tokenizer.vocabulary
    for text in (spec.plus or ()) if spec else ():
        yield from (text, f" {text}")
