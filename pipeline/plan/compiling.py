"""Recipe to plan: tokenizer, worlds and sources are compiled, amounts become counts, counts become one order.

No float decides a count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from pipeline.core.errors import PlanError, SpecError, TokenizerError
from pipeline.core.key import Key
from pipeline.core.notices import Notice
from pipeline.core.system.reliance import noted
from pipeline.plan import checks
from pipeline.plan.laying_out import Ends, Rows
from pipeline.plan.order import SplitPlan
from pipeline.plan.plan import Plan
from pipeline.plan.splitting import split_of
from pipeline.plan.vocabulary import check_in_use, reduced_to_use
from pipeline.recipe.model import Recipe
from pipeline.recipe.places import Loaded
from pipeline.recipe.writing import fingerprint
from pipeline.sources import Source
from pipeline.sources.chat.compiling import compiled
from pipeline.sources.preference import PreferenceSpec
from pipeline.sources.source import Context
from pipeline.sources.spec import AboutSpec
from pipeline.text.encoding.proof import refutations
from pipeline.text.symbols import Symbols
from pipeline.text.tokenizer import SYMBOLS, Tokenizer
from pipeline.text.tokenizer_loading import load
from pipeline.worlds.world import World


def compile_plan(loaded: Loaded) -> Plan:
    """The plan of a recipe. RecipeError, TemplateError or PlanError, with file and line, where it cannot be planned."""
    while True:
        with noted() as reliance:
            plan = _compiled(loaded)
        if not reliance.disproved:  # else what was counted before is wrong
            break
    return replace(plan, proofs=frozenset(reliance.proofs), refuted=refutations())


def _compiled(loaded: Loaded) -> Plan:
    recipe = loaded.recipe
    marks, symbols, tokenizer = _tokenizer(loaded)
    worlds = compiled_worlds(loaded)
    sources = _sources(loaded, worlds, tokenizer, symbols)
    if recipe.tokenizer.vocabulary:
        if not tokenizer.in_use:
            tokenizer = reduced_to_use(loaded, tokenizer, sources, marks, symbols.all)
            sources = _sources(loaded, worlds, tokenizer, symbols)
        check_in_use(loaded, tokenizer, sources)
    splits: dict[str, SplitPlan] = {}
    reached: dict[str, Ends] = {}
    for number, (name, spec) in enumerate(recipe.splits.items()):
        of_split = {source: sources[source] for source in spec.source_names}
        rows = Rows(of_split, recipe.key("splits", name), reached, [*recipe.splits][number:])
        with loaded.refusing("splits", name, kind=PlanError):
            splits[name] = split_of(name, spec, rows, recipe.shard_tokens)
        reached[name] = rows.reached
    splits = _with_repetition_notices(recipe, splits, sources)
    notices = tuple(_notices(recipe, worlds, sources, splits, tokenizer, recipe.key("notices")))
    for group, name, notice in notices if recipe.strict else ():
        if notice.lost:
            with loaded.refusing(group, name, kind=PlanError):
                raise SpecError(notice.described, notice.remedy, notice.at)
    digest = fingerprint(recipe, tokenizer.content_hash)
    return Plan(recipe, loaded.title, tokenizer, worlds, sources, splits, digest, notices)


def compiled_tokenizer(loaded: Loaded) -> Tokenizer:
    """The tokenizer of a recipe, with the marks and symbols of its sources; all its tokens, whatever `vocabulary` is.

    RecipeError or TokenizerError where it cannot be loaded.
    """
    return _tokenizer(loaded)[2]


def _tokenizer(loaded: Loaded) -> tuple[list[str], Symbols, Tokenizer]:
    """The marks, the symbols and the tokenizer of a recipe."""
    recipe = loaded.recipe
    marks = [mark.token for source in recipe.sources.values() for mark in source.marks if mark.token]
    alphabets = [(name, source.symbols) for name, source in recipe.sources.items() if source.symbols]
    with loaded.refusing("sources"):
        symbols = Symbols.of(alphabets, texts=recipe.tokenizer.name != SYMBOLS)
    with loaded.refusing("tokenizer"):
        tokenizer = load(recipe.tokenizer, loaded.files("tokenizer"), marks, symbols.all)
    return marks, symbols, tokenizer


def compiled_worlds(loaded: Loaded) -> dict[str, World]:
    """Name → world of a recipe; each is compiled after the worlds that it is disjoint from. RecipeError as a plan."""
    recipe = loaded.recipe
    specs = recipe.worlds
    worlds: dict[str, World] = {}
    sizes = {name: spec.size for name, spec in specs.items()}

    def compile_world(name: str, children: tuple[str, ...]) -> None:
        with loaded.refusing("worlds", name):
            if name in children:
                raise SpecError(
                    "worlds are disjoint from each other in a circle", "Name one of them first.", ("disjoint_from",)
                )
            for parent in specs[name].others:
                if parent in specs and parent not in worlds:
                    compile_world(parent, (*children, name))
            if name not in worlds:
                worlds[name] = World(name, specs[name], recipe.key("worlds", name), worlds, recipe.languages, sizes)

    for name in specs:
        compile_world(name, ())
    return {name: worlds[name] for name in specs}


def _sources(loaded: Loaded, worlds: Mapping[str, World], tokenizer: Tokenizer, symbols: Symbols) -> dict[str, Source]:
    """Name → source, compiled with this tokenizer."""
    sources: dict[str, Source] = {}
    at = ("tokenizer", "vocabulary") if tokenizer.in_use else ("tokenizer",)
    specs = loaded.recipe.sources
    for name in sorted(specs, key=lambda name: isinstance(specs[name], PreferenceSpec)):  # after those that they name
        with loaded.refusing("sources", name), loaded.placing(at, TokenizerError):
            key = loaded.recipe.key("sources", name)
            sources[name] = compiled(specs[name], Context(worlds, tokenizer, key, symbols, dict(sources)))
    return {name: sources[name] for name in specs}


def _with_repetition_notices(
    recipe: Recipe, splits: Mapping[str, SplitPlan], sources: Mapping[str, Source]
) -> dict[str, SplitPlan]:
    """The splits, each with notices about the documents that it shares with earlier splits.

    No notice where the split has spans and the earlier one has none: it then measures losses on the training documents.
    """
    noted: dict[str, SplitPlan] = {}
    for name, split in splits.items():
        notices = list(split.notices)
        for source in split.sources:
            earlier = {
                before.name: before.blocks_of(source)
                for before in noted.values()
                if source in before.sources and ("spans" in before.columns or "spans" not in split.columns)
            }
            notices += checks.repetition_notices(
                sources[source], source, recipe.splits[name], split.blocks_of(source), earlier
            )
        noted[name] = replace(split, notices=tuple(notices))
    return noted


def _related(names: Collection[str], worlds: Mapping[str, World]) -> set[str]:
    """The worlds to which paths from these worlds may lead, in any number of steps."""
    related: set[str] = set()
    new = set(names)
    while new:
        new = {relation.of for name in new for relation in worlds[name].relations.values()} - related
        related |= new
    return related


def _notices(
    recipe: Recipe,
    worlds: Mapping[str, World],
    sources: Mapping[str, Source],
    splits: Mapping[str, SplitPlan],
    tokenizer: Tokenizer,
    key: Key,
) -> Iterator[tuple[str, str, Notice]]:
    """(group, name, notice): see `Plan.notices`."""
    used = [name for name in sources if any(split.documents_of(name) for split in splits.values())]
    world_of = {name: spec.world for name, spec in recipe.sources.items() if isinstance(spec, AboutSpec)}
    used_worlds = {world_of[name] for name in used if name in world_of}
    needed = {parent for name in used_worlds for parent in recipe.worlds[name].others}
    needed |= _related(used_worlds, worlds)
    for name, world in worlds.items():
        about = [sources[source] for source in used if world_of.get(source) == name]
        others = [sources[source] for source in used]
        notices = checks.world_notices(world, about, others, needed=name in needed)
        yield from (("worlds", name, notice) for notice in notices)
    for name, split in splits.items():
        yield from (("splits", name, notice) for notice in split.notices)
    for name, source in sources.items():
        yield from (("sources", name, notice) for notice in source.notices)
        yield from (("sources", name, notice) for notice in checks.token_notices(source, tokenizer, key.child(name)))
