"""The dataset card: README.md with the YAML header that `load_dataset` and the Hub read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.manifest import Manifest
from pipeline.plan import Plan

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


def card(plan: Plan, manifest: Manifest, name: str) -> str:
    """The text of README.md. Splits with the columns of `train` (or of the first) share the default config."""
    rows = sum(split["sequences"] for split in manifest.splits.values())
    size = next((label for limit, label in _SIZES if rows < limit), "n>10M")
    return "\n".join([
        "---",
        "task_categories: [text-generation]",
        "tags: [synthetic, pretraining]",
        f"size_categories: [{size}]",
        "configs:",
        *_configs(manifest.splits),
        "---",
        f"# {name}",
        "",
        plan.title or "Synthetic pretraining data.",
        "",
        "Token ids, packed and shuffled globally, made from `recipe.yaml` (values and templates are in it) and nothing",
        f"else; fingerprint `{manifest.fingerprint[:16]}`. `manifest.json` has exact counts and hashes.",
        "",
        "| split | source | documents | tokens | sequences | tokens a sequence | padding |",
        "|---|---|---:|---:|---:|---:|---:|",
        *_counts(manifest.splits),
        "",
        "```python",
        "from datasets import load_dataset",
        "from tokenizers import Tokenizer",
        "",
        f'data = load_dataset("{name}", split="{next(iter(manifest.splits))}")',
        f'tokenizer = Tokenizer.from_file("{name}/tokenizer/tokenizer.json")',
        'print(tokenizer.decode(data[0]["input_ids"]))',
        "```",
        *_knowledge(manifest),
        *_columns(manifest.splits),
        "",
    ])  # fmt: skip


def _configs(splits: Mapping[str, Any]) -> list[str]:
    """One config a schema: `train` is in the default one, a split of other columns in one of its own name."""
    first = splits.get("train") or next(iter(splits.values()))
    schema = [(split["columns"], split["length"], split["packing"]) for split in splits.values()]
    default = (first["columns"], first["length"], first["packing"])
    lines = ["- config_name: default", "  default: true", "  data_files:"]
    for name, its in zip(splits, schema, strict=True):
        if its == default:
            lines += [f"  - split: {name}", f"    path: {name}/*.arrow"]
    for name, its in zip(splits, schema, strict=True):
        if its != default:
            lines += [f"- config_name: {name}", "  data_files:", f"  - split: {name}", f"    path: {name}/*.arrow"]
    return lines


def _counts(splits: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, split in splits.items():
        for source, counts in split["sources"].items():
            rows.append(f"| {name} | {source} | {counts['documents']:,} | {counts['tokens']:,} | | | |")
        totals = [split[what] for what in ("documents", "tokens", "sequences", "length", "padding")]
        rows.append(f"| **{name}** | | {' | '.join(f'{total:,}' for total in totals)} |")
    return rows


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
    """What the numbers in `documents` and `spans` mean."""
    lines = []
    for name, split in splits.items():
        if "documents" in split["columns"]:
            lines.append(f"- `{name}`: `documents.source` is an index into {split['source_names']}")
        if "spans" in split["columns"]:
            lines.append(f"- `{name}`: `spans.attribute` is an index into {split['attributes']}")
        if "probes" in split["columns"]:
            lines.append(f"- `{name}`: `probes.attribute` is an index into {split['attributes']}")
        if "steps" in split["columns"]:
            lines.append(
                f"- `{name}`: bit k of `labels.depends`, `steps.known`, `steps.ready` is line k of `parameters`"
            )
        if "parts" in split["columns"]:
            lines.append(f"- `{name}`: `parts.role` is an index into {split['roles']}")
    return ["", *lines] if lines else []
