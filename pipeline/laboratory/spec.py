"""The keys of an experiment: a sweep, sizes of model and training, what is measured, the paper's figures, claims."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from pipeline.core.spec import Name, Rational, Size, Spec, refused
from pipeline.laboratory.measures import Measure
from pipeline.sweeps import SweepSpec

Share = Annotated[Rational, Field(ge=0, le=1)]
MOST = 10**15  # far more than makes sense, and a floating-point number
Positive = Annotated[Rational, Field(gt=0, le=MOST)]
Passes = Annotated[Rational, Field(gt=0, le=10**9)]
Decay = Annotated[Rational, Field(ge=0, le=MOST)]
Figure = Annotated[Rational, Field(ge=-MOST, le=MOST)]


class ModelSpec(Spec):
    """The sizes of a GPT-2 with rotary positions. Its context is the length of the split's sequences."""

    layers: Annotated[int, Field(ge=1, le=1000)] = Field(description="Blocks of attention and perceptron.")
    width: Annotated[int, Field(ge=2, le=2**16)] = Field(description="Features of a token.")
    heads: Annotated[int, Field(ge=1, le=1000)] = Field(description="Heads of attention; width / heads is even.")


class TrainingSpec(Spec):
    """How a model is trained, by AdamW."""

    tokens: Size | None = Field(None, description="Tokens that are read in all, however often the split is then read.")
    passes: Passes | None = Field(None, description="How often the split is read. One of tokens and passes is given.")
    batch: Annotated[int, Field(ge=1, le=2**20)] = Field(description="Sequences of a step.")
    rate: Positive = Field(description="The highest learning rate.")
    warmup: Share = Field(Fraction(1, 20), description="Share of the steps in which the rate rises in a line.")
    final: Share = Field(Fraction(1, 10), description="The last rate, as a share of the highest; down by a cosine.")
    weight_decay: Decay = Field(Fraction(1, 10), description="Of matrices.")
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1)] = Field(
        [0], description="A run each; everything is drawn anew: individuals, wordings, order, parameters."
    )
    split: Name = Field("train", description="The split that is read.")

    @model_validator(mode="after")
    def _one_length_and_each_seed_once(self) -> Self:
        if (self.tokens is None) == (self.passes is None):
            both = "both `tokens` and `passes` are" if self.tokens else "neither `tokens` nor `passes` is"
            raise refused(f"{both} given", "Give one of them.")
        if twice := [seed for at, seed in enumerate(self.seeds) if seed in self.seeds[:at]]:
            raise refused(f"the seed {twice[0]} stands twice in `seeds`, and would count twice", "Remove one.")
        return self

    def steps(self, split_tokens: Fraction, context: int) -> int:
        """The steps in all, for a split of so many tokens in sequences of `context` tokens."""
        tokens = self.tokens if self.passes is None else self.passes * split_tokens
        assert tokens is not None
        return max(1, int(tokens // (self.batch * context)))


class ScaleSpec(Spec):
    """One size of the experiment."""

    set: dict[str, Any] = Field({}, description="Dotted path of a key → value, for the recipes of all cells.")
    model: ModelSpec = Field(description="The sizes of the model.")
    training: TrainingSpec = Field(description="How it is trained.")


class PaperSpec(Spec):
    """What the paper found of one measure."""

    source: str = Field(min_length=1, description="Where it says so: part, section, figure.")
    figures: dict[str, Figure] = Field({}, description="Cell → the paper's number.")


class ClaimSpec(Spec):
    """A finding of the paper that is put to the test."""

    claim: str = Field(min_length=1, description="In words.")
    test: str = Field(min_length=1, description="As a comparison: exam[multi5] >= 10 * exam[single].")


class ExperimentSpec(Spec):
    """An experiment: models trained on the datasets of a sweep, and compared."""

    sweep: str | SweepSpec = Field(description="The recipes: a sweep, or the name of one, or a path from here.")
    scales: Annotated[dict[Name, ScaleSpec], Field(min_length=1)] = Field(description="Name → sizes, for --scale.")
    measures: Annotated[dict[Name, Measure], Field(min_length=1)] = Field(description="Name → what is measured.")
    paper: dict[Name, PaperSpec] = Field({}, description="Measure → what the paper found.")
    claims: list[ClaimSpec] = Field([], description="What should come out.")
