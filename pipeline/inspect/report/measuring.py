"""measure: the report of a built dataset and its plan.

Exact numbers (counts, exposures, bits) come from the manifest and the plan; the others from samples of fixed sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pipeline.build.building import BUILDS
from pipeline.core import json_layouts
from pipeline.core.errors import PipelineError, StorageError
from pipeline.core.json_layouts import Count, OpenLayout
from pipeline.dataset import Dataset
from pipeline.inspect.report import diversity, sequences
from pipeline.inspect.report.content import Built, Report
from pipeline.inspect.report.diversity import Progress
from pipeline.inspect.report.sampling import sample
from pipeline.inspect.report.split import measured_split
from pipeline.plan import Plan, planned
from pipeline.recipe import load
from pipeline.sweeps import recipe_of

LOGGED = 1000  # builds that the page lists
RESOLVED = " (resolved: values and templates are written out)"  # what `build` adds to the title of a recipe


def plan_of(
    dataset: Dataset,
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    cell: str | None = None,
    *,
    allow_code: bool = False,
) -> Plan:
    """The plan of a dataset, from its own recipe.yaml or from the given recipe, or from that of a cell of a sweep.

    allow_code: whether Python files that the given recipe names may run; those of the dataset's own never are.

    StorageError where the recipe cannot be compiled, or is that of another dataset.
    """
    with dataset.recipe() as own:
        try:
            loaded = recipe_of(recipe, overrides, cell, allow_code=allow_code) if recipe else load(str(own), overrides)
            plan = planned(loaded)
        except PipelineError as error:
            if recipe is not None:
                raise
            raise StorageError(
                f"its recipe.yaml cannot be compiled: {error.problem}",
                "Name the recipe it was built from: --recipe …, with the same --set.",
                dataset.folder.url,
            ) from None
    if plan.fingerprint != dataset.manifest.fingerprint:
        raise StorageError(
            f"the recipe gives {plan.fingerprint[:16]}, the dataset is {dataset.manifest.fingerprint[:16]}",
            "Name the recipe, with the --set, and take the version it was built with.",
            dataset.folder.url,
        )
    return plan


def documents_made(plan: Plan) -> int:
    """How many documents `measure` makes, for a progress bar."""
    samples = [sample(plan, split, source) for split in plan.splits for source in plan.splits[split].sources]
    return sum(len(sampled) + diversity.documents_made(sampled) for sampled in samples)


def measure(dataset: Dataset, plan: Plan, *, done: Progress = lambda _: None) -> Report:
    """The report of a dataset. done: called with how many documents were made.

    StorageError where a shard is missing, or damaged where it is read.
    """
    sequences.check_files(dataset)
    manifest = dataset.manifest
    return Report(
        name=dataset.folder.name,
        title=plan.title.removesuffix(RESOLVED),
        fingerprint=manifest.fingerprint,
        seed=plan.recipe.seed,
        tokenizer=plan.recipe.tokenizer.name,
        vocabulary=plan.tokenizer.vocabulary,
        end_of_text=plan.tokenizer.eos_token,
        attributes=tuple(dict.fromkeys(name for split in plan.splits.values() for name in split.attributes)),
        versions=manifest.versions,
        splits=tuple(measured_split(dataset, plan, name, done) for name in plan.splits),
        worlds=manifest.worlds,
        builds=_builds(dataset),
    )


class _Entry(OpenLayout):
    """A line of the log of builds."""

    ended: Annotated[str, Field(pattern=r"^[0-9TZ:-]{1,30}$")]
    seconds: Annotated[float, Field(ge=0, le=1e12)]
    built: Count


def _builds(dataset: Dataset) -> tuple[Built, ...]:
    """The last lines of the log of builds; those that cannot be read are left out."""
    try:
        lines = dataset.folder.read(BUILDS).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return ()
    shards = len(dataset.manifest.shards)
    tokens = sum(split["tokens"] for split in dataset.manifest.splits.values())
    builds = []
    for line in lines[-LOGGED:]:
        try:
            entry = json_layouts.checked(_Entry, json_layouts.parsed(line))
        except ValueError:
            continue
        builds.append(Built(entry.ended, entry.seconds, entry.built, shards, round(tokens * entry.built / shards)))
    return tuple(builds)
