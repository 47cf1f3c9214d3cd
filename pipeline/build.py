"""Plan to dataset: find what is missing, run it, and write the manifest last.

A shard is its file and, written after it, its record. Resuming is nothing more than asking which shards are missing:
those without a record, or whose file is not the one recorded.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

from pipeline import figures, recipe
from pipeline.card import card
from pipeline.core.columns import content_hash
from pipeline.core.documents import ROLES
from pipeline.core.errors import PipelineError, RunError, StorageError
from pipeline.executors import Executor
from pipeline.manifest import Manifest, ShardRecord, totals
from pipeline.plan import Plan
from pipeline.shard import make_shard
from pipeline.sinks import arrow
from pipeline.storage import STATE, Folder, file_hash

FINGERPRINT = f"{STATE}/fingerprint"
Progress = Callable[[ShardRecord], object]
PACKAGES = ("pretraining-recipes", "pyarrow", "tokenizers", "jinja2", "faker")
MARGIN = 1.05  # of the expected bytes, to be free on the disk before a build begins


def build(
    plan: Plan, out: Path, executor: Executor, *, built: Progress = lambda _: None, kept: Progress = lambda _: None
) -> Manifest:
    """The dataset of a plan in the folder `out`; every shard is reported to `built` or, being there, to `kept`.

    StorageError where the folder holds something else, another build runs in it, or space is short. The shards that
    are complete stay, whatever happens; the manifest is there exactly when all of them are.
    """
    folder = Folder(out.resolve())
    _refuse_foreign(folder, plan)  # before anything is written to it
    with folder.locked():
        _refuse_foreign(folder, plan)  # somebody else may have been faster
        found = _found(folder, plan, kept)
        missing = [shard for shard in plan.shards if shard not in found]
        _check_space(folder, plan, missing)
        folder.write(FINGERPRINT, plan.fingerprint)
        if missing:
            folder.path("manifest.json").unlink(missing_ok=True)
        _write_head(folder, plan)
        began = time.time()
        for record in executor.run(build_shard, (plan, folder), missing, folder) if missing else ():
            found[record.split, record.shard] = record
            built(record)
        manifest = _manifest(plan, found)
        folder.write("README.md", card(plan, manifest, out.resolve().name))
        folder.write("manifest.json", manifest.dumps())
        _log(folder, len(missing), began)
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
        sources={name: vars(counts) for name, counts in made.sources.items()},
    )
    folder.write(_record_name(split, k), record.dumps())
    return record


def shard_name(plan: Plan, split: str, k: int) -> str:
    """Where a shard lies below the dataset's folder."""
    return f"{split}/shard-{k:05d}-of-{plan.splits[split].shards:05d}{arrow.SUFFIX}"


def verify(out: Path, *, checked: Progress = lambda _: None) -> list[str]:
    """What is wrong with a built dataset, one line each; empty where all is well. StorageError where there is none.

    Every file is read whole: its bytes are held against the file hash, its columns against the content hash.
    """
    folder = Folder(out.resolve())
    manifest = Manifest.of(out)
    records = manifest.shards
    wrong = []
    for record in records:
        if fault := _fault(folder, record):
            wrong.append(f"{record.file}: {fault}")
        checked(record)
    known = {record.file for record in records}
    for split in manifest.splits:
        strange = (
            sorted(f"{split}/{path.name}" for path in folder.path(split).iterdir())
            if folder.path(split).is_dir()
            else []
        )
        wrong += [f"{name}: not in the manifest" for name in strange if name not in known]
    return wrong


def _fault(folder: Folder, record: ShardRecord) -> str:
    """Why a file is not the one recorded; "" where it is."""
    path = folder.path(record.file)
    if not path.is_file():
        return "missing"
    if path.stat().st_size != record.bytes:
        return f"{path.stat().st_size} bytes instead of {record.bytes}"
    if file_hash(path) != record.file_hash:
        return "its bytes have changed"
    if content_hash(arrow.columns_of(path)) != record.content_hash:
        return "its columns are not those recorded"
    return ""


def _record_name(split: str, k: int) -> str:
    return f"{STATE}/records/{split}-{k:05d}.json"


def _refuse_foreign(folder: Folder, plan: Plan) -> None:
    """StorageError where the folder holds anything but an earlier build of this plan."""
    mark = folder.path(FINGERPRINT)
    if mark.is_file():
        if mark.read_text().strip() != plan.fingerprint:
            raise StorageError(
                "this folder was built from another recipe", "Give another OUT, or remove the folder.", str(folder.root)
            )
    elif folder.root.exists() and (not folder.root.is_dir() or {path.name for path in folder.root.iterdir()} - {STATE}):
        raise StorageError("this is not empty and not a dataset of ours", "Give another OUT.", str(folder.root))


def _found(folder: Folder, plan: Plan, kept: Progress) -> dict[tuple[str, int], ShardRecord]:
    """The shards that are there and whole, re-hashed on all cores."""
    records = []
    for split, k in plan.shards:
        path = folder.path(_record_name(split, k))
        try:
            records.append(ShardRecord.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            continue
    whole: dict[tuple[str, int], ShardRecord] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for record, same in zip(records, pool.map(partial(_same, folder), records), strict=True):
            if same and record.file == shard_name(plan, record.split, record.shard):
                whole[record.split, record.shard] = record
                kept(record)
    return whole


def _same(folder: Folder, record: ShardRecord) -> bool:
    path = folder.path(record.file)
    return path.is_file() and path.stat().st_size == record.bytes and file_hash(path) == record.file_hash


def _check_space(folder: Folder, plan: Plan, missing: Iterable[tuple[str, int]]) -> None:
    needed = int(sum(plan.bytes_of(split) / plan.splits[split].shards for split, _ in missing) * MARGIN)
    if folder.free() < needed:
        raise StorageError(
            f"about {needed / 1e9:.2f} GB are needed and {folder.free() / 1e9:.2f} GB are free",
            "Free some space, or give an OUT on another disk.",
            str(folder.root),
        )


def _write_head(folder: Folder, plan: Plan) -> None:
    """What does not depend on the shards: the resolved recipe and the tokenizer."""
    header = f"{plan.title or 'A recipe'} (resolved: values and templates are written out)"
    folder.write("recipe.yaml", recipe.dump(plan.portable_recipe(), header))
    for name, text in plan.tokenizer.files().items():
        folder.write(f"tokenizer/{name}", text)


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
            "exposures": figures.of_exposures(plan, name),
        }
        splits[name] = totals(mine, **facts)
    return Manifest(
        fingerprint=plan.fingerprint,
        output_version=recipe.OUTPUT_VERSION,
        versions={package: version(package) for package in PACKAGES},
        worlds=figures.of_worlds(plan),
        splits=splits,
        recipe=plan.portable_recipe().model_dump(mode="json"),
    )


def _log(folder: Folder, shards: int, began: float) -> None:
    """When, where and how long: kept apart from the manifest, which is the same on every machine."""
    entry = {"ended": time.strftime("%FT%TZ", time.gmtime()), "seconds": round(time.time() - began, 3), "built": shards}
    with open(folder.path(f"{STATE}/builds.jsonl"), "a") as file:
        file.write(json.dumps({**entry, "host": platform.node(), "python": platform.python_version()}) + "\n")
