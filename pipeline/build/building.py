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
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.build.executors import Executor
from pipeline.build.verification import verify as verify
from pipeline.columns import COLUMNS
from pipeline.core.documents import ROLES
from pipeline.core.errors import PipelineError, PlanError, RunError, SpecError, StorageError
from pipeline.core.table import content_hash
from pipeline.dataset import Dataset, card_marks
from pipeline.dataset.card import card
from pipeline.dataset.manifest import MANIFEST, README, RECIPE, Manifest, totals
from pipeline.dataset.seals import sealed
from pipeline.dataset.shard_record import ShardRecord, shard_file
from pipeline.plan import figures
from pipeline.plan.plan import Plan
from pipeline.plan.splits import SplitPlan
from pipeline.publish.export import Export, Exported, export, own_place
from pipeline.recipe import checks, writing
from pipeline.shard.shard import make_shard
from pipeline.storage import STATE, Folder, arrow, folder_at
from pipeline.storage.folder import AGAIN
from pipeline.storage.local import hash_of_bytes

FINGERPRINT = f"{STATE}/fingerprint"
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
    for sink in plan.recipe.exports:
        exported(export(Dataset(folder, manifest), sink, done=exporting))
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
    folder.write(_record_name(split, k), record.dumps(plan.fingerprint, folder.stamp(name)))
    return record


def shard_name(plan: Plan, split: str, k: int) -> str:
    """Where a shard lies below the dataset's folder."""
    return shard_file(split, k, plan.splits[split].shards)


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
    splits = checks.exported(plan.recipe, plan.tokenizer.dtype.name)
    for sink in plan.recipe.exports:
        try:
            asked = Export.of(sink, plan.fingerprint, splits)
        except SpecError as error:
            raise PlanError(error.problem, error.remedy, f"exports: {sink.kind}") from None
        asked.refuse_foreign(own_place(folder, sink))


def _found(folder: Folder, plan: Plan, kept: Progress) -> dict[tuple[str, int], ShardRecord]:
    """The shards that are there and whole, re-hashed on all cores."""

    def kept_record(shard: tuple[str, int]) -> ShardRecord | None:
        if not (found := _record(folder, plan, shard)):
            return None
        record, stamp = found
        return record if folder.has(record.file, record.bytes, record.file_hash, stamp) else None

    whole: dict[tuple[str, int], ShardRecord] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for record in pool.map(kept_record, plan.shards):
            if record:
                whole[record.split, record.shard] = record
                kept(record)
    return whole


def _record(folder: Folder, plan: Plan, shard: tuple[str, int]) -> tuple[ShardRecord, str] | None:
    """The record of a shard, with its stamp; None where there is none, or not one that this plan has sealed for it."""
    try:
        record, stamp = ShardRecord.loads(folder.read(_record_name(*shard)).decode(), plan.fingerprint)
    except (FileNotFoundError, ValueError):
        return None
    ours = record.file == shard_name(plan, *shard) and (record.split, record.shard) == shard
    return (record, stamp) if ours else None


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
    folder.write(RECIPE, sealed(writing.dump(plan.portable_recipe(), title), plan.fingerprint))
    for name, text in _tokenizer_files(plan).items():
        folder.write(name, text)


def _tokenizer_files(plan: Plan) -> dict[str, str]:
    return {f"tokenizer/{name}": text for name, text in plan.tokenizer.files().items()}


def _write_card(folder: Folder, fresh: str) -> None:
    """The card, with what a person has written around our part.

    Where our marks are torn, something of theirs may go with our part: that card stays in the state of builds.
    """
    try:
        there = card_marks.readable(folder.read(README))
    except FileNotFoundError:
        there = None
    if there and card_marks.torn(there):
        folder.write(f"{STATE}/{README}", there)
    folder.write(README, card_marks.kept(fresh, there))


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
            **_facts_of_columns(plan, split),
            "exposures": figures.of_exposures(plan, name),
            "worlds": figures.of_split(plan, name),
        }
        splits[name] = totals(mine, **facts)
    return Manifest(
        fingerprint=plan.fingerprint,
        output_version=writing.OUTPUT_VERSION,
        versions={package: version(package) for package in PACKAGES},
        worlds=figures.of_worlds(plan),
        splits=splits,
        recipe=writing.described(plan.portable_recipe()),
        files={
            name: {"bytes": len(text.encode()), "file_hash": hash_of_bytes(text.encode())}
            for name, text in _tokenizer_files(plan).items()
        },
    )


def _facts_of_columns(plan: Plan, split: SplitPlan) -> dict[str, Any]:
    """What columns of the split have to say of their own: name → value."""
    sources = [plan.sources[name] for name in split.sources]
    facts: dict[str, Any] = {}
    for column in split.columns:
        facts |= COLUMNS[column].facts_of(sources)
    return facts


def _log(folder: Folder, shards: int, began: float) -> None:
    """When, where and how long: kept apart from the manifest, which is the same on every machine."""
    entry = {"ended": time.strftime("%FT%TZ", time.gmtime()), "seconds": round(time.time() - began, 3), "built": shards}
    line = json.dumps({**entry, "host": platform.node(), "python": platform.python_version()})
    try:
        before = folder.read(BUILDS).decode("utf-8", "replace")
    except FileNotFoundError:
        before = ""
    folder.write(BUILDS, f"{before}{line}\n")
