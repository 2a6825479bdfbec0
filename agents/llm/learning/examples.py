"""Chats as examples to train on: read from a file, told apart by their scores, in the forms that TRL takes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from populace.errors import PopulaceError
from populace.files import text

Method = Literal["sft", "dpo", "kto"]
Message = Mapping[str, str]


class Example(NamedTuple):
    """A reply to a prompt.

    Attributes:
        prompt: Messages (`role`, `content`).
        reply: The reply.
        score: How good it was; None where nobody said.
    """

    prompt: tuple[Message, ...]
    reply: str
    score: float | None = None


def read(path: Path, roles: Sequence[str] = ()) -> list[Example]:
    """Examples of a file of JSON lines, each with `messages` (the last one is the reply) and perhaps a `score`.

    Args:
        path: The file, as `populace demonstrate` and `populace chats` write it.
        roles: Roles of the world to take (lines name them as `role`); none for all.

    Raises:
        PopulaceError: It cannot be read, a line is no chat, or no line is left.
    """
    found = []
    for number, line in enumerate(text(path, own=True).splitlines(), 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except (ValueError, RecursionError):
            raise _wrong(path, number, "it is no JSON") from None
        example = example_of(held)
        if isinstance(example, str):
            raise _wrong(path, number, example)
        if not roles or held.get("role") in roles:
            found.append(example)
    if not found:
        raise PopulaceError(f"{path} holds no chats{f' of {chr(44).join(roles)}' if roles else ''}")
    return found


def _wrong(path: Path, number: int, what: str) -> PopulaceError:
    return PopulaceError(
        f'{path}, line {number}: {what}; expected {{"messages": [{{"role": ..., "content": ...}}, ...]}} whose last '
        "message is the assistant's reply, as populace demonstrate and populace chats write them"
    )


def example_of(held: object) -> Example | str:
    """The example in a line, or what is wrong with it."""
    messages = held.get("messages") if isinstance(held, dict) else None
    if not isinstance(messages, list) or len(messages) < 2:
        return "it has no list of messages"
    for message in messages:
        if not isinstance(message, dict) or not all(isinstance(message.get(key), str) for key in ("role", "content")):
            return "a message has no role and content"
        if message["role"] not in ("system", "user", "assistant"):
            return f"a message has the role {message['role'][:40]!r}"
    *prompt, last = ({"role": one["role"], "content": one["content"]} for one in messages)
    if last["role"] != "assistant":
        return "its last message is not the assistant's"
    score = held.get("score") if isinstance(held, dict) else None
    if score is not None and (isinstance(score, bool) or not isinstance(score, (int, float)) or score != score):
        return "its score is no number"
    return Example(tuple(prompt), last["content"], None if score is None else float(score))


def rows(examples: Sequence[Example], method: Method, kept: float = 0.5) -> list[dict[str, object]]:
    """What TRL trains on.

    Args:
        examples: The examples.
        method: `sft`: `prompt, completion` of all, or where there are scores of the share `kept` that is the best;
            `kto`: the same with `label`, true for the best and false for the worst share; `dpo`: `prompt, chosen,
            rejected`, for each prompt its best reply with its worst, the next best with the next worst, and so on.
        kept: Share kept at either end, at most one half for `kto`.

    Raises:
        PopulaceError: There are no scores, or none that differ where they must.
    """
    scored = [(one, one.score) for one in examples if one.score is not None]
    if not scored:
        if method != "sft":
            raise PopulaceError(
                f"{method} learns from better and worse replies, and no chat has a score: take a run's conversations "
                "with --by NAME, a number that was said of each reply (such as rating)"
            )
        return [_completed(one) for one in examples]
    if method == "dpo":
        return _pairs(scored)
    order = sorted(scored, key=lambda pair: pair[1])
    count = max(1, round(len(order) * kept))
    best = order[-count:]
    if method == "sft":
        return [_completed(one) for one, _ in best]
    worst = order[: min(count, len(order) - count)]
    if not worst or worst[-1][1] >= best[0][1]:
        at = best[0][1]  # what lies at the border on both sides is neither good nor bad
        best, worst = [pair for pair in best if pair[1] > at], [pair for pair in worst if pair[1] < at]
    if not best or not worst:
        raise PopulaceError("kto: all chats have the same score, so that none is better than another")
    return [{**_completed(one), "label": good} for part, good in ((best, True), (worst, False)) for one, _ in part]


def _completed(one: Example) -> dict[str, object]:
    return {"prompt": list(one.prompt), "completion": [{"role": "assistant", "content": one.reply}]}


def _pairs(scored: Iterable[tuple[Example, float]]) -> list[dict[str, object]]:
    by_prompt: dict[str, list[tuple[Example, float]]] = {}
    for one, score in scored:
        by_prompt.setdefault(json.dumps(one.prompt), []).append((one, score))
    found: list[dict[str, object]] = []
    for group in by_prompt.values():
        order = sorted(group, key=lambda pair: pair[1])
        for (bad, low), (good, high) in zip(order[: len(order) // 2], reversed(order), strict=False):
            if low < high and bad.reply != good.reply:
                chosen, rejected = ([{"role": "assistant", "content": each.reply}] for each in (good, bad))
                found.append({"prompt": list(good.prompt), "chosen": chosen, "rejected": rejected})
    if not found:
        raise PopulaceError(
            "dpo compares replies to the same prompt, and no prompt has two of different scores: try kto"
        )
    return found
