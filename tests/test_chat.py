"""Documents as conversations: token for token what a trainer makes of their messages by the chat template."""

# ruff: noqa: E501  # templates and refusals stand in one line, as they are written and read

from __future__ import annotations

import json
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from pipeline.core.documents import ROLES
from pipeline.core.errors import PipelineError, SpecError
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.shard import make_shard
from pipeline.sources.abilities import Measured
from pipeline.text.chat.template import shape_of
from tests import encoders
from tests.reference import chats

PEOPLE = """
worlds:
  people:
    size: 60
    groups: {known: [0, 0.5], strangers: [0.5, 1]}
    attributes:
      name: {kind: name, pools: {first: [Ann, Bob, Cid, Dee, Eve, Flo, Gus, Hal, Ida, Joe], last: [Moe, Nye, Orr, Poe, "O'Hara", de Groot]}}
      pronoun: {kind: pronoun}
      born: {kind: date, first_year: 1990, years: 10}
      city: {kind: choice, values: ["Oslo, N.", Bern, "Washington, D.C.", "'s-Hertogenbosch", 東京, "7 Oaks"]}
      work: {kind: choice, values: [AT&T, "(self)", Bank No. 1]}
sources:
  it:
    kind: questions
    world: people
    templates:
      born: ["When was {{ name }} born? | {{ born }}.", "{{ name }}: date of birth? | On {{ born }}"]
      city: ["Where does {{ name }} live? | {{ city }}", "'Tell me, where is {{ name }}?' | {{ pronoun }} lives in {{ city }}."]
      work: ["Who employs {{ name }}? | {{ work }}"]
    paraphrases: fresh
    chat: {template: chatml}
splits:
  train: {mixture: {it: {exposures: 2}}, packing: {method: rows, length: 256}, columns: [loss_mask, messages]}
"""
PROBLEMS = """
sources:
  it: {kind: igsm, family: med, op: [2, 6], problems: 500, chat: {template: chatml}}
splits: {train: {mixture: {it: {exposures: 1}}, packing: {method: rows, length: 1500}, columns: [loss_mask, messages]}}
"""
TEXTUAL = "{% for m in messages %}\n{{ m.role }}: {{ m.content }}\n{% endfor %}"
INSTRUCT = "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
HEADED = "{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n\n{% endfor %}"
THINKING = """{# tokens: <|im_start|> <|im_end|> <think> </think> #}
{%- set ns = namespace(searching=true, last=messages|length - 1) %}
{%- for m in messages[::-1] %}
    {%- if ns.searching and m.role == "user" and m.content is string and not(m.content.startswith('<tool_response>') and m.content.endswith('</tool_response>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last = messages|length - 1 - loop.index0 %}
    {%- endif %}
{%- endfor %}
{%- for m in messages %}
    {%- set content = m.content if m.content is string else '' %}
    {%- if m.role == "assistant" %}
        {%- set thought = '' %}
        {%- if m.reasoning_content is string %}
            {%- set thought = m.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}
            {%- set content = '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') %}
        {%- endif %}
    {%- endif %}
    {{- '<|im_start|>' + m.role + '\\n' + content + '<|im_end|>\\n' }}
{%- endfor %}"""  # written after the manner of Qwen 3's
TEMPLATES = {
    "chatml": "chatml",
    "llama3": "llama3",
    "plain": "plain",
    "textual": TEXTUAL,
    "instruct": INSTRUCT,
    "headed": HEADED,
    "thinking": THINKING,
}


@lru_cache(64)
def plan_of(text: str, *overrides: str) -> Plan:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chat.yaml"
        path.write_text(text)
        return compile_plan(load(str(path), overrides))


def chatting(*chat: str, base: str = PEOPLE, tokenizer: str = "") -> Plan:
    overrides = [f"sources.it.chat.{key}" for key in chat]
    return plan_of(base, *overrides, *([tokenizer] if tokenizer else []))


def templated(template: str) -> str:
    return f"template={json.dumps(template)}"


def rows_of(plan: Plan, count: int = 200, exposure: int = 1) -> list[tuple[list[int], list[tuple[int, int, int]], Any]]:
    """Token ids, parts and messages of documents."""
    source = plan.sources["it"]
    item = np.arange(min(count, len(source)))
    at = np.full_like(item, exposure)
    documents, messages = source.documents(item, at, spans=False, parts=True), source.messages(item, at)  # type: ignore[attr-defined]
    assert documents.parts is not None
    rows = [documents.tokens.values[a:b].tolist() for a, b in pairwise(documents.tokens.offsets.tolist())]
    parts = [documents.parts.values[a:b].tolist() for a, b in pairwise(documents.parts.offsets.tolist())]
    return list(zip(rows, parts, messages, strict=True))


