"""The dataset card: README.md with the YAML header that `load_dataset` and the Hub read.

What we write follows from the plan and the manifest alone, and stands between marks; what a person adds around it stays
(`marks.py`). The name of the repository and the licence are not known when a dataset is built, so `on_hub` writes them
into the card that is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.columns import COLUMNS
from pipeline.dataset.manifest import Manifest
from pipeline.dataset.marks import Marked, without_licence
from pipeline.dataset.marks import licence_of as licence_of

if TYPE_CHECKING:  # `push` needs the card, and no plan
    from pipeline.plan.plan import Plan

LONGEST = 600  # characters of a sample document
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_NOT_TEXTS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # to readers of YAML, in any case
_LOADING = re.compile(r"```python\nfrom datasets import load_dataset\n.*?\n```", re.DOTALL)
_UNLICENSED = "The licence is its maker's to choose; none is stated here."
_LICENSED = "The licence is the one that the header of this card names."
_PAPERS = (
    "The experiments are in the manner of *Physics of Language Models* by Zeyuan Allen-Zhu, Yuanzhi Li and others. Cite"
    " the part that yours follows:",
    "Part 1 [arXiv:2305.13673](https://arxiv.org/abs/2305.13673),",
    "Part 2.1 [arXiv:2407.20311](https://arxiv.org/abs/2407.20311),"
    " Part 2.2 [arXiv:2408.16293](https://arxiv.org/abs/2408.16293),"
    " Part 3.1 [arXiv:2309.14316](https://arxiv.org/abs/2309.14316),",
    "Part 3.2 [arXiv:2309.14402](https://arxiv.org/abs/2309.14402),"
    " Part 3.3 [arXiv:2404.05405](https://arxiv.org/abs/2404.05405),"
    " Part 4.1 [arXiv:2512.17351](https://arxiv.org/abs/2512.17351).",
)


def card(plan: Plan, manifest: Manifest, name: str) -> str:
    """The text of README.md, as long as nobody has written into it."""
    return Marked("", header(manifest), "", _part(plan, manifest, name), "").text


def header(manifest: Manifest) -> str:
    """Our lines of its header. Splits with the columns of `train` (or of the first) share the default config."""
    rows = sum(split["sequences"] for split in manifest.splits.values())
    size = next((label for limit, label in _SIZES if rows < limit), "n>10M")
    lines = [
        "task_categories: [text-generation]",
        "tags: [synthetic, pretraining]",
        f"size_categories: [{size}]",
        "configs:",
        *_configs(manifest.splits, manifest.fingerprint),
    ]
    return "".join(f"{line}\n" for line in lines)


def _part(plan: Plan, manifest: Manifest, name: str) -> str:
    """What stands between the marks."""
    first = next(iter(manifest.splits))
    return "\n".join([
        f"# {_plain(name)}",
        "",
        _plain(plan.title or "Synthetic pretraining data."),
        "",
        "Token ids, packed and shuffled globally, made from `recipe.yaml` (values and templates are in it) and nothing",
        f"else; fingerprint `{manifest.fingerprint[:16]}`. `manifest.json` has exact counts and hashes.",
        "",
        "| split | source | documents | tokens | sequences | tokens a sequence | padding |",
        "|---|---|---:|---:|---:|---:|---:|",
        *_counts(manifest.splits),
        *_lost(manifest.splits),
        "",
        *_loading(first, name, _quoted(f"{name}/tokenizer/tokenizer.json")),
        *_other_configs(manifest.splits),
        *_knowledge(manifest),
        *_columns(manifest.splits),
        *_samples(plan),
        *_citation(plan, manifest, name),
        "",
        "## Licence",
        "",
        _UNLICENSED,
        "",
    ])  # fmt: skip


def on_hub(text: str, repo: str, licence: str, words: str = "") -> str:
    """A card as it is sent: with the repository's name, under the licence: lines of YAML ("": what it says already).

    words: the hash of what a person has written into the folder's card; by default of what they have into this one.
    """
    card = Marked.of(text)
    part = card.part and _published(card.part, repo)
    if part and (licence or licence_of(text)):
        part = part.replace(_UNLICENSED, _LICENSED)
    keys = licence + without_licence(card.keys) if licence else card.keys
    return replace(card, keys=keys, part=part, beside=words or card.words_hash).text


def _published(part: str, repo: str) -> str:
    """Our part with the repository's name."""
    shown = _LOADING.search(part)
    split = re.search(r'split="([^"]*)"', shown[0]) if shown else None
    if shown and split:
        file = f'hf_hub_download({_quoted(repo)}, "tokenizer/tokenizer.json", repo_type="dataset")'
        block = "\n".join(_loading(split[1], repo, file, "from huggingface_hub import hf_hub_download"))
        part = part[: shown.start()] + block + part[shown.end() :]
    note = "\n  note = {Synthetic"
    return part.replace(note, f"\n  howpublished = {{\\url{{https://huggingface.co/datasets/{repo}}}}},{note}", 1)


