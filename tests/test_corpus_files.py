"""The files of a corpus: the same rows from each kind, compression and place; broken, changed, hostile ones."""

from __future__ import annotations

import pickle
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pipeline.core.errors import SpecError
from pipeline.sources.corpus.reading import lines, whole_text
from pipeline.sources.corpus.reading.choosing import Chosen, Reading
from pipeline.sources.corpus.spec import CorpusSpec
from pipeline.sources.files.file import File
from tests.corpora import COMPRESSIONS, KINDS, compressed, rows_at, texts_at, write

WORDS = (
    "river",
    "ünïcode",
    "한국어",
    "日本語",
    "😀",
    "a\u2028b",
    "tab\t",
    "'s",
    '"',
    "\\",
    "  ",
    "<|endoftext|>",
    "x" * 200,
)
HELD_IN_QUOTES = ("", "two\nlines", "cr\r\nlf", "\ufeffmark", "\x00\x01", "lone\rreturn")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pretraining-recipes" / "files"


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, whole_text):
        monkeypatch.setattr(module, "BLOCK", 1000)


def some_texts(count: int, kind: str = ".jsonl") -> list[str]:
    """Varied texts, all of which a file of the kind can hold."""
    rng = random.Random(count)
    texts = [f"{i} " + " ".join(rng.choices(WORDS, k=rng.randrange(1, 12))) + "." for i in range(count)]
    held = HELD_IN_QUOTES if kind not in (".txt", ".csv") else ("two\nlines",) if kind == ".csv" else ()
    return texts + [text for text in held for _ in range(2)]


def table_of(texts: list[str]) -> list[dict[str, Any]]:
    return [{"id": i, "text": text} for i, text in enumerate(texts)]


def refusal_of(folder: Path, files: str | list[str], **keys: Any) -> str:
    with pytest.raises(SpecError) as refused:
        texts_at(folder, files, **keys)
    return str(refused.value)


# ── kinds and compressions ──────────────────────────────────────────────────────────────────────────────────────────


def suffixes() -> list[str]:
    textual = [kind for kind in KINDS if "arrow" not in kind and kind != ".parquet"]
    return [*KINDS, *(kind + compression for kind in textual for compression in COMPRESSIONS[1:])]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("order", ["global", "blocks"])
@pytest.mark.parametrize("suffix", suffixes())
def test_the_same_rows_come_from_each_kind_and_compression(tmp_path: Path, suffix: str, order: str) -> None:
    kind = next(kind for kind in sorted(KINDS, key=len, reverse=True) if suffix.startswith(kind))
    texts = some_texts(300, kind)
    write(tmp_path / f"a{suffix}", table_of(texts[:200]))
    write(tmp_path / f"b{suffix}", table_of(texts[200:]))
    rows = rows_at(tmp_path, [f"a{suffix}", f"b{suffix}"], order=order)
    assert len(rows) == len(texts)
    assert rows.texts(np.arange(len(rows))) == texts
    asked = np.random.default_rng(0).integers(0, len(texts), 500)
    array = pickle.loads(pickle.dumps(rows)).array(asked)
    assert array.type == pa.large_string()
    assert array.null_count == 0
    assert array.to_pylist() == [texts[i] for i in asked]
    assert rows.array(asked[:0]).to_pylist() == []


@pytest.mark.slow
@pytest.mark.parametrize("suffix", suffixes())
def test_ten_thousand_rows_of_each_kind_and_compression(tmp_path: Path, suffix: str) -> None:
    kind = next(kind for kind in sorted(KINDS, key=len, reverse=True) if suffix.startswith(kind))
    texts = some_texts(10_000, kind)
    write(tmp_path / f"a{suffix}", table_of(texts))
    for order in ("global", "blocks"):
        assert texts_at(tmp_path, f"a{suffix}", order=order) == texts