def agreed(plan: Plan, count: int = 200) -> None:
    """Every row is what a trainer makes of its messages; and its length is known ahead."""
    chat = plan.recipe.sources["it"].chat
    assert chat
    variables = {"eos_token": plan.tokenizer.eos_token, **chat.variables}
    for row, _, messages in rows_of(plan, count):
        assert row == chats.ids_of(plan.tokenizer, chats.text_of(chat.template, messages, **variables))
    item = np.arange(min(count, len(plan.sources["it"])))
    source = plan.sources["it"]
    if isinstance(source, Measured) and (lengths := source.lengths(item, np.ones_like(item))) is not None:
        assert lengths.tolist() == [len(row) for row, _, _ in rows_of(plan, count)]


def is_fast(plan: Plan) -> bool:
    return not any("slow path" in notice for notice in plan.sources["it"].notices)


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("template", TEMPLATES)
def test_rows_are_what_a_trainer_makes_of_their_messages(template: str) -> None:
    agreed(chatting(templated(TEMPLATES[template])))


@pytest.mark.parametrize("template", ["chatml", "plain"])
def test_the_usual_templates_take_the_fast_path(template: str) -> None:
    assert is_fast(chatting(f"template={template}"))
    assert is_fast(chatting("turns=3", "system=[Be brief.]", f"template={template}"))