def _loading(split: str, name: str, tokenizer: str, *imports: str) -> list[str]:
    return [
        "```python",
        "from datasets import load_dataset",
        *imports,
        "from tokenizers import Tokenizer",
        "",
        f"data = load_dataset({_quoted(name)}, split={_quoted(split)})",
        f"tokenizer = Tokenizer.from_file({tokenizer})",
        'print(tokenizer.decode(data[0]["input_ids"], skip_special_tokens=False))',
        "```",
    ]


def _configs(splits: Mapping[str, Any], fingerprint: str) -> list[str]:
    """One config a schema: `train` is in the default one, a split of other columns in one of its own name.

    The fingerprint is in it because `datasets` takes two folders of one name whose configs are the same for the same
    dataset, and would show the rows that it has kept of the first.
    """
    first = splits.get("train") or next(iter(splits.values()))
    schema = [(split["columns"], split["length"], split["packing"]) for split in splits.values()]
    default = (first["columns"], first["length"], first["packing"])
    lines = ["- config_name: default", "  default: true", "  data_files:"]
    for name, its in zip(splits, schema, strict=True):
        if its == default:
            lines += [f"  - split: {_yaml(name)}", f"    path: {name}/*.arrow"]
    for name, its in zip(splits, schema, strict=True):
        if its != default:
            lines += [f"- config_name: {_yaml(name)}", "  data_files:", f"  - split: {_yaml(name)}"]
            lines += [f"    path: {name}/*.arrow"]
    named = ["default", *(name for name, its in zip(splits, schema, strict=True) if its != default)]
    lines.append("dataset_info:")
    for name in named:
        lines += [f"- config_name: {_yaml(name)}", f"  description: fingerprint {fingerprint}"]
    return lines


def _yaml(name: str) -> str:
    """A name as YAML, quoted where it would be read as something else than a text."""
    return f'"{name}"' if name.lower() in _NOT_TEXTS else name


def _other_configs(splits: Mapping[str, Any]) -> list[str]:
    """How the splits are loaded that are not in the default config."""
    first = splits.get("train") or next(iter(splits.values()))
    alike = ("columns", "length", "packing")
    others = [name for name, its in splits.items() if any(its[what] != first[what] for what in alike)]
    if not others:
        return []
    shown = ", ".join(f"`{name}`" for name in others)
    return [
        "",
        f"Of other columns or lengths, and so configs of their own: {shown}. Name them twice:",
        "",
        "```python",
        f"load_dataset(…, {_quoted(others[0])}, split={_quoted(others[0])})",
        "```",
    ]


