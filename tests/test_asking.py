"""Servers of language models: good ones, bad ones, slow ones, and those that fail."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.core.errors import EndpointError, PipelineError, RunError, StorageError
from pipeline.core.system.journal import Journal, entries
from pipeline.wordings.asking import endpoint as module
from pipeline.wordings.asking.asking import Asking
from pipeline.wordings.asking.endpoint import Endpoint, Failure, key_of
from pipeline.wordings.asking.patience import Patience
from pipeline.wordings.asking.request import Reply, Request, Settings
from tests.language_model import Body, Fault, Moments, Server, served

KEY = "planted-key-of-a-language-model"
SETTINGS = Settings("some/model", 0.5)


@pytest.fixture
def serving() -> Iterator[Callable[[Callable[[Body, int], str | Body | Fault]], Server]]:
    stack = []

    def serve(answer: Callable[[Body, int], str | Body | Fault]) -> Server:
        context = served(answer)
        stack.append(context)
        return context.__enter__()

    yield serve
    for context in stack:
        context.__exit__(None, None, None)


def asked(
    server: Server, count: int = 1, clock: Moments | None = None, streams: int = 2, **patience: float
) -> list[str]:
    """The texts of `count` replies, by the number of their request."""
    texts = {}
    clock = clock or Moments()
    endpoint = Endpoint(server.url, KEY, timeout=5, clock=clock)
    with Asking([endpoint], streams, Patience(**patience), clock) as asking:  # type: ignore[arg-type]
        for number in range(count):
            asking.submit(Request("Say it.", SETTINGS, number))
        while not asking.idle:
            answer = asking.next()
            texts[answer.request.number] = answer.reply.text
    return [texts[number] for number in range(count)]


def test_a_request_says_model_message_and_settings_and_its_reply_what_it_cost(serving) -> None:
    server = serving(lambda body, number: "a b c")
    reply = Endpoint(server.url + "/chat/completions").reply(Request("Say it.", SETTINGS, 7))
    assert reply == Reply("a b c", False, 2, 3)
    assert server.bodies == [
        {
            "model": "some/model",
            "messages": [{"role": "user", "content": "Say it."}],
            "temperature": 0.5,
            "max_tokens": 4096,
            "seed": 7,
        }
    ]
    assert server.keys == [None]


def test_a_server_on_this_machine_is_not_asked_through_a_proxy(serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    server = serving(lambda body, number: "here")
    assert Endpoint(server.url).reply(Request("x", SETTINGS, 0)).text == "here"


def test_options_are_added_and_taken_away_and_each_request_has_a_name_of_its_own() -> None:
    settings = Settings("m", options={"top_p": 0.9, "seed": None})
    members = {"model", "messages", "temperature", "max_tokens", "top_p"}
    assert json.loads(Request("x", settings, 3).body).keys() == members
    assert settings.described() == "temperature 1, top_p 0.9"
    others = [Request("x", settings, 4), Request("y", settings, 3), Request("x", Settings("m"), 3)]
    assert len({one.digest for one in (Request("x", settings, 3), *others)}) == 4


FAULTS = {
    "500": Fault(500, "no"),
    "503, with a page": Fault(503, "<html>"),
    "429": Fault(429, '{"error": {"message": "slowly"}}'),
    "broken JSON": Fault(200, '{"choices": [{"mess'),
    "another JSON": Fault(200, '{"choices": []}'),
    "a list": Fault(200, "[1, 2]"),
    "nested": Fault(200, "[" * 100_000),
    "a number as text": Fault(200, '{"choices": [{"message": {"content": 5}}]}'),
    "half a character": Fault(200, '{"choices": [{"message": {"content": "\\ud800"}}]}'),
    "cut off": Fault(200, '{"choices": [{"message": {"content": "long"}}]}', cut=True),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_fails_for_a_while_is_asked_again(serving, fault: Fault) -> None:
    server = serving(lambda body, number: fault if number < 2 else "at last")
    clock = Moments()
    assert asked(server, clock=clock, streams=1) == ["at last"]
    assert clock.waited == [0.5, 1.0]
    assert len(server.distinct) == 1


def test_a_server_is_left_alone_for_as_long_as_it_asks(serving) -> None:
    server = serving(lambda body, number: Fault(429, "", {"Retry-After": "17"}) if number < 1 else "at last")
    clock = Moments()
    assert asked(server, clock=clock, streams=1) == ["at last"]
    assert clock.waited == [17.0]


def test_requests_that_fail_together_count_as_one_failure(serving) -> None:
    server = serving(lambda body, number: Fault(500) if number < 4 else "ok")
    clock = Moments()
    assert asked(server, count=12, clock=clock, streams=4) == ["ok"] * 12
    assert max(clock.waited) <= 8.0
    assert len(server.bodies) == 16


def test_a_slow_server_is_given_up(serving) -> None:
    server = serving(lambda body, number: Fault(held=True))
    with pytest.raises(Failure, match=r"no reply within 0\.05 s"):
        Endpoint(server.url, timeout=0.05).reply(Request("x", SETTINGS, 0))


def test_what_goes_on_failing_ends_with_what_the_server_says(serving) -> None:
    server = serving(lambda body, number: Fault(500, f'{{"error": {{"message": "bad {KEY} here"}}}}'))
    with pytest.raises(RunError) as error:
        asked(server, retries=3)
    assert str(error.value).startswith(f"{server.url}: the server answers 500: bad (key) here; this was asked 4 times.")
    assert len(server.bodies) == 4


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(401, '{"error": {"message": "who?"}}'), r"the server answers 401: who\?\. Name the variable"),
        (Fault(404, '{"detail": "Not Found"}'), "the server answers 404: .*Look at the URL, which usually ends in /v1"),
        (Fault(400, '{"error": "no model"}'), r"the server answers 400: no model\. Look at --model"),
        (Fault(302, "", {"Location": "http://127.0.0.1:9/elsewhere"}), r"the server answers 302\."),
        (Fault(200, "x" * 3000), "a reply of more than 2,000 bytes"),
        (Fault(200, json.dumps({"choices": [{"message": {"content": KEY}}]})), "writes the key into its replies"),
    ],
    ids=["401", "404", "400", "a redirection", "too long", "the key"],
)
def test_what_will_always_fail_is_refused_at_once(
    serving, fault: Fault, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2000)
    server = serving(lambda body, number: fault)
    with pytest.raises(EndpointError, match=said) as error:
        asked(server)
    assert KEY not in str(error.value)
    assert server.keys == [f"Bearer {KEY}"]


def test_a_server_that_is_not_there_is_refused_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # which does not listen
        server = Server(lambda body, number: "", url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        with pytest.raises(EndpointError, match=r"the connection failed: Connection refused\. Is the server running"):
            asked(server)


def test_a_request_that_one_server_cannot_answer_another_does(serving) -> None:
    bad, good = serving(lambda body, number: Fault(500)), serving(lambda body, number: "good")
    endpoints = [Endpoint(server.url) for server in (bad, good)]
    with Asking(endpoints, 2, Patience(first=0.01)) as asking:
        for number in range(20):
            asking.submit(Request("x", SETTINGS, number))
        replies = [asking.next().reply.text for _ in range(20)]
    assert replies == ["good"] * 20
    assert len(good.bodies) == 20


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "host:80", "http://", "http://a b/v1", "http://h:99999/v1", "http://h#x"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(EndpointError, match=r"is no URL of a server\. Write http://host:port/v1\."):
        Endpoint(url)


def test_a_url_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(EndpointError, match="is seen by all") as error:
        Endpoint(f"http://me:{KEY}@host/v1")
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MODEL_NAME", KEY, "holds no secret"),
        ("MODEL_API_KEY", "", "holds no key"),
        ("MODEL_API_KEY", "two\nlines", "holds no key"),
        ("MODEL_API_KEY", KEY, ""),
    ],
)
def test_a_key_comes_from_a_variable_that_is_kept_secret(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    if not said:
        assert key_of(name) == KEY
        return
    with pytest.raises(EndpointError, match=said) as error:
        key_of(name)
    assert KEY not in str(error.value)


@pytest.mark.parametrize("name", ["", "a\nb", "x #} y"])
def test_a_name_that_would_end_a_comment_is_no_model(name: str) -> None:
    with pytest.raises(EndpointError, match="no name of a model"):
        Settings(name)


# ── the journal ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_journal_keeps_what_was_whole_and_goes_on_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j.jsonl"
    with Journal(path) as journal:
        journal.append({"a": "é\n"})
        journal.append({"b": 2})
    path.write_bytes(path.read_bytes() + b'not JSON\n[1]\n{"c": "cut o')
    with Journal(path) as journal:
        assert list(journal.entries()) == [{"a": "é\n"}, {"b": 2}]
        journal.append({"d": 4})
    assert list(entries(path)) == [{"a": "é\n"}, {"b": 2}, {"d": 4}]
    assert list(entries(tmp_path / "none")) == []


def test_a_journal_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    with Journal(tmp_path / "j"), pytest.raises(StorageError, match="another process is writing it"):
        Journal(tmp_path / "j")


def test_a_journal_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelineError, match="cannot be written"):
        Journal(tmp_path / "file" / "j")
