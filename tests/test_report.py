"""The report of a build: its numbers against counting by hand, its page against a parser and, where there is one, a
browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import cli
from pipeline.columns import COLUMNS
from pipeline.core.documents import Ragged, offsets_of
from pipeline.core.errors import StorageError
from pipeline.dataset import Dataset
from pipeline.inspect.report import chart, diversity, marginals
from pipeline.inspect.report.content import Report, Source
from pipeline.inspect.report.measuring import documents_made, measure, plan_of
from pipeline.inspect.report.page import exposure_lines, html, percent, short, sized
from pipeline.inspect.report.sampling import sample
from pipeline.plan.plan import Plan
from tests.conftest import built, contents
from tests.plans import plan_at
from tests.plans import plan_of as plan_named

CITIES = ["</script><b>Rome", "A & B", "Oslo", "Lima"]
RECIPE = f"""# A <b>small</b> "dataset" & its </script> report
seed: 3
worlds:
  people:
    size: 150
    attributes:
      name:
        kind: name
        pools:
          first: [Ada, Bo, Cleo, Dai, Eve, Flo, Gus, Hal]
          last: [Ash, Birch, Cedar, Elm, Fir, Hazel, Iris, Juniper, Larch, Maple, Nettle, Oak, Pine, Quince, Rowan,
            Sorrel, Teak, Umber, Vine, Willow, Yew]
      pronoun: {{kind: pronoun, values: [he, she, they]}}
      city: {{kind: choice, values: {json.dumps(CITIES)}, weights: zipf}}
      country: {{kind: lookup, of: city, values: [Italy, Nowhere, Norway, Peru]}}
      born: {{kind: date, first_year: 1990, years: 7}}
      shoe: {{kind: integer, first: 1, last: 40}}
sources:
  lives:
    kind: biographies
    world: people
    templates:
      city: ["{{{{ subject }}}} knows {{{{ city }}}}.", "{{{{ subject }}}} likes {{{{ city }}}}."]
      country: ["{{{{ subject_possessive }}}} home is {{{{ country }}}}."]
      born: ["{{{{ subject }}}} came on {{{{ born }}}}.", "{{{{ born }}}} gave {{{{ object }}}} to us."]
      shoe: ["{{{{ subject_possessive }}}} number is {{{{ shoe }}}}."]
    tag: <Wikipedia.org>
    mistakes: {{corrected: 0.2, silent: 0.1, sentences: [city]}}
    mask: [mistake]
    paraphrases: 2
    permutations: 3
  asked:
    kind: questions
    world: people
    templates:
      city: {json.dumps([f"Question {i}: where is {{{{ name }}}}? | {{{{ city }}}}." for i in range(9)])}
      year:
        - "When was {{{{ name }}}} born? | {{{{ born.year }}}}."
        - "And the day of {{{{ name }}}}? | {{{{ born.day }}}}."
    mask: [prompt]
    paraphrases: fresh
splits:
  train:
    mixture:
      lives: {{exposures: 7.5}}
      asked: {{share: 0.2}}
    packing: {{method: concat, length: 64}}
    columns: [loss_mask, segment_ids, documents, spans, parts]
  exam:
    mixture: {{asked: {{exposures: {{zipf: 1, most: 40}}}}}}
    packing: {{method: rows, length: 48}}
    columns: [loss_mask]
shard_tokens: 20000
"""


@dataclass
class Built:
    plan: Plan
    folder: Path
    dataset: Dataset
    report: Report
    page: str

    def source(self, split: str, name: str) -> Source:
        (found,) = (one for of in self.report.splits if of.name == split for one in of.sources if one.name == name)
        return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A small dataset and its report, from samples that hold all of it. Not to be changed."""
    place = tmp_path_factory.mktemp("report")
    plan = plan_at(place / "recipe.yaml", RECIPE)
    built(plan, place / "data")
    dataset = Dataset.at(place / "data")
    report = measure(dataset, plan_of(dataset))
    return Built(plan, place / "data", dataset, report, html(report))


