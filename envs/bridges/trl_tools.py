"""Worlds for TRL as tools: one seat as the `environment_factory` of a `GRPOTrainer`, which answers by a tool call.

`Rollouts` (in `populace.envs.bridges.trl`) is faster, since it plays a whole batch in one tick; take this where a model
was trained to call tools, or where several environments are mixed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from populace.envs.bridges.seats import Episode
from populace.envs.views.text import MakesTextEnv

OVER = "The conversation is over."
"""What a seat is told when nothing is asked any more."""


class Seat:
    """An environment for TRL: `reset` gives what the seat is asked, and the tool `reply` answers it.

    Args:
        make: Makes the environments, `make(num_envs=1)`.
        seed: The seed of all worlds.
    """

    def __init__(self, make: MakesTextEnv, seed: int = 0) -> None:
        self._env, self._seed = make(num_envs=1), seed
        self._episode: Episode | None = None

    def reset(self, *, world: int, **_: Any) -> str:
        """Begin an episode of a world.

        Args:
            world: Its id, a column of the data set (`trl.worlds(count).remove_columns("prompt")`).

        Raises:
            PopulaceError: The seat is not asked at the beginning of an episode.
        """
        self._episode = Episode(self._env, world, self._seed)
        return _text(self._episode)

    def reply(self, text: str) -> str:
        """Answer what you are asked.

        Args:
            text: Your answer, in the form that was asked for.

        Returns:
            What you are asked next.
        """
        if self._episode is None or self._episode.over:
            return OVER
        self._episode.reply(text)
        return OVER if self._episode.over else _text(self._episode)

    def get_reward(self) -> float:
        """What the seat was paid in its episode."""
        return 0.0 if self._episode is None else self._episode.reward


def factory(make: MakesTextEnv, seed: int = 0) -> Callable[[], Seat]:
    """The `environment_factory`: makes a `Seat` for each rollout that is played at the same time."""
    return partial(Seat, make, seed)


def every_reply_is_a_call(tokenizer: Any) -> Any:
    """Give a tokenizer of `pocket` a chat template in which all that the model writes is a call of the tool `reply`.

    `pocket` knows no other form of tool calls. Models that call tools have templates of their own, which TRL knows.

    Args:
        tokenizer: The tokenizer, which is changed.

    Returns:
        The same tokenizer.
    """
    tokenizer.chat_template = _TEMPLATE
    tokenizer.response_template = {
        "defaults": {"role": "assistant"},
        "start_anchor": "<|assistant|>",
        "fields": {
            "tool_calls": {
                "close_pattern": r"<\|end\|>|$",
                "content": "text",
                "transform": [{"type": "function", "function": {"name": "reply", "arguments": {"text": "{content}"}}}],
            }
        },
    }
    return tokenizer


_TEMPLATE = (
    "{% for m in messages %}<|{{ 'user' if m.role == 'tool' else m.role }}|>{{ m.content }}"
    "{% for call in m.tool_calls or [] %}"
    "{% if call.function.name == 'reply' %}{{ call.function.arguments.text }}"
    "{% else %}{{ call.function.name }} {{ call.function.arguments | tojson }}{% endif %}"
    "{% endfor %}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""`pocket`'s own template, with tool calls as plain replies and what tools say as the user's words."""


def _text(episode: Episode) -> str:
    return "\n\n".join(message["content"] for message in episode.told)
