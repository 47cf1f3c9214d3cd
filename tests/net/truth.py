"""What a split must hold, worked out from the recipe: which documents, what each of them says, and how they are packed.

The order of a split, and what is drawn for an item, are taken from the plan and its sources, asked for one document at
a time; how often each item is told, its text, its tokens, what of it has no loss, and where it stands are not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import floor
from typing import Any

import numpy as np

from pipeline.core.documents import ROLES, Documents
from pipeline.plan.plan import Plan
from tests.net.recipes import Case
from tests.reference import biographies, packing, puzzles_checked, questions

Marked = list[tuple[int, int, Any]]
MOST = 60  # documents of a source whose text is worked out


@dataclass
class Document:
    """ids with the end token. spans, parts: (first, how many, label or role). masked: which tokens have no loss."""

    source: str
    item: int
    exposure: int
    ids: list[int]
    spans: Marked
    parts: Marked
    masked: set[int]
    text: str | None = None


def documents(plan: Plan, case: Case, name: str) -> list[Document]:
    """The documents of a split, at its positions."""
    split = plan.splits[name]
    located = split.locate(np.arange(split.documents, dtype=np.int64))
    rows = list(zip(located.source.tolist(), located.item.tolist(), located.exposure.tolist(), strict=True))
    _check_counts(plan, name, Counter(rows))
    found = [_document(plan, split.sources[s], item, exposure) for s, item, exposure in rows]
    for source in split.sources:
        _check_texts(plan, case, source, [document for document in found if document.source == source][:MOST])
    return found


def _check_counts(plan: Plan, name: str, rows: Counter[tuple[int, int, int]]) -> None:
    """Every item as often as the recipe says: all equally, or but for one; of a long tail by its formula."""
    split = plan.splits[name]
    assert set(rows.values()) <= {1}, "no document stands twice"
    for s, source in enumerate(split.sources):
        items = len(plan.sources[source])
        told: dict[int, set[int]] = {}
        for of, item, exposure in rows:
            if of == s:
                told.setdefault(item, set()).add(exposure)
        assert all(0 <= item < items for item in told)
        assert all(exposures == set(range(len(exposures))) for exposures in told.values()), "exposures from 0 on"
        counts = Counter(len(exposures) for exposures in told.values())
        counts[0] += items - len(told)
        asked = plan.recipe.splits[name].mixture[source]
        total = sum(len(exposures) for exposures in told.values())
        if hasattr(asked.exposures, "zipf"):
            assert asked.exposures is not None
            law: Any = asked.exposures
            right = [max(law.least, floor(law.most / (item + 1) ** law.zipf + 1e-12)) for item in range(items)]
            assert [len(told.get(item, ())) for item in range(items)] == right
            continue
        if asked.exposures is not None:
            assert total == round(asked.exposures * items)
        most, least = max(told and map(len, told.values()), default=0), total // items
        assert most in (least, least + (total % items > 0))
        assert counts[least] == items - total % items or total % items == 0


def _document(plan: Plan, name: str, item: int, exposure: int) -> Document:
    """One document, asked for alone."""
    source = plan.sources[name]
    got: Documents = source.documents(np.array([item]), np.array([exposure]), spans=True, parts=True)
    assert len(got) == 1
    spans = [(a, n, source.labels[label]) for a, n, label in got.spans.values.tolist()] if got.spans else []
    parts = [(a, n, ROLES[role]) for a, n, role in got.parts.values.tolist()] if got.parts else []
    masked = {a + i for a, n, role in parts if role in source.mask for i in range(n)}
    return Document(name, item, exposure, got.tokens.values.tolist(), spans, parts, masked)


# ── texts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_texts(plan: Plan, case: Case, name: str, told: list[Document]) -> None:
    """The documents against their texts, made by other means; whatever has no loss is worked out from these."""
    spec: Any = plan.recipe.sources[name]
    items, exposures = [one.item for one in told], [one.exposure for one in told]
    tokenizer, mask = plan.tokenizer, set(plan.sources[name].mask)
    match spec.kind:
        case "biographies":
            for one, right in zip(told, biographies.biographies(plan, name, items, exposures), strict=True):
                ids, spans, _ = right.tokens(tokenizer)
                one.text = right.text
                assert one.ids == ids, f"{name} {one.item} {one.exposure} is not {right.text!r}"
                assert one.spans == spans, f"the values of {right.text!r}"
                one.masked = _masked(right.text, right.parts, mask, tokenizer)
        case "questions" | "statements":
            for one, asked in zip(told, questions.questions(plan, name, items, exposures), strict=True):
                one.text = asked.text
                (encoding,) = tokenizer.encodings([asked.text])
                assert one.ids == [*encoding.ids, tokenizer.eos], f"{name} {one.item} is not {asked.text!r}"
                ends = np.cumsum([0, *(len(text) for _, text in asked.parts)]).tolist()
                parts = [(ends[i], ends[i + 1], role) for i, (role, _) in enumerate(asked.parts)]
                one.masked = _masked(asked.text, parts, mask, tokenizer)
        case "names":
            for one in told:
                start = questions.words(spec.start) if spec.start else tokenizer.eos_token
                tag = questions.words(spec.tag) if spec.tag else ""
                person = int(plan.sources[name].individuals(np.array([one.item]))[0])
                shown = plan.worlds[spec.world].values(person)[plan.worlds[spec.world].of_kind("name")]
                one.text = f"{tag}{start} {shown}"
                (encoding,) = tokenizer.encodings([one.text])
                assert one.ids == [*encoding.ids, tokenizer.eos], f"{name} {one.item} is not {one.text!r}"
        case "corpus":
            for one in told:
                _check_row(plan, case.texts[name][one.item], spec, one)
        case "mano" | "copy" | "depo" | "brevo":
            for one in told:
                _check_puzzle(plan, name, spec, one)


def _masked(text: str, parts: Any, mask: set[str], tokenizer: Any) -> set[int]:
    """The tokens whose last visible character (of blanks: the last one) is in a part without loss."""
    (encoding,) = tokenizer.encodings([text])
    without = {place for first, end, role in parts if role in mask for place in range(first, end)}
    shown = [(first, text[first:end]) for first, end in encoding.offsets]
    places = [max(first, first + len(words.rstrip() or words) - 1) for first, words in shown]
    return {i for i, place in enumerate(places) if place in without}


def _check_row(plan: Plan, text: str, spec: Any, one: Document) -> None:
    """A row of a corpus: the text of a special token is text in it."""
    words = f" {spec.tag.text} " if spec.tag and spec.tag.token is None else ""
    (encoding,) = plan.tokenizer.plain([words + text])
    token = [plan.tokenizer.backend.token_to_id(spec.tag.token)] if spec.tag and spec.tag.token else []
    one.text = words + text if not token else None
    assert one.ids == [*token, *encoding.ids, plan.tokenizer.eos], f"row {one.item} is not {text!r}"


def _check_puzzle(plan: Plan, name: str, spec: Any, one: Document) -> None:
    """A puzzle is solved as anybody would solve it; its answers are what comes after the mark."""
    symbols = dict(zip(plan.sources[name]._ids.tolist(), spec.names(), strict=True))
    lead, end = plan.sources[name]._frame.lead, len(one.ids) - spec.eos
    assert one.ids[end:] == [plan.tokenizer.eos] * spec.eos
    tokens = [symbols[number] for number in one.ids[lead:end]]
    match spec.kind:
        case "mano":
            puzzles_checked.mano(tokens, spec.modulus)
        case "copy":
            puzzles_checked.copying(tokens)
        case "depo":
            puzzles_checked.depo(tokens)
        case "brevo":
            puzzles_checked.brevo(tokens, bars=spec.named.length[1] > 1)


# ── packing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def shards(plan: Plan, name: str, all_of_them: list[Document]) -> list[list[dict[str, Any]]]:
    """The rows of each shard as its file shows them; of pure windows in any order."""
    split = plan.splits[name]
    ends = [k * split.documents // split.shards for k in range(split.shards + 1)]
    return [_rows(plan, name, all_of_them[a:b]) for a, b in pairwise(ends)]


def _rows(plan: Plan, name: str, mine: list[Document]) -> list[dict[str, Any]]:
    split = plan.splits[name]
    if split.packing.longer == "drop":
        mine = [one for one in mine if len(one.ids) <= split.packing.length]
    groups = [mine]
    if split.packing.pure(len(split.sources)):
        groups = [[one for one in mine if one.source == source] for source in split.sources]
    return [row for group in groups for row in _packed(plan, name, group)]


def _packed(plan: Plan, name: str, mine: list[Document]) -> list[dict[str, Any]]:
    split = plan.splits[name]
    length, method = split.packing.length, split.packing.method
    how = split.packing.last if method == "aligned" else method
    tables = {
        "spans": [(one.ids, [(a, n, split.attributes.index(label)) for a, n, label in one.spans]) for one in mine],
        "parts": [(one.ids, [(a, n, ROLES.index(role)) for a, n, role in one.parts]) for one in mine],
    }
    packed = {what: packing.pack(table, how, length) for what, table in tables.items()}
    rows = []
    for i, row in enumerate(packed["spans"]):
        made: dict[str, Any] = {"input_ids": row.padded(length, plan.tokenizer.eos)}
        made["length"] = len(row.ids)
        made["segment_ids"] = row.segments(length)
        silent = [place in mine[of].masked for of, place in zip(row.document, row.place, strict=True)]
        made["loss_mask"] = [int(not one) for one in silent] + [0] * (length - len(silent))
        made["documents"] = [
            {"start": a, "length": n, "offset": offset, "source": split.sources.index(mine[of].source),
             "item": mine[of].item, "exposure": mine[of].exposure}
            for a, n, of, offset in row.pieces()
        ]  # fmt: skip
        for column, what in (("spans", "attribute"), ("parts", "role")):
            found = packed[column][i].spans(tables[column])
            made[column] = [{"start": a, "length": n, what: number} for a, n, number in found]
        made["pieces"] = [row.ids[a : a + n] for a, n, _, _ in row.pieces()]
        made["owners"] = [(of, offset) for _, _, of, offset in row.pieces()]
        rows.append(made)
    return rows
