"""A built dataset in the format of another trainer: a pure function of the dataset and the options.

Parts of a split are written one after the other, shard by shard; each leaves a record when all its files are there, so
that an interrupted export goes on where it was. Then come the files that name the others, and last of all export.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.columns import stored
from pipeline.core import layouts
from pipeline.core.documents import Ragged
from pipeline.core.errors import ExportError, RunError, SpecError, StorageError
from pipeline.core.layouts import Fingerprint, Layout
from pipeline.core.spec import Name
from pipeline.core.table import Columns
from pipeline.dataset.dataset import MEND, Dataset
from pipeline.dataset.manifest import ShardRecord, seal
from pipeline.formats import FORMATS, FormatSpec
from pipeline.formats.format import File, FileRecord, Format, Part, Rows, Shard, Split, selected
from pipeline.storage import STATE, Folder, arrow, folder_at
from pipeline.storage.layout import id_beyond
from pipeline.storage.local import hash_of
from pipeline.text.tokenizer import Tokenizer

EXPORTS = "exports"  # in a dataset's folder: where the exports that its recipe asks for lie
RECORD = "export.json"
MARK = f"{STATE}/export"
PARTS = f"{STATE}/parts"  # the record of each that is finished
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Export:
    """What is exported of which dataset. columns: split → those that are; dataset: its fingerprint."""

    spec: FormatSpec
    sink: Format
    dataset: str
    columns: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, spec: FormatSpec, dataset: str, splits: Mapping[str, Split]) -> Export:
        """What the options say of these splits. SpecError where the format cannot hold it."""
        sink = FORMATS[spec.kind](spec)
        return cls(spec, sink, dataset, selected(sink, spec, splits))

    @cached_property
    def told(self) -> dict[str, Any]:
        """What makes this export another than all others: the beginning of its export.json."""
        options = self.spec.model_dump(mode="json", exclude={"splits", "columns"})
        columns = {name: list(chosen) for name, chosen in self.columns.items()}
        return {"dataset": self.dataset, "sink": options, "columns": columns}

    def reads(self, split: Split) -> list[str]:
        """The columns of a split that the sink needs: what it writes, and what it finds documents by."""
        return [name for name in split.columns if name in self.columns[split.name] or name in self.sink.reads]

    def refuse_foreign(self, folder: Folder) -> None:
        """StorageError where the folder holds anything but this export, or the beginning of it.

        Which export it is says its mark, or its export.json.
        """
        if not set(folder.names()) - {STATE}:  # nothing, or one that was killed before it had a file
            return
        mark = ""
        with suppress(FileNotFoundError):
            mark = folder.read(MARK).decode("utf-8", "replace")
        if mark == json.dumps(self.told):
            return
        try:
            record = _whole_record(folder)
            if {key: record[key] for key in self.told} == self.told:
                return
        except (FileNotFoundError, ValueError):
            if not mark:
                problem = "this is not empty and no export of ours"
                raise StorageError(problem, "Give another --out.", folder.url) from None
        remedy = "Give another folder, or remove this one."
        raise StorageError("this folder has another export, or one of another dataset", remedy, folder.url)


@dataclass(frozen=True)
class Exported:
    """What an export has made, or found. kept: whether all of it was there already."""

    folder: Folder
    files: Sequence[Mapping[str, Any]]
    kept: bool

    @property
    def bytes(self) -> int:
        return sum(file["bytes"] for file in self.files)


def own_place(dataset: Folder, spec: FormatSpec) -> Folder:
    """Where a dataset's own export of a kind lies. StorageError where a link there leads out of the dataset."""
    return dataset.below(f"{EXPORTS}/{spec.kind}")


def export(
    dataset: Dataset, spec: FormatSpec, out: str | Path | None = None, *, done: Progress = lambda _: None
) -> Exported:
    """The dataset in the format that `spec` describes, in the folder, or below the URL, `out`; by default in its own.

    The tokens of every part are reported to `done`. ExportError for what the format cannot hold, of which nothing is
    left; StorageError for a folder that holds something else and for a dataset that is damaged or half built.
    """
    with _refused(dataset.folder):
        tokenizer = _tokenizer(dataset)
        splits = _splits(dataset, tokenizer)
        asked = Export.of(spec, dataset.manifest.fingerprint, splits)
        folder = own_place(dataset.folder, spec) if out is None else folder_at(out)
        asked.refuse_foreign(folder)
        if whole := _whole(folder, _files_of_export(folder, asked.dataset)):
            return Exported(folder, whole, True)
        with folder.locked():
            asked.refuse_foreign(folder)  # somebody else may have been faster
            with _leaving(asked, folder, dataset.folder):
                folder.write(MARK, json.dumps(asked.told))
                folder.remove(RECORD)
                rows = {name: _Rows(dataset, tokenizer, name, asked.reads(splits[name])) for name in asked.columns}
                made = {name: _export(asked, splits[name], rows[name], folder, done) for name in rows}
                files = [file for name in made for file in made[name]] + _indices(asked.sink, made, folder)
                folder.write(RECORD, _sealed({**asked.told, "files": files}, asked.dataset))
    return Exported(folder, files, False)