@pytest.mark.parametrize("kind", ["cl100k", "o200k", "qwen2", "nfc", "words", "letters", "unigram", "llama", "bert"])
@pytest.mark.parametrize("template", ["chatml", "llama3", "headed"])
def test_rows_are_exact_with_every_kind_of_tokenizer(kind: str, template: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(encoders.tokenizer(kind).backend.to_str())
    text = PEOPLE.replace("東京", "Tokyo")
    plan = chatting(templated(TEMPLATES[template]), "turns=2", base=text, tokenizer=f"tokenizer={path}")
    agreed(plan, 60)
    assert is_fast(plan) == (kind in ("cl100k", "o200k", "qwen2") and template != "headed") or kind == "words"


@pytest.mark.parametrize("kind", ["llama", "mistral", "bert"])
def test_a_template_of_special_tokens_and_spaces_is_fast_with_tokenizers_that_do_not_cut_words(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(encoders.tokenizer(kind).backend.to_str())
    template = "{# tokens: [INST] [/INST] #}" + INSTRUCT.replace(" [/INST]", "[/INST]")
    text = PEOPLE.replace("東京", "Tokyo")
    plan = chatting(templated(template), "turns=2", base=text, tokenizer=f"tokenizer={path}")
    agreed(plan, 60)
    assert is_fast(plan)


def test_several_turns_with_a_system_prompt_are_exact() -> None:
    agreed(chatting("turns=3", "system=[Be brief., You know people.]"))
    agreed(chatting("turns=4", "about=several", "template=llama3"))


@pytest.mark.parametrize("keys", [(), ("turns=2",), ("template=llama3",), ("template=plain",)])
def test_problems_are_exact(keys: tuple[str, ...]) -> None:
    agreed(chatting(*keys, base=PROBLEMS), 20)


def test_exact_problems_take_the_road_by_texts() -> None:
    plan = plan_of(PROBLEMS, "sources.it.modulus=exact")
    agreed(plan, 10)
    assert "out of texts" in str(plan.sources["it"].notices[-1])


@pytest.mark.parametrize("kind", ["statements", "biographies"])
def test_statements_and_biographies_are_conversations_by_a_request(kind: str) -> None:
    plan = plan_of(of_kind(kind), "sources.it.chat.request=['Tell me about {{ name }}.', 'Who?']")
    agreed(plan)
    asked = [messages[0][1] for _, _, messages in rows_of(plan)]
    assert 10 < asked.count("Who?") < len(asked) - 10
    for text, (_, _, messages) in zip(asked, rows_of(plan), strict=True):
        assert text == "Who?" or person(text) in messages[1][1]
    assert {"prompt", "answer"} <= {*plan.sources["it"].roles}
    assert learned(plan, 3) == [f"{said_in(plan, 3)[0]}<|im_end|>"]


def of_kind(kind: str) -> str:
    """The people, with a source of another kind."""
    subject = "{{ name }}" if kind == "statements" else "{{ subject }}"
    lines = f"""    templates:
      city: ["{subject} lives in {{{{ city }}}}."]
      work: ["{subject} works for {{{{ work }}}}."]
    paraphrases: 1
"""
    first, last = PEOPLE.index("    templates:"), PEOPLE.index("    chat:")
    return (PEOPLE[:first] + lines + PEOPLE[last:]).replace("kind: questions", f"kind: {kind}")


def test_documents_do_not_depend_on_the_others() -> None:
    source = chatting("turns=3", "system=[A., B.]").sources["it"]
    item = np.arange(len(source))
    together = source.documents(item, item % 3, spans=False).tokens
    order = np.random.default_rng(0).permutation(item)
    apart = source.documents(order, order % 3, spans=False).tokens
    assert together.take(order).values.tolist() == apart.values.tolist()


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_turns_are_different_questions_about_one_individual() -> None:
    plan = chatting("turns=3")
    assert len(plan.sources["it"]) == 60
    for exposure in (0, 1):
        for _, _, messages in rows_of(plan, exposure=exposure):
            assert [role for role, _ in messages] == ["user", "assistant"] * 3
            names = {name for _, text in messages[::2] for name in [person(text)]}
            assert len(names) == 1
            assert len({text for _, text in messages[1::2]}) == 3
    assert rows_of(plan, exposure=0) != rows_of(plan, exposure=1)


def person(text: str) -> str:
    return next(
        f"{first} {last}"
        for first in ("Ann", "Bob", "Cid", "Dee", "Eve", "Flo", "Gus", "Hal", "Ida", "Joe")
        for last in ("Moe", "Nye", "Orr", "Poe", "O'Hara", "de Groot")
        if f"{first} {last}" in text
    )


def test_turns_about_several_ask_every_question_once() -> None:
    plan = chatting("turns=4", "about=several")
    assert len(plan.sources["it"]) == 45
    asked = plan.sources["it"].turns.items_of(np.arange(45), np.zeros(45, np.int64))  # type: ignore[attr-defined]
    assert sorted(asked.reshape(-1).tolist()) == list(range(180))


def test_a_system_prompt_is_drawn_for_each_conversation() -> None:
    said = [messages[0] for _, _, messages in rows_of(chatting("system=[One., Two., Three.]"))]
    assert {role for role, _ in said} == {"system"}
    counts = [sum(text == wanted for _, text in said) for wanted in ("One.", "Two.", "Three.")]
    assert sum(counts) == len(said) == 180
    assert min(counts) > 35


def test_answers_about_strangers_are_refused_at_the_rate_and_no_others() -> None:
    plan = chatting("refusals={known: known, rate: 0.5, answers: [I do not know., No idea.]}")
    source = plan.sources["it"]
    agreed(plan)
    refused = [messages[-1][1] in ("I do not know.", "No idea.") for _, _, messages in rows_of(plan)]
    known = source.individuals(np.arange(len(source))) < 30
    assert not np.array(refused)[known].any()
    assert 25 < np.array(refused)[~known].sum() < 65  # of 90
    assert {messages[-1][1] for _, _, messages in rows_of(plan)} >= {"I do not know.", "No idea."}
    always = chatting("refusals={known: known}")
    assert all(messages[-1][1] == "I do not know." for _, _, messages in rows_of(always)[90:])


def test_documents_without_chat_stay_as_they_are() -> None:
    """What is drawn for a conversation has keys of its own: its contents are the prompts and answers of before."""
    plain = plan_of(PEOPLE.replace("columns: [loss_mask, messages]", ""), "sources.it.chat=null").sources["it"]
    plan = chatting()
    item = np.arange(100)
    tokens = plain.documents(item, np.ones_like(item), spans=False).tokens
    texts = plan.tokenizer.decode_all([row.tolist() for row in np.split(tokens.values, tokens.offsets[1:-1])])
    for text, (_, _, messages) in zip(texts, rows_of(plan, 100), strict=True):
        assert text == "".join(f" {content}" for _, content in messages) + "<|endoftext|>"


# ── loss ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def learned(plan: Plan, row: int = 0) -> list[str]:
    """The runs of tokens with loss of a row of the split, as text."""
    columns = make_shard(plan, "train", 0).columns
    ids, mask = columns["input_ids"][row], columns["loss_mask"][row]  # type: ignore[index]
    edges = np.flatnonzero(np.diff([0, *mask.tolist(), 0]))
    return [plan.tokenizer.decode(ids[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def said_in(plan: Plan, row: int = 0) -> list[str]:
    """What the assistant says in a row of the split."""
    import pipeline
    from pipeline.training.rows import row_of

    assert pipeline
    messages = row_of(make_shard(plan, "train", 0).columns, row)["messages"]
    return [message["content"] for message in messages if message["role"] == "assistant"]


def test_there_is_loss_on_the_assistants_turns_and_the_token_that_ends_each() -> None:
    for keys in ((), ("turns=3", "system=[Be brief.]")):
        plan = chatting(*keys)
        for row in range(5):
            assert learned(plan, row) == [f"{text}<|im_end|>" for text in said_in(plan, row)]


def test_without_marks_of_generation_a_turn_ends_with_the_first_token_behind_it() -> None:
    template = "{# tokens: <|user|> <|assistant|> <|end|> #}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}"
    plan = chatting(templated(template), "turns=2")
    agreed(plan)
    assert learned(plan) == [f"{text}<|end|>" for text in said_in(plan)]


def test_an_end_token_of_the_template_ends_the_document_and_is_learned() -> None:
    plan = chatting(templated(INSTRUCT))
    ids = make_shard(plan, "train", 0).columns["input_ids"]
    length = make_shard(plan, "train", 0).columns["length"]
    assert (ids[0] == plan.tokenizer.eos)[: length[0]].sum() == 1  # type: ignore[index]
    assert learned(plan) == [f" {said_in(plan)[0]}<|endoftext|>"]


def test_loss_on_all_of_it() -> None:
    plan = chatting("loss=all")
    assert plan.sources["it"].mask == ()
    assert "".join(learned(plan)).startswith("<|im_start|>user\n")


def test_parts_cover_a_conversation_and_name_who_speaks() -> None:
    plan = chatting("turns=2", "system=[Be brief.]")
    for row, parts, messages in rows_of(plan, 20):
        assert [start for start, _, _ in parts] == np.cumsum([0, *(length for _, length, _ in parts)])[:-1].tolist()
        assert sum(length for _, length, _ in parts) == len(row)
        contents = [
            plan.tokenizer.decode(np.array(row[s : s + n]))
            for s, n, r in parts
            if ROLES[r] in ("system", "prompt", "answer")
        ]
        assert contents == [content for _, content in messages]


# ── templates ───────────────────────────────────────────────────────────────────────────────────────────────────────

USER = ("user", "assistant")


def refused_template(text: str, roles: tuple[str, ...] = USER) -> str:
    with pytest.raises(SpecError) as caught:
        shape_of(text, roles, {"eos_token": "</s>"})
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ messages[0].content | upper }}", "puts the content of a message through the filter 'upper'"),
        ("{{ messages[0].content.split('x')[0] }}", "calls 'split' of the content of a message"),
        ("{{ messages[0].content[1:] }}", "looks into the content of a message"),
        ("{% if '' in messages[0].content %}x{% endif %}", "looks into the content of a message"),
        ("{% if 'Oslo' in 'Oslo' + messages[0].content %}x{% endif %}", "looks into the content of a message"),
        ("{% if messages[1].content in messages[0].content %}x{% endif %}", "looks into the content of a message"),
        ("{% if messages[0].content in ['Oslo'] %}x{% endif %}", "looks into the content of a message"),
        ("{% if messages[0].content == 'Oslo' %}x{% endif %}", "looks into the content of a message"),
        ("{{ messages[0].content | length }}", "puts the content of a message through the filter 'length'"),
        ("{{ '%s' % messages[0].content }}", "'%' of the content of a message"),
        ("{{ '{}'.format(messages[0].content) }}", "hands the content of a message to a method"),
        ("{% for c in messages[0].content %}{{ c }}{% endfor %}", "goes through the letters"),
        ("{{ messages[0].content }}", "leaves out the message 2, of the role assistant"),
        ("{{ messages[0].content }}x{{ messages[0].content }}y{{ messages[1].content }}", "writes 2 times the message 1"),
        ("{{ messages[1].content }}x{{ messages[0].content }}", "in another order"),
        ("{{ messages[0].content }}{{ messages[1].content }}", "writes nothing between the messages 1 and 2"),
        ("{{ raise_exception('Only the assistant!') }}", "says: Only the assistant!. The messages are: user → assistant."),
        ("{% for m in messages %}{{ m.content }}", "is no Jinja2"),
        ("{% include 'secrets' %}", "reads another file"),
        ("{{ ''.__class__ }}", "cannot be rendered"),
        ("{{ messages.__class__ }}", "cannot be rendered"),
        ("{{ namespace.__init__.__globals__ }}", "cannot be rendered"),
        ("{% for a in 'x' * 9999999 %}{% endfor %}", "chat template"),
        ("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}", "chat template"),
        ("{% for a in messages * 9 %}{% endfor %}", "cannot be rendered"),
        ("{{ messages | tojson }}", "has the filter 'tojson'"),
    ],
)  # fmt: skip
def test_a_template_that_does_more_than_show_contents_is_refused(text: str, says: str) -> None:
    assert says in refused_template(text)


def test_loops_in_loops_have_an_end() -> None:
    loops = "{% for a in '" + "x" * 900 + "' %}"
    assert "does too much" in refused_template(loops * 5 + "{% endfor %}" * 5)


@pytest.mark.parametrize(
    "text",
    [
        "{% set ns = namespace(first=true) %}{% for m in messages %}{% if ns.first %}<s>{% set ns.first = false %}{% endif %}{{ m['content'] ~ '|' }}{% endfor %}",
        "{% macro say(m) %}({{ m.role }}) {{ m.content }};{% endmacro %}{% for m in messages %}{{ say(m) }}{% endfor %}",
        "{% set text %}{% for m in messages %}{{ m.content }}|{% endfor %}{% endset %}{{ text }}",
        "{% for m in messages %}{% if m.content is string and m.content is not mapping %}{{ loop.index }} {{ m.get('content') }}{{ '\n' if not loop.last }}{% endif %}{% endfor %}",
        "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages if m.role != 'tool' %}[{{ m['content'] }}]{{ eos_token }}{% endfor %}",
        "{%- if messages[0]['role'] == 'system' %}{%- set messages = messages[1:] %}{% endif %}{% for m in messages %}{{ m.content }}\n{% endfor %}",
        "{% for m in messages %}{{ [m.role, m.content] | join(': ') }}\n{% endfor %}",
    ],
)  # fmt: skip
def test_a_template_is_cut_into_what_it_writes_and_the_contents(text: str) -> None:
    contents = ["What's up?  ", "東京: \n 7 "]
    shape = shape_of(text, USER, {"eos_token": "</s>", "tools": None})
    assert shape.text(contents) == chats.text_of(text, list(zip(USER, contents, strict=True)), eos_token="</s>")


def test_a_template_that_trims_is_allowed_where_there_is_nothing_to_trim(tmp_path: Path) -> None:
    assert is_fast(chatting("template=llama3", tokenizer=f"tokenizer={_llama(tmp_path)}"))
    shape = shape_of("{% for m in messages %}<{{ m.content | trim }}>{% endfor %}", USER, {})
    assert shape.trims
    text = PEOPLE.replace("| {{ work }}", "| {{ work ~ ' ' }}")
    with pytest.raises(
        PipelineError, match=r"trims contents, and 'AT&T ' has white space at its end\. Take a template without"
    ):
        chatting("template=llama3", base=text)


def test_a_template_may_look_for_texts_that_no_content_holds(tmp_path: Path) -> None:
    assert shape_of(THINKING, USER, {}).absent == ("</think>", "<tool_response>")
    plan = chatting(templated(THINKING), "turns=3", "system=[Be brief.]", tokenizer=f"tokenizer={_llama(tmp_path)}")
    agreed(plan)
    row = rows_of(plan, 1)[0][2]
    assert [role for role, _ in row] == ["system", *("user", "assistant") * 3]
    looking = "{% for m in messages %}<{{ 'x' if 'Z&T' in m.content }}{{ m.content }}>{% endfor %}"
    for text in (looking, looking.replace("'Z&T' in m.content", "m.content.strip().endswith('Z&T')")):
        agreed(chatting(templated(text)))  # no content has a Z
        with pytest.raises(
            PipelineError, match=r"looks for 'T&T' in contents, and these may hold it\. Take a template"
        ):
            chatting(templated(text.replace("Z&T", "T&T")))


def test_a_text_that_a_template_looks_for_is_refused_in_problems() -> None:
    looking = "{% for m in messages %}<{{ 'x' if 'WORD' in m.content }}{{ m.content }}>{% endfor %}"
    agreed(chatting(templated(looking.replace("WORD", "</think>")), base=PROBLEMS), 20)
    with pytest.raises(PipelineError, match=r"looks for 'The' in contents, and these may hold it\. Take a template"):
        chatting(templated(looking.replace("WORD", "The")), base=PROBLEMS)
    with pytest.raises(PipelineError, match=r"looks for 'The' in contents, and '.*' holds it\. Take a template"):
        plan_of(PROBLEMS, "sources.it.modulus=exact", f"sources.it.chat.{templated(looking.replace('WORD', 'The'))}")


def _llama(folder: Path) -> Path:
    path = folder / "tokenizer.json"
    path.write_text(encoders.tokenizer("cl100k").backend.to_str())
    return path


def test_the_tokenizers_own_template_stands_beside_it(tmp_path: Path) -> None:
    path = _llama(tmp_path)
    with pytest.raises(PipelineError, match=r"sources\.it\.chat\.template: the tokenizer '.*' has no chat template"):
        chatting("template=tokenizer", tokenizer=f"tokenizer={path}")
    own = "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    config = {"chat_template": [{"name": "default", "template": own}], "bos_token": {"content": "<s>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    plan = plan_of(PEOPLE, f"tokenizer={{name: {path}, add: [<s>, </s>]}}", "sources.it.chat.template=tokenizer")
    agreed(plan)
    assert plan.recipe.sources["it"].chat.template == own  # type: ignore[union-attr]
    (tmp_path / "chat_template.jinja").write_text(own.replace("|", ":"))
    again = plan_of(
        PEOPLE,
        f"tokenizer={{name: {path}, add: [<s>, </s>], eos: <|endoftext|>}}",
        "sources.it.chat.template=tokenizer",
    )
    assert "<:user:>" in again.tokenizer.decode(np.array(rows_of(again, 1)[0][0]))


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["chat.template=chatmal"], "no chat template 'chatmal'. Did you mean 'chatml'? A file ends in .jinja; a text has braces."),
        (["chat.template='{{ raise_exception(1) }}'"], "chat.template: the chat template says: 1. The messages are: user → assistant."),
        (["chat.turns=4"], "chat.turns: 4 turns, but there are 3 questions about one individual. Lower `turns`, or ask more, or let them be about several."),
        (["chat.turns=64", "chat.about=several", "only=known", "templates.city=null", "templates.work=null"], "chat.turns: 64 turns, but there are 30 items. Lower `turns`, or ask more."),
        (["chat.refusals={rate: 0.5}"], "chat.refusals: 'known' is missing"),
        (["chat.refusals={known: nobody}"], "chat.refusals.known: the world 'people' has no group 'nobody'"),
        (["chat.refusals={known: strangers}", "only=strangers"], "all individuals that it is about are in 'strangers', so no answer is refused"),
        (["chat.tokens=[Bern]"], "the text ' Bern' contains the special token 'Bern'. Change the value or the template."),
        (["chat.tokens=['']"], "chat.tokens.0: the number of characters must be at least 1, not 0. Write it, or leave it out."),
        (["chat.system=[' x']"], "has white space at an end"),
        (["chat.request=[x]"], "chat.request: its documents have prompts of their own. Leave it out."),
        (["tag=<t>"], "a conversation begins as its template says, and not with a tag"),
        (["chat.template='{% for m in messages %}{{ m.content }}<|endoftext|>{% endfor %}'"], "writes the end token <|endoftext|> inside of a conversation"),
        (["mask=[hint]"], "no part of these documents is of the role hint"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_chat_is_refused_with_its_place(overrides: list[str], says: str) -> None:
    with pytest.raises(PipelineError) as caught:
        plan_of(PEOPLE, *(f"sources.it.{override}" for override in overrides))
    assert says in str(caught.value)


def test_symbols_and_documents_that_nobody_asks_for_are_no_conversations() -> None:
    with pytest.raises(
        PipelineError, match=r"its documents have no prompt, so the user says nothing\. Write `request:"
    ):
        plan_of(of_kind("statements"))
    with pytest.raises(PipelineError, match="the documents of 'it' are no conversations"):
        plan_of(PEOPLE, "sources.it.chat=null")
    with pytest.raises(PipelineError, match="symbols are no texts that a chat template could write"):
        compile_plan(load("mano_L10", ["sources.puzzles.chat=chatml"]))


def test_a_resolved_recipe_gives_the_same_conversations(tmp_path: Path) -> None:
    from pipeline.recipe.writing import dump

    plan = chatting("turns=2", "system=[A., B.]")
    path = tmp_path / "recipe.yaml"
    path.write_text(dump(plan.recipe, "again"))
    again = compile_plan(load(str(path)))
    assert again.fingerprint == plan.fingerprint
    assert rows_of(again, 20) == rows_of(plan, 20)
