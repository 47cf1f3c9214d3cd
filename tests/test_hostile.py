"""Datasets from strangers: whatever their files say, with hashes and seals that match, a command ends with one line.

Every field of every JSON of a dataset is replaced in turn, and numbers in its shards; then every command that reads a
dataset runs. It exits with 0, 1 or 2 and without a traceback, in memory that is bounded, and what lies beside the
dataset is as it was.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import pipeline
from pipeline import cli
from pipeline.build.verification import verify
from pipeline.core.errors import PipelineError
from pipeline.core.table import Lists, Strings, content_hash
from pipeline.dataset.manifest import Manifest, totals
from pipeline.dataset.seals import seal
from pipeline.dataset.shard_record import ShardRecord
from pipeline.evaluate.capacity import measure
from pipeline.publish.export.records import sealed
from pipeline.storage import LocalFolder, arrow
from pipeline.storage.local import hash_of_bytes
from tests.conftest import built, contents
from tests.plans import plan_at

RECIPE = f"""
extends: {Path(__file__).parent / "golden/small.yaml"}
sources:
  asked: {{kind: questions, world: people, templates: {{city: ["Where is {{{{ name }}}}? | {{{{ city }}}}."]}}}}
  puzzles: {{kind: depo, instances: 4, nodes: 5, hops: 2, queries: 3}}
splits:
  train:
    mixture: {{bios: {{exposures: 2}}}}
    packing: {{length: 160}}
    columns: [loss_mask, documents, spans, parts]
  exam: {{mixture: {{asked: {{exposures: 1}}}}, packing: {{method: rows, length: 64}}, columns: [answers]}}
  hard: {{mixture: {{puzzles: {{exposures: 1}}}}, packing: {{method: rows, length: 512}}, columns: [answers]}}
shard_tokens: 2048
"""
ROOM = 2**31  # bytes of memory that the commands may take, all together
PATIENCE = 120  # seconds after which a command is taken for one that never ends
DEEP = "[" * 10_000 + "]" * 10_000
HOSTILE: list[Any] = [
    None, True, 0, -1, 1, 2**31, 2**62, 2**63, 10**400, 0.5, 1e308, float("nan"), "", "x", "../../x", "/etc/passwd",
    "/dev/zero", "a\0b", "\x1b[2J\n", "x" * 10_000, [], [0], [[]], {}, {"x": 0}, DEEP,
]  # fmt: skip
QUICK = ("jsonl", "llmc", "mds", "rows", "score", "check", "push", "read")  # the others tell all documents again
Tree = dict[str, Any]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset of three splits, with two exports. Not to be changed."""
    place = tmp_path_factory.mktemp("honest")
    built(plan_at(place / "small.yaml", RECIPE), place / "data")
    for kind in ("parquet", "mds"):
        assert cli.run(["export", str(place / "data"), "--to", kind]) == 0
    return place / "data"


