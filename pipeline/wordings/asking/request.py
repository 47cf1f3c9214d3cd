"""What a language model is asked, and the digest under which its answer is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from blake3 import blake3

from pipeline.core.errors import EndpointError, holds_surrogate
from pipeline.core.system.reading import control_in

Options = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Settings:
    """Which model, and how it samples.

    most_tokens: of a reply. options: other members of the request, such as top_p; None takes one of ours away.
    """

    model: str
    temperature: float = 1.0
    most_tokens: int = 4096
    options: Options = field(default_factory=dict)

    def __post_init__(self) -> None:
        """EndpointError for a model's name that cannot stand in a comment, or a temperature that cannot be."""
        if not self.model.strip() or control_in(self.model) or "#}" in self.model or holds_surrogate(self.model):
            raise EndpointError("this is no name of a model", "Give it as the server knows it.", "--model")
        if not 0 <= self.temperature <= 5:
            raise EndpointError(f"a temperature of {self.temperature}", "Give 0 to 5; 1 is usual.", "--temperature")

    def described(self) -> str:
        """The settings in words, for comments and cards: `temperature 0.9, top_p 0.95`."""
        return ", ".join([f"temperature {self.temperature:g}", *(f"{name} {value}" for name, value in self._given)])

    @property
    def _given(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in sorted(self.options.items()) if value is not None]

    def body(self, prompt: str, number: int) -> dict[str, Any]:
        """The JSON of a request with one message. number: of the sample, sent as its seed."""
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": self.temperature,
            "max_tokens": self.most_tokens,
            "seed": number,
            **self.options,
        }
        return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True)
class Request:
    """One request. It does not say to which server it goes. number: tells requests of the same content apart."""

    prompt: str
    settings: Settings
    number: int

    @cached_property
    def body(self) -> bytes:
        """Its JSON."""
        return json.dumps(self.settings.body(self.prompt, self.number)).encode()

    @cached_property
    def digest(self) -> str:
        """BLAKE3 of the request and its number, 32 hexadecimal digits: the name of its answer in a journal."""
        return blake3(b"%d " % self.number + self.body).hexdigest(16)


@dataclass(frozen=True)
class Reply:
    """What the model wrote. cut: whether it was stopped by a limit. Tokens read and written, as the server counts."""

    text: str
    cut: bool = False
    tokens_read: int = 0
    tokens_written: int = 0
