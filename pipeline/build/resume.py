"""What an earlier build has left in a folder: whose it is, and which of its shards are whole.

A shard is its file and, written after it, its record. Resuming is nothing more than asking which shards are missing:
those without a record that this plan has sealed, or whose file is not the one recorded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pipeline.core.errors import StorageError
from pipeline.dataset.manifest import MANIFEST, Manifest
from pipeline.dataset.shard_record import ShardRecord, shard_file
from pipeline.plan.plan import Plan
from pipeline.storage import STATE, Folder

FINGERPRINT = f"{STATE}/fingerprint"
Progress = Callable[[ShardRecord], object]


def shard_name(plan: Plan, split: str, k: int) -> str:
    """Where a shard lies below the dataset's folder."""
    return shard_file(split, k, plan.splits[split].shards)


def record_name(split: str, k: int) -> str:
    """Where the record of a shard lies while the dataset is built."""
    return f"{STATE}/records/{split}-{k:05d}.json"


def refuse_foreign(folder: Folder, plan: Plan) -> None:
    """StorageError where the folder holds anything but an earlier build of this plan.

    Its manifest says whose it is; where that is lost or damaged, its mark, and then the records of its shards, which
    carry the plan's seal. One of these is enough.
    """
    names = set(folder.names())
    try:
        owner = Manifest.of(folder).fingerprint if MANIFEST in names else ""
    except StorageError:
        owner = ""
    if not owner:
        try:
            owner = folder.read(FINGERPRINT).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            owner = ""
        records = set(folder.names(f"{STATE}/records")) if STATE in names else set()
        recorded = (shard for shard in plan.shards if record_name(*shard).rpartition("/")[2] in records)
        if owner != plan.fingerprint and any(_record(folder, plan, shard) for shard in recorded):
            owner = plan.fingerprint
    if owner == plan.fingerprint or not (owner or names - {STATE}):
        return
    if re.fullmatch("[0-9a-f]{64}", owner):
        raise StorageError(
            "this folder was built from another recipe", "Give another OUT, or remove the folder.", folder.url
        )
    raise StorageError(
        "this is not empty and not a dataset of ours, or has lost its manifest, its records and what says so",
        "Give another OUT.",
        folder.url,
    )


def whole_shards(folder: Folder, plan: Plan, kept: Progress) -> dict[tuple[str, int], ShardRecord]:
    """The records of the shards that are there and whole, re-hashed on all cores. Each is reported to `kept`."""

    def kept_record(shard: tuple[str, int]) -> ShardRecord | None:
        if not (recorded := _record(folder, plan, shard)):
            return None
        record, stamp = recorded
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
        record, stamp = ShardRecord.loads(folder.read(record_name(*shard)).decode(), plan.fingerprint)
    except (FileNotFoundError, ValueError):
        return None
    of_shard = record.file == shard_name(plan, *shard) and (record.split, record.shard) == shard
    return (record, stamp) if of_shard else None
