"""One server: one request, one reply, nothing trusted.

Replies have a limited size and an end in time; they must be JSON of the expected form. Redirections are not followed,
since the key would go along. The key stands in one header, and in no message: texts of the server are shown without it,
and a reply that holds it is refused.
"""

from __future__ import annotations

import json
import os
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler
from urllib.request import Request as Sent

from pipeline.core.errors import EndpointError, holds_surrogate
from pipeline.core.system.escaping import shortened
from pipeline.core.system.secrets import has_secret, is_secret
from pipeline.wordings.asking.patience import Clock, seconds_asked
from pipeline.wordings.asking.request import Reply, Request

MOST_BYTES = 2**23  # of a reply
CHUNK = 2**16
AGAIN = frozenset({408, 409, 425, 429})  # and from 500 on: the same request may succeed later
MOST_SHOWN = 200  # characters of a server's message
PATH = "/chat/completions"
LOCAL = ("localhost", "127.0.0.1", "::1")


class Failure(Exception):
    """A request that may succeed later. asked: seconds that the server asks to wait. unreachable: nobody is there."""

    def __init__(self, problem: str, asked: float | None = None, *, unreachable: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.asked, self.unreachable = problem, asked, unreachable


class Endpoint:
    """A server that speaks /v1/chat/completions. answered: whether it ever has."""

    def __init__(self, url: str, key: str = "", timeout: float = 600.0, clock: Clock | None = None) -> None:
        """url: as clients of OpenAI take it, http://host:port/v1. timeout: seconds for one reply, first byte to last.

        EndpointError for a URL that is none, or that holds a password.
        """
        if has_secret(url):
            problem = "a password or a query in a URL is seen by all who see the command"
            raise EndpointError(problem, "Name a variable with the key: --key-variable NAME.", "--endpoint")
        parts = _parts(url)
        if parts is None:
            raise EndpointError(f"'{shortened(url)}' is no URL of a server", "Write http://host:port/v1.", "--endpoint")
        self.url = url.rstrip("/").removesuffix(PATH)
        self.insecure = bool(key) and parts == "http"
        self.answered = False
        self._key, self._timeout, self._clock = key, timeout, clock or Clock()
        self._opener = OpenerDirector()  # without what follows redirections, and what raises for a status
        proxies = ProxyHandler({}) if parts == "local" else ProxyHandler()  # a proxy knows nothing of this machine
        for handler in (proxies, HTTPHandler(), HTTPSHandler()):
            self._opener.add_handler(handler)

    def reply(self, request: Request) -> Reply:
        """The reply to a request. Failure where it may succeed later, EndpointError where it never will."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "pretraining-recipes",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        sent = Sent(self.url + PATH, request.body, headers, method="POST")  # noqa: S310  (http or https, see _parts)
        try:
            with self._opener.open(sent, timeout=self._timeout) as response:
                body = self._read(response)
                status, asked = int(response.status), response.headers.get("Retry-After")
        except TimeoutError:
            raise Failure(f"no reply within {self._timeout:g} s") from None
        except (OSError, HTTPException) as error:
            raise self._failure(error) from None
        except ValueError as error:  # a header that http.client cannot read
            raise Failure(f"a reply that is no HTTP: {self._safe(str(error))}") from None
        self.answered = True
        if status in AGAIN or status >= 500:
            raise Failure(self._said(status, body), seconds_asked(asked, self._clock.today()))
        if status != 200:
            raise EndpointError(self._said(status, body), _remedy(status), self.url)
        return self._parsed(body)

    def _read(self, response: Any) -> bytes:
        """The body of a response. Failure where it is cut off or too slow, EndpointError where it is too large."""
        until = self._clock.now() + self._timeout
        data = bytearray()
        while chunk := response.read1(CHUNK):
            data += chunk
            if len(data) > MOST_BYTES:
                raise EndpointError(
                    f"a reply of more than {MOST_BYTES:,} bytes", "This is no chat completion.", self.url
                )
            if self._clock.now() > until:
                raise TimeoutError
        announced = response.headers.get("Content-Length")
        if announced is not None and announced.strip() != str(len(data)):
            raise Failure("the connection was cut off inside a reply")
        return bytes(data)

    def _failure(self, error: Exception) -> Failure:
        reason = getattr(error, "reason", error)  # of urllib's errors
        if isinstance(reason, TimeoutError):
            return Failure(f"no reply within {self._timeout:g} s")
        text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        unreachable = isinstance(reason, OSError) and not isinstance(reason, ConnectionResetError | BrokenPipeError)
        return Failure(f"the connection failed: {self._safe(text)}", unreachable=unreachable)

    def _parsed(self, body: bytes) -> Reply:
        """The reply in a body. Failure where it is not what the API promises."""
        try:
            tree = json.loads(body)
            choice = tree["choices"][0]
            text, usage = choice["message"]["content"], tree.get("usage") or {}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise Failure("a reply that is no chat completion") from None
        if text is None:
            text = ""  # a model that only thought
        if not isinstance(text, str) or holds_surrogate(text):
            raise Failure("a reply that holds no text")
        if self._key and self._key in text:
            raise EndpointError("the server writes the key into its replies", "Do not trust it.", self.url)
        counts = [_count(usage, name) for name in ("prompt_tokens", "completion_tokens")]
        return Reply(text, choice.get("finish_reason") == "length", *counts)

    def _said(self, status: int, body: bytes) -> str:
        """What a server says of a request that it does not carry out."""
        text = body[: 16 * MOST_SHOWN].decode("utf-8", "replace")
        try:
            tree = json.loads(body)
            error = tree.get("error", tree)
            text = str(error.get("message", text) if isinstance(error, dict) else error)
        except (ValueError, AttributeError, RecursionError):
            pass
        said = shortened(" ".join(self._safe(text).split()), MOST_SHOWN)
        return f"the server answers {status}" + (f": {said}" if said else "")

    def _safe(self, text: str) -> str:
        """A text of the server's without the key."""
        return text.replace(self._key, "(key)") if self._key else text


def _parts(url: str) -> str | None:
    """The scheme of a server's URL, http or https; None where it is no such URL."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    if not valid or parts.fragment or not url.isascii() or any(character <= " " for character in url):
        return None
    return "local" if parts.hostname in LOCAL else parts.scheme


def _count(usage: Any, name: str) -> int:
    """A number of tokens in `usage`; 0 where there is none."""
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else 0


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "Name the variable with its key: --key-variable NAME."
    if status == 404:
        return "Look at the URL, which usually ends in /v1, and at --model."
    return "Look at --model and the options; `--option NAME=null` leaves one out."


def key_of(variable: str | None) -> str:
    """The key in an environment variable; "" for None. EndpointError where it has none that could be a key.

    Its name must say that it holds a secret, since messages, workers and logs are kept free of such variables.
    """
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not is_secret(variable, ""):
        problem = f"by its name, '{shortened(variable)}' holds no secret, so it would not be hidden in messages"
        raise EndpointError(problem, "Call it …_KEY or …_TOKEN.", "--key-variable")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise EndpointError(f"the variable '{shortened(variable)}' holds no key", "Set it.", "--key-variable")
    return key
