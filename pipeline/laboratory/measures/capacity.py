"""capacity: the bits of knowledge in a model, from its losses on biographies (Part 3.3, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.core.errors import PlanError
from pipeline.core.spec import Name
from pipeline.laboratory.measures.measure import MeasureKind, MeasureSpec, Subject

if TYPE_CHECKING:
    from pipeline.dataset import Dataset

TOGETHER = 32  # rows whose losses are computed together


class CapacitySpec(MeasureSpec):
    """Bits of knowledge: a parameter, in all, and of names and values."""

    NUMBERS: ClassVar[tuple[str, ...]] = ("per_parameter", "bits", "names", "values", "known")
    PERCENT: ClassVar[bool] = False
    WHOLE_ROWS: ClassVar[bool] = True

    kind: Literal["capacity"]
    source: Name | None = Field(None, description="A source of biographies, where the split has several.")

    def columns(self) -> tuple[str, ...]:
        return ("documents", "spans")

    def check(self, data: Dataset, context: int) -> None:
        """As of the base: what `capacity` will refuse of the split is refused."""
        from pipeline.evaluate.capacity import measure

        found = measure(data.folder.url, self.split, lambda ids: np.zeros(ids.shape), source=self.source)
        if not found.max_bits:
            raise PlanError(f"'{self.split}' tells nothing that could be otherwise", "Give attributes more values.")

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """per_parameter, bits, names, values; known, the share of all bits. The losses stay, as `<name>.npy`."""
        from pipeline.evaluate.capacity import measure
        from pipeline.laboratory.examination import losses_of
        from pipeline.training.streams import of_dataset

        model = subject.model
        losses = np.concatenate(list(losses_of(model, of_dataset(subject.data, self.split), TOGETHER)))
        path = subject.folder / f"{name}.npy"
        np.save(path, losses)
        parameters = model.parameters_in_all
        found = measure(subject.data.folder.url, self.split, path, parameters=parameters, source=self.source)
        return {
            "per_parameter": found.total_bits / parameters,
            "bits": found.total_bits,
            "names": found.name_bits,
            "values": found.value_bits,
            "known": found.total_bits / found.max_bits,
        }


CAPACITY = MeasureKind("capacity", CapacitySpec, "Bits of knowledge, from losses.")
