"""Languages as data: the library's files, a user's own, what follows the fast path without spaces between words."""

from __future__ import annotations

import random
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import PipelineError, RecipeError
from pipeline.evaluate.scoring import _is_answer
from pipeline.plan.compiling import compile_plan
from pipeline.plan.plan import Plan
from pipeline.recipe import load
from pipeline.recipe.languages import known_languages
from pipeline.recipe.writing import dump, fingerprint
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.subjects import NAME, NAMELESS, PRONOUN, scope_of
from pipeline.sources.knowledge.template_files import CompiledLines
from pipeline.text.fragments import Fragments
from pipeline.text.language_spec import LanguageSpec
from pipeline.text.languages import Language
from pipeline.text.pieces import Texts
from pipeline.text.seams.seams import Seams
from tests.encoders import tokenizer
from tests.plans import plan_at, small
from tests.reference.biographies import differences, row

RECIPE_OF = {"de": "bioS_german", "es": "bioS_spanish", "zh": "bioS_chinese", "ja": "bioS_japanese"}
TEMPLATES = Path(__file__).parents[1] / "templates"

# ── the library's ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_language_of_a_recipe_is_written_into_it() -> None:
    assert known_languages() == ["de", "en", "es", "fr", "ja", "ko", "zh"]
    assert set(load("bioS_multilingual").recipe.languages) == {"en", "fr", "ko"}
    written = dump(load("bioS_multi5").recipe, "English alone")
    assert "languages:\n  en:\n" in written


SAID = [
    ("de", "{{ verb", PRONOUN, "university", "Harvard University", "she", "Sie studierte an der Harvard University."),
    ("de", "in der Bibliothek", NAME, "university", "Amherst College", "he", "in der Bibliothek des Amherst College."),
    ("de", "das Diplom", PRONOUN, "university", "Georgia Institute of Technology", "he", "vom Georgia Inst"),
    ("de", "Ausbildung", PRONOUN, "university", "Imperial College London", "he", "dem Imperial College London."),
    ("de", "Arbeitsvertrag", PRONOUN, "employer", "Ford Motor Company", "he", "mit der Ford Motor Company."),
    ("de", "Arbeitsvertrag", PRONOUN, "employer", "Boeing", "he", "mit Boeing."),
    ("de", "im Dienst", PRONOUN, "employer", "Mayo Clinic", "she", "Sie stand im Dienst der Mayo Clinic."),
    ("de", "im Dienst", NAMELESS, "employer", "Boeing", "she", "Die Person stand im Dienst von Boeing."),
    ("es", "biblioteca", PRONOUN, "university", "College of Wooster", "she", "Ella pasó largas tardes en la bibli"),
    ("es", "biblioteca", PRONOUN, "university", "University of Utah", "he", "de la University of Utah."),
    ("es", "acudió", PRONOUN, "university", "Juilliard School", "he", "a la Juilliard School para"),
    ("es", "acudió", PRONOUN, "university", "Oberlin College", "he", "a Oberlin College para"),
    ("es", '"contratado"', PRONOUN, "employer", "Boeing", "she", "Ella fue contratada por Boeing."),
    ("es", '"contratado"', NAMELESS, "employer", "Boeing", "he", "Esta persona fue contratada por Boeing."),
    ("es", '"empleado"', NAME, "employer", "Bank of New York Mellon", "he", "fue empleado del Bank of New"),
    ("zh", "主修", PRONOUN, "major", "Physics", "she", "她主修物理学。"),
    ("zh", "的员工", PRONOUN, "employer", "Macy's", "he", "他是Macy's的员工。"),
    ("ja", "を専攻した", PRONOUN, "major", "Physics", "she", "彼女は物理学を専攻した。"),
    ("ja", "で生まれた", NAMELESS, "birth_city", "Boston, MA", "he", "この人はBoston, MAで生まれた。"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "line", "mode", "attribute", "value", "pronoun", "said"), SAID)
def test_a_sentence_reads_as_its_language_has_it(
    language: str, line: str, mode: int, attribute: str, value: str, pronoun: str, said: str
) -> None:
    plan = small(RECIPE_OF[language])
    spec, world = plan.recipe.sources["biographies"], plan.worlds["people"]
    text = next(one for one in spec.sets[language].lines(attribute) if line in one.text)
    shown, pronouns = world.fields[attribute].format[0], world.fields["pronoun"].format[0]
    rows = dict.fromkeys(range(world.slots), 0)
    rows |= {shown.slot: shown.values.index(value), pronouns.slot: pronouns.values.index(pronoun)}
    (program,) = CompiledLines(world).cut(text, scope_of(Cast(world), mode, language))
    assert said in "".join(piece.texts.rows[rows.get(piece.slot, 0)] for piece in program)


