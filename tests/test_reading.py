"""Text files of others: one way to read all of them, which alters no value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.core.errors import PipelineError, RecipeError, SpecError
from pipeline.core.system.reading import control_in, line_of, lines, records
from pipeline.evaluate.checking.igsm.vocabulary import Vocabulary
from pipeline.evaluate.predictions import by_row
from pipeline.recipe import load
from pipeline.recipe.writing import dump, fingerprint
from tests.test_values import files, materialised

SEPARATORS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"]  # where str.splitlines() cuts
RECIPE = """
worlds:
  people:
    size: 4
    attributes:
      name: {kind: name, pools: {first: [Ann, Bea, Cid, Dan]}}
      city: {kind: choice, CITY}
sources: {s: {kind: questions, world: people, templates: TEMPLATES}}
splits: {train: {mixture: {s: {}}}}
"""
TEMPLATES = '{a: ["{{ name }} | {{ city }}."]}'


def written(folder: Path, city: str, templates: str = TEMPLATES) -> Path:
    path = folder / "recipe.yaml"
    path.write_bytes(RECIPE.replace("CITY", city).replace("TEMPLATES", templates).encode())
    return path


# ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_a_file_of_values_has_a_value_a_line(tmp_path: Path, mark: str, end: str, last: bool) -> None:
    values = [
        "Rome",
        "Bern  on Aare",
        *(f"big{cut}north" for cut in SEPARATORS),
        "a\ufeffb",
        "non\u00a0breaking",
        "d\te",
    ]
    content = mark + end.join([values[0], "", " \t", *values[1:]]) + end * last
    (tmp_path / "a.txt").write_bytes(content.encode())
    assert materialised(tmp_path, file="a.txt") == values


def test_blanks_and_tabs_at_the_ends_of_a_line_are_no_part_of_it_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b" \tRome \t\n")
    assert materialised(tmp_path, file="a.txt") == ["Rome"]
    for padding in ("\u00a0", "\u3000", "\u2028", "\x85", "\x0c", "\x1f"):
        for value in (f"Rome{padding}", f"{padding}Rome", padding):
            (tmp_path / "a.txt").write_bytes(f"Bern\n{value}\n".encode())
            with pytest.raises(SpecError, match=r"a\.txt:2\) is empty, padded"):
                materialised(tmp_path, file="a.txt")


@pytest.mark.parametrize("content", ["Rome\rBern\n", "Rome\r\r\nBern", "Rome\nBern\r"])
def test_a_carriage_return_that_ends_no_line_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.txt").write_bytes(content.encode())
    line = content.count("\n", 0, content.index("\r")) + 1
    with pytest.raises(SpecError, match=rf"a\.txt:{line} holds a carriage return"):
        materialised(tmp_path, file="a.txt")


def test_a_line_that_is_read_by_itself_is_the_same_line(tmp_path: Path) -> None:
    raw = "\ufeffa\u2028\r\n\ufeffb\r\rc\r\n\nlast\r".encode()
    (tmp_path / "a").write_bytes(raw)
    with open(tmp_path / "a", "rb") as file:
        found = [line_of(line, first=not number) for number, line in enumerate(file)]
    assert found == ["a\u2028", "\ufeffb\r\rc", "", "last\r"]
    (tmp_path / "b").write_bytes(raw.replace(b"\r\rc", b"c").removesuffix(b"\r"))
    assert [line for _, line in lines(tmp_path / "b")] == ["a\u2028", "\ufeffbc", "", "last"]


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("suffix", "tab"), [("csv", ","), ("tsv", "\t")])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_cell_is_what_stands_in_it(tmp_path: Path, suffix: str, tab: str, mark: str, end: str) -> None:
    values = ["Washington, D.C.", "a\tb", 'the "big" one', "big\u2028north", "big\x85north", "x\ufeffy", "'s", "plain"]
    rows = [["town", "land"], *([value, "two\nlines"] for value in values)]
    quoted = (tab.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    (tmp_path / f"a.{suffix}").write_bytes((mark + end.join(quoted) + end).encode())
    assert materialised(tmp_path, file=f"a.{suffix}", column="town") == values
    places = [place for place, _ in records(tmp_path / f"a.{suffix}", tab, "a")]
    assert places == ["a:1", *(f"a:{line}" for line in range(2, 2 + 2 * len(values), 2))]


# ── templates, recipes ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_of_templates_has_a_wording_a_line(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words/a.j2").write_bytes(
        "\ufeff{{ name }}\u2028 | {{ city }}.\r\n\n\tOf {{ name }} | {{ city }}".encode()
    )
    found = files(tmp_path).templates("words")["a"]
    assert [line.text for line in found] == ["{{ name }}\u2028 | {{ city }}.", "Of {{ name }} | {{ city }}"]
    assert [line.place.rpartition(":")[2] for line in found] == ["1", "3"]


def test_a_carriage_return_in_a_wording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "values: [Rome]", r'{a: ["{{ name }}\r | {{ city }}."]}')
    assert cli.run(["plan", str(path)]) == 2
    assert "recipe.yaml:8: sources.s.templates.a.0: holds a carriage return (U+000D)" in capsys.readouterr().err


def test_a_recipe_may_begin_with_a_byte_order_mark_and_end_its_lines_as_windows_does(tmp_path: Path) -> None:
    plain = load(str(written(tmp_path, "values: [Rome]")))
    text = "# Title\n" + RECIPE.replace("CITY", "values: [Rome]").replace("TEMPLATES", TEMPLATES)
    path = tmp_path / "other.yaml"
    path.write_bytes(("\ufeff" + text.replace("\n", "\r\n")).encode())
    other = load(str(path))
    assert fingerprint(other.recipe, "t") == fingerprint(plain.recipe, "t")
    assert other.title == "Title"


@pytest.mark.parametrize(("character", "escape"), [("\x85", "N"), ("\u2028", "L"), ("\u2029", "P"), ("\r", "r")])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_what_only_some_readers_of_yaml_take_for_a_line_end_is_refused(
    tmp_path: Path, character: str, escape: str, quote: str
) -> None:
    """They would make a blank of it, or a line break."""
    path = written(tmp_path, f"values: [{quote}big{character}north{quote}]")
    with pytest.raises(RecipeError, match=rf'recipe\.yaml:7: .*U\+{ord(character):04X} .*"\\{escape}"'):
        load(str(path))
    path = written(tmp_path, f'values: ["big\\{escape}north"]')
    assert load(str(path)).recipe.worlds["people"].attributes["city"].values == [f"big{character}north"]
    with pytest.raises(RecipeError, match=rf"--set .*U\+{ord(character):04X}"):
        load(str(path), [f"worlds.people.attributes.city.values=['a{character}b']"])


ODD = ["big\u2028north", "big\u2029north", "big\x85north", "a\ufeffb", "\ufeffc", "a\tb", "a\rb", "nul\0", "esc\x1b[0m"]
ODD += ["right\u202eleft", 'say "x"', "back\\slash", "\\n", "it's", "a: b", "# c", "non\u00a0b", "zero\u200dwidth", "~"]


def test_a_resolved_recipe_is_read_back_as_it_was(tmp_path: Path) -> None:
    city = "values: " + json.dumps(ODD)
    made = load(str(written(tmp_path, city, json.dumps({"a": ["{{ name }}\u2028\x85\ufeff\t\\ | {{ city }}\"'."]}))))
    path = tmp_path / "dumped.yaml"
    path.write_text(dump(made.recipe, "title"), "utf-8")
    again = load(str(path))
    assert again.recipe.worlds["people"].attributes["city"].values == ODD
    assert again.recipe.model_dump() == made.recipe.model_dump()
    assert fingerprint(again.recipe, "t") == fingerprint(made.recipe, "t")


def test_control_characters_in_values_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever they come from; `plan` says so, and the value is what was written."""
    (tmp_path / "towns.txt").write_bytes("Rome\nbig\x85north\n".encode())
    assert cli.run(["plan", str(written(tmp_path, "file: towns.txt"))]) == 0
    said = r"notice: world people: attributes.city.values: 'big\x85north' holds the control character U+0085"
    assert said in capsys.readouterr().out
    odd = [value for value in ODD if control_in(value)]
    assert len(odd) == 10
    assert cli.run(["plan", str(written(tmp_path, "values: " + json.dumps(ODD)))]) == 0
    out = capsys.readouterr().out
    assert out.count("holds the control character") == 3
    assert "notice: world people: 7 more of its texts hold control characters" in out
    assert cli.run(["plan", str(written(tmp_path, 'values: ["Zürich, ZH", "a\\u200db", "הר"]'))]) == 0
    assert "notice" not in capsys.readouterr().out
    months = f"kind: date, months: {json.dumps(['a' + chr(7), *'bcdefghijkl'])}"
    text = (
        written(tmp_path, "values: [Rome]").read_text().replace("      city:", f"      born: {{{months}}}\n      city:")
    )
    (tmp_path / "recipe.yaml").write_text(text)
    assert cli.run(["plan", str(tmp_path / "recipe.yaml")]) == 0
    assert r"attributes.born.months: 'a\x07' holds the control character U+0007" in capsys.readouterr().out


