"""build: find the missing shards, make them, and write the manifest last."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.build import metadata_files, resume
from pipeline.build.executors import Executor
from pipeline.build.resume import FINGERPRINT, Progress, record_name, shard_name
from pipeline.columns import COLUMNS
from pipeline.core.documents import ROLES
from pipeline.core.errors import CodeError, PipelineError, PlanError, RunError, SpecError, StorageError
from pipeline.core.system import output
from pipeline.core.system.reliance import noted
from pipeline.core.system.work_warnings import collected
from pipeline.core.table import content_hash
from pipeline.dataset import Dataset
from pipeline.dataset.card import card
from pipeline.dataset.manifest import MANIFEST, Manifest, totals
from pipeline.dataset.shard_record import ShardRecord
from pipeline.plan import summary
from pipeline.plan.order import SplitPlan
from pipeline.plan.plan import Plan
from pipeline.publish.export import Export, Exported, export, own_place
from pipeline.recipe import checks, writing
from pipeline.shard.shard import make_shard
from pipeline.storage import STATE, Folder, arrow, folder_at
from pipeline.storage.local import hash_of_bytes
from pipeline.text.encoding.proof import know

BUILDS = f"{STATE}/builds.jsonl"  # a line for each build: when, where, how long; `report` shows them
PACKAGES = ("pretraining-recipes", "pyarrow", "tokenizers", "jinja2", "faker")
MARGIN = 1.05  # times the expected bytes must be free before a build begins


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
    """Build the dataset of a plan at the path or URL `out`, with the exports that its recipe asks for.

    built, kept: called with the record of each shard that is made, or that was complete before. exporting: called with
    the tokens of each part of an export; exported: with each complete export.

    PlanError where a file that the plan was made from has changed since; StorageError where the folder holds something
    else, another build runs in it, or space is short; RunError where the
    folder is moved or removed meanwhile; Refuted where something that the plan relies on is found to be wrong, and
    another plan has to be made. Complete shards are always kept, and the manifest exists exactly when all shards are
    complete.
    """
    with begun(plan, out, kept) as begin:
        folder = begin.folder
        for record in executor.run(build_shard, (plan, folder), begin.missing, folder) if begin.missing else ():
            begin.take(record)
            built(record)
        manifest = begin.finish()
    for spec in plan.recipe.exports:
        exported(export(Dataset(folder, manifest), spec, done=exporting))
    return manifest


@contextmanager
def begun(plan: Plan, out: str | Path, kept: Progress = lambda _: None) -> Iterator[Begun]:
    """A build whose folder is checked and locked while the block lasts, where somebody makes the missing shards.

    StorageError and PlanError as of `build`. kept: called with the record of each shard that is complete.
    """
    folder = folder_at(out)
    resume.refuse_foreign(folder, plan)  # before anything is written to it
    _check_exports(folder, plan)
    with folder.locked() as check_held:
        resume.refuse_foreign(folder, plan)  # another build may have begun here meanwhile
        resume.check_proofs(folder, plan)
        records = resume.whole_shards(folder, plan, kept)
        missing = [shard for shard in plan.shards if shard not in records]
        if missing:
            _check_files(plan)
        _check_space(folder, plan, missing)
        folder.write(FINGERPRINT, plan.fingerprint)
        if missing:
            folder.remove(MANIFEST)
        metadata_files.write(folder, plan)
        yield Begun(plan, folder, missing, records, check_held)


@dataclass
class Begun:
    """A build that has begun. missing: the shards to be made, (split, number). records: those of the others, at first.

    check_held: raises RunError where the folder is no longer the one that was locked.
    """

    plan: Plan
    folder: Folder
    missing: list[tuple[str, int]]
    records: dict[tuple[str, int], ShardRecord]
    check_held: Callable[[], None]
    began: float = field(default_factory=time.time)
    warnings: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all shards are made."""
        return len(self.records) == len(self.plan.shards)

    def take(self, record: ShardRecord) -> None:
        """Note a shard that was made, and say what came up meanwhile. Refuted where something is found to be wrong."""
        self.check_held()
        for line in record.warnings:
            output.complain(f"warning: {line}")
        self.warnings += record.warnings
        if record.disproved:
            made = sum(shard in self.records for shard in self.missing)
            _log(self.folder, made, self.began, self.warnings)
            resume.disprove(self.folder, {**self.plan.refuted, **record.disproved})
        self.records[record.split, record.shard] = record

    def finish(self) -> Manifest:
        """Write the card, and the manifest last. RunError where something was removed from the folder meanwhile."""
        manifest = _manifest(self.plan, self.records)
        self.check_held()
        metadata_files.check_there(self.folder, manifest)
        metadata_files.write_card(self.folder, card(self.plan, manifest, self.folder.name))
        self.folder.write(MANIFEST, manifest.dumps())
        _log(self.folder, len(self.missing), self.began, self.warnings)
        return manifest


