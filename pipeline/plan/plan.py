"""The plan of a recipe: all that workers need. `compile_plan` (compiling.py) makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.columns import COLUMNS
from pipeline.columns.column import SplitSize
from pipeline.core.notices import Notice
from pipeline.plan.order import SplitPlan
from pipeline.recipe import Recipe
from pipeline.sources import Source
from pipeline.text.tokenizer import SYMBOLS, Tokenizer
from pipeline.text.tokenizer_loading import VocabularySpec
from pipeline.worlds.world import World


@dataclass(frozen=True)
class Plan:
    """A compiled recipe: all that workers need. Pickles to a few hundred kilobytes, with GPT-2 to a few megabytes.

    notices: (group, name, notice); group is "worlds", "splits" or "sources". proofs: what its counts rely on
    (core/system/reliance.py). refuted: proof → why it does not hold, as known where it was compiled.
    """

    recipe: Recipe
    title: str
    tokenizer: Tokenizer
    worlds: Mapping[str, World]
    sources: Mapping[str, Source]
    splits: Mapping[str, SplitPlan]
    fingerprint: str
    notices: tuple[tuple[str, str, Notice], ...] = ()
    proofs: frozenset[str] = frozenset()
    refuted: Mapping[str, str] = field(default_factory=dict)

    @property
    def shards(self) -> list[tuple[str, int]]:
        """(split, shard number) of every shard."""
        return [(split.name, k) for split in self.splits.values() for k in range(split.shards)]

    def bytes_of(self, name: str) -> int:
        """About how many bytes the split `name` takes on disk."""
        split = self.splits[name]
        values = max(len(source.labels) for source in self.sources.values()) * 3 // 2  # a pronoun comes with many
        size = SplitSize(split.packing, split.documents, split.tokens, values)
        ids = split.tokens * self.tokenizer.dtype.itemsize
        return int(ids + sum(COLUMNS[column].bytes(size) for column in split.columns))

    def portable_recipe(self) -> Recipe:
        """The recipe as it is saved: instead of a tokenizer file of the user's it names the copy in `tokenizer/`.

        So it does with a reduced tokenizer, and states how many of its ids are in use: a recipe that extends the saved
        one, such as another exam for the same model, has the same ids, though it may need fewer tokens itself. Python
        files are not named: the recipe of a dataset runs no code.
        """
        spec, in_use = self.recipe.tokenizer, self.tokenizer.in_use
        sources = {name: source.portable() for name, source in self.recipe.sources.items()}
        if any(sources[name] is not source for name, source in self.recipe.sources.items()):
            return replace(self, recipe=self.recipe.model_copy(update={"sources": sources})).portable_recipe()
        if spec.name in ("gpt2", SYMBOLS) and not in_use:
            return self.recipe
        vocabulary = VocabularySpec(used=in_use.count) if in_use else None
        beside = spec.model_copy(update={"name": "tokenizer/tokenizer.json", "vocabulary": vocabulary})
        return self.recipe.model_copy(update={"tokenizer": beside})
