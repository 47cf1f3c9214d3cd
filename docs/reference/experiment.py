"""reference/experiment.md: the keys of an experiment, and the kinds of measures."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from pydantic_core import PydanticUndefined

from docs.reference.docstrings import line
from docs.reference.words import default_of
from pipeline.core.scalars import decimal_of
from pipeline.core.spec import Spec
from pipeline.laboratory.measures import MEASURES
from pipeline.laboratory.spec import ClaimSpec, ExperimentSpec, ModelSpec, PaperSpec, ScaleSpec, TrainingSpec

HEAD = """\
# Experiment keys

An experiment is a YAML file with these keys: a [sweep](sweep.md), models, what is measured, and what the paper found.
[Run an experiment](../how-to/run-an-experiment.md) shows one.

"""
PARTS = {
    "A scale": ScaleSpec,
    "The model": ModelSpec,
    "Training": TrainingSpec,
    "What the paper found": PaperSpec,
    "A claim": ClaimSpec,
}


def page() -> str:
    """The page."""
    parts = [_table("experiment", ExperimentSpec)]
    for title, spec in PARTS.items():
        parts += [f"## {title}\n", f"{line(spec.__doc__ or '')}\n", _table(title.lower().replace(" ", "-"), spec)]
    parts.append("## Measures\n")
    for name, kind in MEASURES.items():
        numbers = ", ".join(f"`{number}`" for number in kind.spec.NUMBERS)
        parts += [f"### {name}\n", f"{kind.summary} Its numbers: {numbers}.\n", _table(name, kind.spec)]
    return HEAD + "\n".join(parts)


def _table(name: str, spec: type[Spec]) -> str:
    """The keys of a spec. ValueError for one without a description."""
    rows = []
    for key, field in spec.model_fields.items():
        if key == "kind":
            continue
        if not field.description:
            raise ValueError(f"{spec.__name__}: the key '{key}' has no description")
        default = "**required**" if field.is_required() else _default(field.get_default())
        rows.append(
            f'| <a id="{name}.{key}" href="#{name}.{key}"><code>{key}</code></a> | {default} | {field.description} |'
        )
    return "\n".join(["| key | default | |", "|---|---|---|", *rows]) + "\n"


def _default(value: Any) -> str:
    if value is PydanticUndefined or value in ({}, []):
        return ""
    return decimal_of(value) if isinstance(value, Fraction) else default_of(value)
