"""The Hub's client with the user's token, with timeouts, without progress bars; its errors become HubError.

**Xet or plain LFS.** The client sends every large file by Xet where `hf_xet` is installed, whether or not the server
supports it. So we ask the server first, by an LFS batch request that offers all three transfers. The Hub answers "xet";
a server that answers anything else gets plain HTTP.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import HubError, PipelineError
from pipeline.core.system.caches import user_cache
from pipeline.publish.hub.refusals import NO_TOKEN, refusal, without

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

PATIENCE = 300.0  # seconds without a byte, after which the client tries again


@contextmanager
def client(repo: str) -> Iterator[HfApi]:
    """The client, configured while the block lasts and restored afterwards. Its errors become HubError."""
    user_cache()  # without a home, the Hub's library would create a folder named ~
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.utils.tqdm import disable_progress_bars

    place, secret, xet = f"{constants.ENDPOINT}/datasets/{repo}", "", constants.HF_HUB_DISABLE_XET
    try:
        secret = get_token() or ""
        if not secret:
            raise HubError("there is no token", NO_TOKEN, place)
        if not re.fullmatch("[!-~]+", secret):  # the client's error would show a token that it cannot send
            raise HubError("the token has signs that no token has", "Set HF_TOKEN anew, or run `hf auth login`.", place)
        with _waits_that_end(), _secrets_hidden(secret), disable_progress_bars():
            yield HfApi(token=secret)
    except PipelineError:
        raise
    except Exception as error:  # httpx's, the client's own, hf_xet's, and what an answer of another kind leads to
        raise refusal(error, place, secret) from None
    finally:
        constants.HF_HUB_DISABLE_XET = xet


def choose_transfer(api: HfApi, repo: str, branch: str, addition: CommitOperationAdd) -> None:
    """Use Xet if the server supports it, until `client` ends. A user's HF_HUB_DISABLE_XET is respected."""
    from huggingface_hub import constants
    from huggingface_hub.lfs import post_lfs_batch_info

    if constants.HF_HUB_DISABLE_XET:
        return
    *_, transfer = post_lfs_batch_info(
        [addition.upload_info],
        token=str(api.token),
        repo_type="dataset",
        repo_id=repo,
        revision=branch,
        endpoint=api.endpoint,
        transfers=["basic", "multipart", "xet"],
    )
    constants.HF_HUB_DISABLE_XET = transfer != "xet"


@contextmanager
def _waits_that_end() -> Iterator[None]:
    """Timeouts for all requests of the client, which retries after one but has none by default."""
    from huggingface_hub import get_session, set_client_factory

    def bounded(request: Any) -> None:  # also where the client asks for no timeout
        waits = request.extensions.get("timeout", {})
        names = ("connect", "read", "write", "pool")
        request.extensions["timeout"] = {name: waits.get(name) or PATIENCE for name in names}

    usual = get_session()
    like_it = partial(type(usual), follow_redirects=usual.follow_redirects, timeout=usual.timeout)
    hooks = usual.event_hooks
    set_client_factory(partial(like_it, event_hooks={**hooks, "request": [*hooks["request"], bounded]}))
    try:
        yield
    finally:
        set_client_factory(partial(like_it, event_hooks=hooks))


@contextmanager
def _secrets_hidden(secret: str) -> Iterator[None]:
    """Show the client's warnings about failed attempts as a line each, without signatures and the token."""

    def hide(record: logging.LogRecord) -> bool:
        record.msg, record.args = without(secret, record.getMessage()), ()
        return not record.msg.startswith("Retrying in ")

    handlers = list(logging.getLogger("huggingface_hub").handlers)
    for handler in handlers:
        handler.addFilter(hide)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(hide)