DATES = {
    "de": r"\d{1,2}\. (Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember) \d{4}",
    "es": r"\d{1,2} de (ene|febre|mar|abr|may|jun|jul|ago|sept|oct|nov|dic)[a-z]+ de \d{4}",
    "zh": r"\d{4}年\d{1,2}月\d{1,2}日",
    "ja": r"\d{4}年\d{1,2}月\d{1,2}日",
}


@pytest.mark.parametrize("language", list(DATES))
def test_dates_are_those_of_the_file_of_the_language(language: str) -> None:
    world = small(RECIPE_OF[language]).worlds["people"]
    field = world.fields_in(language)["birth_date"]
    dates = [field.text(dict(enumerate(rows))) for rows in world.rows(np.arange(500)).tolist()]
    assert all(re.fullmatch(DATES[language], date) for date in dates)


@pytest.mark.parametrize("language", list(RECIPE_OF))
def test_the_new_languages_take_the_fast_path_and_are_exactly_as_if_rendered_and_encoded(language: str) -> None:
    plan = small(RECIPE_OF[language])
    assert all(isinstance(source._renderer, Fragments) for source in plan.sources.values())
    found = differences(plan, "biographies", 60)
    assert found == {"tokens": [], "spans": [], "parts": []}
    for name in ("questions", "exam", "reversal"):
        source = plan.sources[name]
        item = np.arange(0, len(source), max(len(source) // 200, 1))
        made = source.documents(item, item % 7, spans=False).tokens
        rows = [made.values[a:b].tolist()[:-1] for a, b in zip(made.offsets[:-1], made.offsets[1:], strict=True)]
        texts = plan.tokenizer.decode_all(rows)
        assert [encoding.ids for encoding in plan.tokenizer.encodings(texts)] == rows
        assert all(text.startswith(" ") == (language in ("de", "es")) for text in texts)


@pytest.mark.parametrize("language", list(RECIPE_OF))
def test_questions_and_statements_of_a_language_are_about_every_attribute(language: str) -> None:
    for folder in (f"biography/{language}", f"question/{language}/extraction", f"statement/{language}/reversal"):
        names = {path.stem for path in (TEMPLATES / folder).glob("*.j2")} - {"name"}
        assert names == {"birth_city", "birth_date", "company_city", "employer", "major", "university"}, folder


# ── a user's own ────────────────────────────────────────────────────────────────────────────────────────────────────

KLINGON = """
pronouns:
  he: {subject: ghaH, of: Daj}
  she: {subject: ghaHbe', of: DajHey}
  it: {subject: "'oH", of: "'oHDaj"}
after_name: {subject: "", of: "'Daj"}
nameless: {subject: nuv, of: nuvDaj}
agreement:
  was: {pronouns: {she: 2, it: 3}, with_name: pronoun, nameless: 3}
plurals: [{numbers: [1]}, {ends_in: [2, 3, 4], but_not: [12, 13, 14]}]
articles: [the]
contractions: {to: {before: {"the ": "toth "}, otherwise: "to "}}
date: {format: "{day}.{month_number}.{year}"}
"""
PLANETS = """
tokenizer: gpt2
worlds:
  planets:
    size: 40
    attributes:
      name:
        kind: name
        joined: "-"
        pools: {star: [Aru, Bex, Cyl, Dov], planet: [I, II, III, IV, V, VI, VII, IX, X, XI]}
      pronoun: {kind: pronoun, values: [he, she, it]}
      moons: {kind: integer, first: 0, last: 25}
      home: {kind: choice, values: [Oslo, the Hague]}
      seen: {kind: date}
sources:
  told:
    kind: biographies
    world: planets
    language: tlh
    templates: PLACE
    paraphrases: fresh
    sentences: [moons, home]
    full_name: {after: 1}
splits: {train: {mixture: {told: {exposures: 3}}, packing: {method: rows, length: 128}, columns: [spans]}}
"""
LINES = {
    "moons": '{{ subject }} {{ was("Q", "R", "S") }} {{ moons }} {{ moons | plural("moon", "moony", "moons") }}.',
    "home": "{{ subject }} goes {{ home.the | contract('to') }} on {{ seen }}; {{ of }}.",
}


def planets(folder: Path, templates: str, languages: str, text: str = KLINGON) -> Path:
    """A recipe with templates in a folder of this name, and a language file in another."""
    for name, line in LINES.items():
        path = folder / templates / f"{name}.j2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line + "\n", "utf-8")
    (folder / languages).mkdir(parents=True, exist_ok=True)
    (folder / languages / "tlh.yaml").write_text(text, "utf-8")
    recipe = folder / "r.yaml"
    recipe.write_text(PLANETS.replace("PLACE", templates), "utf-8")
    return recipe


def texts(plan: Plan) -> list[str]:
    source = plan.sources["told"]
    made = source.documents(np.arange(len(source)), np.arange(len(source)), spans=False).tokens
    rows = [made.values[a:b].tolist()[:-1] for a, b in zip(made.offsets[:-1], made.offsets[1:], strict=True)]
    shown = plan.tokenizer.decode_all(rows)
    assert [encoding.ids for encoding in plan.tokenizer.encodings(shown)] == rows
    return shown


@pytest.mark.parametrize("languages", ["planets/languages", "languages"])
def test_a_language_of_ones_own_lies_beside_ones_templates(tmp_path: Path, languages: str) -> None:
    plan = compile_plan(load(str(planets(tmp_path, "planets/tlh", languages))))
    source, seen = plan.sources["told"], set()
    assert isinstance(source, Biographies)
    assert isinstance(source._renderer, Fragments)
    for item, text in enumerate(texts(plan)):
        facts = source.world.values(item, "tlh")
        pronoun, moons, name = facts["pronoun"], int(facts["moons"]), facts["name"]
        few = moons % 10 in (2, 3, 4) and moons not in (12, 13, 14)
        counted = f"{moons} {'moon' if moons == 1 else 'moony' if few else 'moons'}."
        home = f"{'toth Hague' if facts['home'] == 'the Hague' else 'to Oslo'} on {facts['seen']}"
        assert re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{4}", str(facts["seen"]))
        assert text == f" nuv S {counted} {name} goes {home}; {name}'Daj."
        assert re.fullmatch("(Aru|Bex|Cyl|Dov)-[IVX]+", str(name))
        seen.add((pronoun, counted.split()[1]))
    assert len(seen) >= 6


def test_forms_and_agreement_follow_the_pronoun_of_each_individual(tmp_path: Path) -> None:
    recipe = planets(tmp_path, "t", "languages")
    recipe.write_text(recipe.read_text("utf-8").replace("full_name: {after: 1}", "full_name: first"), "utf-8")
    (tmp_path / "t" / "home.j2").write_text('{{ subject }} {{ was("Q", "R", "S") }} {{ home }} {{ of }}.\n', "utf-8")
    plan = compile_plan(load(str(recipe)))
    for item, text in enumerate(texts(plan)):
        facts = plan.worlds["planets"].values(item, "tlh")
        number = ["he", "she", "it"].index(str(facts["pronoun"]))
        subject, of = ["ghaH", "ghaHbe'", "'oH"][number], ["Daj", "DajHey", "'oHDaj"][number]
        assert text.startswith(f" {facts['name']} {'QRS'[number]} {facts['moons']} moon"), (
            "a name agrees as its pronoun"
        )
        assert text.endswith(f" {subject} {'QRS'[number]} {facts['home']} {of}.")


def test_a_language_file_is_part_of_the_recipe_and_of_its_fingerprint(tmp_path: Path) -> None:
    loaded = load(str(planets(tmp_path, "t", "languages")))
    mark = fingerprint(loaded.recipe, "")
    alone = tmp_path / "alone" / "recipe.yaml"
    alone.parent.mkdir()
    alone.write_text(dump(loaded.recipe, "it stands alone"), "utf-8")
    assert fingerprint(load(str(alone)).recipe, "") == mark
    assert texts(compile_plan(load(str(alone)))) == texts(compile_plan(loaded))
    (tmp_path / "languages" / "tlh.yaml").write_text("# laid out anew\n" + KLINGON + "\n", "utf-8")
    assert fingerprint(load(str(tmp_path / "r.yaml")).recipe, "") == mark
    (tmp_path / "languages" / "tlh.yaml").write_text(KLINGON.replace("nuvDaj", "nuv"), "utf-8")
    assert fingerprint(load(str(tmp_path / "r.yaml")).recipe, "") != mark


def test_a_form_has_a_bounded_length(tmp_path: Path) -> None:
    recipe = planets(tmp_path, "t", "languages")
    (tmp_path / "languages" / "tlh.yaml").write_text(KLINGON.replace("nuvDaj", "n" * 201), "utf-8")
    with pytest.raises(RecipeError, match=r"tlh\.yaml:\d+: nameless\.of: [^\n]*200"):
        load(str(recipe))


def test_a_recipe_may_declare_a_language_or_change_one_of_the_library(tmp_path: Path) -> None:
    changed = "languages: {en: {pronouns: {he: {subject: Thon}, she: {subject: Thon}}, nameless: {subject: One}}}\n"
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        changed + PLANETS.replace("language: tlh", "language: en").replace("[he, she, it]", "[he, she]")
        .replace("PLACE", '{moons: ["{{ subject }}: {{ moons }}."], home: ["{{ subject }}: {{ home }}."]}'), "utf-8"
    )  # fmt: skip
    loaded = load(str(recipe))
    assert loaded.recipe.languages["en"].nameless["subject"] == "One"
    assert all(text.startswith(" One: ") for text in texts(compile_plan(loaded)))


def test_two_files_of_one_language_are_refused(tmp_path: Path) -> None:
    recipe = planets(tmp_path, "a/tlh", "a/languages")
    planets(tmp_path, "b/tlh", "b/languages")
    both = PLANETS.replace("PLACE", "a/tlh").replace("splits:", "  more: {extends: told, templates: b/tlh}\nsplits:")
    recipe.write_text(both, "utf-8")
    with pytest.raises(PipelineError, match=r"r\.yaml:\d+: sources\.more\.language: the language 'tlh' has two files"):
        load(str(recipe))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{{ moons | plural("moon", "moons") }}', "plural takes 3 words, not 2"),
        ('{{ home | plural("a", "b", "c") }}', "plural takes a whole number, not 'Oslo'"),
        ('{{ was("Q", "R") }}', "3 words are needed to agree with every subject, not 2"),
        ('{{ home | contract("zu") }}', "contract takes to, not 'zu'"),
        ('{{ home | elide("a", "b") }}', "the language 'tlh' has no `elision`"),
        ("{{ home.The }}", "there is no part 'The'"),
    ],
)
def test_what_a_language_does_not_say_is_refused_with_the_line(tmp_path: Path, line: str, problem: str) -> None:
    recipe = planets(tmp_path, "t", "languages")
    (tmp_path / "t" / "moons.j2").write_text(line + "\n", "utf-8")
    with pytest.raises(PipelineError, match=re.escape(problem)) as refusal:
        compile_plan(load(str(recipe)))
    assert re.search(r"t/moons\.j2:1", str(refusal.value))


