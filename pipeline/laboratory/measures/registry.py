"""MEASURES, every kind of measure by name; Measure, the type of any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core.registry import declared
from pipeline.core.spec import any_of
from pipeline.laboratory.measures.measure import MeasureKind, MeasureSpec

MEASURES = {kind.name: kind for kind in declared("pipeline.laboratory.measures", MeasureKind)}

if TYPE_CHECKING:
    Measure = MeasureSpec
else:
    Measure = any_of(kind.spec for kind in MEASURES.values())
