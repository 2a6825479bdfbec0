"""Conversations of a run in chat form, as libraries for training read them."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from populace.analysis.frames import RunData, cells
from populace.errors import RunError
from populace.files import whole

BESIDE = ("arm", "world", "step", "role", "seat", "player", "code", "kind")
"""Columns of `run.talk` that stand beside the messages."""


def chats(run: RunData, *, arms: Collection[str] = (), roles: Collection[str] = ()) -> Iterator[dict[str, object]]:
    """Every recorded reply of a language model with what it was asked, ordered by arm, world and step.

    Args:
        run: A run.
        arms: Names of arms; none for all.
        roles: Names of roles; none for all.

    Yields:
        `messages`, a list of `{"role", "content"}` whose last one is the reply (role `assistant`), and the columns
        `BESIDE` of `run.talk`. `datasets.Dataset.from_list(list(chats(run)))` takes them.

    Raises:
        UnknownName: There is no such arm.
        RunError: The run recorded no reply of a language model.
    """
    rows = run.talk[run.talk["prompt"] != ""]
    wanted = [cell for arm in arms for cell in cells(run, arm)]
    rows = rows[rows["arm"].isin(wanted)] if arms else rows
    rows = rows[rows["role"].isin(list(roles))] if roles else rows
    if rows.empty:
        raise RunError(
            f"{run.path} holds no reply of a language model{' in these arms and roles' if arms or roles else ''}: "
            "words are recorded in worlds with conversations, of tracked worlds (record.worlds, record.talk)"
        )
    asked = dict(zip(run.prompts["prompt"], run.prompts["text"], strict=True))
    # A reply to several audiences has a row per wording.
    rows = rows.drop_duplicates(["arm", "world", "step", "phase", "role", "seat"])
    for row in rows.to_dict("records"):
        prompt = json.loads(asked[row["prompt"]])
        reply = {"role": "assistant", "content": row["reply"]}
        yield {"messages": [*prompt, reply], **{name: row[name] for name in BESIDE}}


def write_chats(run: RunData, out: Path, *, arms: Collection[str] = (), roles: Collection[str] = ()) -> int:
    """Write `chats` as JSON lines and return how many; the file is whole or absent.

    Raises:
        UnknownName: There is no such arm.
        RunError: The run recorded no reply of a language model.
    """
    found = list(chats(run, arms=arms, roles=roles))
    with whole(out) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(chat, ensure_ascii=False) + "\n" for chat in found)
    return len(found)
