"""Reads tables of shares and of culture dimensions, and says what is wrong with them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from populace.envs.culture.survey import Floats, Survey
from populace.errors import PopulaceError, UnknownName
from populace.files import text
from populace.tables import PLAIN, Codes, Table, TableFormat
from populace.tables import read_table as read

TABLES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "hofstede": ("country", ("pdi", "idv", "mas", "uai", "ltowvs", "ivr"), ("#NULL!",)),
    "schwartz": (
        "country_long",
        ("harmony", "embedded", "hierarchy", "mastery", "aff_auton", "intel_auton", "egalitar"),
        (),
    ),
    "inglehart-welzel": ("country", ("traditional_to_secular", "survival_to_selfexpression"), ()),
}
"""Table -> column of names, columns of dimensions, and marks of a missing number, as the authors' tables have them."""

MOST_OPTIONS = 256
"""Highest code of an option; questionnaires have a dozen options, while a stray number would take all memory."""


def _table(file: str, format: TableFormat) -> Table:
    try:
        return read(file, format)
    except PopulaceError as error:
        raise PopulaceError(f"survey.file: {error} (such tables are not shipped; give the path of your copy)") from None


def read_shares(file: str, texts: str = "", cultures: tuple[str, ...] = (), format: TableFormat = PLAIN) -> Survey:
    """A table with a row for each culture, question and option: its first four columns, whatever their names.

    Rows are divided by their sum, as shares in the World Values Survey leave out who did not answer. Options are coded
    from 0 or from 1, question by question; with `texts` their number is that of the json, else the highest code's.

    Raises:
        PopulaceError: The file cannot be read, a share lies outside 0..1, an option is not among the question's, or a
            culture has no marginals.
    """
    table = _table(file, format)
    if len(table.header) < 4:
        raise PopulaceError(
            f"survey.file: {file} has {len(table.header)} columns; expected culture, question, option, share"
        )
    culture, names = _in_order(*table.words(table.header[0]))
    question, questions = _in_order(*table.words(table.header[1]))
    of_options = f"options are whole numbers from 0 to {MOST_OPTIONS}"
    option = table.numbers(table.header[2], low=0, high=MOST_OPTIONS, whole=True, what=of_options).astype(np.int64)
    of_shares = "shares lie in 0..1; give shares, not percentages"
    share = table.numbers(table.header[3], low=0, high=1, what=of_shares)
    _check_rows(table, culture, question, option, share, names, questions)
    known_texts = _texts(texts) if texts else {}
    for name in cultures:
        if name not in names:
            raise UnknownName(f"culture, without marginals in {file}:", name, names)
    wanted = cultures or names
    if len(wanted) < 2:
        raise PopulaceError(f"survey.file: {file} holds one culture; two at least are needed")
    low, high = np.full(len(questions), MOST_OPTIONS), np.zeros(len(questions), dtype=np.int64)
    np.minimum.at(low, question, option)
    np.maximum.at(high, question, option)
    first = np.where(low == 0, 0, 1).astype(np.int64)
    sizes = high + 1 - first
    if texts:
        sizes = _sizes(questions, first, high, known_texts, file, texts)
    shares = np.zeros((len(names), len(questions), int(sizes.max())))
    shares[culture, question, option - first[question]] = share
    shares = shares[[names.index(name) for name in wanted]]
    mass = shares.sum(-1, keepdims=True)
    known: NDArray[np.bool_] = mass[..., 0] > 0
    if len(empty := [n for n, any_ in zip(wanted, np.asarray(known.any(1)), strict=True) if not any_]):
        raise PopulaceError(f"survey.file: {file} has no marginals for {', '.join(empty)}; leave it out of cultures")
    asked = known.any(0)
    unasked = [questions[k] for k in np.flatnonzero(~np.asarray(asked))]
    shares = np.divide(shares, mass, out=np.zeros_like(shares), where=mass > 0)
    described = [known_texts.get(name, {}) for name in questions]
    keep = np.flatnonzero(asked)
    return Survey(
        wanted,
        tuple(questions[k] for k in keep),
        tuple(str(described[k].get("question", questions[k])) for k in keep),
        tuple(tuple(described[k].get("options", [f"option {o + 1}" for o in range(sizes[k])])) for k in keep),
        shares[:, keep],
        sizes[keep].astype(np.int64),
        known[:, keep],
        first[keep],
        (_left_out(unasked, f"question(s) without any share in {Path(file).name}"),) if unasked else (),
    )


def _left_out(names: Sequence[str], what: str) -> str:
    """How many of the file are not used, why, and the first of them by name."""
    more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
    return f"survey.file: {len(names):,} {what} left out: {', '.join(names[:8])}{more}"


