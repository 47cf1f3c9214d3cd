"""Probing: classifiers on the hidden states of a model that stays as it is (Part 3.1, section 5, appendices E and F).

For each attribute a low-rank change of the embedding, a norm and a linear classifier are learnt from one half of the
individuals; the accuracy is that for the other half.

Letters: n rows, L tokens in each, A attributes, K places that are read, C classes, V ids, B rows of a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipeline.core.draws import below
from pipeline.core.errors import PlanError
from pipeline.core.key import Key
from pipeline.dataset import Dataset
from pipeline.laboratory.model import GPT
from pipeline.training.streams import of_dataset

RATE, DECAY = 1e-3, 0.3  # the paper's, whose rate falls in a line to 0


@dataclass(frozen=True)
class Probed:
    """What is probed: ids (n, L); places (n, K), in order; targets (n, A), the class that is right. int64 all.

    attributes (A,): names. individual (n,): whom a row is about; even ones are learnt from, odd ones examined.
    """

    attributes: list[str]
    ids: Tensor
    places: Tensor
    targets: Tensor
    individual: Tensor

    def rows(self, examined: bool) -> Tensor:
        """The numbers of the rows that a probe learns from, or those that it is examined with."""
        return torch.nonzero(self.individual % 2 == int(examined))[:, 0]


class Probe(nn.Module):
    """A classifier of hidden states, with a change of the embedding, of some rank, that starts at 0."""

    def __init__(self, model: GPT, rank: int, classes: int) -> None:
        super().__init__()
        width = model.shape.width
        self.model = [model]  # in a list: its parameters are not the probe's
        self.change = nn.Sequential(nn.Embedding(model.shape.vocabulary, rank), nn.Linear(rank, width, bias=False))
        nn.init.zeros_(self.change[1].weight)
        self.norm, self.classes = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, ids: Tensor, places: Tensor) -> Tensor:
        """Logits (B, K, C) at places (B, K) of ids (B, L)."""
        (model,) = self.model
        states = model.states(model.embedding(ids) + self.change(ids))
        read = states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
        logits: Tensor = self.classes(self.norm(read))
        return logits


def accuracies_of(model: GPT, probed: Probed, number: int, *, rank: int, steps: int, batch: int) -> list[float]:
    """The accuracies of a probe of an attribute (by number) at each place, after so many steps of so many rows."""
    device, target = model.embedding.weight.device, probed.targets[:, number]
    torch.manual_seed(Key.root(0).child("laboratory", "probe", probed.attributes[number]).low)
    probe = Probe(model.eval().requires_grad_(False), rank, int(target.max()) + 1).to(device)
    optimizer = torch.optim.AdamW(probe.parameters(), lr=RATE, weight_decay=DECAY, eps=1e-6)
    learnt, examined = probed.rows(False), probed.rows(True)
    draws = Key.root(0).child("laboratory", "probe", "rows")
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
        counters = np.arange(step * batch, (step + 1) * batch, dtype=np.int64)
        rows = learnt[torch.from_numpy(below(draws, len(learnt), counters).astype(np.int64))]
        logits = probe(probed.ids[rows].to(device), probed.places[rows].to(device))
        right = target[rows, None].expand(logits.shape[:2]).to(device)
        optimizer.zero_grad()
        cross_entropy(logits.flatten(0, 1), right.flatten()).backward()
        optimizer.step()
    hits = torch.zeros(probed.places.shape[1], dtype=torch.int64)
    with torch.no_grad():
        for rows in examined.split(batch):
            guessed = probe(probed.ids[rows].to(device), probed.places[rows].to(device)).argmax(-1).cpu()
            hits += (guessed == target[rows, None]).sum(0)
    model.train().requires_grad_(True)
    return [hit / len(examined) for hit in hits.tolist()]


def read_probed(
    data: Dataset, split: str, *, rows: int, target: str, attributes: Sequence[str] | None, context: int
) -> Probed:
    """The first `rows` rows of a split with the column `probes`, up to the last place that is read.

    target: "value" or "first_token". attributes: those to probe; None: those with at most one class for two rows, since
    the paper, too, skips whole birth dates. context: tokens of the model's.

    PlanError where rows have different numbers of places, the last is beyond the context, an attribute is not probed,
    or none is left, and where either half of the individuals has no row.
    """
    names = data.split(split)["attributes"]
    read = list(islice(of_dataset(data, split), rows))
    places = [sorted({int(place) for place in row["probes"]["position"]}) for row in read]
    if len({len(of_row) for of_row in places}) > 1:
        raise PlanError("rows have different numbers of places", "Each document must show all attributes.", split)
    last = max(of_row[-1] for of_row in places) + 1
    if last > context:
        problem = f"a row is read up to token {last}, and the model has a context of {context}"
        raise PlanError(problem, "Train on longer sequences: packing.length.", split)
    classes = _classes(read, names, target)
    wanted = attributes or [name for name, of_rows in classes.items() if 2 * len(set(of_rows)) <= len(read)]
    if not wanted:
        few = f"no attribute has so few classes that each could have two of {len(read)} rows"
        raise PlanError(few, "Probe more rows, `first_token`, or name `attributes`.", split)
    for name in wanted:
        if name not in classes:
            raise PlanError(f"'{name}' is not probed", f"Name some of these: {', '.join(classes)}.", split)
    individual = torch.tensor([int(row["individual"]) for row in read])
    for half, odd in (("even", 0), ("odd", 1)):
        if not bool((individual % 2 == odd).any()):
            problem = f"none of {len(read)} rows is about an individual of {half} number, and a probe needs both halves"
            raise PlanError(problem, "Probe more rows, or more individuals.", split)
    numbered = [np.unique(classes[name], return_inverse=True)[1] for name in wanted]
    return Probed(
        attributes=list(wanted),
        ids=torch.from_numpy(np.stack([row["input_ids"][:last] for row in read]).astype(np.int64)),
        places=torch.tensor(places),
        targets=torch.from_numpy(np.stack(numbered, 1)),
        individual=individual,
    )


def _classes(rows: Sequence[Mapping[str, Any]], names: Sequence[str], target: str) -> dict[str, list[int]]:
    """For each attribute its class in each row (n,); without those whose classes are not numbered."""
    classes: dict[str, list[int]] = {}
    for row in rows:
        probes = row["probes"]
        for attribute, value in zip(probes["attribute"], probes[target], strict=True):
            if value >= 0:
                classes.setdefault(names[attribute], []).append(int(value))
    return {name: classes[name] for name in names if len(classes.get(name, ())) == len(rows)}
