"""Worlds for TRL: one seat in many societies as the `rollout_func` of a `GRPOTrainer`.

rollouts = trl.Rollouts(partial(text_env, "populace/payoff-v0", "user", max_turns=3))
GRPOTrainer(model, trl.reward, train_dataset=trl.worlds(1000), rollout_func=rollouts)
"""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch

from populace.envs.views.text import MakesTextEnv, Message, Prompt, TextEnv
from populace.errors import MissingExtra, PopulaceError

try:
    from datasets import Dataset
    from transformers import GenerationConfig
    from trl import GRPOTrainer
    from trl.models import unwrap_model_for_generation
except ImportError:
    raise MissingExtra("populace.envs.bridges.trl", "trl", "trl") from None

_NAME = "world "
"""What a prompt of the data set begins with; the world's id follows."""


def worlds(count: int, first: int = 0) -> Dataset:
    """A data set of `count` worlds: each row names a world, whose people and random numbers follow from its id.

    The trainer repeats each row `num_generations` times, so that the replies of a group are to the same people with the
    same random numbers.

    Args:
        count: How many; with as many as the training takes, no world is played twice.
        first: The id of the first.

    Returns:
        The columns `prompt` (what `Rollouts` reads) and `world` (the id).
    """
    return Dataset.from_list([{"prompt": f"{_NAME}{i}", "world": i} for i in range(first, first + count)])


def reward(reward: Sequence[float], **_: Any) -> list[float]:
    """The reward function for `GRPOTrainer`: what the seat was paid in its episode."""
    return list(reward)


def readable(unread: Sequence[int], turns: Sequence[int], **_: Any) -> list[float]:
    """A second reward function: minus the share of replies that could not be read.

    A seat whose reply cannot be read forfeits, and a forfeit may pay more than an honest answer; without this fee a
    model then learns to write nonsense. `GRPOConfig(reward_weights=[1.0, w])` says how much it weighs.
    """
    return [-a / b for a, b in zip(unread, turns, strict=True)]


@dataclass
class Talk:
    """One episode in tokens.

    Attributes:
        prompt: What stands before the first reply.
        system: The system message, which is not said again.
        ids: Replies, and between them what the seat was told.
        mask: For each of `ids`: 1 where the model wrote it, 0 where it was told.
        logprobs: For each of `ids`: the log probability with which it was sampled, 0 where it was told.
        reward: Sum over the turns.
        turns: Replies.
        unread: Replies that could not be read.
    """

    prompt: list[int]
    system: str
    ids: list[int] = field(default_factory=list)
    mask: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    reward: float = 0.0
    turns: int = 0
    unread: int = 0

    def told(self, ids: Sequence[int]) -> None:
        """Go on with tokens that the model did not write."""
        self.ids, self.mask = [*self.ids, *ids], [*self.mask, *[0] * len(ids)]
        self.logprobs = [*self.logprobs, *[0.0] * len(ids)]

    def wrote(self, ids: Sequence[int], logprobs: Sequence[float]) -> None:
        """Go on with tokens that the model wrote."""
        self.ids, self.mask = [*self.ids, *ids], [*self.mask, *[1] * len(ids)]
        self.logprobs = [*self.logprobs, *logprobs]


class Rollouts:
    """The `rollout_func` of a `GRPOTrainer`: plays whole episodes, all prompts of a batch at once.

    An episode is one completion: the model's replies, and between them what the seat is asked next, on which
    `env_mask` is 0. The trainer's own settings of sampling hold. Besides what TRL wants, each rollout has `reward`,
    `turns` and `unread` (replies that could not be read), which reward functions can use.

    Args:
        make: Makes the environments, `make(num_envs=N)`.
        seed: The seed of all worlds.
        max_reply: Tokens of a reply at most. The trainer's `max_completion_length` is the limit of an episode, which
            ends where there is no room for the next question and a reply to it.
        lead: Whether a reply begins with the prompt's lead (such as `act: `), as words that the model was told.

    Raises:
        PopulaceError: A prompt of the data set names no world (make it with `worlds`), or the seat is not asked at the
            beginning of an episode.
    """

    def __init__(self, make: MakesTextEnv, *, seed: int = 0, max_reply: int = 64, lead: bool = True) -> None:
        self.make, self.seed, self.max_reply, self.lead = make, seed, max_reply, lead
        self._envs: dict[int, TextEnv] = {}

    def __call__(self, prompts: Sequence[Any], trainer: "GRPOTrainer") -> dict[str, list[Any]]:
        """Play the worlds that the prompts name, an episode each, with the trainer's model."""
        ids = [_world(prompt) for prompt in prompts]
        if len(ids) not in self._envs:
            self._envs[len(ids)] = self.make(num_envs=len(ids))
        env = self._envs[len(ids)]
        asked = env.reset(self.seed, ids)
        words = _Words(trainer)
        talks = [self._begin(words, one) for one in asked]
        live = list(range(len(talks)))
        while live:
            written = _write(trainer, [[*talks[i].prompt, *talks[i].ids] for i in live], self.max_reply)
            replies: list[str | None] = [None] * len(talks)
            for i, (tokens, logprobs) in zip(live, written, strict=True):
                talks[i].wrote(tokens, logprobs)
                replies[i] = self._lead(asked[i]) + words.text(tokens)
            step = env.step(replies)
            for i in live:
                talks[i].reward += step.rewards[i]
                talks[i].turns += 1
                talks[i].unread += step.infos[i]["kind"] == "unreadable"
            asked = step.prompts
            live = [i for i in live if self._go_on(words, talks[i], asked[i])]
        names = {"prompt_ids": "prompt", "completion_ids": "ids", "logprobs": "logprobs", "env_mask": "mask"}
        names |= {name: name for name in ("reward", "turns", "unread")}
        return {key: [getattr(talk, name) for talk in talks] for key, name in names.items()}

    def _lead(self, asked: Prompt | None) -> str:
        return asked.lead if self.lead and asked is not None else ""

    def _begin(self, words: "_Words", asked: Prompt | None) -> Talk:
        if asked is None:
            raise PopulaceError("the seat is not asked at the beginning of an episode: train another seat")
        talk = Talk(words.first(asked.messages), _system(asked.messages))
        talk.told(words.bare(self._lead(asked)))
        return talk

    def _go_on(self, words: "_Words", talk: Talk, asked: Prompt | None) -> bool:
        """Ask the next question, if there is one and room for it and a reply."""
        if asked is None:
            return False
        more = [*words.next(talk, asked.messages), *words.bare(self._lead(asked))]
        length = len(talk.ids) + len(more) + self.max_reply
        if length > words.longest or length + len(talk.prompt) > words.context:
            return False
        talk.told(more)
        return True


