from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import faker_process, faker_values
from pipeline.core.errors import SpecError
from pipeline.core.files import Files, library
from pipeline.core.key import Key
from pipeline.core.system import reading
from pipeline.worlds.values import ValuesSpec

PEOPLE = library("recipes") / "values/people"
CITY = re.compile(r"[A-Z][A-Za-z.' -]*, [A-Z]{2}")
DRAW = (
    "import json; from tests.test_values import materialised;"
    "print(json.dumps([materialised(faker=p, locale=l, count=20, seed=3) for p, l in json.loads(input())]))"
)
PROVIDERS = [("city", "en_US"), ("name", "de_DE"), ("company", "fr_FR"), ("job", "en_GB"), ("word", "en_US")]


def files(folder: Path, seed: int = 0, *path: str) -> Files:
    key = Key.root(seed).child("files", *path)
    return Files(path=path, folder_of=lambda _: folder, place_of=lambda at: ".".join(map(str, at)), key=key)


def materialised(folder: Path = PEOPLE, seed: int = 0, **spec: Any) -> list[str]:
    values = ValuesSpec.model_validate(spec).materialise(files(folder, seed)).values
    assert values is not None
    return values


# ── the values of bioS ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["first_names", "middle_names", "last_names", "us_cities", "universities", "majors"])
def listed(request: pytest.FixtureRequest) -> tuple[str, list[str]]:
    return request.param, (PEOPLE / f"{request.param}.txt").read_text("utf-8").splitlines()


@pytest.fixture
def employers() -> list[tuple[str, str]]:
    header, *rows = [tuple(line.split("\t")) for line in (PEOPLE / "employers.tsv").read_text("utf-8").splitlines()]
    assert header == ("employer", "company_city")
    return rows


def test_there_are_as_many_values_as_in_the_paper(listed: tuple[str, list[str]]):
    name, values = listed
    counts = {"first_names": 400, "middle_names": 400, "last_names": 1000, "us_cities": 200, "universities": 300}
    assert len(values) == (counts | {"majors": 100})[name]


def test_values_are_distinct_and_clean(listed: tuple[str, list[str]]):
    _, values = listed
    assert [value for value, count in Counter(map(str.lower, values)).items() if count > 1] == []
    for value in values:
        assert value
        assert value == " ".join(value.split())
        assert value.isprintable()
        assert value[0].isupper()
        assert not set(value) & set('"{}<>\\\t')


@pytest.mark.parametrize("name", ["first_names", "middle_names", "last_names"])
def test_a_name_is_one_word(name: str):
    values = (PEOPLE / f"{name}.txt").read_text("utf-8").split("\n")
    assert [value for value in values if value and not re.fullmatch(r"[A-Z][A-Za-z'’-]*", value)] == []


def test_a_city_is_a_place_and_a_state():
    cities = (PEOPLE / "us_cities.txt").read_text("utf-8").splitlines()
    assert [city for city in cities if not CITY.fullmatch(city)] == []


def test_263_employers_have_a_city_each(employers: list[tuple[str, str]]):
    assert len(employers) == 263
    assert len({name for name, _ in employers}) == 263
    assert [city for _, city in employers if not CITY.fullmatch(city)] == []
    assert all(name and name == " ".join(name.split()) for name, _ in employers)


def test_employers_are_in_120_to_140_cities_and_one_in_seven_or_eight_is_in_new_york(employers: list[tuple[str, str]]):
    cities = Counter(city for _, city in employers)
    assert 120 <= len(cities) <= 140
    assert cities.most_common(1)[0][0] == "New York, NY"
    assert 0.12 <= cities["New York, NY"] / 263 <= 0.15


@pytest.mark.parametrize("file", sorted(library("recipes").glob("values/**/*.*")), ids=lambda file: file.name)
def test_every_value_file_is_utf_8_with_plain_line_ends(file: Path):
    text = file.read_text("utf-8")
    assert text.isprintable() or not {c for c in text if not c.isprintable()} - {"\n", "\t"}
    assert text.endswith("\n")
    assert not text.startswith("\ufeff")


# ── lists, files, columns ───────────────────────────────────────────────────────────────────────────────────────────


