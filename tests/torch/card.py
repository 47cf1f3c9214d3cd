"""A card that is not there: a device of its own for torch, whose tensors are computed on the CPU.

As on a real one, an operation takes tensors of one device only (but for CPU scalars), and NumPy does not see into its
memory. So code that is meant for a card runs through here, and fails where it forgets to move something.

    python -m tests.torch.card FILE OUT        the first seed of an experiment, on the card

(A process of its own, as torch counts its devices at the first backward pass.)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

NAME = "pretended"
DEVICE = f"{NAME}:0"
MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class _Module(backend_registration._DummyBackendModule):
    """What torch asks of a kind of device."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


class OnCard(torch.Tensor):
    """A tensor on the card. kept: the CPU tensor that has its values."""

    kept: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    def __new__(cls, kept: torch.Tensor) -> Self:
        form = {"strides": kept.stride(), "storage_offset": kept.storage_offset(), "dtype": kept.dtype}
        tensor: Self = torch.Tensor._make_wrapper_subclass(cls, kept.size(), **form, device=DEVICE)
        tensor.kept = kept
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})

    def tolist(self) -> Any:
        """The values, which a card gives."""
        return self.kept.tolist()


class _Card(TorchDispatchMode):
    """Sees every operation while the card is there, of tensors on the CPU too."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The result of an operation, on the device that it names, or on that of its tensors."""
    tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
    on_card = any(isinstance(tensor, OnCard) for tensor in tensors)
    if on_card and func not in MOVES:
        strays = [tensor for tensor in tensors if not isinstance(tensor, OnCard) and tensor.dim()]
        assert not strays, f"{func}: tensors on the CPU beside some on the card"
    if kwargs.get("device") is not None:
        on_card = torch.device(kwargs["device"]).type == NAME
        kwargs = {**kwargs, "device": "cpu"}
    kept_args, kept_kwargs = tree_map_only(OnCard, lambda tensor: tensor.kept, (args, kwargs))
    result = func(*kept_args, **kept_kwargs)
    if func is torch.ops.aten.copy_.default:
        return args[0]
    changed = {id(tensor.kept): tensor for tensor in tensors if isinstance(tensor, OnCard)}  # in place
    if not on_card:
        return result
    return tree_map_only(torch.Tensor, lambda kept: changed[id(kept)] if id(kept) in changed else OnCard(kept), result)


def _empty_strided(size: Any, stride: Any, *, dtype: torch.dtype | None = None, **_: Any) -> OnCard:
    """What `torch.tensor` makes on a card, below all modes."""
    return OnCard(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    """And how it gets its values."""
    assert isinstance(target, OnCard)
    target.kept.copy_(source)
    return target


@contextmanager
def card() -> Iterator[torch.device]:
    """The card, as a device of torch's, as long as the context lasts."""
    if torch._C._get_privateuse1_backend_name() != NAME:
        backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
        torch.library.impl("aten::empty_strided", "PrivateUse1", _empty_strided)
        torch.library.impl("aten::_copy_from", "PrivateUse1", _copy_from)
    with _Card():
        yield torch.device(DEVICE)


def main(file: str, out: str) -> None:
    """Run the first seed of an experiment on the card."""
    from pipeline.laboratory import running
    from pipeline.laboratory.experiment import read_experiment

    torch.set_num_threads(1)
    with card() as device:
        running.best_device = lambda: device
        running.run_experiment(read_experiment(file), Path(out), [0])


if __name__ == "__main__":
    main(*sys.argv[1:])
