"""A built dataset checked against its manifest: every byte of its folder except the state of builds.

shards                   size, file hash, content hash, rows; counts of each record against each other
tokenizer/               size and hash; together with the manifest's recipe, the fingerprint
code/                    size and hash, which is also the one in the manifest's recipe
corpora/                 the seals of its files
recipe.yaml, README.md   their seals (of the card, only our part)
manifest.json            its hash; order, numbers and names of shards; totals
anything else            reported as a fault
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.build import metadata_files
from pipeline.core.errors import StorageError
from pipeline.core.system.kept_arrays import BESIDE
from pipeline.core.table import content_hash
from pipeline.dataset import card_marks
from pipeline.dataset.card import header
from pipeline.dataset.manifest import MANIFEST, README, RECIPE, Manifest, code_file
from pipeline.dataset.reader import TOKENIZER, TOKENIZER_CONFIG, Dataset, end_of, layout_of, tokenizer_of
from pipeline.dataset.recorded import fault_of
from pipeline.dataset.seals import is_sealed
from pipeline.dataset.shard_record import ShardRecord
from pipeline.dataset.sweep_index import SWEEP, SweepIndex
from pipeline.publish.export import EXPORTS, RECORD, faults
from pipeline.recipe.writing import fingerprint_of
from pipeline.storage import STATE, Folder, arrow, folder_at
from pipeline.storage.local import hash_of_bytes
from pipeline.storage.shard_layout import ShardLayout, id_beyond
from pipeline.text.tokenizer import Tokenizer, hash_of_tokenizer

PAGE = "report.html"  # `report` writes it beside the shards; no reader uses it


def verify(out: str | Path, *, checked: Callable[[ShardRecord], object] = lambda _: None) -> list[str]:
    """The faults of a built dataset, or of all of a sweep, a line each; [] where there are none. StorageError where
    there is neither.

    Every file is read whole. The bytes of a shard must match its file hash, its columns the content hash and counts.
    Numbers that the manifest states twice must agree; files that it does not list are faults. checked: called with the
    record of each shard.
    """
    folder = folder_at(out)
    names = set(folder.names())
    if {RECORD, MANIFEST} & names == {RECORD}:  # the folder is an export
        return faults(folder)
    if {SWEEP, MANIFEST} & names == {SWEEP}:
        return list(_faults_of_sweep(folder, checked))
    return _faults_of_dataset(folder, checked)


def _faults_of_sweep(folder: Folder, checked: Callable[[ShardRecord], object]) -> Iterator[str]:
    """The faults of all datasets of a sweep, and what lies beside them."""
    index = SweepIndex.of(folder)
    for name in index.folders:
        dataset = folder.below(name)
        try:
            yield from (f"{name}/{line}" for line in _faults_of_dataset(dataset, checked))
            if Manifest.examined(dataset)[0].fingerprint != index.cells[name]["fingerprint"]:
                yield f"{name}: it is another dataset than {SWEEP} says"
        except StorageError as error:
            yield f"{name}: {error.problem}"
    strangers = [name for name in folder.names() if name not in {*index.folders, SWEEP, STATE}]
    yield from (f"{name}: not in {SWEEP}" for name in strangers)


def _faults_of_dataset(folder: Folder, checked: Callable[[ShardRecord], object]) -> list[str]:
    manifest, wrong = Manifest.examined(folder)
    wrong = [f"{MANIFEST}: {line}" for line in wrong]
    vocabulary = _vocabulary(folder, manifest)
    for split in manifest.splits:
        for record in manifest.shards_of(split):
            entry = manifest.splits[split]
            if fault := _fault(folder, record, layout_of(entry), vocabulary) or _miscounted(record, entry):
                wrong.append(f"{record.file}: {fault}")
            checked(record)
    wrong += _faults_of_head(folder, manifest)
    wrong += _strangers(folder, manifest)
    wrong += _faults_of_files(folder)
    return wrong + list(_faults_of_exports(folder, manifest))


def _faults_of_exports(folder: Folder, manifest: Manifest) -> Iterator[str]:
    """The faults of the exports inside the dataset's folder."""
    try:
        names = folder.names(EXPORTS)
    except StorageError as error:
        yield f"{EXPORTS}: {error.problem}"
        return
    for name in names:
        try:
            lines = faults(folder.below(f"{EXPORTS}/{name}"), manifest.fingerprint)
        except StorageError as error:
            yield f"{EXPORTS}/{name}: {error.problem}"
        else:
            yield from (f"{EXPORTS}/{name}/{line}" for line in lines)


def _vocabulary(folder: Folder, manifest: Manifest) -> int | None:
    """One more than the largest id that rows may hold; None where the tokenizer cannot be read (which is reported)."""
    if manifest.vocabulary:
        return manifest.vocabulary["in_use"]
    try:
        return _vocabulary_of(Dataset(folder, manifest).tokenizer_text())
    except (StorageError, ValueError):
        return None


