"""What an earlier build left in a folder: of which plan it is, and which shards are complete.

A shard is complete when its record, written after its file, is sealed by this plan and the file is as recorded. A
resumed build makes the others.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from pydantic import Field, TypeAdapter

from pipeline.core import json_layouts
from pipeline.core.errors import RunError, StorageError
from pipeline.dataset.manifest import MANIFEST, Manifest
from pipeline.dataset.shard_record import ShardRecord, shard_file
from pipeline.plan.plan import Plan
from pipeline.storage import STATE, Folder
from pipeline.text.encoding.proof import refute

FINGERPRINT = f"{STATE}/fingerprint"
REFUTED = f"{STATE}/refuted.json"
Progress = Callable[[ShardRecord], object]


def shard_name(plan: Plan, split: str, k: int) -> str:
    """The path of a shard's file below the dataset's folder."""
    return shard_file(split, k, plan.splits[split].shards)


def record_name(split: str, k: int) -> str:
    """The path of a shard's record while the dataset is built."""
    return f"{STATE}/records/{split}-{k:05d}.json"


def refuse_foreign(folder: Folder, plan: Plan) -> None:
    """StorageError where the folder holds anything but an earlier build of this plan.

    The plan is recognised by the manifest, by the FINGERPRINT file, or by a record of a shard with the plan's seal. One
    of them is enough, in case the others are lost or damaged.
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
            "this folder was built from another recipe", "Give another folder, or remove the folder.", folder.url
        )
    raise StorageError(
        "this is not empty and not a dataset of ours, or has lost its manifest, its records and what says so",
        "Give another folder.",
        folder.url,
    )


_Disproved = TypeAdapter(
    Annotated[
        dict[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], Annotated[str, Field(max_length=2000)]],
        Field(max_length=100),
    ]
)


def check_proofs(folder: Folder, plan: Plan) -> None:
    """Refuted where an earlier build in the folder found a proof to be wrong, and the plan does not know of it."""
    try:
        found = json_layouts.checked(_Disproved, json_layouts.parsed(folder.read(REFUTED)))
    except (FileNotFoundError, ValueError):
        return
    if unknown := {proof: reason for proof, reason in found.items() if proof not in plan.refuted}:
        raise Refuted.of(unknown)


def disprove(folder: Folder, disproved: Mapping[str, str]) -> None:
    """Note in the folder, and for this user, what a build found to be wrong. Refuted, always."""
    folder.write(REFUTED, json.dumps(dict(disproved)))
    raise Refuted.of(disproved)


class Refuted(RunError):
    """The plan relies on a proof that does not hold: compiled again it relies on no such proof."""

    @classmethod
    def of(cls, disproved: Mapping[str, str]) -> Refuted:
        """The error, after noting for this user what does not hold: proof → why."""
        for proof, reason in disproved.items():
            refute(proof, reason)
        first = next(iter(disproved.values()))
        return cls(first, "Run the same command again: it goes on with tokenizers, and makes anew what gigatoken made.")


def whole_shards(folder: Folder, plan: Plan, kept: Progress) -> dict[tuple[str, int], ShardRecord]:
    """(split, number) → record of each complete shard; files are hashed on all cores. kept: called with each record.

    A shard that relies on a proof which does not hold is not complete.
    """
    refuted = set(plan.refuted)

    def kept_record(shard: tuple[str, int]) -> ShardRecord | None:
        if not (recorded := _record(folder, plan, shard)):
            return None
        record, stamp = recorded
        if refuted.intersection(record.proofs):
            return None  # it is made again
        return record if folder.has(record.file, record.bytes, record.file_hash, stamp) else None

    whole: dict[tuple[str, int], ShardRecord] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for record in pool.map(kept_record, plan.shards):
            if record:
                whole[record.split, record.shard] = record
                kept(record)
    return whole


def _record(folder: Folder, plan: Plan, shard: tuple[str, int]) -> tuple[ShardRecord, str] | None:
    """(record, stamp) of a shard; None without a record that this plan sealed for this shard."""
    try:
        record, stamp = ShardRecord.loads(folder.read(record_name(*shard)).decode(), plan.fingerprint)
    except (FileNotFoundError, ValueError):
        return None
    of_shard = record.file == shard_name(plan, *shard) and (record.split, record.shard) == shard
    return (record, stamp) if of_shard else None
