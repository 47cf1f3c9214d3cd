"""Names alone: what a model is shown when it is asked, layer by layer, what it knows (Q-probing, Part 3.1, section 5).

A document is a start token, the full name, and the end token, at which the answer is read off.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import Field as Key_

from pipeline.core.documents import Documents
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.sources.knowledge.naming import sizes_of
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import AboutSpec, Context, Mark, MarkSpec, Source, mask_of, prefix, sample_mean
from pipeline.text.fragments import Fragments
from pipeline.text.outline import Choose, Outline
from pipeline.text.pieces import special
from pipeline.text.renderer import compile_programs
from pipeline.text.shown_facts import shown_by
from pipeline.worlds.world import World


class NamesSpec(AboutSpec):
    """One document an individual."""

    kind: Literal["names"]
    start: Mark | None = Key_(None, description="What stands before the name; default: the end token.")

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        return (*super().marks, *((self.start,) if self.start else ()))


class Names(Source):
    """The source."""

    world: World

    def __init__(self, spec: NamesSpec, context: Context) -> None:
        self.world, self.people = context.about(spec)
        name = self.world.of_kind("name")
        if name is None:
            raise SpecError(f"the world '{self.world.name}' has no attribute of kind name", at=("world",))
        start = spec.start.piece() if spec.start else special(context.tokenizer.eos_token)
        programs = [[start], list(self.world.fields[name].pieces)]
        self._renderer, notices = compile_programs(programs, context.tokenizer, self.world.slots, prefix(spec))
        self.notices = tuple(notices)
        self.labels = self.world.labels
        self.roles = ("tag",) * (spec.tag is not None)
        self.mask = mask_of(spec, self.roles)
        self.longest: int | None = None
        self.shown = (shown_by(programs, sizes_of(self.world)),)
        self.variants: int | None = None
        self.unknown: Fraction | None = None
        token = context.tokenizer.unknown
        if isinstance(self._renderer, Fragments):
            self.mean_tokens = self._mean(self._renderer)
            self.longest = int(self._renderer.longest.sum()) + len(self._renderer.prefix) + 1
            self.unknown = Fraction(0) if token is None else self._mean(self._renderer.only(token)) - 1
        else:
            self.mean_tokens = sample_mean(self)

    def _mean(self, renderer: Fragments) -> Fraction:
        """Expected tokens of a document that `renderer` tells, its end token included."""
        return sum(renderer.mean_lengths(self.world.probability), Fraction(len(renderer.prefix) + 1))

    def __len__(self) -> int:
        return len(self.people)

    def individuals(self, item: I64) -> I64:
        return item + self.people.start

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The names of `item` (d,)."""
        return self._renderer.documents(item.size, self.longest, self._choose(item), spans=spans, parts=parts)

    def lengths(self, item: I64, exposure: I64) -> I64 | None:
        """Tokens of the same documents."""
        return self._renderer.lengths(item.size, self._choose(item))

    def _choose(self, item: I64) -> Choose:
        def choose(chunk: slice) -> Outline:
            rows = self.world.rows(self.individuals(item[chunk]))
            return Outline.table(np.tile(np.arange(2, dtype=np.int32), (len(rows), 1)), rows)

        return choose


register(SourceKind("names", NamesSpec, Names, "full names alone, for probing (3.1)"))
