"""Plan to dataset: find what is missing, run it, and write the manifest last.

A shard is its file and, written after it, its record. Resuming is nothing more than asking which shards are missing:
those without a record that this plan has sealed, or whose file is not the one recorded. The files beside the shards are
compared with what they should be, and written where they are not.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline import figures, marks, recipe
from pipeline.card import card, header
from pipeline.core.columns import content_hash
from pipeline.core.documents import ROLES
from pipeline.core.errors import PipelineError, PlanError, RunError, SpecError, StorageError
from pipeline.dataset import TOKENIZER, TOKENIZER_CONFIG, Dataset
from pipeline.executors import Executor
from pipeline.export import EXPORTS, RECORD, Export, Exported, export, faults, place_of
from pipeline.manifest import MANIFEST, Manifest, ShardRecord, is_sealed, sealed, shard_file, totals
from pipeline.plan import Plan, SplitPlan
from pipeline.shard import make_shard
from pipeline.sinks import arrow
from pipeline.sources.source import Parsed
from pipeline.storage import STATE, Folder, folder_at
from pipeline.storage.folder import AGAIN
from pipeline.storage.local import hash_of, hash_of_bytes
from pipeline.text.tokenizer import hash_of_tokenizer

FINGERPRINT = f"{STATE}/fingerprint"
README, RECIPE = "README.md", "recipe.yaml"
PAGE = "report.html"  # which `report` puts beside them; anybody may write there
BUILDS = f"{STATE}/builds.jsonl"  # when, where and how long; what `report` says of throughput
Progress = Callable[[ShardRecord], object]
PACKAGES = ("pretraining-recipes", "pyarrow", "tokenizers", "jinja2", "faker")
MARGIN = 1.05  # of the expected bytes, to be free on the disk before a build begins


def build(
    plan: Plan,
    out: str | Path,
    executor: Executor,
    *,
    built: Progress = lambda _: None,
    kept: Progress = lambda _: None,
    exporting: Callable[[int], object] = lambda _: None,
    exported: Callable[[Exported], object] = lambda _: None,
) -> Manifest:
    """The dataset of a plan in the folder, or below the URL, `out`, and the exports that its recipe asks for.

    Every shard is reported to `built` or, being there, to `kept`; the tokens of every part of an export to `exporting`,
    and the export, when it is whole, to `exported`.

    StorageError where the folder holds something else, another build runs in it, or space is short; RunError where it
    is moved or removed meanwhile. The shards that are complete stay, whatever happens; the manifest is there exactly
    when all of them are.
    """
    folder = folder_at(out)
    _refuse_foreign(folder, plan)  # before anything is written to it
    _check_exports(folder, plan)
    with folder.locked() as held:
        _refuse_foreign(folder, plan)  # somebody else may have been faster
        found = _found(folder, plan, kept)
        missing = [shard for shard in plan.shards if shard not in found]
        _check_space(folder, plan, missing)
        folder.write(FINGERPRINT, plan.fingerprint)
        if missing:
            folder.remove(MANIFEST)
        _write_head(folder, plan)
        began = time.time()
        for record in executor.run(build_shard, (plan, folder), missing, folder) if missing else ():
            held()
            found[record.split, record.shard] = record
            built(record)
        manifest = _manifest(plan, found)
        held()
        _check_there(folder, manifest)
        _write_card(folder, card(plan, manifest, folder.name))
        folder.write(MANIFEST, manifest.dumps())
        _log(folder, len(missing), began)
    for sink in plan.recipe.sinks:
        exported(export(Dataset(folder, manifest), sink, place_of(folder, sink), done=exporting))
    return manifest


def build_shard(common: tuple[Plan, Folder], shard: tuple[str, int]) -> ShardRecord:
    """One shard, from nothing to its file and its record. What a worker runs."""
    (plan, folder), (split, k) = common, shard
    try:
        made = make_shard(plan, split, k)
    except PipelineError as error:
        raise RunError(f"shard {k} of {split}: {error}") from error
    name = shard_name(plan, split, k)
    with folder.creating(name) as raw:
        file = arrow.HashingFile(raw)
        arrow.write(made.columns, file)
    record = ShardRecord(
        split=split,
        shard=k,
        file=name,
        bytes=file.size,
        file_hash=file.hash,
        content_hash=content_hash(made.columns),
        sequences=made.sequences,
        documents=sum(counts.documents for counts in made.sources.values()),
        tokens=sum(counts.tokens for counts in made.sources.values()),
        padding=made.padding,
        sources={name: counts.record() for name, counts in made.sources.items()},
    )
    folder.write(_record_name(split, k), record.dumps(plan.fingerprint))
    return record


def shard_name(plan: Plan, split: str, k: int) -> str:
    """Where a shard lies below the dataset's folder."""
    return shard_file(split, k, plan.splits[split].shards)