def faults(folder: Folder, fingerprint: str | None = None) -> list[str]:
    """What is wrong with an export, one line each. Every file is read whole. fingerprint: of its dataset, if known."""
    try:
        record = _whole_record(folder)
    except FileNotFoundError:
        return [f"{RECORD}: missing; the export is not complete"]
    except StorageError as error:
        return [f"{RECORD}: {error.problem}"]
    except ValueError:
        return [f"{RECORD}: its bytes have changed"]
    wrong = [] if fingerprint in (None, record["dataset"]) else [f"{RECORD}: an export of another dataset"]
    files = {file["file"]: file for file in record["files"]}
    for name, recorded in files.items():
        if fault := _fault(folder, recorded):
            wrong.append(f"{name}: {fault}")
    return wrong + [f"{name}: not in {RECORD}" for name in _strange(folder, set(files))]


def _fault(folder: Folder, recorded: Mapping[str, Any]) -> str:
    """Why a file is not the one recorded; "" where it is. One of another size is not read."""
    name = recorded["file"]
    try:
        if folder.size(name) != recorded["bytes"]:
            return "its bytes have changed"
        with folder.local(name) as path:
            return "" if hash_of(path) == recorded["file_hash"] else "its bytes have changed"
    except FileNotFoundError:
        return "missing"
    except StorageError as error:
        return error.problem
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _strange(folder: Folder, known: set[str]) -> list[str]:
    """Files that no export has written."""
    places = {name.rpartition("/")[0] for name in known}
    there = {f"{place}/{name}".lstrip("/") for place in ("", *places) for name in folder.names(place)}
    return sorted(there - known - places - {"", RECORD, STATE})


@contextmanager
def _leaving(asked: Export, folder: Folder, dataset: Folder) -> Iterator[None]:
    """What a failure leaves behind: the parts that are finished; nothing, where the export can never be made."""
    try:
        yield
    except BaseException as error:
        with suppress(StorageError):
            if isinstance(error, SpecError | RunError):
                for name in folder.names(PARTS):
                    for file in _files_of_part(folder, f"{PARTS}/{name}", asked):
                        folder.remove(file["file"])
                    folder.remove(f"{PARTS}/{name}")
            if not folder.names(PARTS):
                folder.dissolve()
                dataset.below(EXPORTS).dissolve()
        raise


@contextmanager
def _refused(dataset: Folder) -> Iterator[None]:
    """What a sink refuses, as the refusal of an export."""
    try:
        yield
    except RunError as error:  # a number that the format has no room for
        raise ExportError(error.problem, error.remedy, dataset.url) from None
    except SpecError as error:
        option = f": {error.at[0]}" if error.at else ""
        raise ExportError(error.problem, error.remedy, f"{dataset.url}{option}") from None


def _tokenizer(dataset: Dataset) -> Tokenizer:
    tokenizer = Tokenizer(dataset.tokenizer(), dataset.end_of_text())
    if tokenizer.backend.token_to_id(tokenizer.eos_token) is None:
        raise StorageError(f"no token '{tokenizer.eos_token}' in it", MEND, f"{dataset.folder.url}/tokenizer")
    return tokenizer


def _splits(dataset: Dataset, tokenizer: Tokenizer) -> dict[str, Split]:
    """All splits of a dataset."""
    found = {}
    for name, its in dataset.manifest.splits.items():
        sources, packing = dataset.manifest.sources(name), dataset.manifest.packing(name)
        rows = its["packing"] == "rows"
        records = dataset.manifest.shards_of(name)
        found[name] = Split(
            name=name,
            length=its["length"],
            rows=rows,
            pure=packing.method == "aligned" or packing.pure(len(sources)),
            closed=packing.uncut and all(source.get("eos", True) for source in sources),
            columns=stored(rows, its["columns"]),
            ids=tokenizer.dtype,
            end=tokenizer.eos,
            shards=tuple(Shard(one.shard, one.sequences, one.documents, one.tokens) for one in records),
            empties=any(source.get("kind") == "corpus" for source in sources),
        )
    return found


# ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _PartRecord(Layout):
    dataset: Fingerprint
    files: list[FileRecord]


class _ExportRecord(_PartRecord):
    sink: dict[str, Any]
    columns: dict[Name, list[Name]]


def _sealed(record: Mapping[str, Any], dataset: str) -> str:
    """A record as it is written: with a hash of itself, and of the dataset that it is about."""
    return json.dumps({"hash": seal(dataset, json.dumps(record)), **record}, indent=1) + "\n"


