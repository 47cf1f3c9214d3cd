"""What a path costs: biographies with a sentence about nobody else, with the mother's name, and with more of her.

All are of 100,000 people, to about the same size: two shards of 16 M tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from tests.bench.harness import TMPFS, Contender, Options, Result, emptied, in_turns, one_core, scratch
from tests.bench.single_core import build_all

LINES = {
    "none": "{{ subject }} grew up beside the sea, loves music, and never left {{ possessive }} town for long.",
    "name": "{{ subject }} grew up as a child of {{ mother }}.",
    "value": "{{ subject }} grew up as a child of {{ mother }}, who was born in {{ mother.birth_city }}.",
    "two": "{{ subject }} grew up as a grandchild of {{ mother.mother }}, who worked for {{ mother.mother.employer }}.",
}
"""The last sentence of a biography, whose other six are those of bioS."""
RELATIONS = {
    "tree": "map: tree, roots: 1_000, children: 4",
    "one_to_one": "map: one_to_one",
    "many_to_one": "map: many_to_one",
}
WAYS = (("none", "tree"), ("name", "tree"), ("value", "tree"), ("value", "one_to_one"), ("value", "many_to_one"),
        ("two", "many_to_one"))  # fmt: skip
RECIPE = """\
extends: bioS_multi5_permute
worlds:
  people:
    groups: {granddaughters: [0.05, 1]}
    attributes: {mother: {kind: individual, of: people, RELATION}}
sources:
  biographies:
    only: granddaughters
    templates: [biography/en, own]
    sentences: [birth_date, birth_city, university, major, employer, company_city, mother]
    paraphrases: fresh
splits: {train: {mixture: {biographies: {exposures: 8}}}}
shard_tokens: TOKENS
"""


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Two shards of each to /dev/shm, on one core, in turns; ratios are to the biographies without a path."""
    contenders = {}
    with one_core(), ExitStack() as stack:
        for said, relation in WAYS:
            name = "paths/none" if said == "none" else f"paths/{said}/{relation}"
            place = stack.enter_context(scratch(TMPFS))
            plan = _plan(place, said, relation, 2**20 if options.quick else 2**24)
            shards = [("train", k) for k in range(min(2, plan.splits["train"].shards))]
            emptied(place / "data")
            run = partial(build_all, plan, place / "data", shards)
            contenders[name] = Contender(run(), run, LINES[said], partial(emptied, place / "data"))
        results = in_turns(contenders, options.repeats(5))
    for result in results.values():
        base = {name: ratio for name, ratio in result.ratio_to.items() if name == "paths/none"}
        yield Result(result.case, result.seconds, result.tokens, base, result.note)


def _plan(place: Path, said: str, relation: str, tokens: int) -> Plan:
    """The plan of biographies with a last sentence of one's own. Its recipe and templates are written to a folder."""
    (place / "own").mkdir()
    (place / "own" / "mother.j2").write_text(LINES[said] + "\n")
    (place / "paths.yaml").write_text(RECIPE.replace("RELATION", RELATIONS[relation]).replace("TOKENS", str(tokens)))
    return compile_plan(load(str(place / "paths.yaml")))