def build_shard(common: tuple[Plan, Folder], shard: tuple[str, int]) -> ShardRecord:
    """Make one shard, (split, number), and write its file and its record: the work of an executor's worker."""
    (plan, folder), (split, k) = common, shard
    know(plan.refuted)
    try:
        with collected() as warnings, noted() as reliance:
            data = make_shard(plan, split, k)
    except CodeError as error:  # the user's function: it is refused, as when the plan was made
        raise CodeError(f"shard {k} of {split}: {error.problem}", error.remedy) from error
    except PipelineError as error:
        raise RunError(f"shard {k} of {split}: {error}") from error
    name = shard_name(plan, split, k)
    with folder.creating(name) as raw:
        file = arrow.HashingFile(raw)
        arrow.write(data.columns, file)
    record = ShardRecord(
        split=split,
        shard=k,
        file=name,
        bytes=file.size,
        file_hash=file.hash,
        content_hash=content_hash(data.columns),
        sequences=data.sequences,
        documents=sum(counts.documents for counts in data.sources.values()),
        tokens=sum(counts.tokens for counts in data.sources.values()),
        padding=data.padding,
        sources={name: counts.record() for name, counts in data.sources.items()},
        proofs=tuple(sorted(plan.proofs | reliance.proofs)),
        warnings=tuple(f"shard {k} of {split}: {line}" for line in warnings),
        disproved=reliance.disproved,
    )
    folder.write(record_name(split, k), record.dumps(plan.fingerprint, folder.stamp(name)))
    return record


def _check_exports(folder: Folder, plan: Plan) -> None:
    """PlanError or StorageError, before anything is built, for an export that could not be made afterwards."""
    splits = checks.exported(plan.recipe, plan.tokenizer.dtype.name)
    for spec in plan.recipe.exports:
        try:
            request = Export.of(spec, plan.fingerprint, splits)
        except SpecError as error:
            raise PlanError(error.problem, error.remedy, f"exports: {spec.kind}") from None
        request.refuse_foreign(own_place(folder, spec))


def _check_files(plan: Plan) -> None:
    """PlanError for a file that is not as it was when the plan was made.

    Asked once, here: workers may read rows from a copy in the user's cache, which stays right, and would not notice.
    """
    for name, source in plan.sources.items():
        try:
            source.check_files()
        except SpecError as error:
            raise PlanError(error.problem, error.remedy, f"sources: {name}") from None


def _check_space(folder: Folder, plan: Plan, missing: Iterable[tuple[str, int]]) -> None:
    """StorageError where the missing shards are expected to need more bytes than are free."""
    needed = int(sum(plan.bytes_of(split) / plan.splits[split].shards for split, _ in missing) * MARGIN)
    free = folder.free()
    if free is not None and free < needed:
        raise StorageError(
            f"about {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free",
            "Free some space, or give an OUT on another disk.",
            folder.url,
        )


def _phases(split: SplitPlan) -> dict[str, Any]:
    """What the manifest says of the phases of a split; nothing where it is one, shuffled."""
    if not split.phases[0].name and not split.phases[0].keeps_order:
        return {}
    names = ("name", "shards", "keeps_order")
    phases = [{**{key: getattr(phase, key) for key in names}, "order": phase.ordered} for phase in split.phases]
    return {"phases": phases}


def _manifest(plan: Plan, records: dict[tuple[str, int], ShardRecord]) -> Manifest:
    splits = {}
    for name, split in plan.splits.items():
        of_split = [records[name, k] for k in range(split.shards)]
        facts = {
            "length": split.packing.length,
            "packing": split.packing.method,
            "columns": ["input_ids", *split.columns],
            "source_names": list(split.sources),
            "attributes": list(split.attributes),
            "roles": list(ROLES),
            **_facts_of_columns(plan, split),
            "exposures": summary.of_exposures(plan, name),
            "worlds": summary.of_split(plan, name),
            **_phases(split),
        }
        splits[name] = totals(of_split, **facts)
    return Manifest(
        fingerprint=plan.fingerprint,
        output_version=writing.OUTPUT_VERSION,
        versions={package: version(package) for package in PACKAGES},
        worlds=summary.of_worlds(plan),
        splits=splits,
        recipe=writing.described(plan.portable_recipe()),
        files={
            name: {"bytes": len(text.encode()), "file_hash": hash_of_bytes(text.encode())}
            for name, text in metadata_files.head_files(plan).items()
        },
        vocabulary=summary.of_vocabulary(plan),
        corpora=summary.of_corpora(plan) or None,
    )


def _facts_of_columns(plan: Plan, split: SplitPlan) -> dict[str, Any]:
    """Facts that the columns of a split add to its entry in the manifest: name → value."""
    sources = [plan.sources[name] for name in split.sources]
    facts: dict[str, Any] = {}
    for column in split.columns:
        facts |= COLUMNS[column].facts_of(sources)
    return facts


def _log(folder: Folder, shards: int, began: float, warnings: Sequence[str]) -> None:
    """Add a line to the log of builds. (Times are not in the manifest, which is the same on every machine.)"""
    entry = {"ended": time.strftime("%FT%TZ", time.gmtime()), "seconds": round(time.time() - began, 3), "built": shards}
    more = {"warnings": list(warnings)} if warnings else {}
    line = json.dumps({**entry, "host": platform.node(), "python": platform.python_version(), **more})
    try:
        before = folder.read(BUILDS).decode("utf-8", "replace")
    except FileNotFoundError:
        before = ""
    folder.write(BUILDS, f"{before}{line}\n")
