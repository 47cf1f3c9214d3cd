"""Arguments of the commands that ask a language model, and what they make of them."""

from __future__ import annotations

import argparse
import json
import math
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import EndpointError
from pipeline.core.system import output

if TYPE_CHECKING:
    from pipeline.wordings.asking.asking import Asking
    from pipeline.wordings.asking.request import Settings


def asking_arguments(parser: argparse.ArgumentParser, streams: int) -> None:
    """Add the arguments: servers, model, how it samples, how patiently it is asked."""
    parser.add_argument(
        "--endpoint",
        action="append",
        required=True,
        metavar="URL",
        help="of a server that speaks the chat completions of OpenAI: http://host:port/v1; may be given again",
    )
    parser.add_argument("--model", required=True, help="its name, as the server knows it")
    parser.add_argument("--temperature", type=float, default=1.0, help="of sampling (default 1)")
    parser.add_argument(
        "--most-tokens", type=int, default=4096, metavar="N", help="tokens of a reply, at most (default 4096)"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another member of each request, such as top_p=0.95; null leaves one out: seed=null; may be given again",
    )
    parser.add_argument(
        "--key-variable", metavar="NAME", help="the environment variable with the server's key (default: no key)"
    )
    parser.add_argument(
        "--streams",
        type=int,
        default=streams,
        help=f"requests at a time to each server (default {streams})",
    )
    parser.add_argument(
        "--retries", type=int, default=8, help="how often a request that fails is sent again (default 8)"
    )
    parser.add_argument(
        "--timeout", type=float, default=600, metavar="SECONDS", help="how long a reply is waited for (default 600)"
    )


def settings_of(options: argparse.Namespace) -> Settings:
    """The model and how it samples. EndpointError for values that cannot be."""
    from pipeline.wordings.asking.request import Settings

    at_least(options, most_tokens=1, streams=1, retries=0, timeout=1)
    return Settings(options.model, options.temperature, options.most_tokens, dict(map(_option, options.option)))


def asking_of(options: argparse.Namespace) -> Asking:
    """The servers of the arguments, not asked yet. EndpointError for URLs and keys that cannot be."""
    from pipeline.wordings.asking.asking import Asking
    from pipeline.wordings.asking.endpoint import Endpoint, key_of
    from pipeline.wordings.asking.patience import Patience

    key = key_of(options.key_variable)
    endpoints = [Endpoint(url, key, options.timeout) for url in options.endpoint]
    for endpoint in endpoints:
        if endpoint.insecure:
            output.complain(f"notice: the key goes to {endpoint.url} unencrypted")
    return Asking(endpoints, options.streams, Patience(options.retries))


def at_least(options: argparse.Namespace, **least: float) -> None:
    """EndpointError where a number of the arguments is below its least value."""
    for name, bound in least.items():
        value = getattr(options, name)
        if value is not None and not (bound <= value < math.inf):
            raise EndpointError(f"a value of {value}", f"Give {bound} or more.", f"--{name.replace('_', '-')}")


def _option(text: str) -> tuple[str, Any]:
    """A member of requests: a text, unless it reads as a number, true, false or null."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier() or name in ("messages", "stream", "n"):
        raise EndpointError(f"'{text}' is no option of a request", "Write NAME=VALUE, such as top_p=0.95.", "--option")
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return name, value
    return name, read if isinstance(read, int | float | bool | None) else value