def test_numbers_take_the_word_of_their_last_digits() -> None:
    rules = {"pronouns": {"he": {"subject": "on"}}}
    russian = Language("ru", LanguageSpec.model_validate(rules | {"plurals": [
        {"ends_in": [1], "but_not": [11]}, {"ends_in": [2, 3, 4], "but_not": [12, 13, 14]}]}))  # fmt: skip
    words = [russian.plural(number, "год", "года", "лет") for number in (1, 2, 5, 11, 12, 21, 22, 111, 0, -1)]
    assert words == ["год", "года", "лет", "лет", "лет", "год", "года", "лет", "лет", "год"]


@pytest.mark.parametrize("said", ["北京。", "北京"])
def test_the_full_stop_of_an_answer_is_optional_in_chinese_too(said: str) -> None:
    assert _is_answer(said, "", "北京。")
    assert not _is_answer("上海。", "", "北京。")


# ── words without spaces ────────────────────────────────────────────────────────────────────────────────────────────

CHINESE = """
tokenizer: gpt2
worlds:
  people:
    size: 300
    attributes:
      name:
        kind: name
        joined: ""
        pools:
          last: [王, 李, 张, 刘, 陈, 杨, 赵, 黄, 周, 吴]
          first: [伟, 芳, 娜, 秀英, 敏, 静, 丽, 强, 磊, 军, 洋, 勇, 艳, 杰, 娟, 涛, 明, 超, 秀兰, 霞, 平, 刚, 桂英, 文,
                  华, 建国, 志强, 建华, 国强, 晓明]
      pronoun: {kind: pronoun}
      city: {kind: choice, values: [北京, 上海, 广州, 深圳, 成都, Boston]}
      major: {kind: choice, values: [计算机科学, 化学, 会计学, 物理学]}
sources:
  bios:
    kind: biographies
    world: people
    language: zh
    paraphrases: fresh
    permutations: fresh
    templates:
      city: ["{{ subject }}出生于{{ city }}。", "{{ subject }}来自{{ city }}。"]
      major: ["{{ subject }}主修{{ major }}。", "{{ subject }}的专业是{{ major }}。"]
  who:
    kind: questions
    world: people
    language: zh
    templates: {city: ["姓{{ name.last }}名{{ name.first }}的人出生在哪里？答案： | {{ city }}。"]}
  names: {kind: names, world: people}
splits: {train: {mixture: {bios: {exposures: 3}, who: {}, names: {}}, packing: {method: rows, length: 128}}}
"""


