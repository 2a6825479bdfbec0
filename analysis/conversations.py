"""What worlds with words show of their conversations: the words of a run as a frame, and some of them as a table."""

import html
import re
from collections.abc import Callable, Sequence

import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section

EACH = 4
"""Conversations shown of each arm."""
LONGEST = 600
"""Characters shown of a text."""
KEYS = ["arm", "world", "step", "seat"]
"""What tells a turn of a conversation from all others."""
NONE = "\N{EN DASH}"


def utterances(talk: pd.DataFrame, name: str, last: str = "") -> pd.DataFrame:
    """Rows of `RunData.talk` with their codes apart: `arm, world, step, seat, <name>, <name>_kind`, and every code.

    Args:
        talk: The rows.
        name: What to call the text.
        last: The code whose value may hold anything, see `codes`.
    """
    found = pd.DataFrame([codes(code, last) for code in talk["code"]], index=talk.index)
    words = talk[[*KEYS, "text", "kind"]].rename(columns={"text": name, "kind": f"{name}_kind"})
    return pd.concat([words, found], axis=1)


def codes(code: str, last: str = "") -> dict[str, str]:
    """`a=1; b=2` by name. Values may hold anything but `; x=`; that of `last`, which ends the code, even that."""
    front, _, rest = code.partition(f"{last}=") if last else (code, "", "")
    found = dict(re.findall(r"(?:^|; )(\w+)=(.*?)(?=; \w+=|$)", front.removesuffix("; "), re.DOTALL))
    return {**found, last: rest} if rest else found


def chosen(first: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """`EACH` rows to show, half of them of `first`; more where there are too few of the others, and the reverse."""
    head = first.head(max(EACH // 2, EACH - len(others)))
    return pd.concat([head, others.head(EACH - len(head))])


def section(run: RunData, head: Sequence[str], rows: Callable[[str], str], about: str) -> Section | None:
    """A table of conversations for every arm that is shown; None where none has any.

    Args:
        run: The run.
        head: The columns.
        rows: Arm -> the table's rows as HTML, see `row`; "" for none.
        about: What is shown, in plain text.
    """
    columns = f"<tr>{''.join(f'<th>{html.escape(name)}</th>' for name in head)}</tr>"
    parts = [
        f"<h3>{html.escape(str(arm))}</h3><table><thead>{columns}</thead><tbody>{body}</tbody></table>"
        for arm in Results(run).shown
        if (body := rows(arm))
    ]
    return Section("What was said", "".join(parts), about) if parts else None


def row(where: str, cells: Sequence[str]) -> str:
    """A row of such a table; `cells` are HTML, and `where` shows when it is pointed at."""
    return f'<tr title="{html.escape(where)}">' + "".join(f"<td class='words'>{cell}</td>" for cell in cells) + "</tr>"


def shown(value: object) -> str:
    """A text as HTML, cut where it is very long; an en dash where there is none."""
    said = "" if value is None or value != value else str(value)
    said = said if len(said) <= LONGEST else said[:LONGEST] + "\N{HORIZONTAL ELLIPSIS}"
    return html.escape(said) or NONE


def quoted(value: object) -> str:
    """The same in quotation marks."""
    found = shown(value)
    return found if found == NONE else f"&ldquo;{found}&rdquo;"
