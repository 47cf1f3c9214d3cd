"""Knowledge that gets lost: said by `plan` with an example and a remedy, refused by `strict: true`."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers

from pipeline import cli
from pipeline.core.errors import PlanError, RecipeError
from pipeline.core.notices import Notice
from pipeline.plan import Plan, compile_plan, summary
from pipeline.recipe import load
from pipeline.recipe.writing import dump
from pipeline.worlds.repeated_words import share_with_a_word_twice
from tests.plans import plan_of

SMALL = Path(__file__).parent / "golden" / "small.yaml"


def planned(folder: Path, more: str, *overrides: str) -> Plan:
    """The plan of small.yaml, whose first recipe lines are `more`, written to r.yaml."""
    (folder / "r.yaml").write_text(f"extends: {SMALL}\n{more}", "utf-8")
    return compile_plan(load(str(folder / "r.yaml"), overrides))


def source(*lines: str, **more: str) -> str:
    """The source bios of small.yaml with other templates: `name: line` each, the lines of a name in their order."""
    templates: dict[str, list[str]] = {"born": [], "city": [], "shoes": []}
    for line in lines:
        name, _, text = line.partition(": ")
        templates.setdefault(name, []).append(text)
    keys = "".join(f"    {key}: {value}\n" for key, value in more.items())
    written = {name: texts or None for name, texts in templates.items()}
    return f"sources:\n  bios:\n    templates: {json.dumps(written)}\n{keys}"


def notices(plan: Plan, group: str = "sources", name: str = "bios") -> list[Notice]:
    return [notice for of_group, of, notice in plan.notices if (of_group, of) == (group, name)]


def the(found: list[Notice], words: str) -> Notice:
    """The one of which the problem has these words."""
    (notice,) = [one for one in found if words in one.problem]
    return notice


def texts(plan: Plan, exposures: int, name: str = "bios") -> list[str]:
    """All documents of a source at so many exposures."""
    it = plan.sources[name]
    item = np.tile(np.arange(len(it)), exposures)
    tokens = it.documents(item, np.repeat(np.arange(exposures), len(it)), spans=False).tokens
    return [plan.tokenizer.decode(tokens.values[a:b]) for a, b in itertools.pairwise(tokens.offsets.tolist())]


# ── documents that name nobody ──────────────────────────────────────────────────────────────────────────────────────

NAMED, NAMELESS = "{{ subject }} lives in {{ city }}.", "Most know {{ object }} in {{ city }}."
VARIANTS: dict[str, tuple[str, Fraction]] = {
    "one of two": (source(f"city: {NAMED}", f"city: {NAMELESS}"), Fraction(1, 2)),
    "named later": (source(f"city: {NAMELESS}", "shoes: {{ name }} wears {{ shoes }}."), Fraction(0)),
    "one of three, then one of two": (
        source(f"city: {NAMED}", f"city: {NAMELESS}", "city: Here is {{ city }}.", "shoes: {{ shoes }} it is.",
               "shoes: {{ shoes }} has {{ name }}."),
        Fraction(1, 3),
    ),
    "in every sentence": (
        source(f"city: {NAMED}", f"city: {NAMELESS}", "shoes: {{ shoes }} it is.", "shoes: {{ subject }}: {{ shoes }}.",
               full_name="all"),
        Fraction(1, 4),
    ),
    "any order": (
        source(f"city: {NAMED}", f"city: {NAMELESS}", "shoes: {{ shoes }} it is.", "shoes: {{ subject }}: {{ shoes }}.",
               "born: On {{ born }}.", permutations="fresh"),
        Fraction(1, 3) * (Fraction(1, 2) + Fraction(1, 2) + 1),
    ),
    "any order of groups": (
        source(f"city: {NAMED}", "shoes: {{ shoes }} it is.", "born: On {{ born }}.", permutations="fresh",
               sentences="[[city, shoes], born]"),
        Fraction(1, 2),
    ),
    "after one, in any order": (
        source(f"city: {NAMED}", "shoes: {{ shoes }} it is.", "born: On {{ born }}.", permutations="fresh",
               full_name="{after: 1}"),
        Fraction(2, 3),
    ),
    "after one, in any order of groups": (
        source(f"city: {NAMED}", "shoes: {{ shoes }} it is.", "born: On {{ born }}.", permutations="fresh",
               sentences="[[city, shoes], born]", full_name="{after: 1}"),
        Fraction(1, 2),
    ),
    "at the end": (
        source(f"city: {NAMED}", "name: That was {{ name }}.", "name: That was all.", full_name="{after: 1}"),
        Fraction(1, 2),
    ),
    "a length": (source("city: One with {{ name.first | length }} letters is in {{ city }}."), Fraction(1)),
    "in capitals": (source("city: {{ name.first | upper }} {{ name.last | upper }} is in {{ city }}."), Fraction(0)),
    "by a branch": (
        source("city: {% if city == 'Oslo' %}{{ name }}{% else %}{{ name }} too{% endif %} is in {{ city }}."),
        Fraction(0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_share_of_documents_that_name_nobody_is_exact(tmp_path: Path, variant: str):
    recipe, nameless = VARIANTS[variant]
    exposures = 100
    plan = planned(tmp_path, recipe + "    paraphrases: fresh\n")
    found = [notice for notice in notices(plan) if "never name" in notice]
    assert bool(found) == bool(nameless)
    if nameless:
        assert found[0].problem == f"{100 * float(nameless):.3g}% of its documents never name their subject"
        assert "full_name: all" in found[0].remedy
        assert found[0].lost
    words = ("Ann", "Bob", "Cid", "Dee", "Eve", "ANN", "BOB", "CID", "DEE", "EVE")
    counted = [not any(word in text for word in words) for text in texts(plan, exposures)]
    deviation = (float(nameless) * (1 - float(nameless)) / len(counted)) ** 0.5
    assert abs(sum(counted) / len(counted) - nameless) <= 5 * deviation


def test_a_document_that_names_nobody_is_shown(tmp_path: Path):
    plan = planned(tmp_path, source(f"city: {NAMED}", f"city: {NAMELESS}", paraphrases="1"))
    example = the(notices(plan), "never name").example
    place, _, text = example.partition(": ")
    item = int(place.split()[1].rstrip(","))
    assert place == f"item {item}, exposure 0"
    assert text.strip("'") == texts(plan, 1)[item].removesuffix("<eos>").removesuffix("<|endoftext|>").strip()


def test_some_words_of_the_name_are_said_but_are_no_loss(tmp_path: Path):
    plan = planned(tmp_path, source("city: {{ name.last }} lives in {{ city }}."))
    notice = the(notices(plan), "name.last alone")
    assert notice.problem.startswith("100% of its documents")
    assert not notice.lost


@pytest.mark.parametrize(
    ("lines", "share"),
    [
        ('["Where is {{ name }}? | {{ city }}.", "Who is in {{ city }}? | {{ name }}."]', None),
        ('["Where is {{ name }}? | {{ city }}.", "Where is one? | {{ city }}.", "Where? | {{ city }}."]', "66.7%"),
        ('["Is {{ other_name }} in {{ other_city }}? | {{ city }}."]', "100%"),
    ],
)
def test_questions_name_whom_they_ask_about(tmp_path: Path, lines: str, share: str | None):
    more = f"sources: {{ask: {{kind: questions, world: people, templates: {{q: {lines}}}, paraphrases: fresh}}}}"
    found = [notice for notice in notices(planned(tmp_path, more), name="ask") if "never name" in notice]
    assert [notice.problem.split()[0] for notice in found] == [share] * (share is not None)


# ── full stops ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "example"),
    [
        ("{{ subject }} is in {{ city }}.", "'D.C..'"),
        ("{{ subject }} is in {{ city }}. Where?", "'D.C..'"),
        ("{{ subject }} is in {{ city | upper }}.", "'D.C..'"),
        ("{{ subject }} is in {{ city }}!", "'Yes!!'"),
        ("{{ subject }} is in {{ city }}。", "'D.C.。'"),
        ("{{ subject }} is in {{ city }}, or not.", None),
        ("{{ subject }} is in {{ city }}", None),
        ("{{ city }} has {{ subject }}.", "'Bob Jr..'"),
    ],
)
def test_values_that_end_in_the_full_stop_of_the_template(tmp_path: Path, line: str, example: str | None):
    world = "worlds: {people: {attributes: {country: null, city: {values: [Oslo, D.C., Yes!], weights: uniform}"
    world += ", name: {pools: {first: [Bob, Cid], last: [Jr., Orr, A, B, C, D, E, F, G, H]}}}}}\n"
    plan = planned(tmp_path, world + source(f"city: {line}"))
    found = [notice for notice in notices(plan) if "template adds" in notice]
    assert [notice.example for notice in found] == [example] * (example is not None)
    if example:
        assert "r.yaml:" in found[0].problem
        assert found[0].lost


def test_sentences_of_hops_double_no_full_stop_without_a_notice(tmp_path: Path):
    more = "worlds: {people: {attributes: {country: null, city: {values: [Oslo, D.C., Yes!], weights: uniform}}}}\n"
    more += """sources:
  bios: null
  grids:
    {kind: hops, world: people, instances: 9, attribute: city, people: 2, templates: {
      year: ["{{ name }} is in {{ city }}."], question: ["Where is {{ name }}? | In {{ city }}!"]}}
