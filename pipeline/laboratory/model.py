"""GPT: a GPT-2 with rotary positions and tied embeddings, small enough to read in one sitting.

Letters: B sequences, L tokens in each, H heads, D features of a head, V ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

BASE = 10_000  # of the wavelengths of rotary positions


@dataclass(frozen=True)
class Shape:
    """The sizes of a model. vocabulary: ids; length: tokens of the longest sequence."""

    vocabulary: int
    length: int
    layers: int
    width: int
    heads: int


@dataclass
class Cache:
    """Keys and values (B, H, L, D) of the tokens that a model has read, for each of its blocks."""

    layers: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    @property
    def length(self) -> int:
        """How many tokens have been read."""
        return self.layers[0][0].shape[2] if self.layers else 0

    def extended(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The keys and values of a block with those of further tokens, which are remembered."""
        if layer < len(self.layers):
            before = self.layers[layer]
            keys, values = torch.cat([before[0], keys], 2), torch.cat([before[1], values], 2)
            self.layers[layer] = keys, values
        else:
            self.layers.append((keys, values))
        return keys, values


class Block(nn.Module):
    """Attention with rotary positions, then a multilayer perceptron; both behind a norm and beside a shortcut."""

    def __init__(self, shape: Shape, number: int) -> None:
        super().__init__()
        self.heads, self.number = shape.heads, number
        self.norm1, self.norm2 = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.qkv, self.out = nn.Linear(shape.width, 3 * shape.width), nn.Linear(shape.width, shape.width)
        self.mlp = nn.Sequential(
            nn.Linear(shape.width, 4 * shape.width), nn.GELU(), nn.Linear(4 * shape.width, shape.width)
        )

    def forward(self, x: Tensor, rotation: Tensor, mask: Tensor | None, cache: Cache | None) -> Tensor:
        """x (B, L, width) after the block. rotation: of the places of the L tokens. mask: see `GPT.forward`."""
        parts = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        q, k = rotated(q, rotation), rotated(k, rotation)
        if cache is not None:
            k, v = cache.extended(self.number, k, v)
        causal = mask is None and q.shape[2] > 1
        seen = scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        x = x + self.out(seen.transpose(1, 2).flatten(-2))
        return x + self.mlp(self.norm2(x))


def rotated(x: Tensor, rotation: Tensor) -> Tensor:
    """x (B, H, L, D) with each pair of features (i, i + D/2) turned by an angle that grows with the place.

    rotation: cosines and sines (2, L, D/2).
    """
    first, second = x.chunk(2, -1)
    cosine, sine = rotation.to(x.dtype)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


class GPT(nn.Module):
    """The model. Its parameters are drawn from torch's own generator: seed that first."""

    rotation: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(shape, number) for number in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        features = torch.arange(0, shape.width // shape.heads, 2) / (shape.width // shape.heads)
        angles = torch.outer(torch.arange(shape.length), BASE**-features)
        self.register_buffer("rotation", torch.stack([angles.cos(), angles.sin()]), persistent=False)

    @property
    def parameters_in_all(self) -> int:
        """How many parameters it has; those of the embedding are those of the output, and count once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, ids: Tensor, segments: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Logits (B, L, V) of the token after each of ids (B, L). The rest is as of `states`."""
        logits: Tensor = self.states(self.embedding(ids), segments, cache) @ self.embedding.weight.T
        return logits

    def states(self, x: Tensor, segments: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """The last hidden states (B, L, width) of embedded tokens x (B, L, width), each of it and those before it.

        segments: integers (B, L); a token then sees only those with its own number, the tokens of its document.
        cache: what the model has read before; x stands behind it, and is added to it. One token at a time, or the
        first ones together. Not together with segments.
        """
        start = 0 if cache is None else cache.length
        assert x.shape[1] == 1 or not start, "further tokens are read one at a time"
        assert segments is None or cache is None
        mask = None if segments is None else _same_document(segments)
        rotation = self.rotation[:, start : start + x.shape[1]]
        for block in self.blocks:
            x = block(x, rotation, mask, cache)
        last: Tensor = self.norm(x)
        return last


def _same_document(segments: Tensor) -> Tensor:
    """Which token (B, 1, L, L) sees which: itself, and those before it in its document."""
    length = segments.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    return ((segments[:, :, None] == segments[:, None, :]) & causal)[:, None]