def _record(folder: Folder, name: str, layout: type[_PartRecord]) -> dict[str, Any]:
    """The way back. FileNotFoundError where there is none; ValueError for a changed one, or one of another layout."""
    tree = layouts.parsed(folder.read(name))
    if not isinstance(tree, dict):
        raise ValueError("no record")
    own = tree.pop("hash", None)
    record: dict[str, Any] = tree
    layouts.checked(layout, record)
    if own != seal(record["dataset"], json.dumps(record)):
        raise ValueError("its hash is that of another record")
    return record


def _whole_record(folder: Folder) -> dict[str, Any]:
    """The record of a whole export."""
    return _record(folder, RECORD, _ExportRecord)


def _files_of_export(folder: Folder, dataset: str) -> list[dict[str, Any]]:
    """The files of a whole export of a dataset: file, bytes, file_hash; nothing where its record is not that."""
    try:
        record = _whole_record(folder)
    except (FileNotFoundError, ValueError):
        return []
    return record["files"] if record["dataset"] == dataset else []


def _files_of_part(folder: Folder, name: str, asked: Export) -> list[dict[str, Any]]:
    """The files of a part of an export, with their facts; nothing where its record is not that."""
    try:
        record = _record(folder, name, _PartRecord)
        layouts.checked(list[asked.sink.Record], record["files"])  # type: ignore[name-defined]
    except (FileNotFoundError, ValueError):
        return []
    return record["files"] if record["dataset"] == asked.dataset else []


def _whole(folder: Folder, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Recorded files, where all of them are there as recorded; else nothing."""
    return files if all(folder.has(f["file"], f["bytes"], f["file_hash"]) for f in files) else []


def _export(asked: Export, split: Split, rows: Rows, folder: Folder, done: Progress) -> list[dict[str, Any]]:
    """The files of a split's parts."""
    written = []
    for part in asked.sink.parts(split):
        name = f"{PARTS}/{split.name}-{part.number:06d}.json"
        files = _whole(folder, _files_of_part(folder, name, asked))
        if not files:
            files = _make(asked.sink, part, rows, folder)
            folder.write(name, _sealed({"dataset": asked.dataset, "files": files}, asked.dataset))
        written += files
        done(part.tokens)
    return written


def _indices(sink: Format, made: Mapping[str, Sequence[Mapping[str, Any]]], folder: Folder) -> list[dict[str, Any]]:
    """The files that name the others."""
    files = _Files(folder)
    for name, text in sink.index(made).items():
        with files.create(name) as file:
            file.write(text.encode())
    return files.made


def _make(sink: Format, part: Part, rows: Rows, folder: Folder) -> list[dict[str, Any]]:
    """The files of a part: all of them, or none."""
    files = _Files(folder)
    try:
        sink.write(part, rows, files)
    except BaseException:
        for file in files.made:
            folder.remove(file["file"])
        raise
    return files.made


@dataclass(frozen=True)
class _Files:
    """Files in a folder, each with size, hash and facts once it has its name."""

    folder: Folder
    made: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def create(self, name: str) -> Iterator[File]:
        with self.folder.creating(name) as raw:
            file = _File(raw)
            yield file
        self.made.append({"file": name, "bytes": file.size, "file_hash": file.hash, **file.facts})


class _File(arrow.HashingFile):
    """One that can be told facts about."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.facts: dict[str, Any] = {}


@dataclass(frozen=True)
class _Rows:
    """The columns `names` of a split's shards, none of which is read before it is found whole."""

    dataset: Dataset
    tokenizer: Tokenizer
    split: str
    names: Sequence[str]

    @cached_property
    def _records(self) -> dict[int, ShardRecord]:
        return {record.shard: record for record in self.dataset.manifest.shards_of(self.split)}

    def of(self, shard: Shard) -> Iterator[Columns]:
        record = self._records[shard.number]
        folder = self.dataset.folder
        if not folder.has(record.file, record.bytes, record.file_hash):
            raise StorageError("missing, or its bytes have changed", MEND, f"{folder.url}/{record.file}")
        for batch in self.dataset.shard(record):
            columns = arrow.columns_from([batch.select(self.names)])
            if "input_ids" in columns and (fault := id_beyond(columns, self.tokenizer.vocabulary)):
                raise StorageError(fault, MEND, f"{folder.url}/{record.file}")
            yield columns

    def texts(self, documents: Ragged) -> list[str]:
        return self.tokenizer.decode_all(_ids_of(documents))

    def broken(self, documents: Ragged) -> bool:
        return not all(map(self.tokenizer.is_text, _ids_of(documents)))


def _ids_of(documents: Ragged) -> list[list[int]]:
    ids, ends = documents.values.tolist(), documents.offsets.tolist()
    return [ids[first:last] for first, last in pairwise(ends)]
