"""Conversations of a run in chat form, as libraries for training read them."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from populace.analysis.conversations import KEYS, codes
from populace.analysis.frames import RunData, cells
from populace.errors import RunError, UnknownName
from populace.files import whole

BESIDE = ("arm", "world", "step", "role", "seat", "player", "code", "kind")
"""Columns of `run.talk` that stand beside the messages."""


def chats(
    run: RunData, *, arms: Collection[str] = (), roles: Collection[str] = (), by: str = ""
) -> Iterator[dict[str, object]]:
    """Every recorded reply of a language model with what it was asked, ordered by arm, world and step.

    Args:
        run: A run.
        arms: Names of arms; none for all.
        roles: Names of roles; none for all.
        by: A code that holds a number, such as `rating`, in what was said at the same seat in the same step: the score
            of the reply. Replies without one are left out.

    Yields:
        `messages`, a list of `{"role", "content"}` whose last one is the reply (role `assistant`), the columns `BESIDE`
        of `run.talk`, and with `by` a `score`. `datasets.Dataset.from_list(list(chats(run)))` takes them.

    Raises:
        UnknownName: There is no such arm or code.
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
    scores = _scores(run, by) if by else {}
    for row in rows.to_dict("records"):
        place = tuple(row[key] for key in KEYS)
        if by and place not in scores:
            continue
        prompt = json.loads(asked[row["prompt"]])
        reply = {"role": "assistant", "content": row["reply"]}
        beside: dict[str, object] = {name: row[name] for name in BESIDE}
        yield {"messages": [*prompt, reply], **beside, **({"score": scores[place]} if by else {})}


def _scores(run: RunData, by: str) -> dict[tuple[object, ...], float]:
    """Arm, world, step and seat -> the number of a code that was said there.

    Raises:
        UnknownName: Nothing that was said has this code as a number.
    """
    talk = run.talk[run.talk["code"].str.contains(f"{by}=", regex=False)]
    found = pd.to_numeric(pd.Series([codes(code).get(by) for code in talk["code"]], index=talk.index), errors="coerce")
    talk, found = talk[found.notna()], found[found.notna()]
    if talk.empty:
        known = {name for code in run.talk["code"].unique() for name, value in codes(code).items() if _number(value)}
        raise UnknownName("code that holds a number", by, sorted(known))
    places = talk[KEYS].itertuples(index=False, name=None)
    return dict(zip(places, found.astype(float), strict=True))


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_chats(
    run: RunData, out: Path, *, arms: Collection[str] = (), roles: Collection[str] = (), by: str = ""
) -> int:
    """Write `chats` as JSON lines and return how many; the file is whole or absent.

    Raises:
        UnknownName: There is no such arm or code.
        RunError: The run recorded no reply of a language model.
    """
    found = list(chats(run, arms=arms, roles=roles, by=by))
    with whole(out) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(chat, ensure_ascii=False) + "\n" for chat in found)
    return len(found)