def test_values_of_a_list_a_file_and_a_column_keep_their_order(tmp_path: Path):
    (tmp_path / "towns.txt").write_text("Rome\n\n  Bern  \nOslo, NO\n", "utf-8")
    (tmp_path / "towns.tsv").write_text("land\ttown\nIT\tRome\nCH\tBern\n", "utf-8")
    (tmp_path / "towns.csv").write_text('town,land\n"Washington, D.C.",US\nBern,CH\n', "utf-8")
    assert materialised(values=["b", "a"]) == ["b", "a"]
    assert materialised(tmp_path, file="towns.txt") == ["Rome", "Bern", "Oslo, NO"]
    assert materialised(tmp_path, file="towns.tsv", column="town") == ["Rome", "Bern"]
    assert materialised(tmp_path, file="towns.csv", column="town") == ["Washington, D.C.", "Bern"]


def test_a_file_beside_the_recipe_comes_before_that_of_the_library(tmp_path: Path):
    assert len(materialised(tmp_path, file="values/people/majors.txt")) == 100
    (tmp_path / "values/people").mkdir(parents=True)
    (tmp_path / "values/people/majors.txt").write_text("Alchemy\n")
    assert materialised(tmp_path, file="values/people/majors.txt") == ["Alchemy"]


def test_what_was_read_stands_in_the_spec_and_where_from_does_not(tmp_path: Path):
    (tmp_path / "a.txt").write_text("x\ny\n")
    spec = ValuesSpec(file="a.txt").materialise(files(tmp_path))
    assert spec == ValuesSpec(values=["x", "y"])
    assert spec.materialise(files(tmp_path)) == spec


@pytest.fixture
def limit_of_csv() -> Iterator[None]:
    """`csv` has one limit for the whole process: it is afterwards as it was."""
    before = csv.field_size_limit()
    yield
    csv.field_size_limit(before)


@pytest.mark.parametrize("limit", [100, 131_072, 2**30])
@pytest.mark.usefixtures("limit_of_csv")
def test_a_long_field_is_a_value_whatever_limit_others_have_set(tmp_path: Path, limit: int) -> None:
    csv.field_size_limit(limit)
    long = "x" * 200_000
    (tmp_path / "long.csv").write_text(f"a\n{long}\n")
    assert materialised(tmp_path, file="long.csv", column="a") == [long]


@pytest.mark.usefixtures("limit_of_csv")
def test_a_field_beyond_the_limit_is_refused_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_CELL", 1000)
    (tmp_path / "long.csv").write_text("a\n" + "x" * 1000 + "\n")
    assert materialised(tmp_path, file="long.csv", column="a") == ["x" * 1000]
    (tmp_path / "long.csv").write_text("a\n" + "x" * 1001 + "\n")
    with pytest.raises(SpecError, match=r"long\.csv:2: "):
        materialised(tmp_path, file="long.csv", column="a")


@pytest.mark.parametrize("deep", [False, True])
def test_a_link_may_not_leave_the_folder_of_its_recipe(tmp_path: Path, deep: bool):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.txt").write_text("secret\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/inside.txt").write_text("open\n")
    (tmp_path / "b/near.txt").symlink_to("inside.txt")
    assert materialised(tmp_path / "b", file="near.txt") == ["open"]
    if deep:
        (tmp_path / "b/far").symlink_to(tmp_path / "outside")
    else:
        (tmp_path / "b/far.txt").symlink_to(tmp_path / "outside/a.txt")
    with pytest.raises(SpecError, match="link that leaves its folder"):
        materialised(tmp_path / "b", file="far/a.txt" if deep else "far.txt")


def test_a_link_to_itself_is_no_file(tmp_path: Path):
    (tmp_path / "a.txt").symlink_to("a.txt")
    with pytest.raises(SpecError):
        materialised(tmp_path, file="a.txt")


# ── Faker ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("provider", "locale"), PROVIDERS)
def test_faker_gives_as_many_distinct_values_as_are_asked_for(provider: str, locale: str):
    values = materialised(faker=provider, locale=locale, count=50)
    assert len(set(values)) == 50
    assert all(value == " ".join(value.split()) for value in values)


