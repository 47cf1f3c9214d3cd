"""Whole recipes as plain dicts, with the files that they name: small, most of them accepted, all kinds of everything.

A strategy draws a kind of source together with what it needs. What is drawn is YAML and files, as a user writes them;
nothing of the package is asked. `true` keeps what the files say, so that what is read from them can be held against it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from pipeline.formats import FORMATS
from tests.net.tokenizers import EOS, KINDS, text_of

Tree = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]


class _Dumper(yaml.SafeDumper):
    """Quotes all that is not a plain word: what looks like a number in one version of YAML is a text in another."""


def _word(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII) and text not in ("null", "true", "false", "no", "y", "n")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _word)


@dataclass
class Case:
    """recipe: as in YAML. files: name → content. values: (world, attribute) → the values that a file gives it.

    texts: source → the rows of its corpus. luck: what is damaged, looked for and interrupted.
    """

    recipe: Tree
    files: dict[str, bytes] = field(default_factory=dict)
    values: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    luck: int = 0

    @property
    def yaml(self) -> str:
        """The recipe as it is written."""
        return str(yaml.dump(self.recipe, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))

    def write(self, folder: Path) -> Path:
        """Recipe and files in a folder; the path of the recipe."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        (folder / "recipe.yaml").write_text(self.yaml, "utf-8")
        return folder / "recipe.yaml"

    def __repr__(self) -> str:
        """What is printed of a case that fails."""
        shown = [f"# file {name}: {content[:300]!r}" for name, content in self.files.items() if name[-5:] != ".json"]
        return "\n".join(["", self.yaml.rstrip(), *shown, f"# luck: {self.luck}"])


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PLAIN = ["Oslo", "Rome", "Lima", "Bern", "Kyiv"]
ODD = [
    "São Paulo", "Washington D.C.", "O'Neil", "東京", "Zürich", "e\u0301tape", "🙂 town", "St. Ives, UK", '"The" City',
    "no", "null", "1e3", "x\ufffdy", "\u200bz", "A|B", "{curly", "3 4",
]  # fmt: skip
BROKEN = ["a\u2028b", "c\u0085d", "e\u000bf", "g\u001ch"]  # which Python takes for the ends of lines
values = st.sampled_from(PLAIN + ODD) | st.sampled_from(PLAIN + ODD) | st.sampled_from(PLAIN + ODD + BROKEN)