@pytest.fixture
def copied(small: Built, tmp_path: Path) -> Path:
    """The same dataset, to be damaged."""
    return Path(shutil.copytree(small.folder, tmp_path / "data"))


def documents_on_disk(small: Built) -> dict[tuple[str, int, int], list[int]]:
    """(source, item, exposure) → ids, put together from the pieces in the shards of `train`."""
    its = small.dataset.split("train")
    pieces: dict[tuple[str, int, int], list[tuple[int, list[int]]]] = defaultdict(list)
    for batch in small.dataset.batches("train"):
        for row in batch.to_pylist():
            for piece in row["documents"]:
                key = its["source_names"][piece["source"]], piece["item"], piece["exposure"]
                ids = row["input_ids"][piece["start"] : piece["start"] + piece["length"]]
                pieces[key].append((piece["offset"], ids))
    return {key: [token for _, ids in sorted(of) for token in ids] for key, of in pieces.items()}


def spans_on_disk(small: Built) -> Counter[tuple[str, str]]:
    """(attribute, text) → how often it stands in the shards of `train`, not cut by the ends of a sequence."""
    its, found = small.dataset.split("train"), Counter[tuple[str, str]]()
    for batch in small.dataset.batches("train"):
        for row in batch.to_pylist():
            for span in row["spans"]:
                end = span["start"] + span["length"]
                if span["start"] > 0 and end < its["length"]:
                    text = small.plan.tokenizer.decode(np.array(row["input_ids"][span["start"] : end]))
                    found[its["attributes"][span["attribute"]], text.strip()] += 1
    return found


# ── the numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lengths_and_exposures_are_those_of_the_documents_on_the_disk(small: Built) -> None:
    documents = documents_on_disk(small)
    for name in ("lives", "asked"):
        mine = {key[1:]: ids for key, ids in documents.items() if key[0] == name}
        source = small.source("train", name)
        assert source.sampled == source.documents == len(mine) > 400
        assert source.lengths == dict(sorted(Counter(map(len, mine.values())).items()))
        assert source.tokens == sum(map(len, mine.values()))
        times = Counter(item for item, _ in mine)
        counts = Counter(times.values()) + Counter({0: len(small.plan.sources[name]) - len(times)})
        assert source.exposures == dict(sorted(counts.items()))
    assert set(small.source("train", "lives").exposures) == {7, 8}
    assert len(small.source("exam", "asked").exposures) > 5


def test_exposures_of_a_long_tail_add_up(small: Built) -> None:
    told = small.source("exam", "asked")
    assert sum(told.exposures.values()) == len(small.plan.sources["asked"]) == 300
    assert sum(times * items for times, items in told.exposures.items()) == told.documents
    assert told.exposures[40] == told.exposures[20] == told.exposures[13] == 1
    assert told.exposures[1] == 280


def test_grams_and_repetitions_are_counted_by_hand(small: Built) -> None:
    documents = documents_on_disk(small)
    for name in ("lives", "asked"):
        mine = [ids for key, ids in documents.items() if key[0] == name]
        source = small.source("train", name)
        for n, (different, grams) in enumerate(source.grams, 1):
            every = [tuple(ids[i : i + n]) for ids in mine for i in range(len(ids) - n + 1)]
            assert (different, grams) == (len(set(every)), len(every))
        repeated = len(mine) - len(set(map(tuple, mine)))
        assert source.repeated == diversity.Repeated(len(mine), repeated, whole=True)
    assert small.source("train", "lives").repeated.repeated > 50


