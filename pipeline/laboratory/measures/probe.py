"""probe: values that a linear classifier reads off a trained model's hidden states (Part 3.1, section 5).

P-probing reads at the tokens before the values of a biography, Q-probing at the end of a name: whatever the column
`probes` says. The model stays as it is; only a low-rank change of its embedding, and the classifier, are learnt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.core.spec import Name
from pipeline.laboratory.measures.measure import MeasureKind, MeasureSpec, Subject

if TYPE_CHECKING:
    from pipeline.dataset import Dataset
    from pipeline.laboratory.probing import Probed


class ProbeSpec(MeasureSpec):
    """The accuracy of a probe for each attribute and place, learnt from half of the individuals, for the others."""

    NUMBERS: ClassVar[tuple[str, ...]] = ("accuracy",)

    kind: Literal["probe"]
    target: Literal["value", "first_token"] = Field("value", description="The whole value, or its first token.")
    attributes: Annotated[list[Name], Field(min_length=1)] | None = Field(
        None, description="Which are probed; default: all with at most one class for two rows."
    )
    rank: Annotated[int, Field(ge=1, le=1000)] = Field(
        2, description="Of the change of the embedding: 2 for P-probing and 16 for Q-probing in the paper."
    )
    rows: Annotated[int, Field(ge=2)] = Field(100_000, description="The first so many rows of the split are used.")
    steps: Annotated[int, Field(ge=1)] = Field(500, description="Steps for each attribute; 30,000 in the paper.")
    batch: Annotated[int, Field(ge=1)] = Field(50, description="Rows of a step: 50 for P-probing, 200 for Q-probing.")

    def columns(self) -> tuple[str, ...]:
        return ("probes",)

    def check(self, data: Dataset, context: int) -> None:
        self._probed(data, context)

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """accuracy, the mean over attributes at the first place; `accuracy.<attribute>.<place>`, places from 1 on."""
        from pipeline.laboratory.probing import accuracies_of

        model = subject.model
        probed = self._probed(subject.data, model.shape.length)
        each: dict[str, float] = {}
        first = []
        for number, attribute in enumerate(probed.attributes):
            found = accuracies_of(model, probed, number, rank=self.rank, steps=self.steps, batch=self.batch)
            each |= {f"accuracy.{attribute}.{place}": accuracy for place, accuracy in enumerate(found, 1)}
            first.append(found[0])
        return {"accuracy": sum(first) / len(first), **each}

    def _probed(self, data: Dataset, context: int) -> Probed:
        from pipeline.laboratory.probing import read_probed

        return read_probed(
            data, self.split, rows=self.rows, target=self.target, attributes=self.attributes, context=context
        )


PROBE = MeasureKind("probe", ProbeSpec, "Values that a linear classifier reads off hidden states.")
