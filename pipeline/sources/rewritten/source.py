"""Biographies that a language model wrote: bioR of Part 3.1 (sections 2 and A.2) and of Part 3.3.

    single       generations 1                          +fullname      full_name: all
    multi5       generations 5                          bioR of 3.3    generations 40

The texts lie in a Parquet file beside the recipe, which `pipeline rewrite` makes; each states all values of its
individual. It has a column for each way to name the subject, so one file serves all values of `full_name`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from blake3 import blake3
from pydantic import Field as Key_
from pydantic import PrivateAttr, model_validator

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.files import Files
from pipeline.core.notices import information
from pipeline.core.permutation import Permutation
from pipeline.core.spec import Name, refused
from pipeline.core.system.open_files import expanded
from pipeline.sources.corpus.reading.choosing import Reading
from pipeline.sources.corpus.reading.rows import Rows
from pipeline.sources.files.file import File
from pipeline.sources.files.known import content_of, identified, local_file
from pipeline.sources.lengths import SAMPLE
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.rewritten.facts import Facts, asked_for, facts_of, shown_of
from pipeline.sources.rewritten.places import places
from pipeline.sources.rewritten.progress import journal_path, replies_in
from pipeline.sources.rewritten.request import VERSION, Cost, cost_of, requests_of
from pipeline.sources.rewritten.stored import Stored, stored_in
from pipeline.sources.source import Context, Source, mask_of, number_of
from pipeline.sources.spec import AboutSpec
from pipeline.text.encoding.engines import flat
from pipeline.text.encoding.fast_encoder import FastEncoder
from pipeline.text.offsets import tokens_within
from pipeline.text.render_and_encode import spans_in_tokens
from pipeline.text.shown_facts import Shown
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World

CHUNK = 1024  # documents that are encoded together
PROMPTS = 50  # requests from whose mean length the cost is estimated
OTHER = "Was the seed or the world changed? Remove the file, and write it anew: `pipeline rewrite`."

Words = Annotated[int, Key_(ge=10, le=10_000)]


class RewrittenSpec(AboutSpec):
    """One document an individual and exposure: the text of that generation."""

    kind: Literal["rewritten"]
    file: str = Key_(
        exclude=True, description="A .parquet file, which `pipeline rewrite` makes: beside the recipe, or a path."
    )
    generations: int = Key_(1, ge=1, le=10_000, description="Texts of each individual; the exposures go round them.")
    attributes: list[Name] | None = Key_(
        None, min_length=1, description="What a text states beside the name. Default: all attributes of the world."
    )
    words: list[Words] = Key_([50, 50], min_length=2, max_length=2, description="Fewest and most words to ask for.")
    full_name: Literal["first", "all", "as_written"] = Key_(
        "first", description="In the first sentence, then a pronoun; in place of each pronoun; or as the model wrote."
    )
    content: str | None = Key_(
        None, description="BLAKE3 of the file, filled in by itself; a file that differs is refused."
    )
    authors: list[str] | None = Key_(
        None, exclude=True, description="Which models wrote how many of them: the file says it, and fills this in."
    )
    _path: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _some_words(self) -> RewrittenSpec:
        if self.words[0] > self.words[1]:
            raise refused(f"{self.words[0]} to {self.words[1]} words", "Exchange them.", ("words",))
        return self

    def materialise(self, files: Files) -> Self:
        """The same with where the file is and, if it is there, its content. SpecError for one that differs."""
        path = self.path_in(files)
        if not path.exists():
            copy = self.model_copy()
            copy._path = path
            return copy
        stored, content = stored_in(path), content_of(identified([local_file(path, "parquet")]))
        if self.content is not None and self.content != content:
            raise SpecError(
                f"the file is not the one that the recipe was made with ({self.content})",
                "Name the right one, or remove `content`.",
                ("content",),
                [("content",), ("file",)],
            )
        copy = self.model_copy(update={"content": content, "authors": list(stored.authors) or None})
        copy._path = path
        return copy

    def path_in(self, files: Files) -> Path:
        """Where the file is, or would be. SpecError for a path that leads out of the recipe's folder."""
        named = Path(expanded(self.file))
        if named.suffix != ".parquet":
            raise SpecError(f"'{self.file}' is no name of a Parquet file", "Call it ….parquet.", ("file",))
        if named.is_absolute():
            return named
        if ".." in named.parts or "\0" in self.file:
            raise SpecError(f"the path '{self.file}' leaves the folder of its recipe", "Put it beside it.", ("file",))
        folder = Path(os.path.abspath(files.folder_of((*files.path, "file"))))
        if not (folder / named).resolve().is_relative_to(folder.resolve()):
            raise SpecError(f"'{self.file}' is a link that leaves its folder", "Copy the file there.", ("file",))
        return folder / named

    @property
    def path(self) -> Path:
        """Where the file is, or would be."""
        assert self._path is not None, "materialise comes first"
        return self._path

    @property
    def credits(self) -> tuple[str, ...]:
        return tuple(self.authors or ())


