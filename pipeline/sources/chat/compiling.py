"""From the spec of a source to the source, with or without `chat`."""

from __future__ import annotations

from pipeline.sources.abilities import Outlined
from pipeline.sources.chat.of_texts import ChatOfTexts
from pipeline.sources.chat.source import Chat
from pipeline.sources.registry import SOURCES
from pipeline.sources.source import Context, Source
from pipeline.sources.spec import DocumentsSpec


def compiled(spec: DocumentsSpec, context: Context) -> Source:
    """The source of a spec. SpecError, `at` below the spec, if it cannot be compiled."""
    kind = SOURCES[spec.kind].source
    if spec.chat is None:
        source = kind(spec, context)
    else:
        inner = kind(spec.model_copy(update={"chat": None, "mask": []}), context)
        source = (Chat if isinstance(inner, Outlined) else ChatOfTexts)(spec, inner, context)
    if not source.kind:
        source.kind = spec.kind
    return source
