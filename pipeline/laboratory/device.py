"""Where a model is trained and examined: a CUDA card where torch sees one, in bf16 and compiled; else the CPU, in fp32.

On a CPU a run that goes on from a checkpoint comes to the losses of one that was never killed, to the last bit. A card
adds in an order of its own, and comes to nearly the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from pipeline.core.system.processor import processor
from pipeline.core.system.progress import counted

FAST = ("cuda",)
"""The types of devices on which a model is compiled, and trained in bf16."""


def best_device() -> torch.device:
    """The device that experiments use here."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def described(device: torch.device) -> str:
    """A device in words, for the record of a run: rounding, and so a figure's last digits, differ between them."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{processor()}, {counted(torch.get_num_threads(), 'thread')}"


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Inside, products of matrices are taken in bf16, on a device that is FAST; on another, nothing changes."""
    context: AbstractContextManager[object] = torch.autocast(device.type, torch.bfloat16, enabled=device.type in FAST)
    return context


def compiled(model: nn.Module, device: torch.device) -> Callable[..., Tensor]:
    """The forward pass of a model: compiled, for a device that is FAST."""
    forward: Callable[..., Tensor] = torch.compile(model) if device.type in FAST else model
    return forward
