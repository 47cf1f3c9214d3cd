"""All that has to be true of a recipe, from its plan to the files that other trainers read.

plan says no    exit code 2 and one line, from `plan` and from `build`; nothing is written
plan says yes   built, verified, streamed, exported and read back, found, interrupted, damaged and mended: always
                the documents that the recipe asks for, and always the same bytes
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import cli
from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.build.verification import verify
from pipeline.core.errors import ExportError, PipelineError, RunError
from pipeline.core.table import content_hash
from pipeline.dataset import Dataset
from pipeline.formats import FORMATS
from pipeline.plan import Plan, compile_plan
from pipeline.publish.export import export, own_place
from pipeline.recipe import load
from pipeline.recipe.loading import export_spec
from pipeline.recipe.writing import dump
from pipeline.shard.shard import find_document, make_shard
from pipeline.training.streams import of_dataset, of_plan
from tests.conftest import contents
from tests.net import readers, truth
from tests.net.recipes import Case

FOLDER = "data"  # a card names the folder: all are called alike
Rows = list[dict[str, Any]]


@dataclass
class Built:
    """A dataset and what is known of it: of each split its documents, and the rows of each of its shards."""

    case: Case
    recipe: Path
    plan: Plan
    out: Path
    documents: dict[str, list[truth.Document]] = field(default_factory=dict)
    rows: dict[str, list[Rows]] = field(default_factory=dict)
    expected: dict[str, list[Rows]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def random(self) -> Random:
        """What is looked at, and what is damaged."""
        return Random(self.case.luck)


def hold(case: Case, folder: Path) -> Built | None:
    """Holds a recipe to all promises, in an empty folder. The dataset; None where the recipe is refused."""
    recipe = case.write(folder)
    try:
        plan = compile_plan(load(str(recipe)))
    except PipelineError as refusal:
        refused(recipe, folder, str(refusal))
        return None
    made = Built(case, recipe, plan, folder / "whole" / FOLDER)
    try:
        build(plan, made.out, Inline())
    except RunError as error:  # of documents whose longest nobody knows before all are made
        assert re.search(r"a document has \d+ tokens, a sequence \d+", str(error)), error
        assert any(source.longest is None for source in plan.sources.values())
        assert not (made.out / "manifest.json").exists()
        return None
    except ExportError as error:  # which is known once all is built: the dataset is whole without the export
        assert "end token" in str(error), error
        assert verify(made.out) == []
        return None
    values_are_those_of_the_files(made)
    shards_hold_the_documents(made)
    made.files = contents(made.out)
    assert verify(made.out) == []
    manifest_counts(made)
    for promise in PROMISES:
        promise(made)
    assert contents(made.out) == made.files, "nothing but what was asked for has changed"
    assert verify(made.out) == []
    return made


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def said(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.run(arguments)
    return code, out.getvalue(), err.getvalue()


def refused(recipe: Path, folder: Path, refusal: str) -> None:
    """One line, exit code 2, and nothing written."""
    before = contents(folder)
    building = ["build", str(recipe), "--executor", "inline", "--out", str(folder / FOLDER)]
    for command in (["plan", str(recipe)], building):
        code, out, err = said(*command)
        assert code == 2, (command, code)
        assert err.count("\n") == 1, err
        assert err.endswith(f"{refusal}\n")
        assert out == ""
    assert contents(folder) == before
    assert not (folder / FOLDER).exists()


# ── the documents ───────────────────────────────────────────────────────────────────────────────────────────────────


def values_are_those_of_the_files(made: Built) -> None:
    """A line of a file is a value, whatever Python calls the end of a line, and a mark at its beginning is no part."""
    for (world, attribute), values in made.case.values.items():
        if world in made.plan.recipe.worlds:
            assert made.plan.recipe.worlds[world].attributes[attribute].values == values


def shards_hold_the_documents(made: Built) -> None:
    """Every file has the rows that the recipe asks for, and the columns of `make_shard`."""
    for name, split in made.plan.splits.items():
        made.documents[name] = truth.documents(made.plan, made.case, name)
        made.expected[name] = truth.shards(made.plan, name, made.documents[name])
        made.rows[name] = []
        records = json.loads((made.out / "manifest.json").read_text("utf-8"))["splits"][name]["shards"]
        assert [record["shard"] for record in records] == list(range(split.shards))
        for k, (record, expected) in enumerate(zip(records, made.expected[name], strict=True)):
            rows = pa.ipc.open_stream((made.out / record["file"]).read_bytes()).read_all().to_pylist()
            made.rows[name].append(rows)
            again = make_shard(made.plan, name, k)
            assert content_hash(again.columns) == record["content_hash"]
            _same_rows(made, name, rows, expected)


def _same_rows(made: Built, name: str, rows: Rows, expected: Rows) -> None:
    split = made.plan.splits[name]
    overlapping = any(
        sum(n for _, n, _ in marked) > len({a + i for a, n, _ in marked for i in range(n)})
        for one in made.documents[name]
        for marked in (one.spans, one.parts)
    )
    compared = {"input_ids", "length", "loss_mask", "segment_ids", "documents"}
    compared |= set() if overlapping else {"spans", "parts"}
    pure = split.packing.pure(len(split.sources))
    assert len(rows) == len(expected), f"rows of {name}"
    for column in compared & {*split.columns, "input_ids", *(["length"] if split.packing.method == "rows" else [])}:
        got, right = [row[column] for row in rows], [row[column] for row in expected]
        if pure:
            got, right = sorted(got, key=repr), sorted(right, key=repr)
        assert got == right, f"{column} of {name}"


def manifest_counts(made: Built) -> None:
    """Totals are sums, and they are those of the documents that stand in the rows."""
    manifest = json.loads((made.out / "manifest.json").read_text("utf-8"))
    for name, split in manifest["splits"].items():
        rows = [row for shard in made.expected[name] for row in shard]
        whole = made.documents[name]
        if made.plan.splits[name].packing.longer == "drop":
            whole = [one for one in whole if len(one.ids) <= split["length"]]
        assert split["documents"] == len(whole)
        assert split["sequences"] == len(rows)
        assert split["tokens"] == sum(row["length"] for row in rows)
        assert split["padding"] == sum(split["length"] - row["length"] for row in rows)
        for source, counts in split["sources"].items():
            mine = [one for one in made.documents[name] if one.source == source]
            assert counts["documents"] + counts.get("dropped", 0) == len(mine)
        for what in ("documents", "tokens", "sequences", "padding", "bytes"):
            assert split[what] == sum(shard[what] for shard in split["shards"])


# ── rows without a disk ─────────────────────────────────────────────────────────────────────────────────────────────


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a stream as pyarrow shows it."""
    shown = {}
    for name, value in row.items():
        if isinstance(value, dict):
            shown[name] = [
                dict(zip(value, one, strict=True))
                for one in zip(*(part.tolist() for part in value.values()), strict=True)
            ]
        else:
            shown[name] = value.tolist() if isinstance(value, np.ndarray | np.number) else value
    return shown