class _Words:
    """A trainer's tokenizer and chat template."""

    def __init__(self, trainer: "GRPOTrainer") -> None:
        self.tokenizer = trainer.processing_class
        self.template = {"chat_template": trainer.chat_template, **trainer.chat_template_kwargs}
        self.longest = int(trainer.max_completion_length)
        self.context = int(getattr(trainer.model.config, "max_position_embeddings", sys.maxsize))

    def first(self, messages: Sequence[Message]) -> list[int]:
        """The beginning of a conversation, up to where the reply begins."""
        return self._templated(messages, True)

    def next(self, talk: Talk, messages: Sequence[Message]) -> list[int]:
        """What stands between a reply and the next: its end, if the model did not write it, and what is asked now."""
        before: list[Message] = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
        told = [one for one in messages if one["role"] != "system"]
        if (system := _system(messages)) != talk.system:
            told[0] = {**told[0], "content": f"{system}\n\n{told[0]['content']}"}
        whole, end = self._templated([*before, *told], True), self.tokenizer.eos_token_id
        start = len(self._templated(before, False))
        if end not in whole[:start]:
            return whole[start:]
        start -= whole[:start][::-1].index(end)  # templates may write more after the end of a turn, such as a line
        return whole[start:] if talk.ids[-1] == end else [end, *whole[start:]]

    def bare(self, text: str) -> list[int]:
        """A text without anything around it."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []

    def text(self, ids: Sequence[int]) -> str:
        """What was written."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def _templated(self, messages: Sequence[Message], asks: bool) -> list[int]:
        made = self.tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=asks, tokenize=True, return_dict=False, **self.template
        )
        return list(made)


def _write(trainer: "GRPOTrainer", prompts: Sequence[list[int]], longest: int) -> list[tuple[list[int], list[float]]]:
    """Sample a continuation of each prompt: tokens up to and with the end of the turn, and their log probabilities."""
    if trainer.use_vllm:
        made = trainer.vllm_generation.generate(prompts=list(prompts), images=None, num_generations=1)
        return [
            (ids[:longest], [one[0] for one in logprobs][:longest])
            for ids, logprobs in zip(made[1], made[2], strict=True)
        ]
    width = max(map(len, prompts))
    ids = torch.tensor([[trainer.processing_class.pad_token_id] * (width - len(one)) + one for one in prompts])
    mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts])
    device = trainer.accelerator.device
    with _unwrapped(trainer) as model, torch.no_grad():
        made = model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            generation_config=GenerationConfig(
                **{**trainer.generation_kwargs, "max_new_tokens": longest},
                output_scores=True,
                return_dict_in_generate=True,
                disable_compile=True,
            ),
        )
    written = made.sequences[:, width:].cpu()
    drawn = torch.stack(made.scores, 1).float().log_softmax(-1).cpu().gather(-1, written.unsqueeze(-1)).squeeze(-1)
    ends = torch.isin(written, torch.tensor(trainer.eos_token_ids))
    lengths = torch.where(ends.any(1), ends.int().argmax(1) + 1, written.shape[1]).tolist()
    return [(a[:n], b[:n]) for a, b, n in zip(written.tolist(), drawn.tolist(), lengths, strict=True)]


def _unwrapped(trainer: "GRPOTrainer") -> AbstractContextManager[Any]:
    """The model itself, as the trainer's own generation takes it."""
    return unwrap_model_for_generation(
        trainer.model_wrapped,
        trainer.accelerator,
        gather_deepspeed3_params=trainer.args.ds3_gather_for_generation,
        generation_kwargs=trainer.generation_kwargs,
        gradient_checkpointing_kwargs=trainer.args.gradient_checkpointing_kwargs,
    )


def _world(prompt: Any) -> int:
    """The world that a prompt of the data set names."""
    if isinstance(prompt, str) and prompt.startswith(_NAME) and prompt.removeprefix(_NAME).isdecimal():
        return int(prompt.removeprefix(_NAME))
    raise PopulaceError(f"the prompt {prompt!r} names no world: make the training data with trl.worlds(count)")


def _system(messages: Sequence[Message]) -> str:
    return "".join(one["content"] for one in messages if one["role"] == "system")
