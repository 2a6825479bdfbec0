"""Texts as a kind of field: ids on the device, words in the run, codes untouched by what is said."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pytest
import torch
from torch import Tensor

from populace import acts
from populace.builder import build
from populace.draw import Draw
from populace.envs.views import parallel_env
from populace.errors import PopulaceError, UnknownName
from populace.fields import AnyText, Field, Role
from populace.measures import Measure
from populace.options import Options
from populace.policy import Policy
from populace.population import People, PlainPopulation
from populace.rollout import Keep, rollout
from populace.run import Run, branch, see, start
from populace.testing import check_world
from populace.words import SILENCE, UNWORDED, Phrases, Reader, Utterance, Words, text_id
from populace.world import Step, World

MOODS = ("glad", "sad")


@dataclass(frozen=True)
class State:
    mood: Tensor
    said: Tensor
    total: Tensor


class ChatOptions(Options):
    """Of the toy world."""

    words: bool = False
    """Whether anything is said."""


class Chat(World[State]):
    """A user has a mood and says it; the assistant guesses it."""

    id = "toy/chat-v0"
    Options = ChatOptions
    worded = ("say",)

    def __init__(self, options, census):
        super().__init__(options, census)
        self.phases = ("feel", "say", "guess") if options.words else ("feel", "guess")

    @cached_property
    def phrases(self):
        return Phrases({(0,): ["I am glad.", "What a day!"], (1,): ["I am sad.", "Oh dear."]}, (2,))

    def lexicon(self) -> Mapping[int, str]:
        return self.phrases.lexicon if self.options.words else {}

    @classmethod
    def population(cls, users, options):
        return PlainPopulation(users, ("calm",))

    def roles(self):
        n = self.census.size
        mood = Field(name="mood", kind="choice", about="How it feels.", labels=MOODS)
        said = Field(name="said", kind="text", about="What was said.", carries=("mood",))
        words = {"user": (said,), "assistant": (said,)} if self.options.words else {"user": (), "assistant": ()}
        return (
            Role(
                name="user",
                seats=n,
                sees=(mood,),
                does=(replace(mood, phases=("feel",)), *(replace(f, phases=("say",)) for f in words["user"])),
                phases=tuple(phase for phase in self.phases if phase != "guess"),
                seats_are_users=True,
            ),
            Role(
                name="assistant",
                seats=n,
                sees=(Field(name="hint", kind="real", about="A hint.", low=0, high=1), *words["assistant"]),
                does=(replace(mood, name="guess"),),
                phases=("guess",),
            ),
        )

    def begin(self, people: People, draw: Draw) -> State:
        shape = people.segment.shape
        mood = draw.integers("mood", 0, 2, people.size)
        return State(mood, torch.zeros(shape, dtype=torch.int64, device=mood.device), torch.zeros_like(mood).float())

    def observe(self, state, role, phase):
        if role == "user":
            return {"mood": state.mood}
        return {"hint": torch.full_like(state.total, 0.5), **({"said": state.said} if self.options.words else {})}

    def advance(self, state, phase, actions, draw):
        if phase == "feel":
            flip = draw.uniform("flip", self.census.size) < 0.2
            return Step(replace(state, mood=torch.where(flip, 1 - actions["user"]["mood"], actions["user"]["mood"])))
        if phase == "say":
            given = actions["user"]["said"]
            drawn = self.phrases.say((state.mood,), draw.scope("words").uniform("which", self.census.size))
            said = torch.where(given == UNWORDED, drawn, given)
            return Step(
                replace(state, said=said), said={"user": Utterance(said, {"mood": state.mood}, {"mood": MOODS})}
            )
        noise = draw.uniform("noise", self.census.size)
        right = (actions["assistant"]["guess"] == state.mood).float() * noise
        total = state.total + right
        return Step(replace(state, total=total), {"assistant": right}, measures={"right": right.mean(-1)})

    def measures(self):
        return (Measure(name="right", about="Share of right guesses.", low=0, high=1),)


class Keeps(Policy):
    """Keeps its mood; a host writes nothing."""

    def act(self, observation, memory, draw):
        return ({"mood": observation["mood"]} if observation.phase == "feel" else {}), memory


class Speaks(Keeps):
    """Says something of its own."""

    def act(self, observation, memory, draw):
        if observation.phase == "feel":
            return super().act(observation, memory, draw)
        moods = observation["mood"].tolist()
        ids = [observation.reader.words.put([f"My mood is {MOODS[m]}." for m in row]) for row in moods]
        return {"said": torch.tensor(ids)}, memory


class Listens(Policy):
    """Reads the words."""

    def act(self, observation, memory, draw):
        texts = observation.text("said")
        guess = torch.tensor([[int("sad" in t or "dear" in t) for t in row] for row in texts])
        return {"guess": guess}, memory


class Coin(Policy):
    """Guesses."""

    def act(self, observation, memory, draw):
        return {"guess": draw.integers("guess", 0, 2, observation.role.seats)}, memory


def _run(words, user=None, assistant=None, worlds=3):
    built = build(Chat, users=4, options={"words": words}, without=None)
    policies = {"user": user or Keeps(), "assistant": assistant or Coin()}
    return built.world, policies, start(built.world, policies, built.population, seed=5, worlds=worlds)


def test_ids_are_hashes_and_silence_is_no_missing_text():
    assert text_id("a") == text_id("a") != text_id("b")
    assert len({SILENCE, UNWORDED, text_id("a")}) == 3
    assert -(2**63) <= text_id("b") < 2**63
    words = Words()
    assert words.get(words.put(["\ud800 lone"])[0]) == "\ud800 lone"
    assert words.get(SILENCE) == ""
    assert words.get(text_id("never said")) is None
    with pytest.raises(PopulaceError, match="neither in the run nor"):
        Reader(words, dict).read(text_id("never said"))


def test_words_leave_measures_and_draws_as_they_are():
    """A speaking phase shifts nobody's random numbers: measures are the same to the bit with words and without."""
    series = []
    for words in (False, True):
        world, policies, run = _run(words)
        keep = Keep()
        run = rollout(world, policies, run, 6, keep)
        series.append(torch.stack(keep.series["right"]))
        assert len(run.words.texts) == 0  # phrases are the world's, and never kept
    assert torch.equal(*series)