def streams_equal_shards(made: Built) -> None:
    """Made or read, whole or shared, from the beginning or from a state."""
    random = made.random
    dataset = Dataset.at(made.out)
    for name, shards in made.rows.items():
        rows = [row for shard in shards for row in shard]
        for stream in (of_plan(made.plan, name), of_dataset(dataset, name)):
            assert list(map(plain, stream)) == rows
            assert len(stream) == len(rows)
            places = random.sample(range(len(rows)), min(3, len(rows)))
            assert [plain(stream[at]) for at in places] == [rows[at] for at in places]
        for count in (2, 3):
            shared = [of_dataset(dataset, name).shared(c, count) for c in range(count)]
            for c, mine in enumerate(shared):
                assert list(map(plain, mine)) == rows[c::count], f"rank {c} of {count}"
            whole = of_plan(made.plan, name, assign="shards")
            assigned = [row for c in range(count) for row in map(plain, whole.shared(c, count))]
            assert sorted(map(repr, assigned)) == sorted(map(repr, rows))
        if rows:
            _goes_on(lambda name=name: of_dataset(dataset, name), rows, random.randrange(len(rows)))
        if len(shards) > 1 or random.random() < 0.25:
            _datasets(lambda name=name: of_dataset(dataset, name), rows)


def _goes_on(stream: Callable[[], Any], rows: Rows, at: int) -> None:
    first = stream()
    going = iter(first)
    read = [plain(next(going)) for _ in range(at)]
    state = json.loads(json.dumps(first.state_dict()))
    again = stream()
    again.load_state_dict(state)
    assert again.state_dict() == state, "a state that was loaded is there until rows are read"
    shared = again.shared(1, 2)
    assert list(map(plain, shared)) == rows[at:][1::2], "a part goes on from where the whole stream is"
    again.load_state_dict(state)
    assert read + list(map(plain, again)) == rows