# ── grammars, vocabularies, predictions ─────────────────────────────────────────────────────────────────────────────


def test_a_grammar_and_a_vocabulary_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "g.cfg").write_bytes("\ufeffs -> a b\r\na -> x y\r\nb -> y x\r\n".encode())
    grammar = "worlds: {}\nsources: {s: {kind: grammar, grammar: NAME}}\nsplits: {t: {mixture: {s: {}}}}\n"
    (tmp_path / "r.yaml").write_text(grammar.replace("NAME", "g.cfg"))
    rules = load(str(tmp_path / "r.yaml")).recipe.sources["s"].grammar
    assert rules == ["s -> a b", "a -> x y", "b -> y x"]
    (tmp_path / "v").mkdir()
    (tmp_path / "v/a.txt").write_bytes(
        "\ufeff# Town\r\n## river\r\nWillow\r\n# Shop\r\n## old\r\nBig\u00a0one\r\n".encode()
    )
    (chain,) = Vocabulary.at(tmp_path / "v").chains
    assert (chain.categories, chain.items) == ({"Town": 0, "Shop": 1}, {"Willow": 0, "Big\u00a0one": 1})
    (tmp_path / "v/a.txt").write_bytes("# Town\nWil\u2028low\n# Shop\nBig\n".encode())
    with pytest.raises(PipelineError, match=r"a\.txt:2: .*U\+2028"):
        Vocabulary.at(tmp_path / "v")