def test_chinese_names_of_two_pools_without_a_space_are_exact_by_the_fast_path(tmp_path: Path) -> None:
    plan = plan_at(tmp_path / "r.yaml", CHINESE)
    for name, source in plan.sources.items():
        assert isinstance(source._renderer, Fragments), source.notices
        assert source.world is not None
        item = np.arange(300)
        made = source.documents(item, item % 5, spans=True)
        for i in range(300):
            ids = made.tokens.values[made.tokens.offsets[i] : made.tokens.offsets[i + 1]]
            text = plan.tokenizer.decode(ids).removesuffix("<|endoftext|>")
            facts = source.world.values(i)
            shown = [
                (source.labels[label], plan.tokenizer.decode(ids[first : first + count]))
                for first, count, label in row(made.spans, i)
            ]
            assert "".join(value for label, value in shown if label == "name").strip() == str(facts["name"])
            if name != "names":
                assert plan.tokenizer.encodings([text])[0].ids == ids[:-1].tolist()
                assert dict(shown)["city"] == facts["city"]
                assert " " not in text
    assert {len(str(plan.worlds["people"].values(i)["name"])) for i in range(300)} == {2, 3}


CHARACTERS = "他她出生于在是的 aBc'sLl 12９。，“”!?éㄱ한는はをA\u0301．,. re'll d"