def _datasets(stream: Callable[[], Any], rows: Rows) -> None:
    assert list(stream().datasets()) == rows
    for c in range(2):
        assert list(stream().shared(c, 2).datasets()) == rows[c::2], "each row has one reader"


# ── exports ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def exports_read_back(made: Built) -> None:
    """Each format holds what the shards do, or is refused and leaves nothing."""
    copy = made.out.parent / "exporting" / FOLDER
    shutil.copytree(made.out, copy)
    for kind in made.random.sample([*FORMATS], 3):
        for name in made.plan.splits:
            if not _exported(made, copy, kind, name, {}):
                _exported(made, copy, kind, name, {"columns": ["input_ids"]})
    shutil.rmtree(copy.parent)


def _exported(made: Built, copy: Path, kind: str, name: str, columns: dict[str, list[str]]) -> bool:
    """Whether a split is accepted, with such columns."""
    dataset = Dataset.at(copy)
    spec = export_spec(kind, [], {"splits": [name], **columns})
    out = Path(own_place(dataset.folder, spec).url)
    if out.exists():  # one of the recipe's own
        out = copy.parent / f"{kind}-{name}"
        shutil.rmtree(out, ignore_errors=True)
    try:
        export(dataset, spec, out)
    except PipelineError as refusal:
        assert isinstance(refusal, ExportError), f"{kind}: {refusal}"
        assert contents(copy) == made.files, f"{kind} was refused and has left something"
        assert verify(copy) == [], f"after {kind} was refused"
        _refused_with_reason(made, kind, name, str(refusal))
        return False
    assert verify(out) == []
    _read_back(made, kind, out, name)
    assert not out.is_relative_to(copy) or verify(copy) == [], f"with {kind}"
    shutil.rmtree(out)
    if out.is_relative_to(copy) and not [*out.parent.iterdir()]:
        out.parent.rmdir()
    return True


def _refused_with_reason(made: Built, kind: str, name: str, refusal: str) -> None:
    """Formats of rows take all; text is refused where there is none."""
    assert kind not in ("parquet", "mds"), refusal
    told = made.documents[name]
    if "no whole characters" in refusal and made.plan.splits[name].packing.method != "aligned":
        windows = made.plan.splits[name].packing.pure(len(made.plan.splits[name].sources))
        assert windows or not all(one.text is not None for one in told), "all of it is text"


def _read_back(made: Built, kind: str, out: Path, name: str) -> None:
    rows = [row for shard in made.rows[name] for row in shard]
    if kind in ("parquet", "mds", "litdata"):
        found = getattr(readers, kind)(out, name)
        names = set(found[0]) if found else set()
        right = [{column: row[column] for column in row if column in names} for row in rows]
        assert [dict(sorted(row.items())) for row in found] == [dict(sorted(row.items())) for row in right], kind
        return
    end = made.plan.tokenizer.eos
    pieces = _documents(made, name, rests=kind in ("nanogpt", "megatron"))
    if kind == "nanogpt":
        assert readers.nanogpt(out, name) == [token for piece in pieces for token in piece]
    elif kind == "megatron":
        assert readers.megatron(out, name) == pieces
    elif kind == "llmc":
        bodies = [piece[:-1] if piece[-1] == end else piece for piece in pieces]
        assert readers.llmc(out, name) == [token for body in bodies for token in (end, *body)]
    else:
        ids = [piece[:-1] if piece[-1] == end else piece for piece in pieces]
        texts = [made.plan.tokenizer.backend.decode(one, skip_special_tokens=False) for one in ids]
        assert [row["text"] for row in readers.jsonl(out, name)] == texts