def test_a_grammar_of_the_released_form_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    released: dict[str, Any] = {"depth": 2, "sizes": [1, 2], "idx": [[3], [1, 2]], "all": []}
    (tmp_path / "r.yaml").write_text(
        "worlds: {}\nsources: {s: {kind: grammar, grammar: g.json}}\nsplits: {t: {mixture: {s: {}}}}\n"
    )
    told = []
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "g.json").write_text(json.dumps(released), encoding)
        with pytest.raises(RecipeError) as refused:
            load(str(tmp_path / "r.yaml"))
        told.append(str(refused.value))
    assert told[0] == told[1]
    assert "cannot read g.json" in told[2]
    assert "cannot read g.json" not in told[0]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_predictions_are_read_as_they_are(tmp_path: Path, mark: str, end: str) -> None:
    said = ["a\u2028b", "\x85", "\ufeff", "two\nlines", " padded "]
    text = mark + end.join(json.dumps({"prediction": one}, ensure_ascii=False) for one in said)
    (tmp_path / "p.jsonl").write_bytes(text.encode())
    assert [prediction for _, _, prediction in by_row(tmp_path / "p.jsonl", len(said), "predictions")] == said


@pytest.mark.parametrize("change", [lambda text: text.encode("utf-16"), lambda text: b"\n" + text.encode("utf-8-sig")])
def test_predictions_in_another_encoding_are_refused(tmp_path: Path, change: Callable[[str], bytes]) -> None:
    (tmp_path / "p.jsonl").write_bytes(change('{"prediction": "a"}\n'))
    with pytest.raises(PipelineError, match=r"p\.jsonl:[12]: not JSON"):
        list(by_row(tmp_path / "p.jsonl", 1, "predictions"))
