"""The chat template that stands beside a tokenizer.json: in chat_template.jinja, or in tokenizer_config.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.core.errors import SpecError
from pipeline.core.files import Files
from pipeline.core.system.caches import user_cache
from pipeline.core.system.open_files import contents, expanded
from pipeline.text.tokenizer_json import read_file
from pipeline.text.tokenizer_loading import TokenizerSpec

MOST_BYTES = 2**24
_REMEDY = "Name another, such as `template: chatml`, or the file of one."
_NAMES = "chat_template.jinja", "tokenizer_config.json"
_TOKENS = "bos_token", "eos_token", "pad_token", "unk_token"


def of_tokenizer(spec: TokenizerSpec, files: Files) -> tuple[str, dict[str, str]]:
    """The template, and the special tokens that it may show by name: `bos_token`, ….

    SpecError, `at` below `chat`, if the tokenizer has none.
    """
    alone, config = (_read(spec.name, name, files) for name in _NAMES)
    described = _json(config) if config is not None else {}
    template = alone if alone is not None else described.get("chat_template")
    if isinstance(template, list):  # several, by name
        named = {one.get("name"): one.get("template") for one in template if isinstance(one, dict)}
        template = named.get("default")
    if not isinstance(template, str):
        raise SpecError(f"the tokenizer '{spec.name}' has no chat template", _REMEDY, ("template",))
    tokens = {name: _text(described.get(name)) for name in _TOKENS}
    return template.removesuffix("\n"), {name: text for name, text in tokens.items() if text}


def _text(token: Any) -> str | None:
    """The text of a special token, which is a text or a mapping with its `content`."""
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else None


def _json(text: str) -> dict[str, Any]:
    try:
        described = json.loads(text)
    except (ValueError, RecursionError):
        described = None
    if not isinstance(described, dict):
        raise SpecError("the tokenizer's tokenizer_config.json is no JSON mapping", _REMEDY, ("template",))
    return described


def _read(tokenizer: str, name: str, files: Files) -> str | None:
    """The text of a file beside the tokenizer.json; None if there is none. SpecError if it cannot be read."""
    path = _beside(tokenizer, name, files)
    try:
        return contents(path, MOST_BYTES).decode() if path else None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read {path}: {error}", _REMEDY, ("template",)) from None


def _beside(tokenizer: str, name: str, files: Files) -> Path | None:
    if tokenizer in ("gpt2", "symbols"):
        return None
    if read := read_file(tokenizer, files):
        return expanded(read[1]).parent / name
    user_cache()
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return Path(hf_hub_download(tokenizer, name))
    except EntryNotFoundError:
        return None
    except Exception as error:  # of the network, of the name, or of the repository
        raise SpecError(
            f"cannot fetch {name} of '{tokenizer}' ({type(error).__name__})", _REMEDY, ("template",)
        ) from None