def _documents(made: Built, name: str, *, rests: bool) -> list[list[int]]:
    """The documents of a split in the order of its rows; where windows stand each for itself, the pieces in them.

    rests: with those that are the end token alone, which a cut has left over.
    """
    split = made.plan.splits[name]
    windows = split.packing.method == "aligned" or split.packing.pure(len(split.sources))
    found: list[list[int]] = []
    for rows, expected in zip(made.rows[name], made.expected[name], strict=True):
        by_ids: dict[tuple[int, ...], Rows] = {}
        for one in expected:
            by_ids.setdefault(tuple(one["input_ids"]), []).append(one)
        for row in rows:  # in whichever order windows came
            one = by_ids[tuple(row["input_ids"])].pop(0)
            for piece, (_, offset) in zip(one["pieces"], one["owners"], strict=True):
                if offset and not windows:
                    found[-1] = found[-1] + piece
                elif rests or not offset or piece != [made.plan.tokenizer.eos]:
                    found.append(piece)
    return found


# ── the way back ────────────────────────────────────────────────────────────────────────────────────────────────────


def documents_are_found(made: Built) -> None:
    """`where` says where a document stands, and it stands there."""
    random = made.random
    for name, told in made.documents.items():
        split = made.plan.splits[name]
        for one in random.sample(told, min(4, len(told))):
            position = split.find(one.source, one.item, one.exposure)
            assert position is not None
            assert made.documents[name][position] is one or _same(made.documents[name][position], one)
            k = split.shard_of(position)
            pieces = find_document(made.plan, name, k, position)
            got = [token for _, _, ids in pieces for token in ids.tolist()]
            dropped = split.packing.longer == "drop" and len(one.ids) > split.packing.length
            if split.packing.method == "aligned" and split.packing.last == "cut":
                assert one.ids[: len(got)] == got
                assert got or dropped
            else:
                assert got == ([] if dropped else one.ids)
            for sequence, start, ids in pieces:
                assert made.rows[name][k][sequence]["input_ids"][start : start + len(ids)] == ids.tolist()
        assert split.find(split.sources[0], len(made.plan.sources[split.sources[0]]), 0) is None
    one = random.choice(told)
    which = ["--source", one.source, "--item", str(one.item), "--exposure", str(one.exposure)]
    code, out, err = said("where", str(made.recipe), *which)
    assert (code, err) == (0, "")
    assert f"{name}: position {split.find(one.source, one.item, one.exposure):,} of" in out


def _same(one: truth.Document, other: truth.Document) -> bool:
    return (one.source, one.item, one.exposure) == (other.source, other.item, other.exposure)


# ── interruptions and damage ────────────────────────────────────────────────────────────────────────────────────────


class Killed(Exception):
    """What stops a build."""


@dataclass
class Stopping:
    """Runs the first shards and is killed."""

    after: int

    def run(self, work: Any, common: Any, items: Sequence[Any], folder: Any) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number == self.after:
                raise Killed
            yield work(common, item)
        raise Killed


def goes_on_after_a_kill(made: Built) -> None:
    """Half of it is there; the same command makes the rest, and what is there is as if nothing had happened."""
    out = made.out.parent.parent / "killed" / FOLDER
    try:
        build(made.plan, out, Stopping(made.random.randrange(len(made.plan.shards) + 1)))
    except Killed:
        assert not (out / "manifest.json").exists()
    build(made.plan, out, Inline())
    assert contents(out) == made.files
    shutil.rmtree(out.parent)


def damage_is_seen_and_mended(made: Built) -> None:
    """Whatever is changed, lost or exchanged: `verify` names it, and `build` makes it as it was."""
    random = made.random
    out = made.out.parent.parent / "damaged" / FOLDER
    shutil.copytree(made.out, out)
    for name in random.sample(sorted(made.files), min(2, len(made.files))):
        damage(made, out, name, random.choice(DAMAGES), random.random())
    edit_manifest(made, out, random.choice(EDITS), random)
    edit_state(made, out, random.choice(STATES), random)
    shutil.rmtree(out.parent)


DAMAGES = ("flip", "cut", "lose", "more", "empty")


def damage(made: Built, out: Path, name: str, how: str, where: float = 0.5) -> None:
    """One file, outside of the state."""
    if how == "more" and name.endswith(("README.md", "export.json")):  # cards may be written on; a blank is no JSON
        return
    file, whole = out / name, made.files[name]
    at = int(where * len(whole))
    if how == "lose":
        file.unlink()
    else:
        flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        file.write_bytes({"flip": flipped, "cut": whole[:at], "more": whole + b" ", "empty": b""}[how])
    _named_and_mended(made, out, name, how)


