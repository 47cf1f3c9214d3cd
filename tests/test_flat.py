"""Memory does not grow with the number of people: no table of them exists, and nothing is shuffled by moving data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BUILD_ONE_SHARD = """
import resource, sys
from pathlib import Path
from pipeline.build.building import build_shard
from pipeline.plan import compile_plan
from pipeline.recipe import load
from pipeline.storage import LocalFolder
people, folder = sys.argv[1:]
plan = compile_plan(load("bioS_multi5", [f"worlds.people.size={people}", "shard_tokens=4000000"]))
record = build_shard((plan, LocalFolder(Path(folder))), ("train", plan.splits["train"].shards // 2))
print(record.tokens, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow  # test_disjoint.py asks it of a bigger mixture
def test_one_shard_of_a_hundred_million_people_takes_no_more_memory_than_one_of_a_hundred_thousand(tmp_path: Path):
    peaks = {}
    for people in (100_000, 100_000_000):
        arguments = [sys.executable, "-c", BUILD_ONE_SHARD, str(people), str(tmp_path / str(people))]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        tokens, peaks[people] = map(int, done.stdout.split())
        assert 3_500_000 < tokens < 4_500_000
    assert peaks[100_000_000] < peaks[100_000] + 16 * 1024, "KiB; a byte a person would be 98,000"
