"""Where the files of a corpus lie: folders, patterns, stores; what is known of them; files that change."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from pipeline.core.errors import SpecError
from pipeline.sources.corpus.reading import copying, rows
from pipeline.sources.corpus.reading.rows import Rows
from pipeline.sources.files import known
from tests.conftest import GOLDEN
from tests.corpora import KINDS, rows_at, spec_of, texts_at, write
from tests.hub import Hub, serving
from tests.object_stores import Server
from tests.plans import plan_at

TABLE = [{"text": f"row {i}"} for i in range(150)]
TEXTS = [row["text"] for row in TABLE]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(known, "SETTLED", -(2**62))  # files that were written just now are believed too
    return tmp_path / "cache" / "pretraining-recipes" / "files"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read of files from now on: `hash` or `index`, and the name."""
    seen: list[str] = []

    def counting(module: Any, name: str, what: str) -> None:
        real = getattr(module, name)

        def counted(file: Any, *more: Any) -> Any:
            seen.append(f"{what} {Path(file.url).name}")
            return real(file, *more)

        monkeypatch.setattr(module, name, counted)

    counting(known, "content_hash", "hash")
    for module in (rows, copying):
        counting(module, "made_index", "index")
    return seen


def refusal_of(folder: Path, files: str | list[str], **keys: Any) -> str:
    with pytest.raises(SpecError) as refused:
        texts_at(folder, files, **keys)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def all_of(found: Rows) -> list[str]:
    return found.texts(np.arange(len(found)))


# ── folders and patterns ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_or_a_pattern_is_its_files_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c/a.txt.gz", "c/.hidden.txt", ".git/x.txt"):
        write(tmp_path / "data" / name, [{"text": name}])
    (tmp_path / "data" / "README.md").write_text("no corpus")
    expected = ["a.txt", "b.txt", "c/a.txt.gz"]
    for named in ("data", f"{tmp_path}/data", "data/", "data/**/*.txt*", f"file://{tmp_path}/data"):
        assert texts_at(tmp_path, named) == expected, named
    assert texts_at(tmp_path, "data/*.txt") == expected[:2]
    assert texts_at(tmp_path, "data/[b-z]*.txt") == ["b.txt"]
    assert texts_at(tmp_path, ["data/b.txt", "data/*.txt"]) == ["b.txt", "a.txt", "b.txt"]


def test_a_pattern_does_not_lead_out_of_the_folder_of_its_recipe(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "a.txt", TABLE)
    (tmp_path / "home" / "data").mkdir(parents=True)
    (tmp_path / "home" / "data" / "a.txt").symlink_to(tmp_path / "outside" / "a.txt")
    for named in ("data/*.txt", "data"):
        assert "is a link that leaves its folder" in refusal_of(tmp_path / "home", named)
    assert "holds '..'" in refusal_of(tmp_path / "home", "../outside/*.txt")
    assert "no file fits 'data/*.jsonl'" in refusal_of(tmp_path / "home", "data/*.jsonl")
    assert texts_at(tmp_path / "home", f"{tmp_path}/home/data/*.txt") == TEXTS  # an absolute one is the user's


