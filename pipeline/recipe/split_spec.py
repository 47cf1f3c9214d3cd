"""The keys of a split: one mixture in one order, or several of them, its phases, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from pipeline.columns import COLUMNS
from pipeline.core.errors import KeyPath
from pipeline.core.spec import Name, Rational, Size, Spec, refused
from pipeline.packing.spec import PackingSpec
from pipeline.recipe.amount_spec import AmountSpec
from pipeline.recipe.order_spec import OrderSpec

if TYPE_CHECKING:
    Column = str
else:
    Column = Literal[tuple(COLUMNS)]
MOST_PHASES = 1000


class MixtureSpec(Spec):
    """A mixture of sources, in one order."""

    mixture: dict[Name, AmountSpec] = Field({}, description="Which sources, by their names, and how much of each.")
    tokens: Size | None = Field(None, description="Tokens of the whole, where the sources have shares of it.")
    order: OrderSpec | None = Field(
        None,
        description="shuffled (default): all documents together. Others order each source, and sources take turns: "
        "rounds: exposure e of all items before exposure e + 1; {spaced: {documents: n}}: rounds with exposures of an "
        "item at least n documents of the source apart; {massed: {documents: n}}: all exposures of an item within n of "
        "them; file: corpora as their files are.",
    )


class PhaseSpec(MixtureSpec):
    """A part of a split that is read before the next one begins."""

    name: Name = Field(description="What `plan`, `where` and streams call it.")
    share: Rational | None = Field(None, ge=0, le=1, description="A fraction of the split's tokens.")

    @model_validator(mode="after")
    def _one_amount(self) -> PhaseSpec:
        if not self.mixture:
            raise refused("a phase without a mixture", "Name a source: mixture: {biographies: {}}.")
        if self.share is not None and self.tokens is not None:
            raise refused("one of share and tokens is enough", among=[("share",), ("tokens",)], exclusive=True)
        return self


class SplitSpec(MixtureSpec):
    """A mixture of sources, or phases of such mixtures, packed into sequences."""

    phases: list[PhaseSpec] | None = Field(
        None,
        min_length=1,
        max_length=MOST_PHASES,
        description="Instead of a mixture: several, read one after another. Exposures are counted on, so exposure e of "
        "an item is in the phase that reaches it. Each has its order; `order` of the split is that of the others.",
    )
    packing: PackingSpec = Field(PackingSpec(), description="How its documents become sequences.")
    columns: list[Column] = Field(
        [],
        description="Beside input_ids. " + "; ".join(f"{name}: {kind.summary}" for name, kind in COLUMNS.items()) + ".",
    )

    @model_validator(mode="after")
    def _mixture_or_phases(self) -> SplitSpec:
        if self.phases is None and not self.mixture:
            remedy = "Name a source, mixture: {biographies: {}}, or give it `phases`."
            raise refused("a split without a mixture", remedy, among=[("mixture",), ("phases",)])
        if self.phases and self.mixture:
            problem = "a split with phases has a mixture in each of them"
            raise refused(problem, among=[("mixture",), ("phases",)], exclusive=True)
        names = [phase.name for phase in self.phases or ()]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise refused(f"two phases are named '{name}'", "Rename one of them.", ("phases", number, "name"))
        return self

    @property
    def each_phase(self) -> Iterator[tuple[KeyPath, str, MixtureSpec]]:
        """(path below the split, name, spec) of each phase; of a split without phases, itself, with the name ""."""
        if self.phases is None:
            yield (), "", self
        for number, phase in enumerate(self.phases or ()):
            yield ("phases", number), phase.name, phase

    @property
    def source_names(self) -> tuple[str, ...]:
        """The sources of all phases, each once, in the order in which they are named."""
        return tuple(dict.fromkeys(source for _, _, phase in self.each_phase for source in phase.mixture))

    def first_amount(self, source: str) -> tuple[KeyPath, AmountSpec]:
        """The path below the split, and the amount, of a source in the first phase that has it."""
        return next(
            ((*path, "mixture", source), phase.mixture[source])
            for path, _, phase in self.each_phase
            if source in phase.mixture
        )