def test_a_listener_reads_what_scripts_and_speakers_said():
    for user in (Keeps(), Speaks()):
        world, policies, run = _run(True, user, Listens())
        keep = Keep()
        rollout(world, policies, run, 4, keep)
        world, coin, run = _run(True, user)
        other = Keep()
        rollout(world, coin, run, 4, other)
        assert torch.stack(keep.series["right"]).mean() > 1.5 * torch.stack(other.series["right"]).mean()


def test_texts_are_the_same_alone_in_a_batch_and_resumed(tmp_path):
    world, policies, run = _run(True, Speaks())
    after = rollout(world, policies, run, 3)
    _, _, alone = _run(True, Speaks(), worlds=torch.tensor([2]))
    assert torch.equal(rollout(world, policies, alone, 3).state.said[0], after.state.said[2])
    after.save(tmp_path / "run.pt")
    back = Run.load(tmp_path / "run.pt", packages=[Chat.__module__.partition(".")[0]])
    assert set(back.words.texts) == set(after.state.said.unique().tolist())
    first, second = (rollout(world, policies, r, 2) for r in (after, back))
    assert torch.equal(first.state.said, second.state.said)
    assert see(world, second, world.role("assistant")).reader.read(int(second.state.said[0, 0])).startswith("My mood")


def test_branches_share_the_store_and_stores_are_joined():
    world, policies, run = _run(True, Speaks())
    run = rollout(world, policies, run, 1)
    twin = branch(world, policies, run, fresh=("user",))
    assert twin.words is run.words
    both = Words({1: "a"}).merged(Words({2: "b"}))
    assert both.texts == {1: "a", 2: "b"}
    assert both.kept(torch.tensor([2, 7])).texts == {2: "b"}


def test_a_world_with_texts_passes_the_check_and_views_leave_them_out():
    check_world(Chat, options={"words": True}, users=3)
    env = parallel_env(Chat, users=3, options={"words": True})
    env.reset(seed=1)
    spaces = env.observation_space("assistant_0")
    assert "said" not in spaces.spaces
    assert set(env.action_space("user_0").spaces if hasattr(env.action_space("user_0"), "spaces") else ()) <= {"mood"}


def test_a_code_without_wording_and_a_field_that_is_none_are_told():
    with pytest.raises(PopulaceError, match="has no wording"):
        Phrases({(0,): ["x"]}, (2,))
    world, _, run = _run(True)
    with pytest.raises(UnknownName, match="text field"):
        see(world, run, world.role("assistant")).text("hint")
    field = world.role("assistant").sees[1]
    with pytest.raises(PopulaceError, match=r"Observation\.text"):
        field.render(torch.tensor(3))
    assert field.space().contains("any ünïcode \u4e16")
    assert not AnyText(3).contains("long")


def test_an_unreadable_reply_was_said_all_the_same():
    """Codes are forfeited, words never."""
    role = Role(
        name="a",
        seats=2,
        sees=(),
        does=(Field(name="act", kind="count", about="x"), Field(name="said", kind="text", about="x")),
        phases=("p",),
    )
    given = {
        "act": torch.tensor([[3, 3]]),
        "said": torch.tensor([[7, 8]]),
        "kind": torch.tensor([[1, 0]]).to(torch.int8),
    }
    found = acts.valid(role, "p", given, 1).actions
    assert found["act"].tolist() == [[0, 3]]
    assert found["said"].tolist() == [[7, 8]]
    assert acts.valid(role, "p", {"act": given["act"]}, 1).actions["said"].tolist() == [[UNWORDED] * 2]