@pytest.mark.parametrize("kind", ["gpt2", "cl100k", "qwen2", "llama3", "o200k", "tekken"])
def test_where_no_merge_crosses_the_parts_are_encoded_as_the_whole(kind: str) -> None:
    encoder, rng, proved = tokenizer(kind), random.Random(5), 0
    seams = Seams(encoder)
    lines = [line for path in sorted(TEMPLATES.rglob("*.j2")) for line in path.read_text("utf-8").splitlines()]

    def part() -> str:
        if rng.random() < 0.5:
            return "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(1, 7)))
        line = rng.choice(lines)
        first = rng.randrange(len(line))
        return line[first : first + rng.randint(1, 12)]

    for _ in range(2000):
        parts = [part(), part(), part()]
        sure = [seams.unmerged(Texts((left,)), Texts((right,))) for left, right in pairwise(parts)]
        if sure[0]:
            parts = parts if all(sure) else parts[:2]
            proved += 1
            whole, *apart = (encoding.ids for encoding in encoder.encodings(["".join(parts), *parts]))
            assert whole == [token for ids in apart for token in ids], parts
    assert proved > 700


def test_a_pair_that_merges_is_not_apart() -> None:
    seams = Seams(tokenizer("gpt2"))
    assert seams.unmerged(Texts(("王",)), Texts(("伟",)))
    assert not seams.unmerged(Texts(("陈",)), Texts(("芳",))), "gpt2 has a token of the end of the one and the other"
    assert not seams.unmerged(Texts(("Bost",)), Texts(("on",)))
    assert Seams(tokenizer("o200k")).unmerged(Texts(("王",)), Texts(("伟",)))
    assert not Seams(tokenizer("o200k")).unmerged(Texts(("a",)), Texts(("伟Ab",))), "the word would end at the A"
    assert not Seams(tokenizer("o200k")).unmerged(Texts(("王",)), Texts(("'llama",))), "it would be the word 王'll"
