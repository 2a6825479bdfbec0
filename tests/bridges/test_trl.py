"""The bridge to TRL: what a rollout holds in tokens, groups, tools, and that its example learns."""

import os
from functools import partial

import pytest
import torch
from training import gains, without

from populace.envs.views import text_env
from populace.errors import PopulaceError

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
pytest.importorskip("trl", reason='TRL is not installed: pip install "populace[trl]", or run `make test-bridges`')

from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from populace.agents.llm.backends.pocket import folder
from populace.envs.bridges import trl, trl_tools

TURNS = 3
make = partial(text_env, "populace/payoff-v0", "user", users=1, max_turns=TURNS)


def trainer(path, rollouts=None, tokenizer=None, **more):
    """A trainer of the shipped model; the batch holds two groups of four."""
    settings = {"per_device_train_batch_size": 8, "num_generations": 4, "max_steps": 1, "max_completion_length": 256}
    args = GRPOConfig(
        str(path),
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        beta=0.0,
        max_tool_calling_iterations=TURNS,
        **settings,
    )
    data = trl.worlds(8) if rollouts is not None else trl.worlds(8).remove_columns("prompt")
    own = [trl.reward] if rollouts is not None else None
    return GRPOTrainer(
        AutoModelForCausalLM.from_pretrained(folder(), dtype=torch.float32), own, args=args, train_dataset=data,
        processing_class=tokenizer or AutoTokenizer.from_pretrained(folder()), rollout_func=rollouts, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A trainer, and the rollouts of eight prompts that name two worlds."""
    torch.manual_seed(3)
    rollouts = trl.Rollouts(make, max_reply=6, lead=False)
    made = trainer(tmp_path_factory.mktemp("trl"), rollouts)
    return made, rollouts, rollouts(["world 5"] * 4 + ["world 9"] * 4, made)


def test_a_rollout_is_the_conversation_as_the_template_writes_it(played):
    made, _, out = played
    words = made.processing_class
    for prompt, ids, mask, turns in zip(
        out["prompt_ids"], out["completion_ids"], out["env_mask"], out["turns"], strict=True
    ):
        assert len(mask) == len(ids)
        text = words.decode([*prompt, *ids])
        assert text.count("<|user|>") == text.count("<|assistant|>") == turns == TURNS
        assert words.decode(prompt).endswith("<|end|><|assistant|>")
        told = words.decode([token for token, own in zip(ids, mask, strict=True) if not own])
        assert told.count("Answer with one word: clear, vague or end.<|end|><|assistant|>") == TURNS - 1
        own = words.decode([token for token, own in zip(ids, mask, strict=True) if own])
        assert "Answer with" not in own
        # A whole conversation put through the template gives the same tokens.
        parts = [
            part.split("<|end|>")[0] for part in text.replace("<|user|>", "<|assistant|>").split("<|assistant|>")[1:]
        ]
        talk = [{"role": ("user", "assistant")[i % 2], "content": part} for i, part in enumerate(parts)]
        whole = words.apply_chat_template(talk, tokenize=False)
        assert whole.removesuffix("<|end|>") == text.removesuffix("<|end|>")


def test_log_probabilities_are_those_of_the_model(played):
    made, _, out = played
    for prompt, ids, mask, logprobs in zip(
        out["prompt_ids"], out["completion_ids"], out["env_mask"], out["logprobs"], strict=True
    ):
        with torch.no_grad():
            logits = made.model(torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 : -1].float()
        found = logits.log_softmax(-1).gather(-1, torch.tensor(ids).unsqueeze(-1)).squeeze(-1)
        own = torch.tensor(mask).bool()
        torch.testing.assert_close(torch.tensor(logprobs)[own], found[own], atol=2e-4, rtol=1e-3)
        assert not torch.tensor(logprobs)[~own].any()


def test_a_group_talks_to_the_same_people_with_the_same_luck(played):
    _, _, out = played
    assert len({tuple(prompt) for prompt in out["prompt_ids"][:4]}) == 1
    assert out["prompt_ids"][0] != out["prompt_ids"][4]
    same = {}
    for group, ids, paid in zip([5] * 4 + [9] * 4, out["completion_ids"], out["reward"], strict=True):
        assert same.setdefault((group, tuple(ids)), paid) == paid


def test_rewards_are_those_of_the_world(played):
    made, _, out = played
    env = make(num_envs=8)
    env.reset(0, [5] * 4 + [9] * 4)
    words, total, kinds = made.processing_class, torch.zeros(8), 0
    for turn in range(TURNS):
        said = []
        for ids in out["completion_ids"]:
            parts = words.decode(ids).split("<|assistant|>")
            said.append(parts[turn].split("<|end|>")[0])
        step = env.step(said)
        total += torch.tensor(step.rewards)
        kinds += sum(info["kind"] == "unreadable" for info in step.infos)
    torch.testing.assert_close(torch.tensor(out["reward"]), total)
    assert sum(out["unread"]) == kinds


def test_an_episode_ends_where_there_is_no_room(played, monkeypatch):
    made, rollouts, _ = played
    monkeypatch.setattr(made, "max_completion_length", 22)  # a question takes 10 tokens, a reply up to 6
    out = rollouts(["world 5"] * 4, made)
    assert set(out["turns"]) == {2}
    assert max(map(len, out["completion_ids"])) <= 22


def test_a_lead_is_told_and_not_learned(tmp_path):
    drift = partial(text_env, "populace/drift-v0", "assistant", users=1, max_turns=1)
    rollouts = trl.Rollouts(drift, max_reply=6)
    made = trainer(tmp_path, rollouts)
    out = rollouts(["world 1"] * 4, made)
    words = made.processing_class
    lead = len(words("act: ", add_special_tokens=False)["input_ids"])
    for ids, mask in zip(out["completion_ids"], out["env_mask"], strict=True):
        assert words.decode(ids).startswith("act:")
        assert mask == [0] * lead + [1] * (len(ids) - lead)


def test_what_names_no_world_is_refused(played):
    made, rollouts, _ = played
    for prompt in ("hello", "world x", [{"role": "user", "content": "world 1"}]):
        with pytest.raises(PopulaceError, match=r"names no world: make the training data with trl.worlds"):
            rollouts([prompt], made)


def test_unreadable_replies_can_be_fined():
    assert trl.readable(unread=[0, 1, 3], turns=[3, 2, 3], reward=[1.0, 1.0, 1.0]) == [0, -0.5, -1]
    assert trl.reward(reward=[1.0, 2.0], unread=[0, 1], turns=[1, 1]) == [1.0, 2.0]


def test_the_trainer_takes_it(played):
    made, _, _ = played
    made.train()
    assert "rewards/reward/mean" in made.state.log_history[0] or made.state.global_step == 1


def test_a_seat_is_played_by_tool_calls(tmp_path):
    tokenizer = trl_tools.every_reply_is_a_call(AutoTokenizer.from_pretrained(folder()))
    made = trainer(tmp_path, tokenizer=tokenizer, environment_factory=trl_tools.factory(make))
    made.train()
    log = next(one for one in made.state.log_history if "tools/call_frequency" in one)
    assert log["tools/call_frequency"] == TURNS
    assert log["tools/failure_frequency"] == 0
    assert "rewards/Seat/mean" in log


def test_a_seat_by_tools_is_the_environment():
    seat, env = trl_tools.factory(make)(), make(num_envs=1)
    asked = env.reset(0, [7])[0]
    assert seat.reset(world=7, other="column") == asked.messages[-1]["content"]
    paid = 0.0
    for turn in range(TURNS):
        step = env.step(["clear"])
        paid += step.rewards[0]
        told = seat.reply("clear")
        assert told == (trl_tools.OVER if turn == TURNS - 1 else step.prompts[0].messages[-1]["content"])
    assert seat.reply("clear") == trl_tools.OVER
    assert seat.get_reward() == paid > 0


def test_the_example_learns():
    for gain, interval in gains("trl_grpo.py"):
        assert gain > interval


def test_without_trl_the_line_that_installs_it_is_told():
    assert 'pip install "populace[trl]"' in without("trl", "populace.envs.bridges.trl")
