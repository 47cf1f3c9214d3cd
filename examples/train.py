"""A training loop of one's own over the rows: loader workers, losses by source and on spans, a checkpoint.

    python examples/train.py data/tiny --steps 100          from the shards that `build` made
    python examples/train.py tiny --steps 100               the same rows, made while it trains; no disk
    python examples/train.py tiny --steps 200 --checkpoint run.pt        goes on from run.pt where there is one

Needs the extra `torch` (torch, torchdata). The split wants columns: [segment_ids, documents, spans]; what is missing of
them is done without: attention then crosses documents, and the loss is logged in one sum.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchdata.stateful_dataloader import StatefulDataLoader

import pipeline
from pipeline.core.errors import PipelineError
from pipeline.laboratory.model import GPT, Shape
from pipeline.laboratory.training import token_losses
from pipeline.training.streams import Stream

LISTS = ("documents", "spans")


# ── data ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows_of(data: str, split: str) -> tuple[Stream, list[str]]:
    """The rows of a built folder, or of a recipe; and the names of the split's sources."""
    if (Path(data) / "manifest.json").exists() or "://" in data:
        from pipeline.dataset import Dataset

        return pipeline.read(data, split, epochs=None), Dataset.at(data).split(split)["source_names"]
    from pipeline.plan import compile_plan
    from pipeline.recipe import load
    from pipeline.training.streams import of_plan

    plan = compile_plan(load(data))
    return of_plan(plan, split, epochs=None), list(plan.splits[split].sources)


def batch_of(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Rows as one batch. Lists of documents and spans become, per token, the source's number + 1 and whether it is in
    a span (0: neither): int64 and bool (B, L)."""
    batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0] if name not in LISTS}
    for name in LISTS:
        if name in rows[0]:
            batch[name] = torch.stack([painted(row["input_ids"], row[name], name) for row in rows])
    return batch


def painted(ids: Tensor, entries: dict[str, Any], name: str) -> Tensor:
    """Per token, what the entry that covers it is."""
    out = torch.zeros_like(ids)
    number = entries["source"] + 1 if name == "documents" else [1] * len(entries["start"])
    for start, length, one in zip(entries["start"], entries["length"], number, strict=True):
        out[start : start + length] = int(one)
    return out


# ── training ────────────────────────────────────────────────────────────────────────────────────────────────────────


def noted(
    losses: Tensor, counts: Tensor, batch: dict[str, Tensor], sources: list[str]
) -> Iterator[tuple[str, float, int]]:
    """(what, sum of losses, tokens) of a batch: all, each source, and the tokens of names and values."""
    of = {"loss": counts}
    if "documents" in batch:
        of |= {name: counts & (batch["documents"][:, 1:] == s) for s, name in enumerate(sources, 1)}
    if "spans" in batch:
        of["spans"] = counts & (batch["spans"][:, 1:] == 1)
    for name, where in of.items():
        yield name, float(losses.detach()[where].sum()), int(where.sum())


def train(options: argparse.Namespace) -> list[float]:
    """Train, print, save; the mean loss of each step."""
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    stream, sources = rows_of(options.data, options.split)
    first = next(iter(stream))
    columns = tuple(name for name in first if name in ("input_ids", "loss_mask", "segment_ids", *LISTS))
    loader = StatefulDataLoader(
        stream.torch(columns), batch_size=options.batch, collate_fn=batch_of, num_workers=options.workers
    )
    length = len(first["input_ids"])
    model = GPT(Shape(options.vocabulary, length, options.layers, options.width, options.heads)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=0.1)
    step = 0
    if options.checkpoint and options.checkpoint.exists():
        saved = torch.load(options.checkpoint, weights_only=False)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        loader.load_state_dict(saved["data"])
        step = saved["step"]
    history: list[float] = []
    sums, tokens, began = Counter[str](), Counter[str](), time.perf_counter()
    for batch in loader:
        if step >= options.steps:
            break
        batch = {name: value.to(device) for name, value in batch.items()}
        losses, counts = token_losses(model, batch)
        loss = losses[counts].mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        history.append(loss.item())
        for name, total, number in noted(losses, counts, batch, sources):
            sums[name] += total
            tokens[name] += number
        if step % options.every == 0 or step == options.steps:
            shown = " · ".join(f"{name} {sums[name] / tokens[name]:.4f}" for name in sums if tokens[name])
            print(f"step {step} · {shown} · {tokens['loss'] / (time.perf_counter() - began):,.0f} tokens/s", flush=True)
            sums, tokens, began = Counter(), Counter(), time.perf_counter()
            if options.checkpoint:
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
                torch.save({**state, "data": loader.state_dict()}, options.checkpoint)
    return history


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Train a small GPT-2 with rotary positions.")
    parser.add_argument("data", help="the folder of a built dataset, or a recipe")
    parser.add_argument("--split", default="train")
    parser.add_argument("--checkpoint", type=Path, help="is written, and gone on from where it is there")
    for name, default in (("steps", 100), ("batch", 8), ("every", 10), ("workers", 0), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("layers", 4), ("width", 256), ("heads", 4), ("vocabulary", 50_304)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lr", type=float, default=1e-3)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        train(parsed())
    except PipelineError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None