def test_values_are_counted_in_the_shards(small: Built) -> None:
    spans = spans_on_disk(small)
    (train, _) = small.report.splits
    (of,) = train.marginals
    assert train.read == train.sequences
    parts = {part.title: part for part in of.parts}
    weights = [1 / rank for rank in range(1, 5)]
    for attribute, texts in (("city", CITIES), ("country", ["Italy", "Nowhere", "Norway", "Peru"])):
        part = parts[attribute]
        assert {value.text: value.count for value in part.top} == {text: spans[attribute, text] for text in texts}
        assert part.spans == sum(spans[attribute, text] for text in texts)
        assert {value.text: value.probability for value in part.top} == pytest.approx(
            {text: weight / sum(weights) for text, weight in zip(texts, weights, strict=True)}
        )
    forms = {"he": ("He", "him", "His"), "she": ("She", "her", "Her"), "they": ("They", "them", "Their")}
    for value in parts["pronoun"].top:
        assert value.count == sum(spans["pronoun", form] for form in forms[value.text])
    dates = Counter[str]()
    for (attribute, text), count in spans.items():
        if attribute == "born" and "," in text:
            dates.update(dict.fromkeys(re.split(r",? ", text), count))
    assert parts["born.month"].spans == parts["born.day"].spans
    for value in (*parts["born.month"].top, *parts["born.day"].top):
        assert value.count == dates[value.text]
    years = Counter({year: spans["born", year] for year in map(str, range(1990, 1997))}) + dates
    assert all(value.count == years[value.text] for value in parts["born.year"].top)
    assert parts["born.year"].spans > parts["born.day"].spans  # a year alone is one for sure; 5 may be a month's number
    assert of.unread == {"born": sum(spans["born", str(day)] for day in range(1, 29))}
    assert of.wrong == sum(count for (attribute, _), count in spans.items() if attribute == "(wrong)") > 100
    assert (parts["shoe"].possible, parts["name.first"].possible) == (40, 8)
    for part in of.parts:
        assert sum(count for count, _, _ in part.bins) == part.spans
        assert sum(probability for _, probability, _ in part.bins) == pytest.approx(1)
        assert sum(number for _, _, number in part.bins) == part.possible


def test_without_the_column_values_are_counted_in_documents_told_again(small: Built) -> None:
    exam = small.report.splits[1]
    assert exam.read == 0
    (of,) = exam.marginals
    (city,) = (part for part in of.parts if part.attribute == "city")
    found = Counter[str]()
    for batch in small.dataset.batches("exam"):
        for row in batch.to_pylist():
            text = small.plan.tokenizer.decode(np.array(row["input_ids"][: row["length"]]))
            found.update(re.findall(r"where is [\w ]+\? (.*)\.<\|endoftext\|>$", text))
    assert {value.text: value.count for value in city.top} == found


def test_wordings_that_occur_are_counted(small: Built) -> None:
    lives = [
        small.plan.tokenizer.decode(np.array(ids)) for key, ids in documents_on_disk(small).items() if key[0] == "lives"
    ]
    said = {(one.name, one.seen, one.possible) for one in small.source("train", "lives").wordings}
    assert said == {("city", 2, 2), ("country", 1, 1), ("born", 2, 2), ("shoe", 1, 1)}
    assert {word for text in lives for word in re.findall("knows|likes", text)} == {"knows", "likes"}
    assert small.source("train", "lives").orders == (24, 24)
    drawn = sample(small.plan, "exam", "asked", 6)
    asked = {one.name: one for one in diversity.coverage(small.plan, drawn)}
    texts = Counter(
        re.findall(r"^ (Question \d|When|And)", small.plan.tokenizer.decode(documents.tokens.values[a:b]))[0]
        for documents in drawn.documents(small.plan)
        for a, b in pairwise(documents.tokens.offsets.tolist())
    )
    assert asked["city"].seen == sum(text.startswith("Question") for text in texts)
    assert asked["year"].seen == len(texts) - asked["city"].seen
    assert (asked["city"].possible, asked["year"].possible) == (9, 2)