@pytest.mark.usefixtures("small_blocks")
def test_blocks_are_the_same_however_a_file_is_compressed_and_wherever_it_is_read_from(tmp_path: Path) -> None:
    texts = some_texts(300)
    seen = []
    for compression in COMPRESSIONS:
        write(tmp_path / f"a.jsonl{compression}", table_of(texts))
        for order in ("global", "blocks"):
            seen.append(rows_at(tmp_path, f"a.jsonl{compression}", order=order).blocks.tolist())
    assert all(blocks == seen[0] for blocks in seen)
    assert seen[0][0] == 0
    assert seen[0][-1] == len(texts)
    assert len(seen[0]) > 20
    assert (np.diff(seen[0]) > 0).all()


def test_blocks_of_tables_are_their_row_groups_and_batches(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.file.arrow", "a.stream.arrow"):
        write(tmp_path / name, table_of(some_texts(140)[:150]))
        assert rows_at(tmp_path, name, order="blocks").blocks.tolist() == [0, 70, 140, 150]


def test_two_streams_one_after_the_other_are_one_compressed_file(tmp_path: Path) -> None:
    for compression in COMPRESSIONS[1:]:
        path = tmp_path / f"a.txt{compression}"
        path.write_bytes(compressed(b"one\ntw", compression) + compressed(b"o\nthree\n", compression))
        assert texts_at(tmp_path, path.name) == ["one", "two", "three"]


@pytest.mark.parametrize("compression", COMPRESSIONS[1:])
def test_a_compressed_file_that_is_cut_or_damaged_is_refused(tmp_path: Path, compression: str) -> None:
    whole = compressed("".join(f"line {i * i}\n" for i in range(5000)).encode(), compression)
    wrong = [whole[:-20], whole[: len(whole) // 2], b"not compressed\n" * 10]
    if compression != ".zst":  # which has a checksum only where somebody has asked for one
        wrong.append(whole[:50] + b"\0\1\2" * 9 + whole[77:])
    for data in wrong:
        (tmp_path / f"a.txt{compression}").write_bytes(data)
        line = refusal_of(tmp_path, f"a.txt{compression}", broken="skip")
        assert line.startswith(f"cannot read {tmp_path}/a.txt{compression}: ")
        assert "\n" not in line
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("compression", COMPRESSIONS[1:])
def test_a_damaged_stream_behind_a_whole_one_is_not_left_out(tmp_path: Path, compression: str) -> None:
    texts = [f"line {i}" for i in range(900)]
    parts = (texts[:300], texts[300:600], texts[600:])
    streams = [compressed("".join(f"{text}\n" for text in part).encode(), compression) for part in parts]
    for place in range(4 if compression == ".zst" else 16):  # zstd has a checksum only where somebody asked for one
        data = bytearray(b"".join(streams))
        data[len(streams[0]) + place] ^= 0x10
        (tmp_path / f"{place}.txt{compression}").write_bytes(data)
        try:
            assert texts_at(tmp_path, f"{place}.txt{compression}", broken="skip") == texts
        except SpecError as error:  # most of the bytes; a time of gzip, say, may be any
            assert error.problem.startswith(f"cannot read {tmp_path}/{place}.txt{compression}: ")
    assert refusal_of(tmp_path, f"0.txt{compression}", broken="skip")


@pytest.mark.parametrize("compression", COMPRESSIONS[1:])
def test_what_is_no_stream_behind_one_is_refused_unless_it_is_zeros(tmp_path: Path, compression: str) -> None:
    streams = [compressed(text, compression) for text in (b"one\n", b"", b"two\n")]
    (tmp_path / f"more.txt{compression}").write_bytes(b"".join(streams) + b"more")
    assert refusal_of(tmp_path, f"more.txt{compression}").startswith(f"cannot read {tmp_path}/more.txt{compression}: ")
    if compression != ".zst":  # whose frames nothing may stand behind
        for zeros in (1, 4, 100_000):
            (tmp_path / f"{zeros}.txt{compression}").write_bytes(bytes(zeros).join(streams) + bytes(zeros))
            assert texts_at(tmp_path, f"{zeros}.txt{compression}") == ["one", "two"]


@pytest.mark.parametrize("compression", COMPRESSIONS[1:])
def test_no_bytes_at_all_are_nothing_compressed(tmp_path: Path, compression: str) -> None:
    (tmp_path / f"a.txt{compression}").write_bytes(b"")
    assert refusal_of(tmp_path, f"a.txt{compression}") == (
        f"cannot read {tmp_path}/a.txt{compression}: it is empty, and nothing compressed is. "
        "It is damaged, or not what its name says."
    )
    (tmp_path / f"b.txt{compression}").write_bytes(compressed(b"", compression))
    assert texts_at(tmp_path, f"b.txt{compression}") == []


def test_a_window_of_zstd_that_is_too_wide_is_said_to_be_that(tmp_path: Path) -> None:
    begin, empty_block = (
        b"\x28\xb5\x2f\xfd\x00",
        b"\1\0\0",
    )  # between them 8 times the exponent of the window, from 1 KiB
    (tmp_path / "a.txt.zst").write_bytes(begin + bytes([8 * 21]) + empty_block)
    assert refusal_of(tmp_path, "a.txt.zst").endswith(
        ". It needs `zstd -d --long=31`: unpack it so, and compress it without --long."
    )
    (tmp_path / "a.txt.zst").write_bytes(begin + bytes([8 * 17]) + empty_block + compressed(b"one\n", ".zst"))
    assert texts_at(tmp_path, "a.txt.zst") == ["one"]


@pytest.mark.parametrize("order", ["global", "blocks"])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_array_is_one_whatever_blanks_and_streams_it_begins_with(
    tmp_path: Path, compression: str, order: str
) -> None:
    array = b'[\n{"text": "one"},\n{"text": "two"}\n]'
    begins = [[b"\xef\xbb\xbf"], [b"\xef", b"\xbb\xbf"], [b"\n", b" ", b"\t\r\n"], [b" " * 5000], [b"\n" * 200_000]]
    for number, begin in enumerate(begins):
        path = tmp_path / f"{number}.json{compression}"
        path.write_bytes(b"".join(compressed(part, compression) for part in (*begin, array)))
        assert texts_at(tmp_path, path.name, order=order, broken="skip") == ["one", "two"]


def test_line_ends_byte_order_marks_and_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n\r\n \t \n two \ntw\ro\r\r\n\xef\xbb\xbfthree\nlast\r")
    for order in ("global", "blocks"):
        assert texts_at(tmp_path, "a.txt", order=order) == ["one", " two ", "tw\ro\r", "\ufeffthree", "last\r"]
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "one"}\r\n\r\n{"text": "two\\r\\n"}\n \n{"text": ""}')
    assert texts_at(tmp_path, "a.jsonl") == ["one", "two\r\n", ""]
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbftext,n\r\none,1\r\n\r\n"two\r\nlines ""quoted""",2\r\n,3\r\n')
    assert texts_at(tmp_path, "a.csv") == ["one", 'two\r\nlines "quoted"', ""]


@pytest.mark.parametrize("name", ["a.jsonl", "a.txt", "a.csv", "a.jsonl.gz", "a.txt.zst"])
def test_an_empty_file_has_no_rows(tmp_path: Path, name: str) -> None:
    data = b"text\n" if name == "a.csv" else b""
    (tmp_path / name).write_bytes(compressed(data, Path(name).suffix if name.count(".") > 1 else ""))
    for order in ("global", "blocks"):
        rows = rows_at(tmp_path, name, order=order)
        assert len(rows) == 0
        assert rows.blocks.tolist() == [0]
        assert rows.array(np.empty(0, np.int64)).to_pylist() == []


@pytest.mark.parametrize("megabytes", [5, pytest.param(300, marks=pytest.mark.slow)])
def test_a_file_of_one_huge_row_and_one_of_rows_around_it(tmp_path: Path, megabytes: int) -> None:
    huge = "0123456789" * (megabytes * 100_000)
    write(tmp_path / "a.jsonl", [{"text": huge}])
    write(tmp_path / "b.txt", [{"text": "a"}, {"text": huge}, {"text": "b"}])
    for order in ("global", "blocks"):
        assert texts_at(tmp_path, "a.jsonl", order=order) == [huge]
        assert texts_at(tmp_path, "b.txt", order=order) == ["a", huge, "b"]


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_file_of_many_short_rows(tmp_path: Path, count: int) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{i % 10}\n" for i in range(count)))
    for order in ("global", "blocks"):
        rows = rows_at(tmp_path, "a.txt", order=order)
        assert len(rows) == count
        array = rows.array(np.arange(count)[::-1])
        assert array.slice(0, 12).to_pylist() == [str((count - 1 - i) % 10) for i in range(12)]
        assert array.value_counts().field("counts").to_pylist() == [count // 10] * 10


# ── JSON at once and line by line ───────────────────────────────────────────────────────────────────────────────────

NASTY = [
    b'{"text": "\\ud83d\\ude00"}', b'{"text": "\\ud800"}', b'{"text": "a\\udc00b"}', b'{"text": "\\u0000b"}',
    b'{"text": "\\/\\b\\f\\n\\r\\t\\"\\\\"}', b'{"te\\u0078t": "a"}', b'{"text": "a\\x"}',
    b'{"text": "a", "x": "\\ud800"}', b'{"text": "a", "text": "b"}', b'{"text": 5}', b'{"text": null}', b'{}',
    b'{"text": true}', b'{"text": ["a"]}', b'{"text": {"text": "a"}}', b'{"x": {"text": "b"}, "text": "a"}',
    b'{"text": "a", "x": Infinity}', b'{"text": "a", "x": NaN}', b'{"text": "a", "x": -Infinity}',
    b'{"text": "a", "x": Inf}', b'{"text": "a", "x":[-NaN]}', b'{"text": "a", "x": 01}',
    b'{"text": "a", "x": 1e400}', b'{"text": "a", "x": 1.}', b'{"text": "a",}', b'{"text": "a"} {"text": "b"}',
    b'{"text": "a"}{"text":', b'"b"}', b'{"text": "a"} x', b'[1]', b'5', b'"text"', b'null', b'{"text": "a\tb"}',
    b'{"text": "a\x01b"}', b'{"text": "a\xffb"}', b'{"text": "\xed\xa0\x80"}', b'{"text": "a"}\x00',
    b'{"text": "\xf0\x9f\x98\x80"}', b'{"text": "2020-01-01"}', b'{"text": "17"}', b'{"text": "Inf"}', b'{"a": [}',
    b"{'text': 'a'}", b' {"text": "a"} ', b'\t{"text": "a"}', b'{"text": "a"}\r', b'  ', b'',
    b'{"text": "a", "n": 12345678901234567890123}', b'{"text": "a", "x": ' + b"9" * 5000 + b"}",
    b'{"text": "a", "x": -' + b"8" * 4299 + b"}", b'{"text": "\xe2\x80\xa8"}', b'{"text": ""}',
    b'{"": 1, "": 2, "text": "a"}', b'{"text": "a" /* c */}', b'{', b'}', b'{"text": "a", "x": {"y": {"text": 3}}}',
    b'{"meta": {"text": "m"}, "text": "a"}', b'{"meta.text": "d", "text": "a"}', b'{"meta": null, "text": "a"}',
    b'{"text": "x: NaN, Inf [NaN", "x": 1}', b'{"text": ": NaN", "x": NaN}', b'{"text": ",Inf\\", "x": -Inf}',
    b'{"meta": "m", "text": "a"}', b'{"lang": "en", "text": "a"}', b'{"lang": 5, "text": "a"}',
]  # fmt: skip

READINGS = {
    "a column": {},
    "nested": {"column": "meta.text"},
    "a filter": {"where": {"lang": "en"}},
    "numbers": {"where": {"x": {"min": 1}}},
    "a template": {"template": "<{{ text }}|{{ meta.text }}>"},
}


def reading_of(**keys: Any) -> Reading:
    spec = CorpusSpec.model_validate({"kind": "corpus", "files": "a.jsonl", "content": "", **keys})
    spec._files = (File("a.jsonl", "json", "", 0, ""),)
    return spec.rows().reading


def seen(chosen: Chosen) -> tuple[Any, ...]:
    return chosen.texts.to_pylist(), [(fault.place, fault.reason) for fault in chosen.faults], chosen.filtered


@pytest.mark.parametrize("name", READINGS)
def test_json_at_once_gives_what_python_gives_line_by_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = reading_of(**READINGS[name])
    good = b'{"text": "good", "meta": {"text": "g"}, "lang": "en", "x": 1.5}'
    at_once = 0
    rng = random.Random(7)
    blocks = [*([good, line, good] for line in NASTY), *(rng.sample(NASTY, 2) for _ in range(300)), [good] * 3]
    for block in blocks:
        data = b"\n".join(block) + b"\n" * rng.randrange(2)
        quick = lines._of_objects(data, reading)
        slow = seen(reading.of_rows(list(lines._slowly(data, 1, "json"))))
        if quick is not None:
            at_once += 1
            assert seen(quick) == slow, data
        assert seen(lines.chosen_of(lines.Lines(0, len(data), 1, data), reading, "json")) == slow
    assert at_once
    in_text = [good, b'{"text": ": NaN, [Inf", "meta": {"text": "g"}, "lang": "en", "x": 2.5}', good]
    assert lines._of_objects(b"\n".join(in_text), reading) is not None
    assert lines._of_objects(b"\n".join([good] * 3), reading) is not None


def test_lines_at_once_give_what_python_gives_line_by_line() -> None:
    rng = random.Random(3)
    pieces = [
        b"a",
        b"\r",
        b"\n",
        b"\r\n",
        b" ",
        b"\t",
        b"\xff",
        b"\xc3\xa9",
        b"\xe2\x80\xa8",
        b"\x00",
        b"\xef\xbb\xbf",
        b"\x0c",
    ]
    for _ in range(500):
        data = b"".join(rng.choices(pieces, k=rng.randrange(1, 12)))
        for offset, first in ((0, 1), (100, 7)):
            block = lines.Lines(offset, len(data), first, data)
            slow = Reading().of_rows(list(lines._slowly(data, first, "text")))
            assert seen(lines.chosen_of(block, Reading(), "text")) == seen(slow), data


# ── columns, templates, filters ─────────────────────────────────────────────────────────────────────────────────────

PEOPLE = [
    {"title": "A", "lang": "en", "score": 0.25, "n": 1, "ok": True, "meta": {"by": "Ann", "deep": {"text": "a"}}},
    {"title": "B", "lang": "de", "score": 0.5, "n": 2, "ok": False, "meta": {"by": "Bob", "deep": {"text": "b"}}},
    {"title": "C", "lang": None, "score": None, "n": 3, "ok": True, "meta": {"by": "Cy", "deep": {"text": "c"}}},
    {"title": "D", "lang": "en", "score": 0.75, "n": 4, "ok": None, "meta": {"by": "Di", "deep": {"text": "d"}}},
]
CHOICES: list[tuple[dict[str, Any], list[str]]] = [
    ({"column": "title"}, ["A", "B", "C", "D"]),
    ({"column": "meta.by"}, ["Ann", "Bob", "Cy", "Di"]),
    ({"column": "meta.deep.text"}, ["a", "b", "c", "d"]),
    ({"template": "{{ title }} by {{ meta.by }}\n"}, ["A by Ann", "B by Bob", "C by Cy", "D by Di"]),
    ({"template": "{{ n }}: {{ title|lower }}{% if ok %}!{% endif %}"}, ["1: a!", "2: b", "3: c!", "4: d"]),
    ({"column": "title", "where": {"lang": "en"}}, ["A", "D"]),
    ({"column": "title", "where": {"lang": ["en", "de"], "ok": True}}, ["A"]),
    ({"column": "title", "where": {"lang": {"not": "en"}}}, ["B"]),
    ({"column": "title", "where": {"score": {"min": Fraction(1, 2)}}}, ["B", "D"]),
    ({"column": "title", "where": {"n": {"min": 2, "max": 3}, "ok": {"in": [True, False]}}}, ["B", "C"]),
    ({"column": "title", "where": {"meta.by": "Cy"}}, ["C"]),
    ({"template": "{{ title }}{{ meta.deep.text }}", "where": {"n": 4}}, ["Dd"]),
]


@pytest.mark.parametrize("choice", range(len(CHOICES)))
def test_columns_templates_and_filters_choose_the_same_from_each_kind(tmp_path: Path, choice: int) -> None:
    keys, expected = CHOICES[choice]
    for name in ("a.jsonl", "a.array.json", "a.parquet", "a.file.arrow", "a.stream.arrow"):
        write(tmp_path / name, PEOPLE)
        for order in ("global", "blocks"):
            rows = rows_at(tmp_path, name, order=order, **keys)
            assert rows.texts(np.arange(len(rows))) == expected, name
            assert sum(index.filtered for index in rows.indexes) == 4 - len(expected)


def test_a_table_of_csv_has_columns_of_text_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [{"a": "x", "b": "1"}, {"a": "y", "b": "2"}])
    assert texts_at(tmp_path, "a.csv", template="{{ a }}-{{ b }}", where={"b": "2"}) == ["y-2"]
    assert "a.csv has no column 'text'. It can be: a, b." in refusal_of(tmp_path, "a.csv")


def test_a_name_with_a_point_goes_before_a_nested_column(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"meta.text": "flat", "meta": {"text": "deep"}}, {"meta": {"text": "deep"}}])
    assert texts_at(tmp_path, "a.jsonl", column="meta.text") == ["flat", "deep"]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ a", "not a template of a row: "),
        ("no column", "the template names no column"),
        ("{{ a.__class__ }}", "cannot be rendered"),
        ("{{ ''.__class__.__mro__ }}{{ a }}", "cannot be rendered"),
        ("{{ a|attr('x') }}", "not a template of a row: No filter named 'attr'"),
        ("{% for b in a %}{{ b }}{% endfor %}", "'for' is not allowed here"),
        ("{% include 'x' %}{{ a }}", "'include' is not allowed here"),
        ("{{ a.replace('a', 'aa') }}", "cannot be rendered"),
        ("{{ a.ljust(1000000000) }}", "cannot be rendered"),
        ("{{ a * 1000000000 }}", "cannot be rendered"),
        ("{{ self }}{{ a }}", "'self' is a word of Jinja2"),
        ("{{ b }}", "a.jsonl:1 cannot be rendered: 'b' is undefined"),
        ("{{ nothing }}", "a.jsonl:1 cannot be rendered: "),
    ],
)
def test_templates_do_nothing_but_show_columns(tmp_path: Path, template: str, problem: str) -> None:
    write(tmp_path / "a.jsonl", [{"a": "x", "nothing": None}])
    assert problem in refusal_of(tmp_path, "a.jsonl", template=template)