class Stranger:
    """A folder that somebody sent, `out`, beside one that nobody may touch; and the commands that read it."""

    def __init__(self, place: Path, honest: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.out, self.honest, self.capsys = place / "x/y/data", honest, capsys
        (place / "beside").mkdir()
        (place / "beside/victim").write_text("mine")
        shutil.copytree(honest, self.out)
        (place / "said.jsonl").write_text("".join(f'{{"row": {i}, "prediction": "5"}}\n' for i in range(3)))
        manifest = json.loads((honest / "manifest.json").read_text())["splits"]["train"]
        np.save(place / "losses.npy", np.ones((manifest["sequences"], manifest["length"]), np.float32))
        self.place = place
        self.beside = self._beside()

    def _beside(self) -> dict[str, bytes]:
        return {name: data for name, data in contents(self.place).items() if not name.startswith("x/y/data")}

    def commands(self) -> dict[str, Callable[[], int]]:
        out, said = str(self.out), str(self.place / "said.jsonl")

        def command(*arguments: str) -> Callable[[], int]:
            return lambda: cli.run([arguments[0], out, *arguments[1:]])

        return {
            "verify": command("verify"),
            "jsonl": command("export", "--to", "jsonl", "--columns", "input_ids", "--split", "train"),
            "llmc": command("export", "--to", "llmc", "--columns", "input_ids", "--split", "train"),
            "mds": command("export", "--to", "mds"),
            "rows": command("export", "--to", "jsonl", "--split", "exam", "--columns", "answer"),
            "report": command("report"),
            "score": command("score", said),
            "check": command("check", said, "--split", "hard"),
            "capacity": command("capacity", str(self.place / "losses.npy"), "--split", "train"),
            "push": command("push", "user/name"),
            "read": self._read,
        }

    def _read(self) -> int:
        try:
            for split in ("train", "exam"):
                for row in pipeline.read(self.out, split):
                    assert row["input_ids"].min() >= 0
                list(pipeline.read(self.out, split, rank=1, world_size=9))
        except PipelineError as error:
            assert "\n" not in str(error)
            return error.exit_code
        return 0

    def run(self, name: str) -> int:
        """One command; its exit code. What it says is one line, or the lines of a result."""
        signal.alarm(PATIENCE)
        try:
            code = self.commands()[name]()
        finally:
            signal.alarm(0)
            for made in ("exports/jsonl", "exports/llmc", "report.html"):
                shutil.rmtree(self.out / made, ignore_errors=True)
                (self.out / made).unlink(missing_ok=True)
        shown = self.capsys.readouterr()
        assert code in (0, 1, 2)
        assert "Traceback" not in shown.err
        if code == 2 and name != "read":
            assert shown.err.count("\n") == 1, shown.err
            assert "^[" not in shown.err, "a regular expression"
        return code

    def untouched(self) -> None:
        """What lies beside the folder is as it was."""
        assert self._beside() == self.beside

    def restored(self, name: str) -> None:
        """A file as it was sent."""
        (self.out / name).write_bytes((self.honest / name).read_bytes())


@pytest.fixture
def stranger(
    tmp_path: Path, honest: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stranger]:
    """A folder to be changed. Commands may take ROOM more memory than this process has."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "nobody"))
    made = Stranger(tmp_path, honest, capsys)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, limits[1]))
    try:
        yield made
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        made.untouched()


@pytest.mark.parametrize("slowly", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_what_is_honest_is_read(stranger: Stranger, slowly: bool) -> None:
    """But for the push, which has no token."""
    names = [name for name in stranger.commands() if (name in QUICK) != slowly]
    assert {name: stranger.run(name) for name in names} == {name: 2 * (name == "push") for name in names}


# ── every field of every JSON ───────────────────────────────────────────────────────────────────────────────────────


def sealed_manifest(tree: Tree) -> str:
    content = {key: value for key, value in tree.items() if key != "hash"}
    own = hash_of_bytes(json.dumps(content).encode())
    return json.dumps({"hash": own, **content}, indent=1, ensure_ascii=False) + "\n"


def sealed_record(tree: Tree) -> str:
    content = {key: value for key, value in tree.items() if key != "hash"}
    return json.dumps({"hash": seal(str(tree.get("dataset")), json.dumps(content)), **content})


def sealed_export(tree: Tree) -> str:
    content = {key: value for key, value in tree.items() if key != "hash"}
    return sealed(content, str(content.get("dataset")))


FILES: dict[str, Callable[[Tree], str]] = {
    "manifest.json": sealed_manifest,
    "exports/mds/export.json": sealed_export,
    "exports/mds/.pipeline/parts/train-000000.json": sealed_export,
    ".pipeline/records/train-00000.json": sealed_record,
    "tokenizer/tokenizer_config.json": json.dumps,
}


def places(tree: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every field; of lists, and of the long mappings in a recipe, which repeat themselves, the first."""
    if here:
        yield here
    if isinstance(tree, dict):
        for key in list(tree)[: 40 if len(here) < 4 else 12]:
            yield from places(tree[key], (*here, key))
    if isinstance(tree, list):
        for i in range(min(len(tree), 1)):
            yield from places(tree[i], (*here, i))


def replaced(tree: Tree, place: Sequence[Any], value: Any) -> Tree:
    made: Tree = json.loads(json.dumps(tree))
    branch: Any = made
    for step in place[:-1]:
        branch = branch[step]
    branch[place[-1]] = value
    return made


def renamed(tree: Tree, place: Sequence[Any], name: str) -> Tree:
    made: Tree = json.loads(json.dumps(tree))
    branch: Any = made
    for step in place[:-1]:
        branch = branch[step]
    branch[name] = branch.pop(place[-1])
    return made


def written(stranger: Stranger, name: str, tree: Tree) -> None:
    """A file with seals that match; DEEP is written as what it means."""
    text = FILES[name](tree).replace(json.dumps(DEEP), DEEP)
    (stranger.out / name).write_text(text, "utf-8", "surrogatepass")


def cases(stranger: Stranger, name: str) -> list[Callable[[], Tree]]:
    """Every way in which a file is changed. Each makes its tree when it is called: they are big."""
    tree: Tree = json.loads((stranger.honest / name).read_text())
    found = [partial(replaced, tree, place, value) for place in places(tree) for value in HOSTILE]
    names = [place for place in places(tree) if isinstance(place[-1], str)]
    return found + [
        partial(renamed, tree, place, text) for place in names for text in ("../../x", "/dev/zero", "", "x")
    ]


@pytest.mark.parametrize("name", FILES)
def test_some_hostile_fields(stranger: Stranger, name: str) -> None:
    chance = random.Random(name)
    every = cases(stranger, name)
    for make in chance.sample(every, 4):
        written(stranger, name, make())
        stranger.run("verify")
        stranger.run(chance.choice(QUICK))
    stranger.untouched()


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", range(8))
def test_every_hostile_field(stranger: Stranger, name: str, part: int) -> None:
    """Each with all commands, but for those that read no such file."""
    every = cases(stranger, name)[part::8]
    of_exports = ("verify", "mds")
    for make in every:
        tree = make()
        written(stranger, name, tree)
        for command in stranger.commands() if name in ("manifest.json", *list(FILES)[3:]) else of_exports:
            stranger.run(command)
            if name.startswith("exports"):  # which is mended by an export
                written(stranger, name, tree)
    stranger.untouched()


# ── shards with the right hashes ────────────────────────────────────────────────────────────────────────────────────


def forged(stranger: Stranger, split: str, data: bytes) -> None:
    """The first shard of a split replaced, and everything that says what is in it."""
    folder = LocalFolder(stranger.out)
    manifest = Manifest.of(LocalFolder(stranger.honest))
    records = manifest.shards_of(split)
    (stranger.out / records[0].file).write_bytes(data)
    facts = {"bytes": len(data), "file_hash": hash_of_bytes(data)}
    with suppress(ValueError, OSError):
        facts["content_hash"] = content_hash(arrow.columns_of(stranger.out / records[0].file))
    records[0] = ShardRecord(**{**asdict(records[0]), **facts})
    its = {key: value for key, value in manifest.splits[split].items() if key not in totals(records)}
    splits = {**manifest.splits, split: totals(records, **its)}
    folder.write("manifest.json", Manifest(**{**vars(manifest), "splits": splits}).dumps())


def file_of(columns: dict[str, Any], place: Path) -> bytes:
    with place.open("wb") as raw:
        arrow.write(columns, arrow.HashingFile(raw))
    return place.read_bytes()


def columns_of(stranger: Stranger, split: str) -> dict[str, Any]:
    record = Manifest.of(LocalFolder(stranger.honest)).shards_of(split)[0]
    return dict(arrow.columns_of(stranger.honest / record.file))


NUMBERS = (-(2**31), -1, 63, 64, 159, 160, 255, 2**31 - 1)


def other_numbers(stranger: Stranger) -> Iterator[tuple[str, dict[str, Any]]]:
    """Columns of the first shards with one number changed, or all of them."""
    for split in ("train", "exam"):
        columns = columns_of(stranger, split)
        for name, column in columns.items():
            if isinstance(column, Strings):
                continue
            arrays = {"": column} if isinstance(column, np.ndarray) else column.fields
            for field, array in arrays.items():
                if not array.size:
                    continue
                for number in NUMBERS:
                    if not np.iinfo(array.dtype).min <= number <= np.iinfo(array.dtype).max:
                        continue
                    for which in (0, -1, slice(None)):
                        changed = array.copy()
                        changed.reshape(-1)[which] = number
                        made = changed if not field else Lists(column.offsets, {**column.fields, field: changed})
                        yield split, {**columns, name: made}


def test_numbers_out_of_their_bounds_are_one_line(stranger: Stranger, tmp_path: Path) -> None:
    chance = random.Random(7)
    for split, columns in chance.sample(list(other_numbers(stranger)), 5):
        forged(stranger, split, file_of(columns, tmp_path / "shard"))
        stranger.run("verify")
        stranger.run(chance.choice(QUICK))
    (tmp_path / "shard").unlink()


@pytest.mark.parametrize(
    ("column", "field", "number", "said"),
    [
        ("spans", "start", 160, "column 'spans': an entry has the start 160, and there are 160"),
        ("spans", "length", 159, "column 'spans': an entry reaches beyond its row of 160 tokens"),
        ("spans", "attribute", 255, "column 'spans': an entry has the attribute 255, and there are "),
        ("documents", "start", -1, "column 'documents': an entry has the start -1, and there are 160"),
    ],
)
def test_a_place_out_of_its_bounds_is_named(
    stranger: Stranger, tmp_path: Path, column: str, field: str, number: int, said: str
) -> None:
    columns = columns_of(stranger, "train")
    lists = columns[column]
    fields = {**lists.fields, field: np.full_like(lists.fields[field], number)}
    forged(stranger, "train", file_of({**columns, column: Lists(lists.offsets, fields)}, tmp_path / "shard"))
    (tmp_path / "shard").unlink()
    losses = np.load(tmp_path / "losses.npy")
    with pytest.raises(PipelineError) as caught:
        measure(stranger.out, "train", losses)
    assert said in str(caught.value)


@pytest.mark.slow
def test_all_numbers_out_of_their_bounds_are_one_line(stranger: Stranger, tmp_path: Path) -> None:
    for split, columns in other_numbers(stranger):
        forged(stranger, split, file_of(columns, tmp_path / "shard"))
        for command in stranger.commands():
            stranger.run(command)
    (tmp_path / "shard").unlink()


def batch_of(**columns: pa.Array) -> pa.RecordBatch:
    return pa.record_batch(columns)


def stream_of(*batches: pa.RecordBatch, schema: pa.Schema | None = None, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    schema = schema or batches[0].schema
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def fixed(values: Any, kind: Any, length: int) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values, kind), length)


