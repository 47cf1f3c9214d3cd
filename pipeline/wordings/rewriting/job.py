"""What is to be written for a source of the kind `rewritten`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import PlanError, SpecError, suggest
from pipeline.core.files import library
from pipeline.plan.compiling import compiled_tokenizer, compiled_worlds
from pipeline.recipe import Loaded
from pipeline.sources.rewritten.facts import asked_for
from pipeline.sources.rewritten.progress import journal_path
from pipeline.sources.rewritten.request import Cost
from pipeline.sources.rewritten.source import RewrittenSpec, check_pronoun, cost_left, job_of, unwritten
from pipeline.sources.rewritten.stored import Stored, stored_in
from pipeline.worlds.world import World


@dataclass(frozen=True)
class Job:
    """people: their numbers in the world. digest: of what is asked for. stored: what the file holds, None without one.
    left: biographies that the file lacks. cost: of those that its journal lacks too."""

    spec: RewrittenSpec
    world: World
    people: range
    attributes: tuple[str, ...]
    digest: str
    stored: Stored | None
    left: int
    cost: Cost

    @classmethod
    def of(cls, loaded: Loaded, source: str) -> Job:
        """The job of a source. PlanError for a source of another kind, or one whose file cannot be made."""
        sources = loaded.recipe.sources
        if source not in sources:
            raise PlanError(f"no source '{source}'", suggest(source, sources))
        spec = sources[source]
        if not isinstance(spec, RewrittenSpec):
            named = [name for name, one in sources.items() if isinstance(one, RewrittenSpec)]
            remedy = suggest(source, named) if named else "The kind of source is called `rewritten`."
            raise PlanError(f"'{source}' is not written by a language model", remedy)
        with loaded.refusing("sources", source, kind=PlanError):
            worlds = compiled_worlds(loaded)
            if spec.world not in worlds:
                raise SpecError(f"no world '{spec.world}'", suggest(spec.world, worlds), ("world",))
            world = worlds[spec.world]
            people = world.members(spec.only)
            attributes = asked_for(world, spec.attributes)
            check_pronoun(spec, world)
            if spec.path.is_relative_to(library("recipes").resolve()):
                raise SpecError(
                    "the recipe comes with the package, and so its file would", "Give an absolute path.", ("file",)
                )
            stored = stored_in(spec.path) if spec.path.exists() else None
            digest = job_of(spec, attributes)
            if stored is not None and stored.job != digest:
                raise SpecError(
                    "the file was asked for with other attributes or words", "Name another file.", ("file",)
                )
            cost = cost_left(spec, world, people, compiled_tokenizer(loaded))
        left = unwritten(stored, people, spec.generations)
        return cls(spec, world, people, attributes, digest, stored, left, cost)

    @property
    def path(self) -> Path:
        """The Parquet file."""
        return self.spec.path

    @property
    def journal(self) -> Path:
        """The journal beside it."""
        return journal_path(self.spec.path)