# ── broken rows ─────────────────────────────────────────────────────────────────────────────────────────────────────

BROKEN = [
    (b'{"text": "one"}', None), (b'{"text": 1', "not JSON"), (b'{"a": "b"}', "no such column"),
    (b'{"text": null}', "null"), (b'{"text": "two"}', None), (b'{"text": ["a"]}', "no text"),
    (b'{"text": "\xff"}', "not UTF-8"), (b'[]', "not JSON"), (b'{"text": "\\udc00"}', "half a character"),
    (b'', None), (b'{"text": ""}', None), (b'{"text": "last"}', None),
]  # fmt: skip


@pytest.mark.parametrize("order", ["global", "blocks"])
@pytest.mark.parametrize("compression", ["", ".gz"])
def test_broken_rows_are_left_out_and_counted_by_reason(tmp_path: Path, order: str, compression: str) -> None:
    data = b"".join(line + b"\n" for line, _ in BROKEN)
    (tmp_path / f"a.jsonl{compression}").write_bytes(compressed(data, compression))
    rows = rows_at(tmp_path, f"a.jsonl{compression}", broken="skip", order=order)
    assert rows.texts(np.arange(len(rows))) == ["one", "two", "", "last"]
    (index,) = rows.indexes
    assert index.skipped == {
        "not JSON": 2, "no such column": 1, "null": 1, "no text": 1, "not UTF-8": 1, "half a character": 1,
    }  # fmt: skip
    assert "a.jsonl" in refusal_of(tmp_path, f"a.jsonl{compression}", order=order)


