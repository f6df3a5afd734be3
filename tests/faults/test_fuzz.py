"""Damaged files of 21 kinds: each is read, or refused with one message. ZONALFLOW_FUZZ is the number of mutations."""

import os
import random
import signal

import pytest
from faults import fuzz

NUMBER = int(os.environ.get("ZONALFLOW_FUZZ", "210"))


def test_damaged_files_are_read_or_refused():
    faults = []
    outcomes = fuzz.fuzz(NUMBER, tell=faults.append)
    assert faults == []
    assert sum(outcomes.values()) == NUMBER // len(fuzz.KINDS) * len(fuzz.KINDS)
    refused = sum(count for name, count in outcomes.items() if name.endswith("refused"))
    assert NUMBER / 4 < refused < NUMBER


def test_mutations_are_the_same_on_every_machine():
    one, other = (fuzz.mutated(b"0123456789" * 9, random.Random("1 grid 3")) for _ in range(2))
    assert one == other != b"0123456789" * 9


@pytest.mark.parametrize(
    ("read", "fault"),
    [
        (lambda folder: 1 / 0, "ZeroDivisionError"),
        (lambda folder: os.kill(os.getpid(), signal.SIGKILL), "ended with -9"),
        (lambda folder: "other numbers", "wrong numbers"),
    ],
)
def test_the_fuzz_finds_faults(read, fault, tmp_path):
    (tmp_path / "sound").mkdir()
    (tmp_path / "sound/file").write_text("x")
    kind = fuzz.Kind("kind", "file", read, exact=True)
    outcome = fuzz._in_child(kind, tmp_path / "sound", b"y", "right numbers")
    assert outcome.startswith("fault")
    assert fault in outcome