splits: {train: {mixture: {bios: null, grids: {exposures: 1}}}}
"""
    plan = planned(tmp_path, more)
    found = notices(plan, name="grids")
    assert [notice.example for notice in found if "template adds" in notice] == ["'D.C..'", "'Yes!!'"]


@pytest.mark.slow
def test_no_recipe_of_the_library_doubles_a_full_stop():
    for recipe in ("bioS_multi5", "products", "bioS_multilingual"):
        plan = plan_of(recipe)
        assert not [notice for _, _, notice in plan.notices if "template adds" in notice]


# ── paraphrases and orders ──────────────────────────────────────────────────────────────────────────────────────────

TWICE_TWO = source("city: {{ subject }} a {{ city }}", "city: {{ subject }} b {{ city }}",
                   "shoes: {{ subject }} c {{ shoes }}", "shoes: {{ subject }} d {{ shoes }}")  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("paraphrases: 4", None),
        ("paraphrases: 5", "5 paraphrases of everybody are asked, but there are 4 combinations of wordings"),
        ("permutations: 2", None),
        ("permutations: 3", "3 orders of the sentences of everybody are asked, but there are 2"),
        ("paraphrases: fresh", None),
    ],
)
def test_more_paraphrases_or_orders_than_there_are(tmp_path: Path, keys: str, words: str | None):
    plan = planned(tmp_path, f"{TWICE_TWO}    {keys}\n")
    found = [notice for notice in notices(plan) if "repeat" in notice]
    assert [notice.problem.startswith(words or "-") for notice in found] == [True] * (words is not None)
    if words:
        first, second = (int(number) for number in found[0].example.split(" at the exposures ")[1].split(" and "))
        item = np.zeros(2, np.int64)
        choices = plan.sources["bios"].choices(item, np.array([first, second]))  # type: ignore[attr-defined]
        drawn = choices.wordings if "paraphrases" in words else choices.order
        assert (drawn[0] == drawn[1]).all()


def test_paraphrases_of_a_translation_are_its_share(tmp_path: Path):
    translations = '{fr: {share: 0.5, templates: {city: ["{{ subject }} : {{ city }}"], shoes: ["{{ shoes }}"]}}}'
    for paraphrases, repeats in ((2, False), (4, True)):
        plan = planned(tmp_path, f"{TWICE_TWO}    paraphrases: {paraphrases}\n    translations: {translations}\n")
        assert bool([n for n in notices(plan) if "1 combinations" in n]) == repeats


def test_questions_have_as_many_paraphrases_as_lines(tmp_path: Path):
    lines = '{a: ["{{ name }}? | {{ city }}", "{{ name }}! | {{ city }}"], b: ["{{ name }}. | {{ city }}"]}'
    for paraphrases, problem in ((1, None), (2, "'b' has 1 wordings"), (3, "'b' has 1 wordings, as have 1 other")):
        more = f"sources: {{ask: {{kind: questions, world: people, templates: {lines}, paraphrases: {paraphrases}}}}}"
        found = [notice for notice in notices(planned(tmp_path, more), name="ask") if "paraphrases" in notice]
        assert [bool(problem and problem in notice) for notice in found] == [True] * (problem is not None)


# ── unknown tokens ──────────────────────────────────────────────────────────────────────────────────────────────────


def characters(folder: Path, known: str) -> str:
    """A tokenizer of characters, that knows these and no others."""
    vocabulary = {token: i for i, token in enumerate(["<eos>", "<unk>", *known])}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab=vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex("."), "isolated")
    backend.add_special_tokens([tokenizers.AddedToken(token, special=True) for token in ("<eos>", "<unk>")])
    backend.save(str(folder / "characters.json"))
    return f"tokenizer: {{name: {folder / 'characters.json'}}}\n"


LETTERS = " .,0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize("missing", ["", "O", "e", "ABCDE", "Oslo."])
def test_unknown_tokens_are_said_with_their_share(tmp_path: Path, missing: str):
    known = "".join(letter for letter in LETTERS if letter not in missing)
    plan = planned(tmp_path, characters(tmp_path, known) + source(f"city: {NAMED}", paraphrases="1"))
    found = [notice for notice in notices(plan) if "<unk>" in notice]
    it, item = plan.sources["bios"], np.arange(20)
    tokens = it.documents(item, 0 * item, spans=False).tokens
    unknown = int((tokens.values[: tokens.offsets[-1]] == 1).sum())
    assert bool(found) == bool(unknown) == bool(missing)
    if found:
        assert "<unk>" in found[0].example
        share = found[0].problem.split("%")[0].split()[-1] if "about" in found[0] else None
        exact = f"{unknown} of {tokens.offsets[-1]:,} tokens of 20 documents looked at" in found[0]
        assert exact or abs(float(share or 0) / 100 - unknown / tokens.offsets[-1]) < 0.05


def test_expected_unknown_tokens_are_those_of_all_documents_where_fragments_are_gathered(tmp_path: Path):
    backend = tokenizers.Tokenizer.from_file(str(SMALL.parent / "byte_tokenizer.json"))
    description = json.loads(backend.to_str())
    description["model"]["unk_token"] = "o"
    (tmp_path / "t.json").write_text(json.dumps(description))
    plan = planned(
        tmp_path, f"tokenizer: {{name: {tmp_path / 't.json'}}}\n" + source("city: {{ name }} is in {{ city }}.")
    )
    assert not [notice for notice in notices(plan) if "slow path" in notice]
    in_names, in_cities = (
        Fraction(1, 5) + Fraction(3, 5),
        Fraction(1, 4) + Fraction(1, 4),
    )  # Bob, Moe Poe Quo; Oslo Rome
    assert plan.sources["bios"].unknown == in_names + in_cities  # type: ignore[attr-defined]
    share = float((in_names + in_cities) / plan.sources["bios"].mean_tokens)
    assert the(notices(plan), "for which").problem.startswith(f"about {100 * share:.3g}% of its tokens are o,")


def test_unknown_tokens_of_a_corpus(tmp_path: Path):
    (tmp_path / "c.txt").write_text("abc\naXc\n")
    more = characters(tmp_path, "abc") + "sources: {bios: null, text: {kind: corpus, files: c.txt}}\n"
    plan = planned(tmp_path, more + "splits: {train: {mixture: {bios: null, text: {exposures: 1}}}}")
    notice = the(notices(plan, name="text"), "<unk>")
    assert notice.problem.startswith("1 of 8 tokens of 2 documents looked at are <unk>")
    assert "item 1" in notice.example


# ── what is never told, and bits ────────────────────────────────────────────────────────────────────────────────────

NAMES, PRONOUN, CITY, DATE = log2(25) - log2(20), 1, 1.5, log2(12 * 28 * 10)


def bits(plan: Plan, split: str = "train", world: str = "people") -> int:
    return int(summary.of_split(plan, split)[world]["bits"])


@pytest.mark.parametrize(
    ("templates", "each", "never"),
    [
        (source(f"city: {NAMED}"), CITY, "pronoun, born, country, shoes"),
        (source(f"city: {NAMELESS}"), None, "name, born, country, shoes"),
        (source("city: {{ name }}, {{ possessive }} town {{ city }}."), CITY + 1, "born, country, shoes"),
        (source("city: {{ name }} lives in {{ country }}."), CITY, "pronoun, born, city, shoes"),
        (source("city: {{ name }} is of {{ born.year }}."), log2(10), "pronoun, city, country, shoes"),
        (source("city: {{ name }} is of {{ born.month }}."), log2(12), "pronoun, city, country, shoes"),
        (
            source("city: {{ name }} has {{ 'a' if city == 'Oslo' else 'b' }}."),
            0.8112781,
            "pronoun, born, country, shoes",
        ),
        (source("city: {{ name }} is {{ 'at ' ~ city }}."), CITY, "pronoun, born, shoes"),
        (source("city: {{ name }} is {{ city | upper }}."), CITY, "pronoun, born, country, shoes"),
        (source("city: {{ name }} is {{ city ~ shoes }}."), CITY + log2(11), "pronoun, born"),
    ],
)
def test_bits_are_those_of_what_is_told(tmp_path: Path, templates: str, each: float | None, never: str):
    plan = planned(tmp_path, templates)
    known = summary.of_worlds(plan)["people"]
    if each is None:
        assert known["name_bits"] == 0
        assert known["bits"] == round(20 * (CITY + 1))
    else:
        assert known["value_bits"] == pytest.approx(each, abs=1e-4)
        assert known["bits"] == round(20 * (NAMES + each))
    said = the(notices(plan, "worlds", "people"), "no document of any split states")
    assert said.problem == f"no document of any split states {never}"


def test_a_part_of_an_attribute_is_said(tmp_path: Path):
    plan = planned(tmp_path, source("city: {{ name }} is of {{ born.year }}."))
    notice = the(notices(plan, "worlds", "people"), "of born")
    assert notice.problem == f"of born documents state {log2(10):.4g} bits only, of {DATE:.4g}"
    with pytest.raises(PlanError, match=r"small\.yaml:\d+: worlds\.people\.attributes\.\w+: "):
        planned(tmp_path, source("city: {{ name }} is of {{ born.year }}."), "strict=true")


@pytest.mark.parametrize(
    ("mixture", "individuals", "value_bits"),
    [
        ("bios: {exposures: 1}", 20, CITY),
        ("bios: {exposures: 0.5}", 10, CITY),
        ("bios: {exposures: 1.5}", 20, CITY),
        ("bios: {exposures: {zipf: 1, most: 5, least: 0}}", 5, CITY),
        ("bios: null, half: {exposures: 1}", 10, CITY),
        ("bios: null, half: {exposures: 0.2}", 2, CITY),
        ("bios: {exposures: 1}, sizes: {exposures: 1}", 20, CITY + log2(11)),
        ("bios: {exposures: 1}, sizes: {exposures: 0.5}", 20, CITY + log2(11) / 2),
        ("bios: null, half: {exposures: 1}, sizes: {exposures: 1}", 20, CITY / 2 + log2(11)),
        ("bios: null, sizes: {exposures: 0.5}, half: {exposures: 1}", 15, (10 * CITY + 10 * log2(11)) / 15),
    ],
)
def test_individuals_of_whom_nothing_is_told_do_not_count(
    tmp_path: Path, mixture: str, individuals: int, value_bits: float
):
    more = "worlds: {people: {groups: {half: [0.5, 1]}}}\n" + source(f"city: {NAMED}")
    more += "  half: {extends: bios, only: half}\n"
    more += '  sizes: {kind: statements, world: people, templates: {s: ["{{ name }}: {{ shoes }}"]}}\n'
    plan = planned(tmp_path, f"{more}splits: {{train: {{mixture: {{{mixture}}}}}}}")
    known = summary.of_split(plan, "train")["people"]
    assert known["individuals"] == individuals
    assert known["value_bits"] == pytest.approx(value_bits, abs=1e-4)
    if individuals in (20, 10, 5, 2):
        names = individuals * (log2(25) - log2(individuals))
        assert known["bits"] == round(names + individuals * value_bits)


def test_splits_tell_what_their_own_sources_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    more = (
        source(f"city: {NAMED}")
        + '  sizes: {extends: bios, templates: {city: null, shoes: ["{{ name }}: {{ shoes }}"]}}\n'
    )
    more += "splits: {more: {mixture: {sizes: {exposures: 1}}}, again: {mixture: {bios: {exposures: 2}}}}"
    plan = planned(tmp_path, more)
    assert bits(plan) == bits(plan, "again") == round(20 * (NAMES + CITY))
    assert bits(plan, "more") == round(20 * (NAMES + log2(11)))
    assert summary.of_worlds(plan)["people"]["bits"] == bits(plan)
    cli.run(["plan", str(tmp_path / "r.yaml")])
    said = capsys.readouterr().out
    assert f"{bits(plan)} bits to know from train, again (a name 4.64, values 1.50)" in said
    assert f"{bits(plan, 'more')} bits to know from more" in said


def test_a_world_that_no_split_uses_has_no_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    plan = planned(tmp_path, "worlds: {strangers: {extends: people, size: 7}}\n")
    assert summary.of_worlds(plan)["strangers"]["bits"] == 0
    assert the(notices(plan, "worlds", "strangers"), "no split has a document about it").lost
    cli.run(["plan", str(tmp_path / "r.yaml")])
    assert "0 bits to know: no split states anything of it" in capsys.readouterr().out


def test_bits_of_some_sentences_of_a_thousand_people():
    """64,879 bits where all is told, in whichever words."""
    told = ("birth_date", "birth_city", "university", "major", "employer", "company_city")
    lines = ", ".join(f"{what}: ['{{{{ subject }}}}: {{{{ {what} }}}}.']" for what in told)
    briefly = "sources.biographies.templates=null", f"sources.biographies.templates={{{lines}}}"
    overrides = ("worlds.people.size=1000", "sources.biographies.sentences=[birth_date, birth_city]", *briefly)
    assert summary.of_worlds(plan_of("bioS_single", *overrides))["people"]["bits"] == 41_968
    assert summary.of_worlds(plan_of("bioS_single", overrides[0], *briefly))["people"]["bits"] == 64_879


# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "pools",
    [
        [["A", "B"], ["C", "D"]],
        [["A", "B"], ["A", "D", "B"]],
        [["A", "B", "C"], ["C", "A"], ["A", "C", "X", "Y"]],
        [["A B", "C D", "E"], ["A", "B", "Z"], ["B", "C"]],
        [["A A", "C"], ["Z"]],
        [list("ABCD"), list("BCDE"), list("CDEF"), list("DEFA")],
        [["A"]],
    ],
)
def test_the_share_of_names_with_a_word_twice_is_exact(pools: list[list[str]]):
    names = [" ".join(words).split() for words in itertools.product(*pools)]
    twice = sum(len(set(words)) < len(words) for words in names)
    assert share_with_a_word_twice(pools) == Fraction(twice, len(names))


def test_names_of_the_same_word_twice_are_said(tmp_path: Path):
    pools = "first: [Joseph, Bob, Cid, Dee, Eve], last: [Joseph, Nye, Orr, Poe, Bob]"
    pools = f"worlds: {{people: {{attributes: {{name: {{pools: {{{pools}}}}}}}}}}}"
    notice = the(notices(planned(tmp_path, pools), "worlds", "people"), "a word twice")
    assert notice.problem == "8% of the names have a word twice: first and last share 2 words"
    assert notice.example in ("'Joseph Joseph'", "'Bob Bob'")


# ── two splits ──────────────────────────────────────────────────────────────────────────────────────────────────────

FRESH = source("city: {{ subject }} 1 {{ city }}", "city: {{ subject }} 2 {{ city }}", paraphrases="fresh")


def phases(folder: Path, first: str, second: str, *overrides: str) -> Plan:
    splits = f"splits: {{train: {{mixture: {{bios: {first}}}}}, phase2: {{mixture: {{bios: {second}}}}}}}"
    return planned(folder, f"{FRESH}{splits}", *overrides)


def documents(plan: Plan, split: str) -> set[tuple[int, int]]:
    located = plan.splits[split].locate(np.arange(plan.splits[split].documents))
    return set(zip(located.item.tolist(), located.exposure.tolist(), strict=True))


@pytest.mark.parametrize(
    ("first", "second", "share", "exposures"),
    [
        ("{exposures: 7}", "{exposures: 3}", "100%", "0 to 2"),
        ("{exposures: 7}", "{exposures: {count: 3, from: 7}}", None, ""),
        ("{exposures: 7}", "{exposures: {count: 3, from: 5}}", "66.7%", "5 to 6"),
        ("{exposures: {count: 2, from: 3}}", "{exposures: 4}", "25%", "3"),
        ("{exposures: 1.5}", "{exposures: {count: 1.5, from: 2}}", None, ""),
        ("{exposures: {zipf: 1, most: 4, least: 0}}", "{exposures: 1}", "20%", "0"),
    ],
)
def test_documents_that_two_splits_share_are_said(
    tmp_path: Path, first: str, second: str, share: str | None, exposures: str
):
    plan = phases(tmp_path, first, second)
    shared = documents(plan, "train") & documents(plan, "phase2")
    found = [notice for notice in notices(plan, "splits", "phase2") if "word for word" in notice]
    assert bool(found) == bool(shared) == (share is not None)
    if share:
        assert found[0].problem.startswith(f"{share} of the documents of bios are word for word those of train")
        assert found[0].problem.endswith(f"at the exposures {exposures}")
        assert f"{100 * len(shared) / plan.splits['phase2'].documents:.3g}%" == share
        assert not found[0].lost
    assert not [notice for notice in notices(plan, "splits", "train") if "word for word" in notice]


def test_what_a_notice_says_to_do_about_shared_documents_helps(tmp_path: Path):
    notice = the(notices(phases(tmp_path, "{exposures: 7}", "{exposures: 3}"), "splits", "phase2"), "word for word")
    assert notice.remedy.endswith("bios: {exposures: {count: 3, from: 7}}.")
    better = phases(tmp_path, "{exposures: 7}", "{exposures: {count: 3, from: 7}}")
    assert not documents(better, "train") & documents(better, "phase2")


@pytest.mark.parametrize(
    ("of_train", "of_score", "said"), [("", "spans", False), ("spans", "spans", True), ("", "segment_ids", True)]
)
def test_a_split_to_measure_losses_on_repeats_by_design(tmp_path: Path, of_train: str, of_score: str, said: bool):
    splits = f"train: {{mixture: {{bios: {{exposures: 2}}}}, columns: [loss_mask, documents, {of_train}]}}"
    splits += f", score: {{mixture: {{bios: {{exposures: 1}}}}, columns: [documents, {of_score}]}}"
    plan = planned(tmp_path, f"{FRESH}splits: {{{splits}}}".replace(", ]", "]"))
    assert any("word for word" in notice for notice in notices(plan, "splits", "score")) == said


def test_fixed_paraphrases_repeat_by_design(tmp_path: Path):
    plan = phases(tmp_path, "{exposures: 7}", "{exposures: 3}", "sources.bios.paraphrases=2")
    assert not notices(plan, "splits", "phase2")


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("{exposures: {count: 3, from: 7}}", {7: 20, 8: 20, 9: 20}),
        ("{exposures: {count: 1.5, from: 7}}", {7: 20, 8: 10}),
        ("{exposures: {count: 0.5, from: 2}}", {2: 10}),
        ("{exposures: {count: 2}}", {0: 20, 1: 20}),
        ("{exposures: {zipf: 1, most: 4, least: 0, from: 6}}", {6: 4, 7: 2, 8: 1, 9: 1}),
        ("{tokens: 800, from: 4}", None),
    ],
)
def test_an_amount_begins_at_an_exposure(tmp_path: Path, amount: str, told: dict[int, int] | None):
    plan = phases(tmp_path, "{exposures: 1}", amount)
    split = plan.splits["phase2"]
    places = np.arange(split.documents)
    located = split.locate(places)
    exposure, count = np.unique(located.exposure, return_counts=True)
    found = dict(zip(exposure.tolist(), count.tolist(), strict=True))
    if told is None:
        assert min(found) == 4
        assert all(count == 20 for count in list(found.values())[:-1])
    else:
        assert found == told
    rows = zip(located.item.tolist(), located.exposure.tolist(), strict=True)
    assert [split.find("bios", item, turn) for item, turn in rows] == places.tolist()
    assert split.find("bios", 0, min(found) - 1) is None
    assert summary.of_exposures(plan, "phase2")["bios"]["from"] == min(found)
    again = tmp_path / "again.yaml"
    again.write_text(dump(plan.recipe, "again"))
    assert load(str(again)).recipe.splits == plan.recipe.splits


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        (
            "{exposures: 3, from: 7}",
            "exposures from a later one on have their own `from`. Write exposures: {count: …, from: 7}.",
        ),
        ("{exposures: {count: 3, form: 7}}", "unknown key. Did you mean 'from'"),
        ("{exposures: {count: 3, from_: 7}}", "unknown key. Did you mean 'from'"),
        ("{exposures: {from: 7}}", "'count' is missing"),
        ("{exposures: {count: 3, from: -1}}", "greater than or equal to 0"),
        ("{exposures: {count: 3, from: 2147483648}}", "less than 2147483648"),
        ("{exposures: {count: 3, from: 2147483646}}", "exposure 2,147,483,648 is beyond the last"),
        ("{exposures: 2147483649}", "exposure 2,147,483,648 is beyond the last that can be counted, 2,147,483,647"),
    ],
)
def test_exposures_that_cannot_be_are_refused(tmp_path: Path, amount: str, problem: str):
    with pytest.raises((RecipeError, PlanError)) as error:
        phases(tmp_path, "{exposures: 1}", amount)
    assert problem in str(error.value)
    assert "r.yaml:" in error.value.place
    assert "bios" in error.value.place


def test_the_last_exposure_that_can_be_counted_is_planned(tmp_path: Path):
    plan = phases(tmp_path, "{exposures: 1}", "{exposures: {count: 2, from: 2147483646}}")
    assert {exposure for _, exposure in documents(plan, "phase2")} == {2**31 - 2, 2**31 - 1}


def test_the_first_exposure_is_part_of_the_fingerprint(tmp_path: Path):
    prints = {
        phases(tmp_path, "{exposures: 1}", amount).fingerprint
        for amount in ("{exposures: 2}", "{exposures: {count: 2, from: 1}}", "{exposures: {count: 2, from: 2}}")
    }
    assert len(prints) == 3


# ── strict ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ALL = "{{ subject }}, {{ possessive }} {{ city }}, {{ country }}, {{ shoes }}, {{ born }}"
LOSSES: dict[str, tuple[str, str]] = {
    "names nobody": (source(f"city: {ALL}", f"city: {NAMELESS}"), "sources.bios"),
    "never told": (source(f"city: {NAMED}"), "worlds.people.attributes.pronoun"),
    "a full stop": ("worlds: {people: {attributes: {country: null, city: {values: [A, B, C.]}}}}\n"
                    + source("city: {{ name }}, {{ possessive }} {{ shoes }} {{ born }} {{ city }}."), "sources.bios"),
    "paraphrases": (source(f"city: {ALL}", paraphrases="9"), "sources.bios.paraphrases"),
    "a world of no split": ("worlds: {strangers: {extends: people, size: 7}}\n", "worlds.strangers"),
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_strict_refuses_what_gets_lost(tmp_path: Path, loss: str, capsys: pytest.CaptureFixture[str]):
    recipe, place = LOSSES[loss]
    plan = planned(tmp_path, recipe)
    assert [notice for _, _, notice in plan.notices if notice.lost]
    with pytest.raises(PlanError) as error:
        planned(tmp_path, recipe, "strict=true")
    assert error.value.place.endswith(place)
    assert ".yaml:" in error.value.place
    assert error.value.remedy
    build = ["build", str(tmp_path / "r.yaml"), "--executor", "inline", "--out", str(tmp_path / "out")]
    assert cli.run([*build, "--set", "strict=true"]) == 2
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_strict_plays_no_part_in_the_dataset_and_refuses_no_information(tmp_path: Path):
    lossless = source(f"city: {ALL}", paraphrases="fresh")
    splits = "splits: {phase2: {mixture: {bios: {exposures: 1}}}}\n"
    plan, strict = (planned(tmp_path, lossless + splits, *more) for more in ((), ("strict=true",)))
    assert [notice for _, _, notice in strict.notices if "word for word" in notice]
    assert strict.fingerprint == plan.fingerprint
    assert "strict" not in dump(plan.recipe, "")
    assert "strict: true" in dump(strict.recipe, "")


def test_a_notice_is_one_line() -> None:
    notice = Notice("a\nb is so", "Do\u2028this.", "'c'")
    assert str(notice) == "a\\nb is so. Do\\u2028this. Example: 'c'"
    assert str(Notice("just so")) == "just so"


def test_manifest_and_plan_say_the_same(tmp_path: Path) -> None:
    planned(tmp_path, source(f"city: {NAMED}"))
    build = ["build", str(tmp_path / "r.yaml"), "--executor", "inline", "--out", str(tmp_path / "out")]
    assert cli.run(build) == 0
    manifest: dict[str, Any] = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["worlds"]["people"]["bits"] == manifest["splits"]["train"]["worlds"]["people"]["bits"]
    assert manifest["worlds"]["people"]["bits"] == round(20 * (NAMES + CITY))
    assert "strict" not in manifest["recipe"]
