"""Figures and tables to take away: links that hold their file, so that the page needs no scripts and no server."""

import base64
import html
import re
from typing import Any

import pandas as pd

MOST = 1 << 20
"""Bytes of a file inside the page at most; larger tables are in the run folder."""


def link(data: bytes, name: str, kind: str, words: str) -> str:
    """A link that saves `data` as a file of this name."""
    held = base64.b64encode(data).decode("ascii")
    return (
        f'<a class="save" download="{html.escape(file_name(name), quote=True)}" '
        f'href="data:{kind};base64,{held}">{html.escape(words)}</a>'
    )


def csv(frame: pd.DataFrame, name: str, about: str) -> str:
    """A link to a table as comma-separated values in full precision, or why there is none."""
    data = frame.to_csv(index=False, lineterminator="\n").encode("utf-8")
    if len(data) > MOST:
        return f"<p class='save'>{html.escape(about)}: too large for this page, it is in the run folder.</p>"
    return f"<p class='save'>{link(data, f'{name}.csv', 'text/csv', f'{about} (CSV)')}</p>"


def file_name(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "file"


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns without a value left out, names as text."""
    kept: Any = frame.dropna(axis=1, how="all")
    return kept.loc[:, [column for column in kept.columns if not (kept[column].astype(str) == "").all()]]