def test_totals_are_those_of_the_manifest(small: Built) -> None:
    for split in small.report.splits:
        its = small.dataset.split(split.name)
        for what in ("documents", "tokens", "sequences", "padding", "bytes", "length"):
            assert getattr(split, what) == its[what]
        assert split.padded == its["padding"] / (its["sequences"] * its["length"])
        assert split.shards == len(its["shards"])
    assert small.report.splits[0].shards > 1
    assert small.report.worlds == small.dataset.manifest.worlds
    (one,) = small.report.builds
    assert (one.shards, one.of) == (len(small.plan.shards), len(small.plan.shards))
    assert one.tokens == sum(split.tokens for split in small.report.splits)


def test_examples_are_documents_of_the_dataset(small: Built) -> None:
    documents = documents_on_disk(small)
    order = small.plan.splits["train"]
    for name in ("lives", "asked"):
        examples = small.source("train", name).examples
        assert len(examples) == 6  # of short documents twice as many
        for example in examples:
            assert order.find(name, example.item, example.exposure) == example.position
            ids = documents[name, example.item, example.exposure]
            assert "".join(run.text for run in example.runs) == small.plan.tokenizer.decode(np.array(ids))
            assert (example.tokens, example.cut) == (len(ids), 0)


def test_the_sequence_shown_is_one_of_the_shards_with_what_its_columns_say(small: Built) -> None:
    for split in small.report.splits:
        assert split.row is not None
        rows = []
        for batch in small.dataset.batches(split.name):
            for row in batch.to_pylist():
                filled = row["length"] if split.method == "rows" else sum(s > 0 for s in row["segment_ids"])
                rows.append(small.plan.tokenizer.decode(np.array(row["input_ids"][:filled])))
        assert "".join(run.text for run in split.row.runs) in rows
    assert {run.role for run in small.report.splits[0].row.runs if run.masked} <= {"mistake", "prompt", ""}
    assert any(run.masked for run in small.report.splits[1].row.runs)


# ── samples ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_documents_are_drawn_without_repetition_from_all_over_the_split(small: Built) -> None:
    for split, name in (("train", "lives"), ("train", "asked"), ("exam", "asked")):
        order = small.plan.splits[split]
        drawn = sample(small.plan, split, name, 300)
        assert len(drawn) == len(set(drawn.position.tolist())) == 300 < drawn.of == order.documents_of(name)
        assert abs(drawn.position.mean() / order.documents - 0.5) < 0.05
        located = order.locate(drawn.position)
        assert (located.source == order.sources.index(name)).all()
        assert (located.item == drawn.item).all()
        assert (located.exposure == drawn.exposure).all()
        assert (drawn.first(10).position == sample(small.plan, split, name, 10).position).all()
        assert sample(small.plan, split, name).whole
    assert sorted(sample(small.plan, "exam", "asked").position.tolist()) == list(
        range(small.plan.splits["exam"].documents)
    )


def test_repetitions_of_a_large_source_are_found_among_earlier_exposures(
    small: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diversity, "EARLIER", 600)
    documents = documents_on_disk(small)
    for name in ("lives", "asked"):
        drawn = sample(small.plan, "train", name)
        made: list[int] = []
        found = diversity.repeated(small.plan, drawn, made.append)
        taken = list(zip(drawn.item.tolist(), drawn.exposure.tolist(), strict=True))[: found.documents]
        again = [
            any(documents[name, item, exposure] == documents[name, item, before] for before in range(exposure))
            for item, exposure in taken
        ]
        assert found == diversity.Repeated(len(taken), sum(again), whole=False)
        assert found.repeated > 5
        assert sum(made) == sum(exposure + 1 for _, exposure in taken) == diversity.documents_made(drawn) <= 600


def test_the_bar_is_told_of_every_document(small: Built) -> None:
    made: list[int] = []
    measure(small.dataset, small.plan, done=made.append)
    assert sum(made) == documents_made(small.plan) > 1000


def test_grams_do_not_reach_over_the_end_of_a_document() -> None:
    tokens = Ragged(np.array([1, 2, 1, 2, 1, 2, 9], np.uint16), offsets_of(np.array([2, 4, 1])))
    assert diversity.distinct_grams(tokens) == ((3, 7), (2, 4), (2, 2), (1, 1))
    empty = Ragged(np.array([], np.uint16), offsets_of(np.array([], np.int64)))
    assert diversity.distinct_grams(empty) == ((0, 0),) * 4