class Rewritten(Source):
    """An item is an individual. Only the file decides what its texts are; the key of the source decides nothing."""

    world: World
    variants: int | None = None

    def __init__(self, spec: RewrittenSpec, context: Context) -> None:
        self.world, self.people = context.about(spec)
        self._spec, self._tokenizer = spec, context.tokenizer
        self._attributes = asked_for(self.world, spec.attributes)
        check_pronoun(spec, self.world)
        if not self._tokenizer.texts:
            self._tokenizer.encodings([""])  # refuses, in its own words
        self._stored = self._whole_file()
        assert spec.content is not None, "the file is there"
        self._encoder = FastEncoder.of(self._tokenizer)
        self._rows = Rows(identified([local_file(spec.path, "parquet")]), Reading(spec.full_name), spec.content)
        tag = spec.tag.piece() if spec.tag else None
        self._lead = self._tokenizer.ids_of([tag.text] if tag and tag.special else [])
        self._words = f" {tag.text}" if tag and not tag.special else ""
        self.labels = self.world.labels
        self.roles = ("tag",) * (tag is not None)
        self.mask = mask_of(spec, self.roles)
        self.exposures = spec.generations
        self.shown = (shown_in(spec, self.world),)
        self.unknown = Fraction(0) if self._tokenizer.unknown is None else None
        total = len(self) * spec.generations
        at = Permutation(total, context.key.child("sample"))(np.arange(min(SAMPLE, total), dtype=np.int64))
        sample = self.documents(at // spec.generations, at % spec.generations, spans=True)
        self.mean_tokens = Fraction(len(sample.tokens.values), len(sample))
        near = f"its mean length is that of {SAMPLE:,} of its texts, so shares are near, not exact"
        self.notices = (information(near),) if total > SAMPLE else ()

    def __len__(self) -> int:
        return len(self.people)

    @property
    def files(self) -> tuple[File, ...]:
        """The file of its texts."""
        return self._rows.files

    def individuals(self, item: I64) -> I64:
        return item + self.people.start

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The texts of the individuals `item` (d,) at these generations (d,), encoded. The only part is a tag.

        SpecError for a text that does not state its individual's values: the file is of another world.
        """
        firsts = range(0, max(item.size, 1), CHUNK)
        chunks = (slice(first, first + CHUNK) for first in firsts)
        return Documents.concat([self._encoded(item[chunk], exposure[chunk], spans, parts) for chunk in chunks])

    def _encoded(self, item: I64, exposure: I64, spans: bool, parts: bool) -> Documents:
        individuals = self.individuals(item)
        row = (individuals - self._stored.first) * self._stored.generations + exposure % self._spec.generations
        facts = facts_of(self.world, individuals, self._attributes)
        texts = [f"{self._words} {text}" for text in self._rows.texts(row)]
        encodings = self._tokenizer.plain(texts) if spans or parts else []
        ids = flat(encodings, self._tokenizer.dtype) if spans or parts else self._encoder.ids(texts, row)
        tokens = ids.surrounded(self._lead, self._tokenizer.ids_of([self._tokenizer.eos_token]))
        lead = len(self._lead)
        stated = [_stated(text, of) for text, of in zip(texts, facts, strict=True)]
        marked = [
            [(start + lead, length, label) for start, length, label in spans_in_tokens(encoding.offsets, of)]
            for encoding, of in zip(encodings if spans else (), stated, strict=False)
        ]
        return Documents(tokens, _ragged(marked) if spans else None, self._parts(encodings, texts) if parts else None)

    def _parts(self, encodings: list[Any], texts: list[str]) -> Ragged:
        """The tag at the beginning of every document: its special token, or the tokens of its text."""
        if not self.roles:
            return _ragged([[] for _ in texts])
        end, lead = len(self._words), len(self._lead)
        counts = [
            int(tokens_within(encoding.offsets, text, [end, len(text)])[0]) if end else 0
            for encoding, text in zip(encodings, texts, strict=True)
        ]
        return _ragged([[(0, lead + count, number_of("tag"))] for count in counts])

    def _whole_file(self) -> Stored:
        """What the file holds. SpecError, with what is still to be asked, unless it holds all that is needed."""
        spec, people = self._spec, self.people
        if spec.content is not None and spec.path.exists():
            stored = stored_in(spec.path)
            if not unwritten(stored, people, spec.generations):
                return stored
        elif spec.content is not None:
            raise SpecError(f"no file '{spec.path}'", "Look at its path.", ("file",))
        cost = cost_left(spec, self.world, people, self._tokenizer)
        total = len(people) * spec.generations
        raise SpecError(
            f"{cost.biographies:,} of its {total:,} biographies are not written yet: {cost.described()}",
            "Write them: `pipeline rewrite RECIPE --source NAME --endpoint URL --model MODEL`.",
            ("file",),
        )


def shown_in(spec: RewrittenSpec, world: World) -> Shown:
    """What the documents show, which the spec alone says: the pronoun where it stands after the name."""
    return shown_of(world, asked_for(world, spec.attributes), pronoun=spec.full_name == "first")


def unwritten(stored: Stored | None, people: range, generations: int) -> int:
    """How many biographies of these people a file lacks."""
    if stored is None:
        return len(people) * generations
    inside = range(max(people.start, stored.first), min(people.stop, stored.first + stored.count))
    return len(people) * generations - len(inside) * min(generations, stored.generations)


def cost_left(spec: RewrittenSpec, world: World, people: range, tokenizer: Tokenizer) -> Cost:
    """What the biographies cost that neither the file nor its journal has. tokenizer: by which tokens are counted."""
    attributes = asked_for(world, spec.attributes)
    sample = np.arange(min(PROMPTS, len(people)), dtype=np.int64) + people.start
    facts = facts_of(world, sample, attributes)
    prompts = requests_of(facts, sample, 0, (spec.words[0], spec.words[1]))
    stored = stored_in(spec.path) if spec.content is not None else None
    replies = replies_in(journal_path(spec.path), job_of(spec, attributes), people, spec.generations)
    left = min(replies.left, unwritten(stored, people, spec.generations))
    mean = (spec.words[0] + spec.words[1]) / 2
    return cost_of(left, prompts, mean, replies.progress, lambda text: len(tokenizer.plain([text])[0].ids))


def job_of(spec: RewrittenSpec, attributes: Sequence[str]) -> str:
    """A digest of what biographies are asked for, apart from the model: those of another job are not mixed in."""
    return blake3(json.dumps([VERSION, spec.words, list(attributes)]).encode()).hexdigest(8)


def check_pronoun(spec: RewrittenSpec, world: World) -> None:
    """SpecError where a full name is to be exchanged, and the world has no pronoun."""
    if spec.full_name != "as_written" and world.of_kind("pronoun") is None:
        raise SpecError(
            f"the world '{world.name}' has no pronoun, so names cannot be exchanged",
            "Declare an attribute of kind pronoun, or set full_name: as_written.",
            ("full_name",),
        )


def _stated(text: str, facts: Facts) -> list[tuple[int, int, int, int]]:
    """(first character, end, label, 0) of the name and every value. SpecError for a text that lacks one."""
    stated = places(text, facts)
    labels = {label for _, _, label in stated}
    for value in facts.values:
        if value.label not in labels:
            problem = f"the text about {facts.name} does not state {value.attribute} ({value.text})"
            raise SpecError(problem, OTHER, ("file",))
    return [(begin, end, label, 0) for begin, end, label in stated]


def _ragged(rows: list[list[tuple[int, int, int]]]) -> Ragged:
    flat = np.array([row for document in rows for row in document], np.int32).reshape(-1, 3)
    return Ragged(flat, offsets_of(np.array([len(document) for document in rows], np.int64)))


register(
    SourceKind(
        "rewritten",
        RewrittenSpec,
        Rewritten,
        "whole biographies that a language model wrote (bioR of 3.1, 3.3)",
        speed=0.3e6,
    )
)