@pytest.mark.parametrize("number", [i for i, (_, reason) in enumerate(BROKEN) if reason])
def test_a_broken_row_is_refused_with_its_line(tmp_path: Path, number: int) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "one"}\n\n' * 3 + BROKEN[number][0] + b"\n")
    assert f"{tmp_path}/a.jsonl:7" in refusal_of(tmp_path, "a.jsonl")
    assert texts_at(tmp_path, "a.jsonl", broken="skip") == ["one"] * 3


def not_utf8(kind: pa.DataType) -> pa.Array:
    """Texts, of which Arrow believes that they are UTF-8."""
    return pa.array(
        [b"one", b"\xff", b"two", None], pa.large_binary() if kind == pa.large_string() else pa.binary()
    ).view(kind)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_broken_rows_of_tables_are_counted_too(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"text": not_utf8(kind)})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pa.ipc.new_stream(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        for order in ("global", "blocks"):
            rows = rows_at(tmp_path, name, broken="skip", order=order)
            assert rows.texts(np.arange(len(rows))) == ["one", "two"]
            assert rows.indexes[0].skipped == {"null": 1, "not UTF-8": 1}
        assert f"row 1 of {tmp_path}/{name}: byte 1 of 'text' is not UTF-8" in refusal_of(tmp_path, name)


def test_a_line_that_is_too_long_is_left_out_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_LINE", 3000)
    monkeypatch.setattr(lines, "BLOCK", 500)
    long = [{"text": "x" * size} for size in (10, 2900, 3100, 5, 50_000, 6)]
    write(tmp_path / "a.jsonl", long)
    for order in ("global", "blocks"):
        rows = rows_at(tmp_path, "a.jsonl", broken="skip", order=order)
        assert [len(text) for text in rows.texts(np.arange(len(rows)))] == [10, 2900, 5, 6]
        assert rows.indexes[0].skipped == {"too long": 2}
    assert "a.jsonl:3 has more than 3,000 bytes" in refusal_of(tmp_path, "a.jsonl")


def test_a_record_with_other_cells_or_an_open_quote_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'text,n\none,1\ntwo\nthr\xffee,3\nfour,4\n"five,5\nsix,6\n')
    rows = rows_at(tmp_path, "a.csv", broken="skip")
    assert rows.texts(np.arange(len(rows))) == ["one", "four"]
    assert rows.indexes[0].skipped == {"not UTF-8": 1, "not CSV": 2}
    assert "a.csv:3 is no record: it has 1 cells, and the header 2" in refusal_of(tmp_path, "a.csv")


def test_a_file_that_was_planned_from_its_footer_is_not_known_by_that_where_rows_are_counted(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": not_utf8(pa.string()).slice(0, 3)}), tmp_path / "a.parquet")
    found = rows_at(tmp_path, "a.parquet", order="blocks")
    assert len(found) == 3
    with pytest.raises(SpecError, match=r"row 1 of .*a\.parquet: byte 1 of 'text' is not UTF-8"):
        found.texts(np.array([0]))
    assert texts_at(tmp_path, "a.parquet", order="blocks", broken="skip") == ["one", "two"]
    assert texts_at(tmp_path, "a.parquet", broken="skip") == ["one", "two"]
    assert "row 1 of" in refusal_of(tmp_path, "a.parquet")


def test_records_behind_a_broken_one_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'text\none\n"two"x\nthree\n')
    assert texts_at(tmp_path, "a.csv", broken="skip") == ["one", "three"]
