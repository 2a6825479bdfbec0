"""Figures and tables to take away: links that hold their file, so that the page needs no scripts and no server."""

import base64
import gzip
import html
import re
from typing import Any

import pandas as pd

MOST = 1 << 20
"""Bytes of a plain file inside the page at most; a quarter as many where it may be compressed."""
PLAIN, PACKED = 50, 40
"""Bytes of a row, plain and compressed, at least, so that no table is written for nothing."""


def link(data: bytes, name: str, kind: str, words: str) -> str:
    """A link that saves `data` as a file of this name."""
    held = base64.b64encode(data).decode("ascii")
    return (
        f'<a class="save" download="{html.escape(file_name(name), quote=True)}" '
        f'href="data:{kind};base64,{held}">{html.escape(words)}</a>'
    )


def csv(
    frame: pd.DataFrame, name: str, about: str, lacks: str = "it is in the run folder", *, compressed: int = 0
) -> str:
    """A link to a table as comma-separated values, or why there is none; columns without a value are left out.

    In full precision, or in nine significant digits (what is recorded has seven) where it is compressed.

    Args:
        frame: The table.
        name: Of the file, without its ending.
        about: What it holds, in words.
        lacks: Where the table is if it is too large for the page.
        compressed: Bytes of it when compressed, at most; 0 where it must not be.
    """
    if len(frame) <= (compressed // PACKED if compressed else MOST // PLAIN):
        frame = tidy(frame)
        data = frame.to_csv(index=False, lineterminator="\n").encode("utf-8")
        if len(data) <= (MOST // 4 if compressed else MOST):
            return f"<p class='save'>{link(data, f'{name}.csv', 'text/csv', f'{about} (CSV)')}</p>"
        if compressed:
            fine = frame.to_csv(index=False, lineterminator="\n", float_format="%.9g").encode("utf-8")
            data = gzip.compress(fine, 6, mtime=0)
            if len(data) <= compressed:
                return f"<p class='save'>{link(data, f'{name}.csv.gz', 'application/gzip', f'{about} (CSV, gzip)')}</p>"
    return f"<p class='save'>{html.escape(about)}: too large for this page, {html.escape(lacks)}.</p>"


def file_name(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "file"


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns without a value left out, names as text."""
    kept: Any = frame.dropna(axis=1, how="all")
    return kept.loc[:, [column for column in kept.columns if not (kept[column].astype(str) == "").all()]]