def test_faker_is_frozen_by_the_seed_and_by_where_it_stands():
    one = materialised(faker="city", count=20)
    assert materialised(faker="city", count=20) == one
    assert materialised(faker="city", count=20, seed=1) != one
    at = [files(PEOPLE, 0, "worlds", world, "attributes", name) for world, name in (("w", "a"), ("w", "b"), ("v", "a"))]
    spec = ValuesSpec(faker="city", count=20)
    assert len({tuple(spec.materialise(place).values or ()) for place in at}) == 3


def test_asking_faker_for_more_keeps_what_it_gave():
    assert materialised(faker="city", count=40)[:20] == materialised(faker="city", count=20)


def test_faker_does_not_depend_on_the_process_or_on_how_it_hashes_texts():
    expected = [materialised(faker=provider, locale=locale, count=20, seed=3) for provider, locale in PROVIDERS]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", DRAW]
        found = subprocess.run(
            command, env=environment, input=json.dumps(PROVIDERS), capture_output=True, check=True, text=True
        )
        assert json.loads(found.stdout) == expected


def test_faker_leaves_the_randomness_of_others_alone():
    import random

    random.seed(1)
    before = random.getstate()
    materialised(faker="city", count=5)
    assert random.getstate() == before


CLOCKED = [("date", "en_US"), ("year", "en_US"), ("iso8601", "en_US"), ("day_of_week", "en_US"), ("unix_time", "en_US")]
CLOCKED += [("credit_card_expire", "en_US"), ("passport_gender", "en_US"), ("pesel", "pl_PL"), ("ssn", "zh_CN")]
CLOCKED += [("businesses_ogrn", "ru_RU"), ("individuals_ogrn", "ru_RU"), ("ssn", "et_EE"), ("date_of_birth", "de_DE")]
CLOCKED += [("simple_profile", "en_US"), ("am_pm", "ja_JP"), ("timezone", "en_US"), ("company", "ru_RU")]


USUAL = {("date", "en_US"), ("ssn", "zh_CN"), ("businesses_ogrn", "ru_RU"), ("company", "ru_RU")}


