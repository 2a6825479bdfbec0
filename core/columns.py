"""What the cells of one column say: numbers, words, dates or nothing, worked out once for each different entry."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from populace.errors import PopulaceError
from populace.names import quoted

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_DATE = (
    r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T]\d.*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})|\d{1,2} [A-Z][a-z]{2,8} \d{4})$"
)
_INFINITE = r"(?i)^[-+]?inf(inity)?$"
_GONE = re.compile(r"(?i)nan|n/?a|null|none|nil|-+|\.+|\?+|#n/?a!?|#null!|missing|refused|don'?t know")
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:([,' \u00a0\u202f])\d{3})+(?:\.\d+)?")
_COMMA = re.compile(r"[-+]?\d+,\d+")
_POINTS = re.compile(r"[-+]?\d{1,3}(\.\d{3})+(,\d+)?")


@dataclass(frozen=True, eq=False)
class Column:
    """A column, each different entry kept once.

    Attributes:
        index: [rows] int64 into the entries; -1 where the cell is empty.
        values: [entries] float64, the number that each entry is; NaN where it is none.
        dated: [entries] bool, whether each entry is a date.
        texts: [entries], an arrow array of the entries as they are written, without spaces around them; None for a
            column of numbers that was never text.
    """

    index: NDArray[np.int64]
    values: NDArray[np.float64]
    dated: NDArray[np.bool_]
    texts: "pa.Array | None" = None

    def text(self, entry: int) -> str:
        """An entry as text."""
        if self.texts is not None:
            return str(self.texts[int(entry)].as_py())
        x = float(self.values[entry])
        return f"{x:.0f}" if x % 1 == 0 and abs(x) < 2**53 else repr(x)

    @property
    def gone(self) -> NDArray[np.bool_]:
        """[rows], whether the cell is empty."""
        return self.index < 0

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """[rows], NaN where there is no number."""
        return np.append(self.values, np.nan)[self.index]

    @cached_property
    def numeric(self) -> NDArray[np.bool_]:
        """[rows], whether the cell is a number (an infinite one, too)."""
        return ~np.isnan(self.numbers)

    @property
    def dates(self) -> NDArray[np.bool_]:
        """[rows], whether the cell is a date."""
        return np.append(self.dated, False)[self.index]

    def coded(self, codes: Sequence[float | str]) -> NDArray[np.bool_]:
        """[rows], whether the cell is one of the codes of a missing entry: numbers by value, words as they stand."""
        import pyarrow as pa
        import pyarrow.compute as pc

        words = [code for code in codes if isinstance(code, str)]
        found = np.isin(self.values, [float(code) for code in codes if not isinstance(code, str)])
        if words and self.texts is not None:
            found |= np.asarray(pc.is_in(self.texts, pa.array(words, pa.string())))
        return np.append(found, False)[self.index]

    def kinds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The different entries that there are, and the place of each row among them (-1 where the cell is empty)."""
        if self.texts is None:
            _, first, place = np.unique(self.values, return_index=True, return_inverse=True)
            return first, np.append(place, -1)[self.index]
        used = np.unique(self.index[self.index >= 0])
        place = np.full(len(self.values) + 1, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        return used, place[self.index]

    def show(self, row: int) -> str:
        """The cell for a message, cut off where it is long."""
        text = self.text(self.index[row])
        return quoted(text, 40)

    def why(self, row: int) -> str:
        """Why the cell is no number, and what may be done about it."""
        text = self.text(self.index[row])
        if self.dated[self.index[row]]:
            return "is a date, not a number; make it a year or an age"
        if _GONE.fullmatch(text):
            return "is no number; leave the cell of a missing entry empty, or list its code in missing_codes"
        if mark := _GROUPED.fullmatch(text):
            decimal = "; if it stands before decimals, format: {decimal: ','}" if mark[1] == "," else ""
            remedy = f"say format: {{thousands: {mark[1]!r}}}{decimal}"
            return f"is no number; if {mark[1]!r} stands between thousands, {remedy}"
        if _COMMA.fullmatch(text):
            return "is no number; if commas stand before decimals, say format: {decimal: ','}"
        if _POINTS.fullmatch(text):
            return "is no number; if points stand between thousands, say format: {thousands: '.', decimal: ','}"
        return "is no number" + ("; leave out the sign, or give the share" if text.endswith("%") else "")


def of_words(index: NDArray[np.int64], entries: "pa.Array", decimal: str = ".", thousands: str = "") -> Column:
    """A column of text.

    Args:
        index: [rows] int64 into `entries`, -1 for missing.
        entries: The different entries, an arrow array of strings.
        decimal: What stands before decimals.
        thousands: What may stand between thousands.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    # Entries that differ by the spaces around them are one.
    coded = pc.dictionary_encode(pc.fill_null(pc.utf8_trim_whitespace(entries), ""))
    text, index = coded.dictionary, np.append(np.asarray(coded.indices, dtype=np.int64), -1)[index]
    point, mark = re.escape(decimal), {" ": "[ \u00a0\u202f]"}.get(thousands, re.escape(thousands))
    grouped = rf"|\d{{1,3}}({mark}\d{{3}})+({point}\d*)?" if thousands else ""
    form = rf"^[-+]?(\d+({point}\d*)?|{point}\d+{grouped})([eE][-+]?\d+)?$"
    plain = pc.replace_substring_regex(text, pattern=mark, replacement="") if thousands else text
    plain = pc.replace_substring(plain, pattern=decimal, replacement=".") if decimal != "." else plain
    # Arrow reads no number with a plus, and calls text infinite or not a number by other rules than these.
    plain = pc.replace_substring_regex(plain, pattern=r"^\+", replacement="")
    good = pc.match_substring_regex(text, form)
    numbers = pc.if_else(good, plain, pa.scalar(None, pa.string())).cast(pa.float64())
    values = np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    infinite = np.asarray(pc.match_substring_regex(text, _INFINITE))
    values[infinite] = np.where(np.asarray(pc.starts_with(text, "-"))[infinite], -np.inf, np.inf)
    dated = np.isnan(values) & np.asarray(pc.match_substring_regex(text, _DATE))
    empty = np.append(np.asarray(pc.equal(text, "")), True)
    return Column(np.where(empty[index], -1, index), values, dated, text)


def of_numbers(numbers: NDArray[np.float64]) -> Column:
    """A column of numbers, NaN for missing."""
    index = np.where(np.isnan(numbers), -1, np.arange(len(numbers)))
    return Column(index, numbers, np.zeros(len(numbers), dtype=bool))


def _of_dates(cells: Sequence[Any]) -> Column:
    """A column of dates or times, None for missing."""
    import pyarrow as pa

    found = of_arrow(pa.chunked_array([pa.array([None if x is None else str(x) for x in cells], pa.string())]))
    entries = len(found.values)
    return Column(found.index, np.full(entries, np.nan), np.ones(entries, dtype=bool), found.texts)


def of_arrow(column: "pa.ChunkedArray", decimal: str = ".", thousands: str = "") -> Column:
    """A column as arrow read it: text or numbers; any other type is an error.

    Raises:
        PopulaceError: It holds lists, mappings or bytes.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        coded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
        whole = coded.unify_dictionaries().combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        if isinstance(whole, pa.ChunkedArray):
            whole = whole.chunk(0) if whole.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
        index = np.asarray(pc.fill_null(whole.indices.cast(pa.int64()), -1), dtype=np.int64)
        return of_words(index, whole.dictionary.cast(pa.string()), decimal, thousands)
    if pa.types.is_null(kind):
        return of_numbers(np.full(len(column), np.nan))
    if pa.types.is_boolean(kind):
        return of_arrow(column.cast(pa.int8()))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return of_numbers(np.array(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64))
    if pa.types.is_temporal(kind):
        return _of_dates(column.to_pylist())
    raise PopulaceError(f"holds {kind}, which is neither numbers nor words")


def of_series(series: "pd.Series[Any]") -> Column:
    """A column of a pandas frame.

    Raises:
        PopulaceError: It holds something else than numbers, words and dates.
    """
    import pandas as pd
    import pyarrow as pa

    kind = series.dtype
    if pd.api.types.is_complex_dtype(kind):
        raise PopulaceError("holds complex numbers; expected real ones")
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_numeric_dtype(kind):
        return of_numbers(series.to_numpy(dtype=np.float64, na_value=np.nan).copy())
    cells = [None if missing else cell for cell, missing in zip(series.tolist(), series.isna(), strict=True)]
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind):
        return _of_dates(cells)
    words = [None if cell is None else str(cell) for cell in cells]
    return of_arrow(pa.chunked_array([pa.array(words, pa.string())]))


def span(low: float, high: float, above: bool, whole: bool) -> str:
    """A range in words: `a whole number from 0 to 9`."""
    kind = "a whole number" if whole else "a number"
    if not np.isfinite(low) and not np.isfinite(high):
        return kind
    if not np.isfinite(high):
        return f"{kind} above {low:g}" if above else f"{kind} of at least {low:g}"
    if not np.isfinite(low):
        return f"{kind} of at most {high:g}"
    return f"{kind} above {low:g} and at most {high:g}" if above else f"{kind} between {low:g} and {high:g}"
