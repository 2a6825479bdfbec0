"""What bridges share that play one conversation at a time."""

import math

import pytest

from populace.envs.bridges.seats import Episode, seat_of
from populace.envs.views import text_env
from populace.errors import PopulaceError


def test_an_episode_is_the_environment():
    env = text_env("populace/drift-v0", "assistant", users=2, max_turns=3)
    same = text_env("populace/drift-v0", "assistant", users=2, max_turns=3)
    asked = same.reset(5, [4])[0]
    played = Episode(env, 4, 5)
    assert played.told == asked.messages
    paid = 0.0
    for turn in range(3):
        step = same.step(["act: correct"])
        paid += step.rewards[0]
        assert played.reply("act: correct") == step.rewards[0]
        assert played.kind == "ok"
        assert played.over == (turn == 2)
        if not played.over:  # the same system message is not said again
            assert played.told == [m for m in step.prompts[0].messages if m["role"] != "system"]
    assert played.reward == pytest.approx(paid)
    assert (played.turns, played.unread, played.truncated) == (3, 0, True)
    with pytest.raises(PopulaceError, match="the episode is over"):
        played.reply("act: correct")


def test_measures_are_means_over_the_turns_in_which_they_are_defined():
    played = Episode(seat_of("populace/payoff-v0", role="user", users=1, max_turns=2), 0)
    values = []
    while not played.over:
        played.reply("clear")
        values.append(dict(played.measures))
    assert played.measures["clear"] == 1.0
    assert math.isnan(values[0]["user_welfare"]) or values[0]["user_welfare"] > 0


def test_instructions_that_change_are_said():
    played = Episode(seat_of("populace/drift-v0", users=2, max_turns=3), 0)
    played._system = "Something else."
    played.reply("act: correct")
    assert played.told[0]["content"].startswith("You are an assistant.")


def test_a_seat_is_of_a_world_or_of_a_scenario():
    assert seat_of(scenario="talk-drift").role.name == "assistant"
    for names in ({}, {"world": "populace/drift-v0", "scenario": "talk-drift"}):
        with pytest.raises(PopulaceError, match=r"name a world .* or a scenario"):
            seat_of(**names)