@lru_cache(8)  # for further datasets with the same tokenizer
def _vocabulary_of(text: str) -> int:
    return Tokenizer(tokenizer_of(text), "").vocabulary


def _fault(folder: Folder, record: ShardRecord, layout: ShardLayout, vocabulary: int | None) -> str:
    """Why a shard is not as recorded; "" where it is. vocabulary: one more than the largest token id, if known."""

    def fault_of_columns(path: Path) -> str:
        columns = arrow.columns_of(path, layout)
        if content_hash(columns) != record.content_hash:
            return "its columns are not those recorded"
        if vocabulary is not None and (fault := id_beyond(columns, vocabulary)):
            return fault
        rows = len(columns["input_ids"])  # type: ignore[arg-type]  # an array, as the layout says
        return "" if rows == record.sequences else f"{rows} rows instead of {record.sequences}"

    return fault_of(folder, record.file, record.bytes, record.file_hash, fault_of_columns)


def _miscounted(record: ShardRecord, split: Mapping[str, Any]) -> str:
    """Which counts in the record of a shard contradict each other; "" where none do."""
    if list(record.sources) != list(split["source_names"]):
        return "the sources of its record are not those of the split"
    for unit, total in (("documents", record.documents), ("tokens", record.tokens)):
        if sum(counts.get(unit, 0) for counts in record.sources.values()) != total:
            return f"{total} {unit} in its record, and others by source"
    if record.sequences * split["length"] != record.tokens + record.padding:
        return f"{record.sequences} sequences of {split['length']} do not hold its tokens and padding"
    return ""


def _faults_of_head(folder: Folder, manifest: Manifest) -> list[str]:
    """The faults of the files beside the shards."""
    fingerprint, wrong = manifest.fingerprint, []
    data: dict[str, bytes] = {}
    for name in (RECIPE, README, *dict.fromkeys((TOKENIZER, TOKENIZER_CONFIG, *manifest.files))):
        try:
            data[name] = folder.read(name)
        except FileNotFoundError:
            wrong.append(f"{name}: missing")
        except StorageError as error:
            wrong.append(f"{name}: {error.problem}")
    if RECIPE in data and not is_sealed(data[RECIPE], fingerprint):
        wrong.append(f"{RECIPE}: its bytes have changed")
    if README in data and (fault := card_marks.fault(data[README], header(manifest), fingerprint)):
        wrong.append(f"{README}: {fault}")
    for name, recorded in manifest.files.items():
        if name in data and (len(data[name]), hash_of_bytes(data[name])) != (recorded["bytes"], recorded["file_hash"]):
            wrong.append(f"{name}: its bytes have changed")
    wrong += _faults_of_code(manifest, data)
    if not any(line.startswith("tokenizer/") for line in wrong) and not _has_own_fingerprint(manifest, data):
        wrong.append(f"{MANIFEST}: the fingerprint is not that of its recipe and tokenizer")
    return wrong


def _faults_of_code(manifest: Manifest, data: Mapping[str, bytes]) -> Iterator[str]:
    """A line for each source whose code is not the one that the recipe has the hash of."""
    for source, spec in manifest.recipe["sources"].items():
        if spec.get("kind") == "python":
            name = code_file(source)
            if name not in manifest.files:
                yield f"{name}: missing"
            elif name in data and spec.get("content") != hash_of_bytes(data[name]):
                yield f"{name}: it is not the code that the recipe has the hash of"


def _has_own_fingerprint(manifest: Manifest, data: Mapping[str, bytes]) -> bool:
    """Whether the manifest's fingerprint is that of its recipe and of the tokenizer files in `data`."""
    try:
        own = hash_of_tokenizer(data[TOKENIZER].decode(), end_of(data[TOKENIZER_CONFIG]))
    except ValueError:
        return False
    return fingerprint_of(manifest.recipe, own, manifest.output_version) == manifest.fingerprint


def _faults_of_files(folder: Folder) -> Iterator[str]:
    """A line for each file about the files of sources that is not as it was written."""
    try:
        names = [f"{BESIDE}/{name}" for name in folder.names(BESIDE)]
    except StorageError as error:
        yield f"{BESIDE}: {error.problem}"
        return
    yield from (f"{name}: its bytes have changed" for name in names if not metadata_files.is_sealed(folder, name))


def _strangers(folder: Folder, manifest: Manifest) -> Iterator[str]:
    """A line for each file or folder that no build wrote, and for each folder that cannot be read."""
    files = {MANIFEST, README, RECIPE, *manifest.files, *(record.file for record in manifest.shards)}
    below = {name.partition("/")[0] for name in files if "/" in name}
    names = [name for name in folder.names() if name not in {*below, STATE, EXPORTS, PAGE, BESIDE}]
    for subfolder in sorted(below):
        try:
            names += [f"{subfolder}/{name}" for name in folder.names(subfolder)]
        except StorageError as error:
            yield f"{subfolder}: {error.problem}"
    yield from (f"{name}: not in the manifest" for name in names if name not in files)