def texts_at(stranger: Stranger, *ends: int) -> bytes:
    """The exam with answers of two letters, and the last of their offsets replaced in the file."""
    honest = exam_with(stranger, answer=lambda n: pa.array(["ab"] * n))
    rows = len(columns_of(stranger, "exam")["input_ids"])
    offsets = np.arange(0, 2 * rows + 1, 2, dtype=np.int32)
    assert honest.count(offsets.tobytes()) == 1
    hostile = offsets.copy()
    hostile[-len(ends) :] = ends
    return honest.replace(offsets.tobytes(), hostile.tobytes())


def exam_with(stranger: Stranger, **more: Any) -> bytes:
    batch = arrow.record_batch(columns_of(stranger, "exam"))
    made = {name: batch.column(name) for name in batch.schema.names}
    rows = batch.num_rows
    made |= {name: column(rows) for name, column in more.items()}
    return stream_of(batch_of(**made))


OTHERS: dict[str, tuple[Callable[[Stranger], bytes], str]] = {
    "nothing": (lambda _: b"", "it does not begin with a schema"),
    "no stream": (lambda _: b"x" * 1000, "no shard of ours"),
    "no batch": (
        lambda s: stream_of(schema=arrow.record_batch(columns_of(s, "exam")).schema), "it has no record batch",
    ),
    "compressed": (
        lambda s: stream_of(arrow.record_batch(columns_of(s, "exam")), compression="zstd"), "it is compressed",
    ),
    "a column too few": (
        lambda _: stream_of(batch_of(input_ids=fixed(np.zeros(64), pa.uint16(), 64))), "instead of input_ids, length",
    ),
    "a dictionary": (
        lambda s: exam_with(s, question=lambda n: pa.array(["a"] * n).dictionary_encode()), "of the type dictionary",
    ),
    "nulls": (lambda s: exam_with(s, individual=lambda n: pa.array([None] * n, pa.int64())), "it has nulls"),
    "null itself": (lambda s: exam_with(s, individual=lambda n: pa.nulls(n)), "of the type null"),
    "a float": (lambda s: exam_with(s, individual=lambda n: pa.array([0.5] * n)), "of the type double"),
    "another length": (
        lambda s: exam_with(s, input_ids=lambda n: fixed(np.zeros(65 * n), pa.uint16(), 65)), "of the type fixed_size",
    ),
    "an extension": (
        lambda s: exam_with(
            s,
            input_ids=lambda n: pa.ExtensionArray.from_storage(
                pa.fixed_shape_tensor(pa.uint16(), (64,)), fixed(np.zeros(64 * n), pa.uint16(), 64)
            ),
        ),
        "of the type extension",
    ),
    "offsets below zero": (lambda s: texts_at(s, -5, 4), "no shard of ours"),
    "offsets beyond the file": (lambda s: texts_at(s, 2**31 - 1), "no shard of ours"),
    "offsets that fall": (lambda s: texts_at(s, 4, 2), "no shard of ours"),
    "no text": (
        lambda s: exam_with(s, answer=lambda n: pa.array(["ab"] * n)).replace(b"abab", b"\xff\xfe\xff\xfe"),
        "no shard of ours",
    ),
    "ids below zero": (
        lambda s: exam_with(s, input_ids=lambda n: fixed(np.full(64 * n, -1), pa.int32(), 64)), "the token id -1",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), OTHERS.values(), ids=OTHERS)