@pytest.mark.parametrize(
    ("provider", "locale"),
    [pair if pair in USUAL else pytest.param(*pair, marks=pytest.mark.slow) for pair in CLOCKED],
)
def test_no_value_of_faker_depends_on_the_clock(provider: str, locale: str, monkeypatch: pytest.MonkeyPatch):
    """Drawn now and in 2041, by a process to which it is 2041: the same, or refused with the reason."""
    later = """
import datetime, runpy, sys, time
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None): return cls(2041, 7, 1, tzinfo=tz)
class LaterDay(datetime.date):
    @classmethod
    def today(cls): return cls(2041, 7, 1)
datetime.datetime, datetime.date, time.time = Later, LaterDay, lambda: 2256249600.0
runpy.run_path({path!r}, run_name="__main__")
"""

    def drawn() -> list[str]:
        try:
            return materialised(faker=provider, locale=locale, count=2, seed=12)
        except SpecError as refused:
            assert re.search("depends on today's date|gives dict, not text", str(refused))
            assert refused.at == ("faker",)
            return ["refused"]

    today = drawn()
    assert (today == ["refused"]) == (provider not in ("timezone", "company", "passport_gender"))
    real = subprocess.Popen

    def popen(command: list[str], **options: Any) -> Any:
        return real([*command[:-1], "-c", later.format(path=command[-1])], **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    forget_faker()
    try:
        assert drawn() == today
    finally:
        forget_faker()


def forget_faker() -> None:
    faker_values._answer.cache_clear()
    faker_values._process.cache_clear()


LOOKS = """
import datetime, json, os, runpy, sys, time, types
import uuid
module = types.SimpleNamespace(**runpy.run_path(sys.argv[1]))
module._without_clock()
state = module._looked_at.__globals__
seen = []
for look in LOOKS:
    state["_drawing"] = False
    before = repr(look())
    time.sleep(0.01)
    same = before == repr(look())
    state["_drawing"] = True
    try:
        look()
        refused = False
    except BaseException as error:
        refused = type(error).__name__ == "_Unrepeatable"
    seen.append([same, refused])
state["_drawing"] = False
given = time.gmtime(0).tm_year, time.strftime("%Y", time.gmtime(0)), datetime.datetime.fromtimestamp(0).year
kept = isinstance(datetime.datetime(2000, 1, 1), datetime.date), datetime.date(2000, 1, 1).isoformat()
print(json.dumps([seen, given, kept]))
"""
CLOCKS = [f"time.{name}{ns}" for name in ("time", "monotonic", "perf_counter", "process_time") for ns in ("", "_ns")]
CLOCKS += ["time.localtime", "time.gmtime", "time.ctime", "time.asctime", "lambda: time.strftime('%H:%M:%S')"]
CLOCKS += ["datetime.date.today", "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow"]
CLOCKS += ["lambda: datetime.datetime.now(datetime.timezone.utc)"]


def test_where_faker_draws_every_clock_stands_still_and_cannot_be_read():
    program = LOOKS.replace("LOOKS", f"[{', '.join(CLOCKS)}]")
    command = [sys.executable, "-W", "ignore", "-c", program, faker_process.__file__]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TZ": "UTC"})
    assert done.returncode == 0, done.stderr
    seen, given, kept = json.loads(done.stdout)
    assert dict(zip(CLOCKS, seen, strict=True)) == {clock: [True, True] for clock in CLOCKS}
    assert given == [1970, "1970", 1970]
    assert kept == [True, "2000-01-01"]


def test_faker_is_asked_in_one_process_and_never_loaded_here():
    program = (
        "import sys; from tests.test_values import materialised; from pipeline.core import faker_values\n"
        "first = [materialised(faker='city', count=3), materialised(faker='name', count=3, locale='de_DE')]\n"
        "assert faker_values._process.cache_info().misses == 1 and 'faker' not in sys.modules\n"
        "faker_values._process(__import__('os').getpid()).kill()\n"
        "try: materialised(faker='job', count=3)\n"
        "except Exception as error: assert 'has ended' in str(error), error\n"
        "assert len(materialised(faker='job', count=3)) == 3"
    )
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_exhausted_provider_is_refused_with_what_it_has():
    with pytest.raises(SpecError, match=r"'boolean' \(en_US\) has only 2 distinct values, not 3.*count: 2") as refused:
        materialised(faker="boolean", count=3)
    assert refused.value.at == ("count",)
    assert sorted(materialised(faker="boolean", count=2)) == ["False", "True"]


@pytest.mark.parametrize(
    ("provider", "problem"),
    [
        ("citty", "no provider 'citty'. Did you mean 'city'"),
        ("zzzz", "no provider 'zzzz'. It can be: "),
        ("", "no provider"),
        ("City", "no provider"),
        ("city.upper", "no provider"),
    ],
)
def test_an_unknown_provider_is_refused(provider: str, problem: str):
    with pytest.raises(SpecError, match=problem) as refused:
        materialised(faker=provider, count=2)
    assert refused.value.at == ("faker",)


@pytest.mark.parametrize(
    "name",
    ["__class__", "__init__", "__dict__", "__getattribute__", "_factories", "_proxy", "_Generator__config"]
    + ["seed_instance", "seed", "add_provider", "get_providers", "factories", "unique", "optional", "random", "format"],
)
def test_what_belongs_to_python_or_to_faker_itself_is_no_provider(name: str):
    with pytest.raises(SpecError, match="no provider"):
        materialised(faker=name, count=1)


@pytest.mark.parametrize(
    "name",
    [
        "first_names",  # a list, not a provider
        "city_suffixes",
        "enum",  # needs an argument
        "image",  # needs a package
        "date_object",  # gives no text
        "pydecimal",
        "profile",
        "binary",
    ],
)
def test_a_provider_that_gives_no_text_is_refused(name: str):
    with pytest.raises(SpecError, match=name) as refused:
        materialised(faker=name, count=1)
    assert refused.value.at == ("faker",)


def test_an_unknown_locale_is_refused():
    with pytest.raises(SpecError, match=r"no locale 'en_UK'\. Did you mean 'en_") as refused:
        materialised(faker="city", locale="en_UK", count=2)
    assert refused.value.at == ("locale",)