def _named_and_mended(made: Built, out: Path, name: str, how: str) -> None:
    try:
        wrong = verify(out)
        place = name.removesuffix("export.json")  # which says what lies beside it
        assert any(line.startswith(place) for line in wrong), f"{how} {name}: verify says {wrong}"
    except PipelineError as error:  # without a manifest there is nothing to hold it against
        assert name == "manifest.json", f"{how} {name}: {error}"
    build(made.plan, out, Inline())
    assert verify(out) == [], f"after {how} {name} and a build"
    assert contents(out) == made.files, f"after {how} {name} and a build"


EDITS = ("totals", "seed", "fingerprint", "source", "length", "reversed", "columns", "shard", "hash", "names", "world")


def edit_manifest(made: Built, out: Path, how: str, random: Random) -> None:
    """Totals, order, hashes, words: it says of itself what it holds, and is held to that."""
    tree = json.loads(made.files["manifest.json"])
    split = tree["splits"][random.choice(sorted(tree["splits"]))]
    match how:
        case "totals":
            split[random.choice(["documents", "tokens", "sequences", "padding", "bytes"])] += 1
        case "seed":
            tree["recipe"]["seed"] += 1
        case "fingerprint":
            tree["fingerprint"] = tree["fingerprint"][::-1]
        case "source":
            source = random.choice(sorted(split["sources"]))
            split["sources"][source]["tokens"] += 1
        case "length":
            split["length"] *= 2
        case "columns":
            split["columns"] = split["columns"][:-1] or ["loss_mask"]
        case "reversed":
            split["shards"].reverse()
        case "shard":
            random.choice(split["shards"])[random.choice(["documents", "tokens", "padding"])] -= 1
        case "hash":
            random.choice(split["shards"])["content_hash"] = "xxh3_128:" + "0" * 32
        case "names":
            split["source_names"] = [*split["source_names"], "nobody"]
        case "world":
            for world in tree["worlds"].values():
                world["size"] = 1
    if tree != json.loads(made.files["manifest.json"]):
        (out / "manifest.json").write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n", "utf-8")
        _named_and_mended(made, out, "manifest.json", how)


STATES = ("count", "hash", "file hash", "type", "lost", "junk", "fingerprint", "another", "all")


def edit_state(made: Built, out: Path, how: str, random: Random) -> None:
    """Records and marks of a build are believed no further than they are true."""
    records = sorted((out / ".pipeline/records").rglob("*.json"))
    record = random.choice(records)
    tree = json.loads(record.read_text("utf-8"))
    match how:
        case "count":
            tree[random.choice(["tokens", "documents", "sequences", "padding", "bytes"])] += 1
        case "hash":
            tree["content_hash"] = "xxh3_128:" + "0" * 32
        case "file hash":
            tree["file_hash"] = "blake3:" + "0" * 64
        case "type":
            name = random.choice([*tree])
            tree[name] = random.choice([None, [], f"{tree[name]}", {"a": 1}, 1.5, True])
        case "junk":
            tree = [1]
        case "another":
            tree = json.loads(random.choice(records).read_text("utf-8"))
    if how == "lost":
        record.unlink()
    elif how == "fingerprint":
        (out / ".pipeline/fingerprint").unlink()
    elif how == "all":
        shutil.rmtree(out / ".pipeline")
    else:
        record.write_text(json.dumps(tree), "utf-8")
    assert verify(out) == [], f"state: {how}"
    build(made.plan, out, Inline())
    assert contents(out) == made.files, f"state: {how}"
    assert verify(out) == []


# ── again ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def the_resolved_recipe_is_the_recipe(made: Built) -> None:
    """With the tokenizer beside it, it plans the same dataset; a corpus stays where it was."""
    folder = made.recipe.parent / "again"
    shutil.copytree(made.out / "tokenizer", folder / "tokenizer")
    shutil.copy(made.out / "recipe.yaml", folder / "recipe.yaml")
    for name, content in made.case.files.items():
        if name.rpartition(".")[0] in made.case.texts:
            (folder / name).write_bytes(content)
    again = compile_plan(load(str(folder / "recipe.yaml")))
    assert again.fingerprint == made.plan.fingerprint
    assert dump(again.recipe, "") == dump(made.plan.portable_recipe(), "")
    shutil.rmtree(folder)


PROMISES = (
    streams_equal_shards,
    exports_read_back,
    documents_are_found,
    goes_on_after_a_kill,
    damage_is_seen_and_mended,
    the_resolved_recipe_is_the_recipe,
)