@pytest.mark.parametrize("recipe", ["bioD_N10K_K20", "bioD_N100K_K1"])
def test_chunks_of_codes_are_counted_together_as_ids_and_as_text(recipe: str) -> None:
    plan = plan_named(recipe)
    source, world = plan.sources["biographies"], plan.worlds["people"]
    item = np.arange(50, dtype=np.int64)
    documents = source.documents(item, item, spans=True)
    assert documents.spans is not None
    start, length, label = documents.spans.values.T
    spans = marginals.Spans()
    first = np.repeat(documents.tokens.offsets[:-1], documents.spans.lengths)
    marginals.count(spans, documents.tokens.values, first + start, length, label)
    of = marginals.marginals(world, ["en"], spans, source.labels, plan.tokenizer, "(wrong)")
    (part,) = (part for part in of.parts if part.attribute == "id_1")
    field = world.fields["id_1"]
    texts = (field.text(dict(enumerate(row))) for row in world.rows(item).tolist())
    chunks = Counter(chunk for text in texts for chunk in re.split(", ?", text))
    assert part.spans == chunks.total() == 50 * (50 if recipe == "bioD_N100K_K1" else 1)
    assert part.distinct == len(chunks)
    assert not of.unread
    assert all(value.count == chunks[value.text] for value in part.top)


