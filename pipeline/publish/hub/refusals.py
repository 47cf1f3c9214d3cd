"""Errors of the Hub's client as refusals: the problem and the remedy, without secrets."""

from __future__ import annotations

import re

from pipeline.core.errors import HubError
from pipeline.core.system.secrets import redacted

AGAIN = "Run the same command again: what has arrived is kept."
NO_TOKEN = "Run `hf auth login`, or set HF_TOKEN to a token that may write."  # noqa: S105
BY_STATUS = {  # problem, remedy
    400: ("the Hub does not take this", "Correct what it names, then run the same command again."),
    401: ("the Hub does not know this token", NO_TOKEN),
    402: ("the account's limit is reached", f"Make room there or pay for more. {AGAIN}"),
    403: ("this token may not write there", f"Give a token or a REPO that may be written, or make room. {AGAIN}"),
    404: ("there is no such repository or branch, or this token may not see it", "Check REPO and --revision."),
    409: ("somebody else changes the repository at this moment", AGAIN),
    412: ("somebody else has changed the repository meanwhile", AGAIN),
    413: ("this is more than the Hub takes", f"Make room, or build with a smaller shard_tokens. {AGAIN}"),
    429: ("the Hub has had too many requests", f"Wait some minutes. {AGAIN}"),
}


def refusal(error: Exception, place: str, secret: str) -> HubError:
    """The HubError for an error of the client, by the first of its causes that has an answer of the server."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    for cause in causes:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status is not None:
            problem, remedy = BY_STATUS.get(status, ("the Hub fails", AGAIN))
            answer = _line(secret, getattr(cause, "server_message", None) or "")
            return HubError(f"{problem} ({status}{': ' if answer else ''}{answer})", remedy, place)
    reason = _line(secret, str(causes[-1]) or str(error)) or type(causes[-1]).__name__
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return HubError("HF_HUB_OFFLINE is set, so nothing is sent", "Unset it.", place)
    if any(type(cause).__module__.startswith("http") or isinstance(cause, ConnectionError) for cause in causes):
        return HubError(f"it cannot be reached: {reason}", f"Check the network and HF_ENDPOINT. {AGAIN}", place)
    return HubError(f"the client stopped: {reason}", AGAIN, place)


def without(secret: str, text: str) -> str:
    """A text with secrets removed: the token (which may come from a file), others, and the query of a URL."""
    text = text.replace(secret, "(token)") if secret else text
    return redacted(re.sub(r"(/[^\s?'\"]*)\?[^\s'\"]*", r"\1", text))


def _line(secret: str, text: str) -> str:
    """A text as one line, not too long, without secrets."""
    return "; ".join(line.strip() for line in without(secret, text).splitlines() if line.strip())[:300]
