"""Tokens as they are, in stores: the documents of the same files on a disk; each is fetched once a machine."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from pipeline.core.errors import PipelineError
from pipeline.sources.files import known
from pipeline.sources.tokens.source import Tokens
from tests.conftest import built
from tests.hub import Hub, serving
from tests.object_stores import Server
from tests.test_tokens_source import (
    END,
    OF_ROWS,
    ROWS,
    TAGGED,
    as_nanogpt,
    as_parquet,
    as_saved,
    as_stream,
    documents_of,
    index_of,
    llmc_file,
    original,
    original_documents,
    refusal,
    source_of,
    table_of,
)

DOCUMENTS = [[1, 2], [3], [4, 5, 6]]
WANTED = [[*ids, END] for ids in DOCUMENTS]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(known, "SETTLED", -(2**62))  # files that were written just now are believed too
    return tmp_path / "cache" / "pretraining-recipes" / "files"


def test_each_layout_is_read_from_a_bucket(tmp_path: Path, store: Server) -> None:
    (tmp_path / "l.bin").write_bytes(llmc_file(20240520, 1, 6, ids=(END, 1, 2, END, 3, END)))
    store.send(as_nanogpt(tmp_path / "n.bin", DOCUMENTS), "layouts/n a#?.bin")
    store.send(tmp_path / "l.bin", "layouts/l.bin")
    assert documents_of(source_of(tmp_path, store.at("layouts/n a#?.bin"))) == WANTED
    assert documents_of(source_of(tmp_path, store.at("layouts/l.bin"))) == [[1, 2, END], [3, END], [END]]
    as_nanogpt(tmp_path / "m.bin", [[1], [2, 3]])
    (tmp_path / "m.idx").write_bytes(index_of([2, 3]))
    for suffix in ("bin", "idx"):
        store.send(tmp_path / f"m.{suffix}", f"layouts/m.{suffix}")
    assert documents_of(source_of(tmp_path, store.at("layouts/m.bin"))) == [[1, END], [2, 3, END]]
    for write in (as_stream, as_parquet):
        path = write(tmp_path, table_of(ROWS, pa.list_(pa.int32())))
        url = store.send(path, f"layouts/{path.name}")
        assert documents_of(source_of(tmp_path, url)) == [[*ids, END] for ids in OF_ROWS]


def test_a_pattern_a_list_and_what_datasets_saved(tmp_path: Path, store: Server) -> None:
    for number, ids in enumerate(DOCUMENTS):
        store.send(as_nanogpt(tmp_path / "it.bin", [ids]), f"several/{number}.bin")
    assert documents_of(source_of(tmp_path, store.at("several/*.bin"))) == WANTED
    named = [store.at("several/2.bin"), str(as_nanogpt(tmp_path / "it.bin", DOCUMENTS[:1]))]
    assert documents_of(source_of(tmp_path, named)) == [WANTED[2], WANTED[0]]
    url = store.send(as_saved(tmp_path, table_of(ROWS, pa.list_(pa.uint16()))), "saved")
    for named in (url, f"{url}/", f"{url}/train"):
        assert documents_of(source_of(tmp_path, named)) == [[*ids, END] for ids in OF_ROWS]
    assert "has no split 'test'. It can be: train." in refusal(tmp_path, url, "split: test")


def test_a_dataset_that_was_built_into_a_bucket_is_a_source(tmp_path: Path, store: Server) -> None:
    plan = original(tmp_path, columns="spans, parts")
    built(plan, tmp_path / "data")
    url = store.send(tmp_path / "data", "ours")
    source = source_of(tmp_path, url, more=TAGGED)
    assert documents_of(source, "spans", "parts") == original_documents(plan, "spans", "parts")
    on_disk = source_of(tmp_path, tmp_path / "data", more=TAGGED)
    assert isinstance(source, Tokens)
    assert isinstance(on_disk, Tokens)
    assert [file.file.content for file in source._files] == [file.file.content for file in on_disk._files]
    (tmp_path / "data/tokenizer/tokenizer.json").write_text("{}")
    store.send(tmp_path / "data/tokenizer/tokenizer.json", "ours/tokenizer/tokenizer.json")
    assert "tokenizer.json': its bytes have changed" in refusal(tmp_path, url, more=TAGGED)


def test_an_object_is_fetched_once_and_a_worker_elsewhere_fetches_it_for_itself(
    tmp_path: Path, store: Server, cache: Path
) -> None:
    url = store.send(as_nanogpt(tmp_path / "it.bin", DOCUMENTS), "once.bin")
    store.requests.clear()
    source = source_of(tmp_path, url)
    first = store.gets("once.bin")
    assert first >= 1
    sent = pickle.dumps(source)
    assert len(sent) < 3500
    store.requests.clear()
    for again in (source_of(tmp_path, url), pickle.loads(sent)):
        assert documents_of(again) == WANTED
    assert store.gets("once.bin") == 1  # its first bytes, which say the layout
    (copy,) = cache.glob("*.bin")
    copy.write_bytes(copy.read_bytes()[:-2] + b"\0\0")  # as after damage: it is fetched again
    assert documents_of(pickle.loads(sent)) == WANTED
    shutil.rmtree(cache)
    assert documents_of(pickle.loads(sent)) == WANTED


def test_an_object_that_changes_is_refused_where_there_is_no_copy_of_it(
    tmp_path: Path, store: Server, cache: Path
) -> None:
    url = store.send(as_nanogpt(tmp_path / "it.bin", DOCUMENTS), "changes.bin")
    sent = pickle.dumps(source_of(tmp_path, url))
    store.send(as_nanogpt(tmp_path / "it.bin", [*DOCUMENTS[:2], [6, 5, 4]]), "changes.bin")
    assert documents_of(pickle.loads(sent)) == WANTED  # what was planned
    shutil.rmtree(cache)
    with pytest.raises(PipelineError, match=rf"'{store.at('changes')}\.bin' has changed since the plan was made"):
        documents_of(pickle.loads(sent))
    assert documents_of(source_of(tmp_path, url))[-1] == [6, 5, 4, END]
    assert not list(cache.glob(".*"))


def test_what_is_wrong_is_said_of_the_url(tmp_path: Path, store: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store.send(as_nanogpt(tmp_path / "it.bin", DOCUMENTS), "wrong/it.bin")
    (tmp_path / "odd.bin").write_bytes(b"\1\0\2")
    store.send(tmp_path / "odd.bin", "wrong/odd.bin")
    url = store.at("wrong")
    assert f"'{url}/odd.bin' has 3 bytes, and ids of uint16" in refusal(tmp_path, f"{url}/odd.bin")
    assert f"'{url}' is a folder, and not of a dataset. Name its files: it.bin, odd.bin." in refusal(tmp_path, url)
    assert f"cannot read '{url}/none.bin': No such file" in refusal(tmp_path, f"{url}/none.bin")
    assert f"cannot read '{url}/it.idx': No such file" in refusal(tmp_path, f"{url}/it.bin", "layout: megatron")
    assert f"no file fits '{url}/*.arrow'" in refusal(tmp_path, f"{url}/*.arrow")
    assert f"'{url}/it.bin' is no folder of a dataset" in refusal(tmp_path, f"{url}/it.bin", "layout: dataset")
    if store.protocol != "s3":
        store.put("packed.bin", gzip.compress(bytes(400)), "gzip")
        assert "has the content encoding 'gzip'" in refusal(tmp_path, store.at("packed.bin"))
    store.send(as_nanogpt(tmp_path / "it.bin", DOCUMENTS), "wrong/new.bin")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    line = refusal(tmp_path, f"{url}/new.bin")
    assert f"a copy of '{url}/new.bin' needs 0.00 GB, and 0.00 GB are free in {tmp_path}/cache/" in line


OF_HUB = """
import json, sys
from pathlib import Path
from tests.test_tokens_source import documents_of, source_of
folder, *named = sys.argv[1:]
print(json.dumps([documents_of(source_of(Path(folder), name)) for name in named]))
"""


def test_tokens_of_the_hub_are_read(tmp_path: Path) -> None:
    path = as_parquet(tmp_path, table_of(ROWS, pa.list_(pa.int32())))
    files = {"data/it.parquet": path.read_bytes(), "it.bin": as_nanogpt(tmp_path / "it.bin", DOCUMENTS).read_bytes()}
    with serving(Hub()) as hub:
        hub.create("user/tokens")
        hub.put("user/tokens", files)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        environment = {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": hub.reader}
        address = "hf://datasets/user/tokens"
        named: list[Any] = [f"{address}/it.bin", f"{address}/data/*.parquet"]
        done = subprocess.run(
            [sys.executable, "-c", OF_HUB, str(tmp_path), *named],
            env={**environment, "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [WANTED, [[*ids, END] for ids in OF_ROWS]]