def verify(out: str | Path, *, checked: Progress = lambda _: None) -> list[str]:
    """What is wrong with a built dataset, one line each; empty where all is well. StorageError where there is none.

    Every file is read whole: of a shard, its bytes are held against the file hash, its columns against the content hash
    and the counts. What a manifest says twice is computed from the other; what it does not know of is named.
    """
    folder = folder_at(out)
    if {RECORD, MANIFEST} & set(folder.names()) == {RECORD}:  # an export, wherever it lies
        return faults(folder)
    manifest, wrong = Manifest.examined(folder)
    wrong = [f"{MANIFEST}: {line}" for line in wrong]
    for split in manifest.splits:
        for record in manifest.shards_of(split):
            if fault := _fault(folder, record) or _miscounted(record, manifest.splits[split]):
                wrong.append(f"{record.file}: {fault}")
            checked(record)
    wrong += _faults_of_head(folder, manifest)
    wrong += [f"{name}: not in the manifest" for name in _strangers(folder, manifest)]
    for name in folder.names(EXPORTS):
        part = folder_at(f"{folder.url}/{EXPORTS}/{name}")
        wrong += [f"{EXPORTS}/{name}/{fault}" for fault in faults(part, manifest.fingerprint)]
    return wrong


def _fault(folder: Folder, record: ShardRecord) -> str:
    """Why a file is not the one recorded; "" where it is."""
    try:
        with folder.local(record.file) as path:
            if path.stat().st_size != record.bytes:
                return f"{path.stat().st_size} bytes instead of {record.bytes}"
            if hash_of(path) != record.file_hash:
                return "its bytes have changed"
            columns = arrow.columns_of(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except (OSError, ValueError, TypeError, NotImplementedError, IndexError) as error:
        return f"it cannot be read: {' '.join(str(error).split())}"
    if content_hash(columns) != record.content_hash:
        return "its columns are not those recorded"
    rows = len(columns["input_ids"])  # type: ignore[arg-type]  # an array, as the content hash says
    return "" if rows == record.sequences else f"{rows} rows instead of {record.sequences}"


def _miscounted(record: ShardRecord, split: Mapping[str, Any]) -> str:
    """What the record of a shard says that cannot be; "" where it can."""
    if list(record.sources) != list(split["source_names"]):
        return "the sources of its record are not those of the split"
    for what, total in (("documents", record.documents), ("tokens", record.tokens)):
        if sum(counts.get(what, 0) for counts in record.sources.values()) != total:
            return f"{total} {what} in its record, and others by source"
    if record.sequences * split["length"] != record.tokens + record.padding:
        return f"{record.sequences} sequences of {split['length']} do not hold its tokens and padding"
    return ""


def _faults_of_head(folder: Folder, manifest: Manifest) -> list[str]:
    """What is wrong with the files beside the shards."""
    fingerprint, wrong = manifest.fingerprint, []
    data: dict[str, bytes] = {}
    for name in (RECIPE, README, *dict.fromkeys((TOKENIZER, TOKENIZER_CONFIG, *manifest.files))):
        try:
            data[name] = folder.read(name)
        except FileNotFoundError:
            wrong.append(f"{name}: missing")
    if RECIPE in data and not is_sealed(data[RECIPE], fingerprint):
        wrong.append(f"{RECIPE}: its bytes have changed")
    if README in data and (fault := marks.fault(data[README], header(manifest), fingerprint)):
        wrong.append(f"{README}: {fault}")
    for name, recorded in manifest.files.items():
        if name in data and (len(data[name]), hash_of_bytes(data[name])) != (recorded["bytes"], recorded["file_hash"]):
            wrong.append(f"{name}: its bytes have changed")
    if not any(line.startswith("tokenizer/") for line in wrong) and not _is_of(manifest, data):
        wrong.append(f"{MANIFEST}: the fingerprint is not that of its recipe and tokenizer")
    return wrong


def _is_of(manifest: Manifest, data: Mapping[str, bytes]) -> bool:
    """Whether the fingerprint is that of the recipe and the tokenizer."""
    try:
        end = json.loads(data[TOKENIZER_CONFIG])["eos_token"]
        own = hash_of_tokenizer(data[TOKENIZER].decode(), end)
    except (ValueError, TypeError, KeyError):
        return False
    return recipe.fingerprint_of(manifest.recipe, own, manifest.output_version) == manifest.fingerprint


def _strangers(folder: Folder, manifest: Manifest) -> Iterator[str]:
    """Files and folders that no build has written."""
    files = {MANIFEST, README, RECIPE, *manifest.files, *(record.file for record in manifest.shards)}
    parts = {name.partition("/")[0] for name in files if "/" in name}
    for name in folder.names():
        if name not in {*files, *parts, STATE, EXPORTS, PAGE}:
            yield name
    for part in sorted(parts):
        yield from (f"{part}/{name}" for name in folder.names(part) if f"{part}/{name}" not in files)


def _record_name(split: str, k: int) -> str:
    return f"{STATE}/records/{split}-{k:05d}.json"


def _refuse_foreign(folder: Folder, plan: Plan) -> None:
    """StorageError where the folder holds anything but an earlier build of this plan.

    Whose it is says its manifest; where that is lost or damaged, its mark, and then the records of its shards, which
    carry the plan's seal. One of these is enough.
    """
    names = set(folder.names())
    try:
        known = Manifest.of(folder).fingerprint if MANIFEST in names else ""
    except StorageError:
        known = ""
    if not known:
        try:
            known = folder.read(FINGERPRINT).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            known = ""
        records = set(folder.names(f"{STATE}/records")) if STATE in names else set()
        recorded = (shard for shard in plan.shards if _record_name(*shard).rpartition("/")[2] in records)
        if known != plan.fingerprint and any(_record(folder, plan, shard) for shard in recorded):
            known = plan.fingerprint
    if known == plan.fingerprint or not (known or names - {STATE}):
        return
    if re.fullmatch("[0-9a-f]{64}", known):
        raise StorageError(
            "this folder was built from another recipe", "Give another OUT, or remove the folder.", folder.url
        )
    raise StorageError(
        "this is not empty and not a dataset of ours, or has lost its manifest, its records and what says so",
        "Give another OUT.",
        folder.url,
    )


def _check_exports(folder: Folder, plan: Plan) -> None:
    """PlanError or StorageError for an export that could not be made once all is built."""
    splits = recipe.exported(plan.recipe, plan.tokenizer.dtype.name)
    for sink in plan.recipe.sinks:
        try:
            asked = Export.of(sink, plan.fingerprint, splits)
        except SpecError as error:
            raise PlanError(error.problem, error.remedy, f"sinks: {sink.kind}") from None
        asked.refuse_foreign(folder_at(place_of(folder, sink)))


def _found(folder: Folder, plan: Plan, kept: Progress) -> dict[tuple[str, int], ShardRecord]:
    """The shards that are there and whole, re-hashed on all cores."""

    def kept_record(shard: tuple[str, int]) -> ShardRecord | None:
        record = _record(folder, plan, shard)
        return record if record and folder.has(record.file, record.bytes, record.file_hash) else None

    whole: dict[tuple[str, int], ShardRecord] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for record in pool.map(kept_record, plan.shards):
            if record:
                whole[record.split, record.shard] = record
                kept(record)
    return whole


def _record(folder: Folder, plan: Plan, shard: tuple[str, int]) -> ShardRecord | None:
    """The record of a shard; None where there is none, or not one that this plan has sealed for it."""
    try:
        record = ShardRecord.loads(folder.read(_record_name(*shard)).decode(), plan.fingerprint)
    except (FileNotFoundError, ValueError):
        return None
    ours = record.file == shard_name(plan, *shard) and (record.split, record.shard) == shard
    return record if ours else None


def _check_space(folder: Folder, plan: Plan, missing: Iterable[tuple[str, int]]) -> None:
    needed = int(sum(plan.bytes_of(split) / plan.splits[split].shards for split, _ in missing) * MARGIN)
    free = folder.free()
    if free is not None and free < needed:
        raise StorageError(
            f"about {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free",
            "Free some space, or give an OUT on another disk.",
            folder.url,
        )


def _write_head(folder: Folder, plan: Plan) -> None:
    """What does not depend on the shards: the resolved recipe and the tokenizer."""
    title = f"{plan.title or 'A recipe'} (resolved: values and templates are written out)"
    folder.write(RECIPE, sealed(recipe.dump(plan.portable_recipe(), title), plan.fingerprint))
    for name, text in _tokenizer_files(plan).items():
        folder.write(name, text)


def _tokenizer_files(plan: Plan) -> dict[str, str]:
    return {f"tokenizer/{name}": text for name, text in plan.tokenizer.files().items()}


def _write_card(folder: Folder, fresh: str) -> None:
    """The card, with what a person has written around our part. One that has lost its marks is kept in the state."""
    try:
        there = folder.read(README)
    except FileNotFoundError:
        there = b""
    folder.write(README, marks.kept(fresh, marks.readable(there)))


def _check_there(folder: Folder, manifest: Manifest) -> None:
    """RunError where a file that the manifest will name is not in the folder any more, or not of its size."""
    files = {record.file: record.bytes for record in manifest.shards}
    files |= {name: recorded["bytes"] for name, recorded in manifest.files.items()}
    parts = dict.fromkeys(name.rpartition("/")[0] for name in files)
    there = {f"{part}/{name}": size for part in parts for name, size in folder.sizes(part).items()}
    lost = [name for name, size in files.items() if there.get(name) != size]
    lost += [] if RECIPE in folder.sizes() else [RECIPE]
    if lost:
        shown = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        raise RunError(f"somebody has removed or changed {shown} during the build", AGAIN, folder.url)


def _manifest(plan: Plan, records: dict[tuple[str, int], ShardRecord]) -> Manifest:
    splits = {}
    for name, split in plan.splits.items():
        mine = [records[name, k] for k in range(split.shards)]
        facts = {
            "length": split.packing.length,
            "packing": split.packing.method,
            "columns": ["input_ids", *split.columns],
            "source_names": list(split.sources),
            "attributes": list(split.attributes),
            "roles": list(ROLES),
            **({"symbols": list(_symbols(plan, split))} if "tree" in split.columns else {}),
            "exposures": figures.of_exposures(plan, name),
            "worlds": figures.of_split(plan, name),
        }
        splits[name] = totals(mine, **facts)
    return Manifest(
        fingerprint=plan.fingerprint,
        output_version=recipe.OUTPUT_VERSION,
        versions={package: version(package) for package in PACKAGES},
        worlds=figures.of_worlds(plan),
        splits=splits,
        recipe=recipe.described(plan.portable_recipe()),
        files={
            name: {"bytes": len(text.encode()), "file_hash": hash_of_bytes(text.encode())}
            for name, text in _tokenizer_files(plan).items()
        },
    )


def _symbols(plan: Plan, split: SplitPlan) -> tuple[str, ...]:
    """What the numbers of the column `ancestors` mean."""
    source = plan.sources[split.sources[0]]
    assert isinstance(source, Parsed), "the plan refuses it"
    return source.symbols


def _log(folder: Folder, shards: int, began: float) -> None:
    """When, where and how long: kept apart from the manifest, which is the same on every machine."""
    entry = {"ended": time.strftime("%FT%TZ", time.gmtime()), "seconds": round(time.time() - began, 3), "built": shards}
    line = json.dumps({**entry, "host": platform.node(), "python": platform.python_version()})
    try:
        before = folder.read(BUILDS).decode("utf-8", "replace")
    except FileNotFoundError:
        before = ""
    folder.write(BUILDS, f"{before}{line}\n")