def _counts(splits: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, split in splits.items():
        for source, counts in split["sources"].items():
            rows.append(f"| {name} | {source} | {counts['documents']:,} | {counts['tokens']:,} | | | |")
        totals = [split[what] for what in ("documents", "tokens", "sequences", "length", "padding")]
        rows.append(f"| **{name}** | | {' | '.join(f'{total:,}' for total in totals)} |")
    return rows


def _lost(splits: Mapping[str, Any]) -> list[str]:
    """What packing left out of sequences."""
    lines = []
    for name, split in splits.items():
        for source, counts in split["sources"].items():
            if dropped := counts.get("dropped"):
                lines.append(f"`{name}` leaves out {dropped:,} documents of `{source}`: longer than a sequence.")
            if cut := counts.get("cut"):
                lines.append(f"`{name}` leaves out {cut:,} tokens of `{source}`, where a sequence is full.")
    return ["", *lines] if lines else []


def _knowledge(manifest: Manifest) -> list[str]:
    """What there is to know (Part 3.3, Definition 4.3), and how often each item is told."""
    if not manifest.worlds:
        return []
    lines = [
        "",
        "| world | individuals | bits to know | parameters at 2 bits | at 1 bit |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, known in manifest.worlds.items():
        numbers = (known[what] for what in ("individuals", "bits", "parameters_at_2_bits", "parameters_at_1_bit"))
        lines.append(f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |")
    lines += ["", "| split | source | exposures: least | mean | most | tokens each (expected) |"]
    lines += ["|---|---|---:|---:|---:|---:|"]
    for name, split in manifest.splits.items():
        for source, told in split["exposures"].items():
            shown = f"{told['least']:,} | {told['mean']:,.6g} | {told['most']:,} | {told['tokens_each']:.2f}"
            lines.append(f"| {name} | {source} | {shown} |")
    return lines


def _columns(splits: Mapping[str, Any]) -> list[str]:
    """What the numbers in columns mean."""
    lines = []
    for name, split in splits.items():
        meanings = [kind.meaning(split) for column, kind in COLUMNS.items() if column in split["columns"]]
        lines += [f"- `{name}`: {meaning}" for meaning in meanings if meaning]
    return ["", *lines] if lines else []


def _samples(plan: Plan) -> list[str]:
    lines = ["", "## A document of each source"]
    for split, source, text in sample_documents(plan):
        shown = text if len(text) <= LONGEST else text[:LONGEST] + " …"
        lines += ["", f"`{source}` in `{split}`:", "", *fenced(shown)]
    return lines


def sample_documents(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """(split, source, text) of a document of every source, in the first split that tells it; end token included."""
    told = set()
    for name, split in plan.splits.items():
        for block in split.blocks:
            source = split.sources[block.source]
            if source in told:
                continue
            told.add(source)
            at = split.locate(split.order.inverse(np.array([block.first_row], np.int64)))
            tokens = plan.sources[source].documents(at.item, at.exposure, spans=False).tokens
            yield name, source, plan.tokenizer.decode(tokens.values)


def fenced(text: str) -> list[str]:
    """Lines of Markdown that show any text as it is, whatever marks are in it.

    >>> fenced("a ``` b <i>")
    ['````text', 'a ``` b <i>', '````']
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    visible = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", "\N{REPLACEMENT CHARACTER}", text)
    return [f"{fence}text", visible, fence]


def _plain(text: str) -> str:
    """A text of the user's, for a line of Markdown: none of its signs is a mark."""
    return re.sub(r"([\\`*{}\[\]<>#|~$&]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", " ".join(text.split()))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _citation(plan: Plan, manifest: Manifest, name: str) -> Sequence[str]:
    version = manifest.versions.get("pretraining-recipes", "")
    key = re.sub(r"[^A-Za-z0-9_.-]", "-", name) or "dataset"
    title = re.sub(r"([\\{}%#&$_~^])", _in_latex, " ".join((plan.title or name).split()))
    made = f"Synthetic pretraining data made by pretraining-recipes {version}, fingerprint {manifest.fingerprint[:16]}"
    bibtex = [f"@misc{{{key},", f"  title = {{{{{title}}}}},", f"  note = {{{made}}}", "}"]
    return ["", "## Citation", "", "```bibtex", *bibtex, "```", "", *_PAPERS]


def _in_latex(sign: re.Match[str]) -> str:
    named = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return named.get(sign[0], f"\\{sign[0]}")
