"""The dataset card: README.md with the YAML header that `load_dataset` and the Hub read.

Our part follows from the plan and the manifest alone and stands between marks; what a person adds around it is kept
(`card_marks.py`). The name of the repository and the licence are added when the card is sent (`card_on_hub.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.columns import COLUMNS
from pipeline.dataset.card_marks import Marked
from pipeline.dataset.manifest import Manifest
from pipeline.dataset.markdown import fenced, in_latex, plain, quoted

if TYPE_CHECKING:  # `push` needs the card, and no plan
    from pipeline.plan.plan import Plan

LONGEST = 600  # characters of a sample document
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_NOT_TEXTS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # to readers of YAML, in any case
UNLICENSED = "The licence is its maker's to choose; none is stated here."
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
    """The text of README.md as we write it. name: of the dataset."""
    return Marked("", header(manifest), "", _body(plan, manifest, name), "").text


def header(manifest: Manifest) -> str:
    """Our header lines, YAML. Splits with the columns of `train` (or of the first split) share the default config."""
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


def _body(plan: Plan, manifest: Manifest, name: str) -> str:
    """Our part, between the marks."""
    first = next(iter(manifest.splits))
    return "\n".join([
        f"# {plain(name)}",
        "",
        plain(plan.title or "Synthetic pretraining data."),
        "",
        "Token ids, packed and shuffled globally, made from `recipe.yaml` (values and templates are in it) and nothing",
        f"else; fingerprint `{manifest.fingerprint[:16]}`. `manifest.json` has exact counts and hashes.",
        "",
        "| split | source | documents | tokens | sequences | tokens a sequence | padding |",
        "|---|---|---:|---:|---:|---:|---:|",
        *_counts(manifest.splits),
        *_lost(manifest.splits),
        *_orders(plan),
        *_vocabulary(manifest),
        *_code(manifest),
        "",
        *loading(first, name, quoted(f"{name}/tokenizer/tokenizer.json")),
        *_other_configs(manifest.splits),
        *_knowledge(manifest),
        *_columns(manifest.splits),
        *_authors(plan),
        *_samples(plan),
        *_citation(plan, manifest, name),
        "",
        "## Licence",
        "",
        UNLICENSED,
        "",
    ])  # fmt: skip


def loading(split: str, name: str, tokenizer: str, *imports: str) -> list[str]:
    """Python lines that load a split of the dataset `name`. tokenizer: an expression for the path of its file."""
    return [
        "```python",
        "from datasets import load_dataset",
        *imports,
        "from tokenizers import Tokenizer",
        "",
        f"data = load_dataset({quoted(name)}, split={quoted(split)})",
        f"tokenizer = Tokenizer.from_file({tokenizer})",
        'print(tokenizer.decode(data[0]["input_ids"], skip_special_tokens=False))',
        "```",
    ]


def _configs(splits: Mapping[str, Any], fingerprint: str) -> list[str]:
    """One config for each schema: the default one has `train`; a split with other columns has a config of its own name.

    The fingerprint is included because `datasets` caches rows by the folder's name and its configs: without it, another
    dataset in a folder of that name would show the cached rows of the first.
    """
    first = splits.get("train") or next(iter(splits.values()))
    schema = [(split["columns"], split["length"], split["packing"]) for split in splits.values()]
    default = (first["columns"], first["length"], first["packing"])
    lines = ["- config_name: default", "  default: true", "  data_files:"]
    for name, own in zip(splits, schema, strict=True):
        if own == default:
            lines += [f"  - split: {_yaml(name)}", f"    path: {name}/*.arrow"]
    for name, own in zip(splits, schema, strict=True):
        if own != default:
            lines += [f"- config_name: {_yaml(name)}", "  data_files:", f"  - split: {_yaml(name)}"]
            lines += [f"    path: {name}/*.arrow"]
    named = ["default", *(name for name, own in zip(splits, schema, strict=True) if own != default)]
    lines.append("dataset_info:")
    for name in named:
        lines += [f"- config_name: {_yaml(name)}", f"  description: fingerprint {fingerprint}"]
    return lines


def _yaml(name: str) -> str:
    """A name as YAML, quoted where it would be read as something else than a text."""
    return f'"{name}"' if name.lower() in _NOT_TEXTS else name


def _other_configs(splits: Mapping[str, Any]) -> list[str]:
    """How to load the splits that are not in the default config."""
    first = splits.get("train") or next(iter(splits.values()))
    alike = ("columns", "length", "packing")
    elsewhere = [name for name, split in splits.items() if any(split[key] != first[key] for key in alike)]
    if not elsewhere:
        return []
    shown = ", ".join(f"`{name}`" for name in elsewhere)
    return [
        "",
        f"Of other columns or lengths, and so configs of their own: {shown}. Name them twice:",
        "",
        "```python",
        f"load_dataset(…, {quoted(elsewhere[0])}, split={quoted(elsewhere[0])})",
        "```",
    ]


def _counts(splits: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, split in splits.items():
        for source, counts in split["sources"].items():
            rows.append(f"| {name} | {source} | {counts['documents']:,} | {counts['tokens']:,} | | | |")
        totals = [split[key] for key in ("documents", "tokens", "sequences", "length", "padding")]
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


def _orders(plan: Plan) -> list[str]:
    """Which splits are not shuffled as a whole, and what that asks of their readers."""
    lines = []
    for name, split in plan.splits.items():
        if split.phases[0].name:
            listed = ", ".join(f"`{phase.name}` ({_numbered(split.shards_of(phase.name))})" for phase in split.phases)
            lines.append(f"`{name}` has phases, one after another: {listed}. Read its shards in order.")
        for phase in split.phases:
            if phase.keeps_order:
                of = f"the phase `{phase.name}` of `{name}`" if phase.name else f"`{name}`"
                kept = [f"an order, {phase.ordered}"] * (phase.ordered != "shuffled")
                kept += ["shares that change"] * bool(phase.slices)
                lines.append(f"In {of} documents have {' and '.join(kept)}: read its shards one after another.")
    return ["", *lines] if lines else []


def _numbered(shards: range) -> str:
    """Shards by their numbers.

    >>> _numbered(range(6)), _numbered(range(6, 7))
    ('shards 0 to 5', 'shard 6')
    """
    first, last = shards.start, shards.stop - 1
    return f"shard {first}" if first == last else f"shards {first} to {last}"


def _vocabulary(manifest: Manifest) -> list[str]:
    """How many ids the tokenizer has, where it is reduced to those in use."""
    if not manifest.vocabulary:
        return []
    in_use, ids = manifest.vocabulary["in_use"], manifest.vocabulary["ids"]
    return ["", f"The tokenizer has {ids:,} ids; those in use are the first {in_use:,}, and rows hold no others."]


def _code(manifest: Manifest) -> list[str]:
    """Where the code lies that made documents."""
    names = [f"`{name}`" for name in manifest.files if name.startswith("code/")]
    if not names:
        return []
    return [
        "",
        f"Documents were made by Python code, which is kept to be read: {', '.join(names)}. Nothing here runs it.",
    ]


def _knowledge(manifest: Manifest) -> list[str]:
    """What there is to know (Part 3.3, Definition 4.3), and how often each item is shown."""
    if not manifest.worlds:
        return []
    lines = [
        "",
        "| world | individuals | bits to know | parameters at 2 bits | at 1 bit |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, world in manifest.worlds.items():
        numbers = (world[key] for key in ("individuals", "bits", "parameters_at_2_bits", "parameters_at_1_bit"))
        lines.append(f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |")
    lines += ["", "| split | source | exposures: least | mean | most | tokens each (expected) |"]
    lines += ["|---|---|---:|---:|---:|---:|"]
    for name, split in manifest.splits.items():
        for source, times in split["exposures"].items():
            shown = f"{times['least']:,} | {times['mean']:,.6g} | {times['most']:,} | {times['tokens_each']:.2f}"
            lines.append(f"| {name} | {source} | {shown} |")
    return lines


def _columns(splits: Mapping[str, Any]) -> list[str]:
    """What the numbers in columns mean."""
    lines = []
    for name, split in splits.items():
        meanings = [kind.meaning(split) for column, kind in COLUMNS.items() if column in split["columns"]]
        lines += [f"- `{name}`: {meaning}" for meaning in meanings if meaning]
    return ["", *lines] if lines else []


def _authors(plan: Plan) -> list[str]:
    """What language models wrote: lines of templates, or whole documents."""
    written = {name: source.credits for name, source in plan.recipe.sources.items()}
    lines = [f"- `{name}`: {plain(line)}" for name, of in written.items() for line in of]
    return ["", "Written by language models, and checked by rules alone:", "", *lines] if lines else []


def _samples(plan: Plan) -> list[str]:
    lines = ["", "## A document of each source"]
    for split, source, text in sample_documents(plan):
        shown = text if len(text) <= LONGEST else text[:LONGEST] + " …"
        lines += ["", f"`{source}` in `{split}`:", "", *fenced(shown)]
    return lines


def sample_documents(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """(split, source, text) of one document of each source, from the first split with that source; with end token."""
    shown = set()
    for name, split in plan.splits.items():
        for block in split.blocks:
            source = split.sources[block.source]
            if source in shown:
                continue
            shown.add(source)
            at = split.locate(split.order.inverse(np.array([block.first_row], np.int64)))
            tokens = plan.sources[source].documents(at.item, at.exposure, spans=False).tokens
            yield name, source, plan.tokenizer.decode(tokens.values)


def _citation(plan: Plan, manifest: Manifest, name: str) -> Sequence[str]:
    version = manifest.versions.get("pretraining-recipes", "")
    key = re.sub(r"[^A-Za-z0-9_.-]", "-", name) or "dataset"
    title = in_latex(" ".join((plan.title or name).split()))
    note = f"Synthetic pretraining data made by pretraining-recipes {version}, fingerprint {manifest.fingerprint[:16]}"
    bibtex = [f"@misc{{{key},", f"  title = {{{{{title}}}}},", f"  note = {{{note}}}", "}"]
    return ["", "## Citation", "", "```bibtex", *bibtex, "```", "", *_PAPERS]