def test_a_shard_that_no_build_writes_is_refused_whatever_its_hash_says(
    stranger: Stranger, make: Callable[[Stranger], bytes], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make(stranger)
    forged(stranger, "exam", data + b"\0" * max(0, 8192 - len(data)))  # so many rows need so many bytes
    assert cli.run(["verify", str(stranger.out)]) == 1
    assert said in capsys.readouterr().out
    for command in ("rows", "score", "read"):
        assert stranger.run(command) == 2, command


def test_a_token_id_that_the_tokenizer_has_not_is_found(stranger: Stranger, capsys: pytest.CaptureFixture[str]) -> None:
    columns = columns_of(stranger, "train")
    ids = columns["input_ids"].copy()
    ids[0, 5] = 65_000
    forged(stranger, "train", file_of({**columns, "input_ids": ids}, stranger.out / "../shard"))
    assert cli.run(["verify", str(stranger.out)]) == 1
    assert "it has the token id 65000, and the tokenizer 362 ids" in capsys.readouterr().out
    assert stranger.run("jsonl") == 2
    (stranger.out / "../shard").unlink()


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("splits", "train", "shards", 0, "file"), "../../x",
         "splits.train.shards.0.file: the file of a shard is needed, such as train/shard-00000-of-00006.arrow"),
        (("splits", "train", "tokens"), "5", "splits.train.tokens: a whole number is needed, not '5'"),
        (("splits", "train", "tokens"), -1, "splits.train.tokens: must be greater than or equal to 0, not -1"),
        (("splits", "train", "more"), 1, "splits.train.more: there is no such key"),
        (("splits", "train", "source_names"), ["a/b"],
         "splits.train.source_names.0: a name has letters, digits and _, and begins with no digit: not 'a/b'"),
        (("splits",), {"../x": 1}, "splits.../x: a name has letters, digits and _, and begins with no digit"),
        (("splits",), {}, "splits: the number of entries must be at least 1, not 0"),
        (("files",), {"/etc/passwd": {}}, "files./etc/passwd: a file of the tokenizer or of code is needed"),
        (("files",), {"code/../x.py": {}}, "files.code/../x.py: a file of the tokenizer or of code is needed"),
        (("fingerprint",), "x" * 999, f"fingerprint: a fingerprint is needed, 64 hexadecimal digits, not '{'x' * 30}…"),
        (("recipe", "splits", "train", "packing"), {"length": 0}, "recipe.splits.train.packing.length: "),
        (("recipe", "splits", "train"), {}, "recipe.splits.train.packing: it is missing"),
        (("recipe",), None, "recipe: a mapping is needed"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_manifest_is_said_in_words(
    honest: Path, tmp_path: Path, place: Sequence[Any], value: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = json.loads((honest / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(sealed_manifest(replaced(tree, place, value)))
    for command in (["verify"], ["export", "--to", "jsonl"], ["report"]):
        assert cli.run([command[0], str(tmp_path), *command[1:]]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"StorageError: {tmp_path}: manifest.json cannot be read: {said}")
        assert error.count("\n") == 1


def test_a_key_that_stands_twice_has_one_value_for_all(honest: Path, tmp_path: Path) -> None:
    """Of two values none is checked while another one is used."""
    text = (honest / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(text.replace('"splits": {', '"splits": {"../x": 1}, "splits": {', 1))
    assert "manifest.json: its bytes have changed" in verify(tmp_path)
    (tmp_path / "manifest.json").write_text(text.rstrip().removesuffix("}") + ', "splits": {"../x": 1}}')
    with pytest.raises(PipelineError, match="a name has letters"):
        verify(tmp_path)
