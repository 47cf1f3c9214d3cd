"""Recipes that once went wrong, each for its kind: they are held to all promises whatever is drawn."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from tests.net.recipes import Case, Tree
from tests.net.tokenizers import EOS, text_of

BASE: Tree = {
    "tokenizer": "bytes",
    "worlds": {
        "w": {
            "size": 12,
            "attributes": {
                "name": {"kind": "name", "pools": {"first": ["Ada", "Bo", "Cy", "Di"], "last": ["Ek", "Fox", "Gil"]}},
                "city": {"kind": "choice", "values": ["Oslo", "Rome", "Lima"]},
            },
        }
    },
    "sources": {"s": {"kind": "biographies", "world": "w", "templates": {"city": ["{{ name }} lives in {{ city }}."]}}},
    "splits": {
        "train": {
            "mixture": {"s": {"exposures": 5}},
            "packing": {"length": 32},
            "columns": ["loss_mask", "segment_ids", "documents", "spans"],
        }
    },
    "shard_tokens": 1024,
}
ASKED = {"kind": "questions", "world": "w", "templates": {"city": ["Where does {{ name }} live? | {{ city }}."]}}
CYCLE = {"kind": "depo", "instances": 20, "nodes": 4, "hops": 2, "words": {"length": [1, 2], "vocabulary": 3}}
STRINGS = {"kind": "copy", "alphabet": "a", "instances": 64, "length": 300, "vocabulary": 2}


def case(*, files: dict[str, Any] | None = None, texts: Any = None, values: Any = None, **changes: Any) -> Case:
    """BASE with other values: `splits__train__packing={…}` is splits.train.packing; None takes a key away."""
    recipe = deepcopy(BASE)
    for path, value in changes.items():
        *above, last = path.split("__")
        here = recipe
        for key in above:
            here = here[key]
        if value is None:
            del here[last]
        else:
            here[last] = deepcopy(value)
    made = {
        name: content if isinstance(content, bytes) else content.encode() for name, content in (files or {}).items()
    }
    if recipe.get("tokenizer") == "bytes":  # small, so that all is quick
        recipe["tokenizer"] = {"name": "bytes.json"}
        made["bytes.json"] = text_of("bytes").encode()
    return Case(recipe, made, values or {}, texts or {})


def alone(source: Tree, packing: Tree, columns: list[str] | None = None, **more: Any) -> Case:
    """One source of its own."""
    split = {"mixture": {"s": {"exposures": 3}}, "packing": packing, "columns": columns or []}
    return case(worlds=None, sources={"s": source}, splits={"train": split}, **more)


def corpus(*rows: str, exports: list[str] | None = None, packing: Tree | None = None) -> Case:
    """Rows of text."""
    held = "\n".join(json.dumps({"text": row}, ensure_ascii=False) for row in rows)
    more = {"exports": exports} if exports else {}
    source = {"kind": "corpus", "files": "s.jsonl"}
    made = alone(source, packing or {"length": 16}, files={"s.jsonl": held}, texts={"s": [*rows]}, **more)
    return with_tokenizer(made, "bytes")


def with_tokenizer(made: Case, kind: str) -> Case:
    """The same with one of the small tokenizers."""
    made.recipe["tokenizer"] = {"name": f"{kind}.json"}
    made.files[f"{kind}.json"] = text_of(kind).encode()
    return made


def listed(name: str, content: str | bytes, values: list[str], **more: Any) -> Case:
    """The cities in a file."""
    choice = {"kind": "choice", "file": name, **more}
    return case(worlds__w__attributes__city=choice, files={name: content}, values={("w", "city"): values})


def split_called(name: str) -> Case:
    return case(splits={name: BASE["splits"]["train"]})


WORLDS = {
    "w": BASE["worlds"]["w"],
    "v": {
        "size": 12,
        "attributes": {
            "name": BASE["worlds"]["w"]["attributes"]["name"],
            "city": {"kind": "choice", "values": ["Bern", "Kyiv"]},
        },
    },
}


def codes(repeat: int) -> Case:
    """So many attributes in each of two worlds, whose values are marked in one split."""
    worlds = deepcopy(WORLDS)
    sources = {}
    for (name, world), attribute in zip(worlds.items(), ("code", "key"), strict=True):
        kind = {"kind": "codes", "repeat": repeat, "diversity": 2, "vocabulary": 9, "symbols": "text"}
        world["attributes"][attribute] = kind
        templates = {attribute: ["{{ subject }} {{ number }} {{ value }}."]}
        sources[f"of_{name}"] = {"kind": "biographies", "world": name, "full_name": "all", "templates": templates}
    split = {
        "mixture": {name: {"exposures": 0.1} for name in sources},
        "packing": {"length": 512},
        "columns": ["spans"],
    }
    return case(worlds=worlds, sources=sources, splits={"train": split})


def known() -> dict[str, Case]:
    """Name → recipe."""
    grammar = {
        "kind": "grammar",
        "instances": 20,
        "grammar": ["s -> a b | b a", "a -> 1 2", "b -> 3 | 1 3"],
        "bos": False,
    }
    return {
        "base": case(tokenizer="gpt2"),
        "several shards": case(splits__train__mixture={"s": {"exposures": 30}}),
        "tree": alone({**grammar, "eos": True}, {"length": 8}, ["tree"], exports=["mds"], tokenizer="symbols"),
        "codes": codes(200),
        "address in memory": case(sources__s__templates={"city": ["{{ '{0.upper}'.format(city) }}"]}),
        "cell of two lines": listed("c.csv", 'value,note\nOslo,"a\nb"\nRome,\n', ["Oslo", "Rome"], column="value"),
        "line separator": listed("c.txt", "Os\u2028lo\nRo\u0085me\n", ["Os\u2028lo", "Ro\u0085me"]),
        "form feed": listed("c.txt", "Os\u000blo\r\nRo\u001cme\r\n", ["Os\u000blo", "Ro\u001cme"]),
        "byte order mark": listed("c.txt", "\ufeffOslo\nRome\n", ["Oslo", "Rome"]),
        "byte order mark of a table": listed("c.tsv", "\ufeffvalue\tnote\nOslo\t1\n", ["Oslo"], column="value"),
        "byte order mark of templates": case(
            sources__s__templates="t", files={"t/city.j2": "\ufeff{{ name }} lives in {{ city }}.\n"}
        ),
        "prompt and answer in one token": with_tokenizer(case(sources={"s": {**ASKED, "mask": ["prompt"]}}), "uncut"),
        "a shard of nothing": alone(
            STRINGS,
            {"length": 16, "longer": "drop"},
            ["documents"],
            tokenizer="symbols",
        ),
        "rows of nothing": alone(
            STRINGS,
            {"method": "rows", "length": 16, "longer": "drop"},
            ["answers"],
            tokenizer="symbols",
        ),
        "pure windows of nothing": case(
            worlds=None,
            tokenizer="symbols",
            sources={"s": STRINGS, "t": STRINGS},
            splits={
                "train": {"mixture": {"s": {}, "t": {}}, "packing": {"length": 16, "windows": "pure", "longer": "drop"}}
            },
        ),
        "aligned windows of nothing": alone(
            STRINGS,
            {"method": "aligned", "length": 16, "longer": "drop"},
            ["documents"],
            tokenizer="symbols",
        ),
        "empty text": corpus("A line.", "", "1 2 3", exports=["nanogpt"]),
        "empty texts alone": corpus("", "", exports=["megatron"]),
        "replacement character": corpus("x\ufffdy", "A line.", exports=["jsonl"]),
        "end token as text": corpus(f"it says {EOS} here", "A line.", exports=["llmc"]),
        "split tokenizer": split_called("tokenizer"),
        "split exports": split_called("exports"),
        "split no": split_called("no"),
        "split null": split_called("null"),
        "split README": split_called("README"),
        "nothing fits whose length is not known": with_tokenizer(
            case(splits__train__packing={"method": "aligned", "length": 4}), "uncut"
        ),
        "rows without an end token": alone(CYCLE, {"method": "rows", "length": 64}, ["answers"], tokenizer="symbols"),
        "an export is refused": case(splits__train__columns=["spans"]),
        "names that begin with the end token": with_tokenizer(
            case(sources={"s": {"kind": "names", "world": "w"}}), "bytes"
        ),
        "wide ids": with_tokenizer(case(), "wide"),
    }
