"""A few tries of every attack in the suite, and all of them by `make attack`; `attack.py` makes them in batches."""

import pytest
from attack import SIZES, attacks

SAMPLE = {
    "scenarios": [3],
    "options": [11, 205],
    "kills": [],
    "flips": [1],
    "servers": [34],
    "files": [0, 100, 300],
    "matter": [9, 140, 260],
    "privacy": [60],
    "replies": list(range(0, 400, 40)),
}
"""Kind -> tries that the suite makes; whole processes are killed in tests/runner."""
BATCHES = 12


@pytest.fixture(autouse=True)
def _canaries(monkeypatch):
    for name in ("CANARY_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "canary-value")


@pytest.mark.parametrize("kind", [kind for kind, numbers in SAMPLE.items() if numbers])
def test_a_sample_of_an_attack_finds_nothing(kind):
    for number in SAMPLE[kind]:
        tally = attacks(kind, number, 1)
        assert not tally.found, str(tally)
        assert sum(tally.tried.values()) == 1


@pytest.mark.attack
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("kind", SIZES)
def test_a_whole_attack_finds_nothing(kind, batch):
    size = SIZES[kind]
    first, last = size * batch // BATCHES, size * (batch + 1) // BATCHES
    tally = attacks(kind, first, last - first)
    print(f"\n{kind} {first} to {last}: {str(tally).splitlines()[0]}")
    assert not tally.found, str(tally)