def test_what_datasets_saved_is_read(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    saved = Dataset.from_list([{**row, "n": i} for i, row in enumerate(TABLE)])
    saved.save_to_disk(tmp_path / "one", num_shards=3)
    DatasetDict({"train": saved, "test": saved.select(range(2))}).save_to_disk(tmp_path / "two")
    for order in ("global", "blocks"):
        assert texts_at(tmp_path, "one", order=order) == TEXTS
        assert texts_at(tmp_path, "two/test", order=order, where={"n": 1}) == TEXTS[1:2]
    assert f"'{tmp_path}/two' holds several splits. Name one: {tmp_path}/two/test or " in refusal_of(tmp_path, "two")
    state = json.loads((tmp_path / "one" / "state.json").read_text())
    for name in ("../outside.arrow", "", 5, ".."):
        state["_data_files"][0] = {"filename": name}
        (tmp_path / "one" / "state.json").write_text(json.dumps(state))
        assert "state.json names no files" in refusal_of(tmp_path, "one")
    state["_data_files"][0] = {"filename": "lost.arrow"}
    (tmp_path / "one" / "state.json").write_text(json.dumps(state))
    assert "lost.arrow" in refusal_of(tmp_path, "one")


def test_a_store_without_its_package_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = importlib.import_module("fsspec.registry")._registry  # classes of stores that another test has used
    for protocol, name in (("gs", "gcsfs"), ("az", "adlfs")):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(known, protocol, raising=False)
    assert "'gs' needs a package. Install it: pip install gcsfs." in refusal_of(tmp_path, "gs://bucket/a.txt")
    assert "'az' needs a package. Install it: pip install adlfs." in refusal_of(tmp_path, "az://bucket/a.txt")
    assert "unknown protocol 'nfs9'" in refusal_of(tmp_path, "nfs9://bucket/a.txt")
    assert "a password or a signature in a URL" in refusal_of(tmp_path, "s3://user:secret@bucket/a.txt")


# ── stores ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def put(store: Server, folder: Path, below: str, table: list[dict[str, Any]] = TABLE) -> None:
    """Files of each kind, and of some compressions, in the bucket."""
    for name in [*(f"a{kind}" for kind in KINDS), "a.txt.gz"]:
        store.send(write(folder / "sent" / name, table), f"{below}/{name}/{name}")


def test_each_kind_is_read_from_a_bucket(tmp_path: Path, store: Server) -> None:
    put(store, tmp_path, "kinds")
    for kind in (".jsonl", ".csv", ".parquet", ".file.arrow", ".stream.arrow", ".txt.gz"):
        for order in ("global", "blocks"):
            found = rows_at(tmp_path, store.at(f"kinds/a{kind}"), order=order)
            assert all_of(pickle.loads(pickle.dumps(found))) == TEXTS, kind
    assert texts_at(tmp_path, store.at("kinds/*/a.tx[t]")) == TEXTS
    assert f"no file fits '{store.at('kinds/*.csv')}'" in refusal_of(tmp_path, store.at("kinds/*.csv"))
    assert f"no file fits '{store.at('kinds/*.arro')}'" in refusal_of(tmp_path, store.at("kinds/*.arro"))
    assert f"cannot read '{store.at('none/a.txt')}': No such file" in refusal_of(tmp_path, store.at("none/a.txt"))


NAMES = ["a b.txt", "a#b.txt", "a?b.txt", "a[1].txt", "ü日.txt", "a%20b.txt", "a+b.txt", "a&b=c.txt"]


def test_an_object_is_found_by_its_name_whatever_that_is(tmp_path: Path, store: Server) -> None:
    for name in NAMES:
        store.send(write(tmp_path / "a.txt", [{"text": name}]), f"names/{name}")
    for name in NAMES:
        for order in ("global", "blocks"):
            assert texts_at(tmp_path, store.at(f"names/{name}"), order=order) == [name]
    assert sorted(texts_at(tmp_path, store.at("names"))) == sorted(NAMES)
    assert sorted(texts_at(tmp_path, store.at("names/a?b.tx?"))) == ["a b.txt", "a#b.txt", "a+b.txt", "a?b.txt"]
    store.put("names2/", b"")
    store.put("names2/note.doc", b"x")
    assert f"no file fits '{store.at('names2/*')}'" in refusal_of(tmp_path, store.at("names2/*"))
    assert f"'{store.at('names2')}' holds no file that can be read" in refusal_of(tmp_path, store.at("names2"))
    assert "cannot read 'note.doc'" in refusal_of(tmp_path, store.at("names2/note.doc"))


def test_a_second_plan_of_a_bucket_reads_no_object(tmp_path: Path, store: Server, read: list[str]) -> None:
    put(store, tmp_path, "again")
    assert texts_at(tmp_path, store.at("again/a.txt/a.txt")) == TEXTS
    assert read == ["hash a.txt", "index a.txt"]
    store.requests.clear()
    assert texts_at(tmp_path, store.at("again/a.txt/a.txt")) == TEXTS
    assert read == ["hash a.txt", "index a.txt"]
    assert store.gets("again/a.txt/a.txt") == 0


def test_parquet_is_planned_from_its_footers_where_the_etag_names_it(
    tmp_path: Path, store: Server, read: list[str]
) -> None:
    table = [{"text": f"row {i}", "other": os.urandom(2000).hex()} for i in range(2000)]
    path = write(tmp_path / "big.parquet", table)
    store.send(path, "footers/big.parquet")
    found = rows_at(tmp_path, store.at("footers/big.parquet"), identity="etag", order="blocks")
    assert len(found) == 2000
    assert found.content.startswith("etag:")
    assert not read
    assert found.texts(np.array([1999, 5])) == ["row 1999", "row 5"]


@pytest.mark.parametrize("named", ["content", "etag"])
def test_files_of_a_list_of_a_store_are_those_that_it_says_are_there(tmp_path: Path, store: Server, named: str) -> None:
    for number in range(7):  # more than a page of a listing
        store.send(write(tmp_path / "a.txt", [{"text": f"{named} {number}"}]), f"listed {named}/{number}.txt")
    for files in (f"listed {named}", f"listed {named}/*.txt", f"listed {named}/?.txt"):
        found = rows_at(tmp_path, store.at(files), identity=named, order="blocks")
        assert all_of(found) == [f"{named} {number}" for number in range(7)]


@pytest.mark.parametrize("named", ["content", "etag"])
def test_an_object_that_vanishes_between_plan_and_build_is_refused_by_its_name(
    tmp_path: Path, store: Server, named: str
) -> None:
    url = store.send(write(tmp_path / "a.txt", TABLE), f"vanishes/{named}.txt")
    found = rows_at(tmp_path, url, identity=named, order="blocks")
    fsspec.filesystem(store.protocol, use_listings_cache=False).rm_file(url)
    with pytest.raises(SpecError, match=f"cannot read '{url}': No such file"):
        found.texts(np.array([3]))


@pytest.mark.parametrize("named", ["content", "etag"])
@pytest.mark.parametrize("name", ["packed.jsonl", "packed.jsonl.gz"])
def test_an_object_that_its_client_would_unpack_is_refused_by_its_name(
    tmp_path: Path, store: Server, name: str, named: str
) -> None:
    store.put(name, write(tmp_path / "a.jsonl.gz", TABLE).read_bytes(), "gzip")
    if store.protocol != "s3":
        assert f"'{store.at(name)}' has the content encoding 'gzip'" in refusal_of(
            tmp_path, store.at(name), identity=named
        )
    elif name.endswith(".gz"):  # S3's client does not unpack
        assert texts_at(tmp_path, store.at(name), identity=named) == TEXTS


def test_an_object_that_changes_between_plan_and_build_is_refused(tmp_path: Path, store: Server) -> None:
    for named in ("content", "etag"):
        put(store, tmp_path, named)
        kinds = (".jsonl", ".parquet", ".stream.arrow")
        plans = [rows_at(tmp_path, store.at(f"{named}/a{kind}"), identity=named, order="blocks") for kind in kinds]
        put(store, tmp_path, named, [{"text": f"now {i}"} for i in range(150)])
        for plan in plans:
            with pytest.raises(SpecError, match=rf"'{store.at('')}.*' has changed since the plan was made"):
                plan.texts(np.array([3]))


HUB = """
import json, sys
from pathlib import Path
from tests.corpora import texts_at, rows_at
folder, *named = sys.argv[1:]
found = [texts_at(Path(folder), name, order=order) for name in named for order in ("global", "blocks")]
print(json.dumps(found))
"""


def test_datasets_of_the_hub_are_read(tmp_path: Path) -> None:
    with serving(Hub()) as hub:
        hub.create("user/web")
        names = ["data/a.parquet", "data/b.parquet", "c.jsonl.gz"]
        half = {names[0]: TABLE[:80], names[1]: TABLE[80:], names[2]: TABLE}
        hub.put("user/web", {name: write(tmp_path / name, table).read_bytes() for name, table in half.items()})
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        environment = {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": hub.reader}
        address = "hf://datasets/user/web"
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                HUB,
                str(tmp_path),
                f"{address}/data",
                f"{address}/data/*.parquet",
                f"{address}/c.jsonl.gz",
            ],
            env={**environment, "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [TEXTS] * 6


# ── what is known of files ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", ["global", "blocks"])
def test_a_file_is_read_once_and_then_known(tmp_path: Path, read: list[str], order: str) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.jsonl", TABLE)
    for _ in range(3):
        assert texts_at(tmp_path, "*.jsonl", order=order) == TEXTS * 3
        hashed, indexed = ([said for said in read if said.startswith(what)] for what in ("hash", "index"))
        assert sorted(hashed) == [f"hash {name}.jsonl" for name in "abc"]
        assert len(indexed) == 1  # the same content thrice
    write(tmp_path / "b.jsonl", TABLE[:9])
    shutil.move(tmp_path / "c.jsonl", tmp_path / "d.jsonl")
    del read[:]
    assert texts_at(tmp_path, "*.jsonl", order=order) == TEXTS + TEXTS[:9] + TEXTS
    assert sorted(read) == ["hash b.jsonl", "hash d.jsonl", "index b.jsonl"]


def test_a_file_that_was_just_written_is_hashed_again(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "SETTLED", 60 * 10**9)
    write(tmp_path / "a.txt", TABLE)
    assert texts_at(tmp_path, "a.txt") == TEXTS
    assert read.count("index a.txt") == 1
    del read[:]
    assert texts_at(tmp_path, "a.txt") == TEXTS
    assert read == ["hash a.txt"]


@pytest.mark.parametrize("suffix", [".hash", ".index", ".rows"])
@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[:9] + b"!" + data[10:]])
def test_what_is_known_is_made_again_where_it_was_damaged(
    tmp_path: Path, cache: Path, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    write(tmp_path / "a.jsonl", TABLE)
    assert texts_at(tmp_path, "a.jsonl") == TEXTS
    (kept,) = cache.glob(f"*{suffix}")
    right = kept.read_bytes()
    kept.write_bytes(damage(right))
    assert texts_at(tmp_path, "a.jsonl") == TEXTS
    assert kept.read_bytes() == right


def test_readings_of_a_file_are_known_apart(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"text": "a", "title": "b", "n": i} for i in range(4)])
    assert texts_at(tmp_path, "a.jsonl") == ["a"] * 4
    assert texts_at(tmp_path, "a.jsonl", column="title") == ["b"] * 4
    assert texts_at(tmp_path, "a.jsonl", template="{{ text }}{{ title }}") == ["ab"] * 4
    assert texts_at(tmp_path, "a.jsonl", where={"n": 3}) == ["a"]
    write(tmp_path / "b.jsonl", [{"text": "a"}, {"text": None}])
    assert texts_at(tmp_path, "b.jsonl", broken="skip") == ["a"]
    assert "b.jsonl:2 has no text" in refusal_of(tmp_path, "b.jsonl")