# ── the page ────────────────────────────────────────────────────────────────────────────────────────────────────────

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """What a page holds, and whether its tags are closed as they were opened."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.title = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> stands twice"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.styles if self.open[-1:] == ["style"] else self.texts).append(data)
        if self.open[-1:] == ["title"] and "svg" not in self.open:
            self.title += data


def test_the_page_is_well_formed_and_refers_to_nothing_outside(small: Built) -> None:
    page = Page(small.page)
    assert page.open == []
    assert page.title == "data · dataset report"
    assert not page.tags.keys() & {"script", "img", "link", "iframe", "object", "embed", "image", "use", "base", "form"}
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "srcset", "action", "xlink:href", "background", "poster", "data"}
    assert not [name for name in names if name.startswith("on")]
    hrefs = {value for name, value in page.attributes if name == "href"}
    ids = {f"#{value}" for name, value in page.attributes if name == "id"}
    assert hrefs <= ids
    for text in (*page.styles, *(value for _, value in page.attributes)):
        assert not re.search(r"https?:|//|@import|url\(", text), text


def test_texts_are_escaped(small: Built) -> None:
    assert "</script>" not in small.page
    assert "<b>Rome" not in small.page
    shown = "".join(Page(small.page).texts)
    assert 'A <b>small</b> "dataset" & its </script> report' in shown
    assert "<Wikipedia.org>" in shown
    assert "</script><b>Rome" in shown
    assert escape("</script><b>Rome") in small.page
    named = replace(small.report, name='<img src="http://example.com/x.png" onerror=alert(1)>', tokenizer="<i>'\"")
    page = Page(html(named))
    assert page.tags == Page(small.page).tags
    assert page.title == f"{named.name} · dataset report"


def test_the_page_says_the_numbers(small: Built) -> None:
    shown = re.sub(r"\s+", " ", " ".join(Page(small.page).texts))
    for split in small.report.splits:
        for source in split.sources:
            assert f"{source.tokens:,}" in shown
            assert f"{source.documents:,}" in shown
            assert f"{source.expected:,.0f}" in shown
    for said in (
        "exposures 7.5",
        "share 20%",
        "exposures 40 / rank^1",
        "born.year",
        "country",
        small.report.fingerprint[:16],
    ):
        assert said in shown
    for highlight in ("r-tag", "r-mistake", "r-back", "r-prompt", "r-answer", "masked", "v wrong"):
        assert re.search(f'class="[^"]*{highlight}', small.page)
    assert "4,096 documents" in shown  # how large the samples are


def test_the_page_says_what_each_column_holds(small: Built) -> None:
    for split in small.plan.splits.values():
        for column in split.columns:
            summary = COLUMNS[column].summary.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")
            assert f'<code title="{summary}">{column}</code>' in small.page


def test_the_same_dataset_gives_the_same_page_but_for_the_builds(small: Built) -> None:
    again = measure(small.dataset, plan_of(small.dataset))
    assert html(again) == small.page
    assert replace(again, builds=()) == replace(small.report, builds=())
    assert "Throughput" not in html(replace(again, builds=()))


def test_bars_are_as_high_as_what_they_show() -> None:
    svg = chart.histogram({3: 10, 4: 5, 6: 20}, 4.8, "s0", "tokens")
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', svg)]
    assert heights == [39, 19.5, 0, 78]
    assert "mean 4.8" in svg
    assert "6 tokens: 57.14%" in svg
    wide = chart.histogram(dict.fromkeys(range(1000), 1), 500.0, "s0", "tokens")
    assert wide.count("<rect") <= 46
    assert chart.histogram({}, 0.0, "s0", "tokens") == ""
    assert "&lt;b&gt;" in chart.profile([(0.5, 0.5)], "<b>")


def test_numbers_are_written_short() -> None:
    assert [short(n) for n in (0, 9999, 37_652_525, 2e9, 3.04e64)] == ["0", "9,999", "37.7 M", "2 G", "3.0 × 10⁶⁴"]
    assert [percent(share) for share in (0, 0.0001, 0.1234, 1)] == ["0.0%", "<0.1%", "12.3%", "100.0%"]
    assert [sized(n) for n in (1.5e6, 2e9)] == ["1.5 MB", "2.00 GB"]


def test_many_different_exposures_are_put_together() -> None:
    lines = exposure_lines(dict.fromkeys(range(12), 1))
    assert [line.exposures for line in lines] == ["0", "1", "2 to 3", "4 to 7", "8 to 11"]
    assert sum(line.items for line in lines) == 12
    assert sum(line.of_documents for line in lines) == pytest.approx(1)
    assert lines[-1].of_documents == pytest.approx((8 + 9 + 10 + 11) / 66)
    assert exposure_lines({0: 5})[0].of_documents == 0


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_is_written_beside_the_data_or_where_it_is_asked_for(
    copied: Path, small: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(copied)
    assert cli.run(["report", str(copied)]) == 0
    assert f"{copied}/report.html: " in capsys.readouterr().out
    assert (copied / "report.html").read_text() == small.page
    assert cli.run(["verify", str(copied)]) == 0
    (copied / "report.html").unlink()
    assert cli.run(["report", str(copied), "--out", str(copied.parent / "pages" / "one.html")]) == 0
    assert (copied.parent / "pages" / "one.html").read_text() == small.page
    assert [path.name for path in (copied.parent / "pages").iterdir()] == ["one.html"]
    assert contents(copied) == before
    capsys.readouterr()
    for place, problem in ((str(copied.parent), "cannot be written"), (".", "this is a folder")):
        assert cli.run(["report", str(copied), "--out", place]) == 2
        assert problem in capsys.readouterr().err
    assert sorted(path.name for path in copied.parent.iterdir()) == ["data", "pages"]


def test_a_log_of_builds_that_is_damaged_or_missing_is_no_fault(copied: Path) -> None:
    log = copied / ".pipeline" / "builds.jsonl"
    log.write_text(f'nonsense\n{log.read_text()}[1]\n{{"seconds": 1}}\n')
    dataset = Dataset.at(copied)
    assert len(measure(dataset, plan_of(dataset)).builds) == 1
    log.unlink()
    assert measure(dataset, plan_of(dataset)).builds == ()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda data: (data / "manifest.json").unlink(), "there is no manifest.json, so the dataset is not complete"),
        (lambda data: shutil.rmtree(data), "there is no manifest.json"),
        (lambda data: next(data.glob("exam/*.arrow")).unlink(), "the shard is missing"),
        (lambda data: next(data.glob("exam/*.arrow")).write_bytes(b"x"), "1 bytes instead of"),
        (lambda data: (data / "recipe.yaml").unlink(), "there is no such file"),
        (lambda data: (data / "recipe.yaml").write_text("seed: [1"), "its recipe.yaml cannot be compiled"),
        (lambda data: _replace(data / "recipe.yaml", "seed: 3", "seed: 4"), "the recipe gives"),
    ],
)
def test_what_is_not_whole_is_refused_and_no_page_is_written(
    damage: Any, problem: str, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(copied)
    assert cli.run(["report", str(copied), "--out", str(copied.parent / "page.html")]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1
    assert not (copied.parent / "page.html").exists()


def test_a_dataset_with_a_corpus_needs_the_recipe_it_was_built_from(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("One line.\nAnother line.\n<script>A third.</script>\n")
    recipe = tmp_path / "recipe.yaml"
    told = "sources: {text: {kind: corpus, files: corpus.txt}}\nsplits: {train: {mixture: {text: {exposures: 2}}}}\n"
    plan = plan_at(recipe, f"worlds: {{}}\n{told}")
    built(plan, tmp_path / "data")
    dataset = Dataset.at(tmp_path / "data")
    with pytest.raises(StorageError, match="--recipe"):
        plan_of(dataset)
    assert plan_of(dataset, str(recipe)).fingerprint == plan.fingerprint
    with pytest.raises(StorageError, match="the recipe gives"):
        plan_of(dataset, str(recipe), ["seed=5"])
    report = measure(dataset, plan_of(dataset, overrides=[f"sources.text.files={tmp_path / 'corpus.txt'}"]))
    (text,) = report.splits[0].sources
    assert (text.repeated.documents, text.repeated.repeated) == (6, 3)
    assert (text.wordings, text.orders, report.splits[0].marginals) == ((), None, ())
    page = Page(html(report))
    assert "<script>A third.</script>" in "".join(page.texts)
    assert page.open == []


# ── in a browser ────────────────────────────────────────────────────────────────────────────────────────────────────

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
MEASURED = """<script>
  const wide = [...document.querySelectorAll("figure")].filter(one => one.scrollWidth > one.clientWidth + 1);
  const root = document.documentElement;
  const bars = document.querySelectorAll("svg rect");
  document.title = `${wide.length} ${root.scrollWidth - root.clientWidth} ${bars.length}`;