def _in_order(index: NDArray[np.int64], words: tuple[str, ...]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Words in the order in which they first appear, and each row's among them."""
    _, first = np.unique(index, return_index=True)
    order = np.argsort(first)
    place = np.empty(len(words), dtype=np.int64)
    place[order] = np.arange(len(words))
    return place[index], tuple(words[k] for k in order)


def _check_rows(
    table: Table,
    culture: NDArray[np.int64],
    question: NDArray[np.int64],
    option: NDArray[np.int64],
    share: NDArray[np.float64],
    names: tuple[str, ...],
    questions: tuple[str, ...],
) -> None:
    """Raise where a row is given twice, or a culture's shares add up to more than 1."""
    pair = culture * (question.max(initial=0) + 1) + question
    _, first = np.unique(pair * (MOST_OPTIONS + 1) + option, return_index=True)
    if len(first) < table.rows:
        row = int(np.setdiff1d(np.arange(table.rows), first)[0])
        raise PopulaceError(f"{table.at(row)}: this culture, question and option is given twice")
    pairs, start, place = np.unique(pair, return_index=True, return_inverse=True)
    sums = np.bincount(place, share, len(pairs))
    if (sums > 1.001).any():
        row = int(start[(sums > 1.001).argmax()])
        raise PopulaceError(
            f"{table.at(row)}: the shares of {names[culture[row]]} in {questions[question[row]]} add up to "
            f"{sums.max():.3f}, more than 1"
        )


def _texts(file: str) -> dict[str, dict[str, Any]]:
    try:
        rows = json.loads(text(file))
        return {str(row["q_id"]): {"question": row["question"], "options": list(row["options"])} for row in rows}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        where = f":{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise PopulaceError(
            f"survey.texts: {file}{where} cannot be read; expected a json list of {{q_id, question, options}}"
        ) from None


def _sizes(
    questions: tuple[str, ...],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    texts: dict[str, dict[str, Any]],
    file: str,
    json_file: str,
) -> NDArray[np.int64]:
    """Numbers of options by the json, checked against the codes in the csv."""
    sizes = []
    for name, start, end in zip(questions, first, last, strict=True):
        if name not in texts:
            raise PopulaceError(f"survey.texts: {json_file} does not hold the question {name} of {file}")
        count = len(texts[name]["options"])
        if end - start + 1 > count:
            raise PopulaceError(
                f"survey: {file} has an option {end} of {name}, coded from {start}, "
                f"but {json_file} lists {count} options"
            )
        sizes.append(count)
    return np.array(sizes)


def read_table(
    file: str,
    table: str = "own",
    cultures: tuple[str, ...] = (),
    missing_codes: Codes = (),
    format: TableFormat = PLAIN,
) -> tuple[tuple[str, ...], tuple[str, ...], Floats, tuple[str, ...]]:
    """Cultures, names of dimensions, places [C, dimensions] of a table, and sentences about rows that are left out.

    Of several years the newest counts.

    Raises:
        PopulaceError: The file cannot be read, lacks a column, a cell is no number, or a culture that was asked for has
            no number in some dimension.
    """
    found = _table(file, format)
    key, dims, marks = TABLES.get(table, (found.header[0], found.header[1:], ()))
    if missing := [column for column in (key, *dims) if column not in found.header]:
        raise PopulaceError(f"survey.file: {file} lacks the columns {missing} of a {table} table")
    if not dims:
        raise PopulaceError(
            f"survey.file: {file} has one column; expected names of cultures and a column per dimension"
        )
    culture, names = _in_order(*found.words(key))
    codes = (*missing_codes, *marks)
    places = np.stack([found.numbers(column, missing=True, codes=codes) for column in dims], axis=1)
    order = np.arange(found.rows)
    if table == "inglehart-welzel":
        order = np.lexsort((found.numbers("year"), culture))
    elif len(names) < found.rows:
        row = int(np.setdiff1d(order, np.unique(culture, return_index=True)[1])[0])
        raise PopulaceError(f"survey.file: {found.at(row)}: {names[culture[row]]} is there twice; leave one row out")
    last = np.zeros(len(names), dtype=np.int64)
    last[culture[order]] = order
    places = places[last]
    for name in cultures:
        if name not in names:
            raise UnknownName(f"culture, without a row in {file}:", name, names)
        if np.isnan(here := places[names.index(name)]).any():
            unknown = [d for d, x in zip(dims, here, strict=True) if np.isnan(x)]
            raise PopulaceError(f"survey.file: {file} has no number for {name} in {', '.join(unknown)}; leave it out")
    whole = [name for name, here in zip(names, places, strict=True) if not np.isnan(here).any()]
    wanted = cultures or tuple(sorted(whole) if table == "inglehart-welzel" else whole)
    if len(wanted) < 2:
        raise PopulaceError(f"survey.file: {file} has fewer than two cultures with all of {', '.join(dims)}")
    told = []
    if old := found.rows - len(names):
        told.append(
            f"survey.file: {old:,} of {found.rows:,} rows of {Path(file).name} are left out: a newer year is there"
        )
    lacking = [name for name in names if name not in whole]
    if lacking and not cultures:
        told.append(_left_out(lacking, f"culture(s) without a number in some dimension of {Path(file).name}"))
    return wanted, tuple(dims), places[[names.index(name) for name in wanted]], tuple(told)