def test_rows_are_sent_as_names_of_files(tmp_path: Path) -> None:
    for i in range(100):
        write(tmp_path / "data" / f"part-{i:05}.txt", [{"text": f"{i} {'x' * 3000}"}])
    found = rows_at(tmp_path, "data")
    assert len(all_of(found)) == 100
    assert len(pickle.dumps(found)) < 100 * (len(str(tmp_path)) + 190)


# ── files that change ───────────────────────────────────────────────────────────────────────────────────────────────


def longer(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"x\n")


CHANGES: dict[str, Callable[[Path], object]] = {
    "longer": longer,
    "shorter": lambda path: os.truncate(path, path.stat().st_size - 5),
    "gone": lambda path: path.unlink(),
    "another of its size": lambda path: path.write_bytes(path.read_bytes()[:40] + b"?" + path.read_bytes()[41:]),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("named", ["content", "etag"])
@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv", ".parquet", ".file.arrow", ".stream.arrow"])
def test_a_file_that_changes_between_plan_and_build_is_refused_by_its_name(
    tmp_path: Path, kind: str, named: str, change: str
) -> None:
    path = write(tmp_path / f"a{kind}", TABLE)
    found = rows_at(tmp_path, path.name, order="blocks", identity=named)
    assert len(found) == 150
    sent = pickle.dumps(found)
    CHANGES[change](path)
    for one in (found, pickle.loads(sent)):
        with pytest.raises(SpecError) as refused:
            one.texts(np.array([140]))
        assert f"'{path}'" in str(refused.value)
        assert ("No such file" if change == "gone" else "has changed since the plan") in str(refused.value)


@pytest.mark.parametrize("keys", [{"order": "global"}, {"order": "blocks"}, {"split": {"tokens": 3}}], ids=str)
@pytest.mark.parametrize("name", ["part-0.txt", "part-0.csv.gz"])
def test_files_of_one_name_size_and_time_in_two_folders_are_two(
    tmp_path: Path, name: str, keys: dict[str, Any]
) -> None:
    """Their times are those of an archive, say."""
    texts = {folder: [f"{folder} {i}" for i in range(5)] for folder in ("de", "en")}
    for folder, of_folder in texts.items():
        write(tmp_path / folder / name, [{"text": text} for text in of_folder])
        with open(tmp_path / folder / name, "ab") as file:
            file.write(bytes(200 - file.tell()) if name.endswith(".gz") else b"")
        os.utime(tmp_path / folder / name, ns=(10**18, 10**18))
    assert len({(tmp_path / folder / name).stat().st_size for folder in texts}) == 1
    for files in (["de"], ["en"], ["de", "en"]):
        named = [f"{folder}/{name}" for folder in files]
        expected = [text for folder in files for text in texts[folder]]
        assert texts_at(tmp_path, named, identity="etag", **keys) == expected
        plan = plan_at(
            tmp_path / "recipe.yaml",
            f"tokenizer: {GOLDEN / 'byte_tokenizer.json'}\n"
            f"sources: {{it: {{kind: corpus, files: {named}, identity: etag, {json.dumps(keys)[1:-1]}}}}}\n"
            "splits: {train: {mixture: {it: {}}, packing: {length: 64}}}\n",
        )
        source, item = plan.sources["it"], np.arange(len(plan.sources["it"]))
        ids = source.documents(item, item, spans=False).tokens
        assert plan.tokenizer.backend.decode(ids.values.tolist()) == "".join(expected)  # without end tokens


def test_a_file_that_was_copied_to_another_time_is_the_same_file_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", TABLE)
    found = {named: rows_at(tmp_path, "a.txt", order="blocks", identity=named) for named in ("content", "etag")}
    assert len(found["etag"]) == 150
    os.utime(path, (1, 1))
    assert found["content"].texts(np.array([7])) == ["row 7"]
    with pytest.raises(SpecError, match="has changed"):
        found["etag"].texts(np.array([7]))


def test_what_names_the_files_is_in_the_spec(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", TABLE)
    by_content, by_etag = (spec_of(tmp_path, "a.txt", identity=named) for named in ("content", "etag"))
    assert str(by_content.content).startswith("blake3:")
    assert str(by_etag.content).startswith("etag:")
    os.utime(path, (1, 1))
    assert spec_of(tmp_path, "a.txt").content == by_content.content
    assert spec_of(tmp_path, "a.txt", identity="etag").content != by_etag.content
    with pytest.raises(SpecError, match="the files are not those that the recipe was made with"):
        spec_of(tmp_path, "a.txt", identity="etag", content=by_etag.content)