</script></body>"""


def browse(page: Path, profile: Path, *more: str) -> Iterator[str]:
    """What the browser makes of a page: its document, and what it says on its console."""
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={profile}", *more]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    yield done.stdout
    yield "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
def test_a_browser_shows_the_page_and_fetches_nothing(small: Built, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(small.page)
    assert "default-src 'none'" in small.page  # so whatever it would fetch is refused, and said on the console
    picture = tmp_path / "page.png"
    dom, console = browse(page, tmp_path / "one", f"--screenshot={picture}", "--window-size=1200,2000")
    assert console == ""
    assert Page(dom).title == "data · dataset report"
    assert picture.stat().st_size > 50_000, "there is nothing on it"
    page.write_text(small.page.replace("</body>", '<img src="http://example.com/x.png"></body>'))
    _, console = browse(page, tmp_path / "two")
    assert "example.com" in console, "this test would not see it"


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
@pytest.mark.parametrize("width", [1200, 500])
def test_nothing_stands_out_of_the_page(small: Built, tmp_path: Path, width: int) -> None:
    page = tmp_path / "page.html"
    page.write_text(re.sub("<meta http-equiv[^>]*>", "", small.page).replace("</body>", MEASURED))
    dom, _ = browse(page, tmp_path / "profile", f"--window-size={width},2000")
    wide, beyond, bars = map(int, Page(dom).title.split())
    assert (wide, beyond) == (0, 0)
    assert bars > 50


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