@st.composite
def listed(draw: Draw, case: Case, place: tuple[str, str], those: list[str]) -> Any:
    """Values in the recipe, or in one of the files that lists may stand in."""
    how = draw(st.sampled_from(["list", "list", "list", "file", "csv", "tsv"]))
    case.values[place] = those
    if how == "list":
        return {"values": those}
    mark = draw(st.sampled_from(["", "", "", "\ufeff"]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    name = f"{place[0]}_{place[1]}.{'txt' if how == 'file' else how}"
    if how == "file":
        case.files[name] = (mark + end.join(["", *those, ""])).encode()
        return {"file": name}
    table = io.StringIO(newline="")
    rows = csv.writer(table, delimiter="\t" if how == "tsv" else ",", lineterminator=end)
    rows.writerow(["value", "note"])
    noted = draw(st.sampled_from(["", "", "a, b", 'say "so"', "two\nlines"]))
    rows.writerows([[value, noted] for value in those])
    case.files[name] = (mark + table.getvalue()).encode()
    return {"file": name, "column": "value"}


@st.composite
def worlds(draw: Draw, case: Case, name: str, codes: bool) -> Tree:
    """A world in which somebody has a name, and a few things are true."""
    size = draw(st.integers(2, 12))
    attributes: Tree = {
        "name": {"kind": "name", "pools": {"first": ["Ada", "Bo", "Cy", "Di"], "last": ["Ek", "Fox", "Gil"]}},
        "pronoun": {"kind": "pronoun"},
    }
    if draw(st.booleans()):
        attributes["pronoun"] = {"kind": "pronoun", "values": draw(st.sampled_from([["they"], ["he", "she", "it"]]))}
    cities = draw(st.lists(values, min_size=2, max_size=4, unique=True))
    attributes["city"] = {"kind": "choice", **draw(listed(case, (name, "city"), cities))}
    weights = draw(st.sampled_from(["uniform", "uniform", "zipf", "zipf2", "list", "one"]))
    if weights != "uniform":
        last = [1] + [0] * (len(cities) - 1) if weights == "one" else [*range(1, len(cities) + 1)]
        attributes["city"]["weights"] = {"zipf": "zipf", "zipf2": {"zipf": 2}}.get(weights, last)
    if draw(st.booleans()):
        countries = draw(st.lists(values, min_size=len(cities), max_size=len(cities)))
        attributes["land"] = {"kind": "lookup", "of": "city", **draw(listed(case, (name, "land"), countries))}
    if draw(st.booleans()):
        form = draw(st.sampled_from(["{month} {day}, {year}", "{year}-{month_number}-{day}", "{day}. {month}"]))
        attributes["born"] = {
            "kind": "date", "first_year": draw(st.sampled_from([1, 1999])), "years": draw(st.integers(1, 3)),
            "days": draw(st.integers(1, 3)), "format": form,
        }  # fmt: skip
    if draw(st.booleans()):
        attributes["shoes"] = {"kind": "integer", "first": -1, "last": draw(st.integers(0, 12))}
    if codes and draw(st.booleans()):
        attributes["code"] = {
            "kind": "codes", "repeat": draw(st.sampled_from([1, 2, 3, 200])), "chunks": draw(st.integers(1, 2)),
            "diversity": draw(st.integers(2, 3)), "length": draw(st.integers(1, 2)), "vocabulary": 5,
            "symbols": draw(st.sampled_from(["ids", "text"])),
        }  # fmt: skip
    if draw(st.booleans()):
        tree = {"map": "tree", "roots": 1, "children": 3}
        ways = [{}, {"oneself": True}, {"map": "one_to_one"}, {"weights": "zipf"}, tree, tree]
        attributes["friend"] = {"kind": "individual", "of": name, **draw(st.sampled_from(ways))}
    world: Tree = {"size": size, "attributes": attributes}
    if draw(st.booleans()):
        world["groups"] = {"half": [0, 0.5]}
    return world


# ── sources about worlds ────────────────────────────────────────────────────────────────────────────────────────────

TOLD = {
    "city": ["{{ subject }} lives in {{ city }}.", "{{ subject_possessive }} home is {{ city | lower }}!"],
    "land": [
        "{{ subject }} is from {{ land }}.",
        '{{ subject }} {{ verb("was", "were") }} in {{ land }} at {{ city }}.',
    ],
    "born": ["{{ subject }} was born on {{ born }}.", "In {{ born.year }} came {{ object }}: {{ born }}."],
    "shoes": ["{{ subject }} wears {{ shoes }}.", "{{ possessive }} size{% if shoes != 1 %}s{% endif %}: {{ shoes }}."],
    "code": ["{{ subject }} has {{ value }} as {{ number }}.", "Key {{ number }}: {{ value }};"],
    "friend": ["{{ subject }} and {{ friend }} are friends.", "{{ friend }} of {{ friend.city }} knows {{ object }}."],
    "name": ["This is about {{ subject }}.", "{{ subject }} it is."],
}
ASKED = {
    "city": ["Where does {{ name }} live? | {{ city }}.", "City of {{ name }}? | {{ city }}"],
    "land": ["{{ name }}'s land? Answer: | {{ city }}. | {{ land }}."],
    "shoes": [
        "{{ name }} or {{ other_name }}? | {{ shoes }}; {{ other_shoes }}. |"
        " {% if shoes > other_shoes %}Yes{% else %}No{% endif %}."
    ],
    "born": ["When was {{ name }} born? | {{ born }}."],
    "friend": [
        "Where does the friend of {{ name }} live? | {{ friend }}. | {{ friend.city }}.",
        "{{ friend.friend }} is who, {{ name }}? | {{ other_friend }}; {{ friend }}. | {{ friend.friend.city }}.",
    ],
}  # fmt: skip
STATED = {
    "city": ["{{ city }} is where {{ name }} lives."],
    "land": ["{{ land }} knows {{ name }}, {{ name.first }}!"],
    "friend": ["{{ friend }} is the friend of {{ name }}.", "{{ friend.city }}: there is {{ name }}'s {{ friend }}."],
}
TAGS = [None, None, None, "<T>", {"text": "Tag one:"}, {"text": "東"}]


@st.composite
def lines(draw: Draw, case: Case, name: str, known: dict[str, list[str]], attributes: Tree, least: int = 1) -> Any:
    """Templates of some of the attributes, in the recipe or in a folder."""
    there = [sentence for sentence in known if sentence in attributes or sentence == "name"]
    there = [sentence for sentence in there if sentence != "name" or known is TOLD]
    chosen = draw(st.lists(st.sampled_from(there), min_size=least, max_size=4, unique=True))
    chosen = [sentence for sentence in chosen if sentence != "name"] or [there[0]]
    told = {sentence: draw(st.lists(st.sampled_from(known[sentence]), min_size=1, unique=True)) for sentence in chosen}
    if known is TOLD:
        told["name"] = TOLD["name"][:1]
    if draw(st.integers(0, 3)):
        return told
    mark, end = draw(st.sampled_from(["", "\ufeff"])), draw(st.sampled_from(["\n", "\r\n"]))
    for sentence, wordings in told.items():
        case.files[f"{name}/{sentence}.j2"] = (mark + end.join([*wordings, ""])).encode()
    return name


@st.composite
def biographies(draw: Draw, case: Case, name: str, world: str) -> Tree:
    attributes = case.recipe["worlds"][world]["attributes"]
    source: Tree = {"kind": "biographies", "world": world}
    source["templates"] = draw(lines(case, name, TOLD, attributes))
    if draw(st.booleans()):
        source["paraphrases"] = draw(st.sampled_from([2, 3, "fresh"]))
    if draw(st.booleans()):
        source["permutations"] = draw(st.sampled_from([2, "fresh"]))
    source["full_name"] = draw(st.sampled_from(["first", "first", "all", {"after": 1}]))
    told = source["templates"]
    codes = "code" in (told if isinstance(told, dict) else [*attributes])
    related = "friend" in (told if isinstance(told, dict) else [*attributes])
    if draw(st.integers(0, 2)) == 0 and not codes and not related:
        rates = st.sampled_from([0, 0, 0.25, 0.5])
        mistakes = {"corrected": draw(rates), "weak": draw(rates) / 2, "silent": draw(rates)}
        source["mistakes"] = {**mistakes, "back": draw(st.sampled_from(["[BACK]", {"text": "no,"}]))}
        kinds = (("mistake", "corrected"), ("weak", "weak"), ("silent", "silent"))
        roles = [role for role, kind in kinds if mistakes[kind]]
        roles += ["back"] * bool(mistakes["corrected"] or mistakes["weak"])
        _masked(draw, source, roles)
    return source


def _masked(draw: Draw, source: Tree, roles: list[str]) -> None:
    if source.get("tag"):
        roles = ["tag", *roles]
    if roles and draw(st.booleans()):
        source["mask"] = draw(st.lists(st.sampled_from(roles), min_size=1, unique=True))


@st.composite
def questions(draw: Draw, case: Case, name: str, world: str) -> Tree:
    attributes = case.recipe["worlds"][world]["attributes"]
    kind = draw(st.sampled_from(["questions", "questions", "statements"]))
    known = ASKED if kind == "questions" else STATED
    source: Tree = {"kind": kind, "world": world, "templates": draw(lines(case, name, known, attributes))}
    told = source["templates"]
    if isinstance(told, str):
        told = {path.split("/")[1][:-3]: None for path in case.files if path.startswith(f"{told}/")}
    if kind == "questions":
        if {"land", "shoes", "friend"} & told.keys() and draw(st.booleans()):
            source["hints"] = {"rate": draw(st.sampled_from([0, 0.5, 1]))}
        if draw(st.integers(0, 4)):
            _masked(draw, source, ["prompt", "answer", *["hint"] * ("hints" in source)])
    if draw(st.integers(0, 3)) == 0:
        source["paraphrases"] = draw(st.sampled_from([2, "fresh"]))
    return source


@st.composite
def names(draw: Draw, case: Case, name: str, world: str) -> Tree:
    return {"kind": "names", "world": world, **draw(st.sampled_from([{}, {}, {"start": {"text": "Who:"}}]))}


@st.composite
def hops(draw: Draw, case: Case, name: str, world: str) -> Tree:
    people = draw(st.integers(1, 2))
    source: Tree = {
        "kind": "hops", "world": world, "instances": draw(st.integers(1, 9)), "attribute": "city", "people": people,
        "templates": {"year": ["{{ name }} is in {{ city }}."], "question": ["And {{ name }}? | {{ city }}."]},
    }  # fmt: skip
    if draw(st.booleans()):
        source["hops"] = 2
        source["templates"]["same"] = ["{{ name }} is where {{ other_name }} is."]
        case.recipe["worlds"][world]["size"] = 12
    _masked(draw, source, ["prompt", "answer"])
    return source


# ── sources of their own ────────────────────────────────────────────────────────────────────────────────────────────

ROWS = [
    "A line.", "two  blanks ", " before", "東京 🙂", "x\ufffdy", "a\u2028b c\u0085d", f"it says {EOS} here",
    "ﬁ e\u0301", "Where does Ada Ek live? Oslo.", "1 2", '"quoted", {{ braces }}', "tab\there", "<T> [BACK]",
]  # fmt: skip


@st.composite
def corpora(draw: Draw, case: Case, name: str, world: str) -> Tree:
    rows = draw(st.lists(st.sampled_from([*ROWS, ""]), min_size=1, max_size=8))
    kind = draw(st.sampled_from(["txt", "jsonl", "parquet"]))
    if kind == "txt":
        rows = [row for row in rows if row.strip()] or ["A line."]
        case.files[f"{name}.txt"] = ("\ufeff" * draw(st.integers(0, 1)) + "\n".join(rows)).encode()
    elif kind == "jsonl":
        case.files[f"{name}.jsonl"] = "\n".join(json.dumps({"text": row}, ensure_ascii=False) for row in rows).encode()
    else:
        import pyarrow as pa
        from pyarrow import parquet

        held = pa.BufferOutputStream()
        parquet.write_table(pa.table({"text": rows}), held)
        case.files[f"{name}.parquet"] = held.getvalue().to_pybytes()
    case.texts[name] = rows
    return {"kind": "corpus", "files": f"{name}.{kind}"}


@st.composite
def puzzles(draw: Draw, case: Case, name: str, world: str) -> Tree:
    kind = draw(st.sampled_from(["mano", "copy", "depo", "brevo", "grammar"]))
    source: Tree = {"kind": kind, "instances": draw(st.integers(1, 20)), "alphabet": f"of_{name}"}
    if kind == "mano":
        source |= {"operations": draw(st.integers(1, 3)), "modulus": draw(st.sampled_from([2, 7, 23]))}
    elif kind == "copy":
        source |= {"length": draw(st.integers(1, 8)), "vocabulary": draw(st.sampled_from([1, 5]))}
    elif kind == "depo":
        source |= {
            "nodes": draw(st.integers(3, 5)),
            "hops": draw(st.integers(1, 3)),
            "queries": draw(st.integers(1, 3)),
        }
        source["words"] = {"length": [1, 2], "vocabulary": 3}
    elif kind == "brevo":
        source |= {"nodes": draw(st.integers(3, 6))}
    else:
        source["grammar"] = ["s -> a b | b a [2]", "a -> 1 2 | 2 2 1", "b -> 3 | 1 3"]
        if draw(st.integers(0, 3)) == 0:
            source["cut"] = 1
        elif draw(st.booleans()):
            source["perturbed"] = {"share": 0.5, "rate": 0.5}
    if kind != "brevo" or draw(st.booleans()):
        source["eos"] = draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        source["bos"] = draw(st.sampled_from([False, "<go>"]))
    if kind != "grammar" or "cut" in source:
        _masked(draw, source, ["prompt", "answer"])
    return source


@st.composite
def problems(draw: Draw, case: Case, name: str, world: str) -> Tree:
    source: Tree = {"kind": "igsm", "problems": draw(st.integers(1, 4)), "op": draw(st.integers(1, 3)), "split": "all"}
    source["vocabulary"] = {
        "chain": {
            "One": {"farm": "Elm, Oak, Ash, Fir"}, "Two": {"barn": "Red, Old, New, Big"},
            "Three": {"box": "Tin, Jar, Bag, Cup"}, "Four": {"coin": "Cent, Dime, Nut, Pin"},
        }
    }  # fmt: skip
    if draw(st.booleans()):
        source["retry"] = {"rate": 0.3, "mistake": draw(st.sampled_from(["real", "weak", "miss"]))}
    return source


ABOUT = {"biographies": biographies, "questions": questions, "names": names, "hops": hops}
ALONE = {"corpus": corpora, "puzzle": puzzles, "igsm": problems}


# ── splits ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SPLITS = ["train", "train", "exam", "no", "null", "README", "valid"]
LENGTHS = [8, 16, 24, 32, 64, 100]


@st.composite
def amounts(draw: Draw, others: list[str], endless: bool) -> Tree:
    kinds = ["exposures", "exposures", "exposures", "fraction", "rare", "zipf", "tokens", *["none"] * 2 * (not endless)]
    kinds += ["share", "ratio"] * bool(others)
    match draw(st.sampled_from(kinds)):
        case "exposures":
            return {"exposures": draw(st.integers(1, 5))}
        case "fraction":
            return {"exposures": draw(st.sampled_from([0.5, 1.5, 2.25]))}
        case "rare":
            return {"exposures": draw(st.sampled_from([0.1, 0.2]))}
        case "zipf":
            return {"exposures": {"zipf": draw(st.sampled_from([0, 1, 1.5])), "most": draw(st.integers(1, 6))}}
        case "tokens":
            return {"tokens": draw(st.sampled_from([50, 400, 2000]))}
        case "share":
            return {"share": draw(st.sampled_from([0, 0.25, 0.5]))}
        case "ratio":
            return {"ratio": draw(st.sampled_from([0.5, 1, 2])), "to": others[0]}
    return {}


@st.composite
def splits(draw: Draw, case: Case, chosen: list[str]) -> Tree:
    sources = case.recipe["sources"]
    mixture: Tree = {}
    for name in chosen:
        endless = "fresh" in (sources[name].get("paraphrases"), sources[name].get("permutations"))
        mixture[name] = draw(amounts([*mixture], endless))
    method = draw(st.sampled_from(["concat", "concat", "rows", "aligned"]))
    packing: Tree = {"method": method, "length": draw(st.sampled_from(LENGTHS))}
    if draw(st.booleans()) or (packing["method"] == "aligned" and len(chosen) > 1):
        packing["windows"] = "pure"
    if packing["method"] == "aligned" and draw(st.booleans()):
        packing["last"] = "pad"
    if method != "concat" and draw(st.integers(0, 3)):
        packing["length"] = 400
    if draw(st.integers(0, 2)) == 0:
        packing["longer"] = "drop"
        packing["length"] = draw(st.sampled_from([24, 100, 100, 300]))
    kinds = {sources[name]["kind"] for name in chosen}
    columns = draw(st.lists(st.sampled_from(["segment_ids", "documents", "parts", "loss_mask"]), unique=True))
    if any(sources[name].get("mask") for name in chosen) and "loss_mask" not in columns:
        columns.append("loss_mask")
    if kinds & {"biographies", "questions", "statements", "names"} and draw(st.booleans()):
        columns.append("spans")
    if packing["method"] == "rows":
        if kinds <= {"questions", "hops", "mano", "copy", "depo", "brevo"} and draw(st.booleans()):
            columns.append("answers")
        if kinds <= {"biographies", "questions", "names", "statements"} and draw(st.booleans()):
            columns.append("probes")
        if kinds == {"igsm"} and len(chosen) == 1 and draw(st.booleans()):
            columns.append("steps")
    if kinds == {"grammar"} and len(chosen) == 1 and draw(st.booleans()):
        columns.append("tree")
    return {"mixture": mixture, "packing": packing, "columns": draw(st.permutations(columns))}


# ── recipes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def accepted(draw: Draw) -> Case:
    """A recipe that is likely to be accepted."""
    case = Case({"seed": draw(st.integers(0, 3)), "tokenizer": "gpt2", "worlds": {}, "sources": {}, "splits": {}})
    every_kind = [*ABOUT, "biographies", "questions", *ALONE, "puzzle"]
    kinds = draw(st.lists(st.sampled_from(every_kind), min_size=1, max_size=3))
    if any(kind in ABOUT for kind in kinds):
        count = draw(st.integers(1, 2))
        for world in ["w", "v"][:count]:
            case.recipe["worlds"][world] = draw(worlds(case, world, codes="hops" not in kinds))
    symbols = all(kind == "puzzle" for kind in kinds) and draw(st.booleans())
    if symbols:
        case.recipe["tokenizer"] = "symbols"
    elif kind := draw(st.sampled_from([None, *KINDS, "bytes", "bytes", "uncut", "uncut", "uncut", "nfc", "unigram"])):
        case.recipe["tokenizer"] = {"name": f"{kind}.json"}
        case.files[f"{kind}.json"] = text_of(kind).encode()
    for number, kind in enumerate(kinds):
        name = draw(st.sampled_from(["s", "no", "null", "a_b"])) + "abc"[number]
        world = draw(st.sampled_from([*case.recipe["worlds"]])) if kind in ABOUT else ""
        source = draw({**ABOUT, **ALONE}[kind](case, name, world))
        if not symbols and (tag := draw(st.sampled_from(TAGS))):
            source["tag"] = tag
            if draw(st.booleans()):
                source["mask"] = [*source.get("mask", []), *["tag"] * ("tag" not in source.get("mask", []))]
        if kind in ABOUT and kind != "hops" and "half" in case.recipe["worlds"][world].get("groups", {}):
            source |= draw(st.sampled_from([{}, {"only": "half"}]))
        case.recipe["sources"][name] = source
    every = [*case.recipe["sources"]]
    for name in draw(st.lists(st.sampled_from(SPLITS), min_size=1, max_size=2, unique=True)):
        chosen = draw(st.lists(st.sampled_from(every), min_size=1, max_size=3, unique=True))
        case.recipe["splits"][name] = draw(splits(case, chosen))
    case.recipe["shard_tokens"] = draw(st.sampled_from([1024, 1024, 2048, 2**20]))
    if draw(st.integers(0, 3)) == 0:
        kinds = draw(st.lists(st.sampled_from([*FORMATS]), min_size=1, max_size=2, unique=True))
        case.recipe["exports"] = [{"kind": kind, "columns": ["input_ids"]} for kind in kinds]
    if not case.recipe["worlds"]:
        del case.recipe["worlds"]
    case.luck = draw(st.integers(0, 2**16))
    return case


def _spoilt(case: Case, how: str) -> Case:
    """The recipe with something wrong in it."""
    made = deepcopy(case)
    recipe = made.recipe
    split = next(iter(recipe["splits"].values()))
    source = next(iter(recipe["sources"].values()))
    world = next(iter(recipe.get("worlds", {}).values()), None)
    match how:
        case "key":
            source["colour"] = 1
        case "length":
            split["packing"]["length"] = 1
        case "column":
            split["columns"] = ["losses"]
        case "mask":
            source["mask"] = ["attempt"]
        case "source":
            split["mixture"]["nobody"] = {}
        case "share":
            split["mixture"] = {name: {"share": 0.7} for name in recipe["sources"]}
        case "nothing":
            split["mixture"] = {name: {"exposures": 0} for name in split["mixture"]}
        case "seed":
            recipe["seed"] = True
        case "names" if world:
            world["size"] = 13
        case "template":
            source["templates"] = {"city": ["{{ nowhere }}"]}
        case "weights" if world:
            world["attributes"]["city"]["weights"] = [1]
        case "file":
            recipe["tokenizer"] = {"name": "nothing.json"}
        case "path" | "exports" | "tokenizer":
            recipe["splits"] = {how.replace("path", "../up"): split}
        case _:
            recipe["sources"] = {}
    return made


SPOILS = [
    "key", "length", "column", "mask", "source", "share", "nothing", "seed", "names", "template", "weights", "file",
    "path", "exports", "tokenizer", "empty",
]  # fmt: skip


@st.composite
def cases(draw: Draw) -> Case:
    """Any recipe; one in eight with something wrong in it."""
    case = draw(accepted())
    return _spoilt(case, draw(st.sampled_from(SPOILS))) if draw(st.integers(0, 7)) == 7 else case
