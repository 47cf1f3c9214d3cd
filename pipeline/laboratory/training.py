"""Training: a model on the rows of a stream, from the beginning or from a checkpoint.

A checkpoint has everything that the next step depends on (weights, moments, the place in the stream) and all losses
so far. So a run that is killed goes on to the same losses as one that is not (`device` says how nearly, on a card).
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipeline.core.errors import RunError, StorageError
from pipeline.core.system.open_files import created, opened
from pipeline.laboratory.data import batches
from pipeline.laboratory.device import compiled, mixed_precision
from pipeline.laboratory.model import GPT, Shape
from pipeline.laboratory.spec import TrainingSpec
from pipeline.training.streams import Stream

BETAS = (0.9, 0.98)
EVERY = 25  # steps whose mean loss is one number of the curve
_KEPT = {"name": str, "step": int, "rows": dict, "curve": list, "recent": list, "measured": dict, "seconds": float}
MEND = "Remove it, and the run begins anew; or give another --out."


@dataclass
class Run:
    """The state of a run behind `step` steps. name: of what it is a run; checkpoints of others are refused.

    rows: the state of the stream. curve: (tokens, mean loss) after each EVERY steps. recent: losses of the steps since.
    measured: measure → what it gave so far; asked: the digest of its keys then. seconds: of training so far.
    """

    name: str
    model: GPT
    optimizer: torch.optim.Optimizer
    step: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    curve: list[tuple[int, float]] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)
    measured: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seconds: float = 0.0
    asked: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the checkpoint: whole, or not at all. OSError where it cannot be written."""
        state = {name: getattr(self, name) for name in _KEPT}
        parts = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        whole = io.BytesIO()  # written to a file, torch hides what is wrong with the disk behind an error of its own
        torch.save({**state, **parts, "asked": self.asked, "shape": asdict(self.model.shape)}, whole)
        with created(path) as file:
            file.write(whole.getbuffer())

    def load(self, path: Path) -> None:
        """Go on from a checkpoint. StorageError for one of another run, and for what is no checkpoint."""
        try:
            with opened(path) as file:
                state = torch.load(file, map_location="cpu", weights_only=True)
            if wrong := [kept for kept, kind in _KEPT.items() if not isinstance(state[kept], kind)]:
                raise TypeError(wrong[0])
            same = state["name"] == self.name and state["shape"] == asdict(self.model.shape)
            if same:
                self.model.load_state_dict(state["model"])
                self.optimizer.load_state_dict(state["optimizer"])
        except Exception as error:  # whatever a damaged file makes torch raise
            raise StorageError(f"no checkpoint: {type(error).__name__}", MEND, str(path)) from None
        if not same:
            raise StorageError("the checkpoint of another run: sizes or data have changed", MEND, str(path))
        for kept in _KEPT:
            setattr(self, kept, state[kept])
        self.asked = state.get("asked", {})  # checkpoints of old have none


def new_run(name: str, shape: Shape, spec: TrainingSpec, seed: int, device: torch.device) -> Run:
    """A run of a new model. seed: of its parameters, 0 to 2⁶⁴ − 1."""
    torch.manual_seed(seed)
    model = GPT(shape).to(device)
    flat = [parameter for parameter in model.parameters() if parameter.dim() < 2]  # norms and biases
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    groups = [{"params": matrices, "weight_decay": float(spec.weight_decay)}, {"params": flat, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=float(spec.rate), betas=BETAS, eps=1e-6, fused=True)
    return Run(name, model, optimizer)


def steps(run: Run, stream: Stream, spec: TrainingSpec, total: int) -> Iterator[int]:
    """Train up to `total` steps in all; the number of done steps after each. stream: from its beginning, without end.

    Learning rate: up in a line for `warmup` of all steps, then down as a cosine to `final` of the highest. RunError
    where the loss is no number.
    """
    if run.rows:
        stream.load_state_dict(run.rows)
    device = run.model.embedding.weight.device
    forward = compiled(run.model, device)
    for batch, rows in batches(stream, spec.batch):
        if run.step >= total:
            return
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(spec, run.step, total)
        loss = mean_loss(forward, {name: value.to(device) for name, value in batch.items()})
        run.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
        run.optimizer.step()
        run.step, run.rows = run.step + 1, dict(rows)
        value = loss.item()
        if not math.isfinite(value):
            raise RunError(f"the loss is {value} at step {run.step}", "Lower the learning rate, `rate`.")
        run.recent.append(value)
        if len(run.recent) == EVERY or run.step == total:
            tokens = run.step * spec.batch * run.model.shape.length
            run.curve.append((tokens, sum(run.recent) / len(run.recent)))
            run.recent = []
        yield run.step


def learning_rate(spec: TrainingSpec, step: int, total: int) -> float:
    """The learning rate of a step, 0 to total - 1."""
    warmup = max(1, int(spec.warmup * total))
    if step < warmup:
        return float(spec.rate) * (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    final = float(spec.final)
    return float(spec.rate) * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done)))


def mean_loss(forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> Tensor:
    """The mean loss of a batch over the tokens that count, in nats."""
    losses, counts = token_losses(forward, batch)
    return (losses * counts).sum() / counts.sum().clamp(min=1)


def token_losses(forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The loss of each next token in nats, and whether it counts: float32 and bool (B, L - 1).

    Not counted: what a loss_mask leaves out (padding too), and the first token of a document that the model does not
    see from the one before, where rows have segment_ids.
    """
    ids, segments = batch["input_ids"], batch.get("segment_ids")
    with mixed_precision(ids.device):
        logits = forward(ids[:, :-1], None if segments is None else segments[:, :-1])
    targets = ids[:, 1:]
    losses = cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
    counts = torch.ones_like(targets, dtype=torch.bool)
    if "loss_mask" in batch:
        counts &= batch["loss_mask"][:, 1:] != 0
    if segments is not None:
        counts &= (segments[:, 1:] == segments[:, :-1]) & (segments[:, 1:] > 0)
    return losses, counts
