"""The keys of `packing:` in a recipe: how a split's documents become sequences."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from pipeline.core.spec import Spec, refused

MOST_LENGTH = 2**24  # tokens of a sequence: sixteen times the longest contexts of today


class PackingSpec(Spec):
    """How a split's documents become sequences. Part 3.1, appendix C: concatenated, 512 tokens."""

    method: Literal["concat", "rows", "aligned"] = Field(
        "concat",
        description="concat: one document behind the other, cut where a sequence ends; rows: a document a sequence; "
        "aligned: every sequence begins with a whole document.",
    )
    windows: Literal["mixed", "pure"] = Field(
        "mixed", description="pure: a sequence holds documents of one source only."
    )
    length: int = Field(512, ge=2, le=MOST_LENGTH, description="Tokens of a sequence.")
    longer: Literal["keep", "drop"] = Field(
        "keep", description="drop: a document with more tokens than a sequence is left out, and counted."
    )
    last: Literal["cut", "pad"] = Field(
        "cut", description="aligned: a sequence's last document is cut off, or begins the next one and leaves padding."
    )

    @model_validator(mode="after")
    def _with_effect(self) -> Self:
        if self.last == "pad" and self.method != "aligned":
            raise refused(
                f"`last: pad` is for `method: aligned`, not for {self.method}",
                "Remove the one, or change the other.",
                ("last",),
                among=[("last",), ("method",)],
            )
        return self

    @property
    def whole(self) -> bool:
        """Whether every document must fit into one sequence."""
        return self.method != "concat" and self.longer == "keep"

    @property
    def segment_type(self) -> np.dtype[Any]:
        """The dtype of `segment_ids`."""
        return segment_type(self.length)

    def pure(self, sources: int) -> bool:
        """Whether each sequence holds documents of one source only. sources: how many the split has."""
        return self.windows == "pure" and sources > 1 and self.method != "rows"

    @property
    def uncut(self) -> bool:
        """Whether no token of a document is lost, in one sequence or several."""
        return self.method != "aligned" or self.last == "pad"


def segment_type(length: int) -> np.dtype[Any]:
    """uint16 if it can number the documents of a sequence of `length` tokens, each at least one token; else int32."""
    return np.dtype(np.uint16 if length <= 65_535 else np.int32)
