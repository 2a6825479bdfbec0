"""Reads tables of shares and of culture dimensions, and says what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from populace.envs.culture.survey import Floats, Survey
from populace.errors import PopulaceError, UnknownName

TABLES = {
    "hofstede": ("country", ("pdi", "idv", "mas", "uai", "ltowvs", "ivr")),
    "schwartz": (
        "country_long",
        ("harmony", "embedded", "hierarchy", "mastery", "aff_auton", "intel_auton", "egalitar"),
    ),
    "inglehart-welzel": ("country", ("traditional_to_secular", "survival_to_selfexpression")),
}
"""Table -> column of names and columns of dimensions, as the authors' public tables call them."""


def changed(file: str) -> float:
    """When a file was last changed, so that what is kept of it is read anew; 0 where there is none."""
    return Path(file).stat().st_mtime if file and Path(file).exists() else 0.0


def _csv(file: str, what: str) -> pd.DataFrame:
    try:
        return pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise PopulaceError(
            f"{what}: {file} cannot be read: {error}; such tables are not shipped, give the path of your copy"
        ) from None


def read_shares(file: str, texts: str = "", cultures: tuple[str, ...] = ()) -> Survey:
    """A csv with a row for each culture, question and option: its first four columns, whatever their names.

    Rows are divided by their sum, as shares in the World Values Survey leave out who did not answer. Options are coded
    from 0 or from 1, question by question; with `texts` their number is that of the json, else the highest code's.

    Raises:
        PopulaceError: The file cannot be read, a share lies outside 0..1, an option is not among the question's, or a
            culture has no marginals.
    """
    frame = _csv(file, "survey.file")
    if frame.shape[1] < 4:
        raise PopulaceError(
            f"survey.file: {file} has {frame.shape[1]} columns; expected culture, question, option, share"
        )
    frame = frame.iloc[:, :4].set_axis(["culture", "question", "option", "share"], axis=1)
    _check_rows(frame, file)
    known_texts = _texts(texts) if texts else {}
    names = tuple(dict.fromkeys(frame["culture"].astype(str)))
    for name in cultures:
        if name not in names:
            raise UnknownName(f"culture, without marginals in {file}:", name, names)
    names = cultures or names
    if len(names) < 2:
        raise PopulaceError(f"survey.file: {file} holds one culture; two at least are needed")
    questions = tuple(dict.fromkeys(frame["question"].astype(str)))
    low = frame.groupby(frame["question"].astype(str), sort=False)["option"].agg(["min", "max"]).loc[list(questions)]
    first = np.where(low["min"].to_numpy() == 0, 0, 1).astype(np.int64)
    sizes = low["max"].to_numpy() + 1 - first
    if texts:
        sizes = _sizes(questions, first, low["max"].to_numpy(), known_texts, file, texts)
    shares = np.zeros((len(names), len(questions), int(sizes.max())))
    frame = frame[frame["culture"].astype(str).isin(names)]
    c = pd.Index(names).get_indexer(pd.Index(frame["culture"].astype(str)))
    q = pd.Index(questions).get_indexer(pd.Index(frame["question"].astype(str)))
    shares[c, q, frame["option"].to_numpy() - first[q]] = frame["share"].to_numpy()
    mass = shares.sum(-1, keepdims=True)
    known: NDArray[np.bool_] = mass[..., 0] > 0
    if len(empty := [n for n, any_ in zip(names, np.asarray(known.any(1)), strict=True) if not any_]):
        raise PopulaceError(f"survey.file: {file} has no marginals for {', '.join(empty)}; leave it out of cultures")
    asked = known.any(0)
    shares = np.divide(shares, mass, out=np.zeros_like(shares), where=mass > 0)
    described = [known_texts.get(name, {}) for name in questions]
    keep = np.flatnonzero(asked)
    return Survey(
        names,
        tuple(questions[k] for k in keep),
        tuple(str(described[k].get("question", questions[k])) for k in keep),
        tuple(tuple(described[k].get("options", [f"option {o + 1}" for o in range(sizes[k])])) for k in keep),
        shares[:, keep],
        sizes[keep].astype(np.int64),
        known[:, keep],
        first[keep],
    )


def _check_rows(frame: pd.DataFrame, file: str) -> None:
    """Raise with the line of the first row that holds a mistake."""
    for column in ("option", "share"):
        numbers = pd.to_numeric(frame[column], errors="coerce")
        if numbers.isna().any():
            row = int(numbers.isna().to_numpy().argmax())
            raise PopulaceError(f"{file}:{row + 2}: the {column} {frame[column].iloc[row]!r} is not a number")
        frame[column] = numbers
    bad = ~frame["share"].between(0, 1)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise PopulaceError(
            f"{file}:{row + 2}: the share {frame['share'].iloc[row]:g} of option {frame['option'].iloc[row]} is outside"
            " 0..1; give shares, not percentages"
        )
    if (odd := (frame["option"] % 1 != 0) | (frame["option"] < 0)).any():
        row = int(odd.to_numpy().argmax())
        raise PopulaceError(f"{file}:{row + 2}: option {frame['option'].iloc[row]:g}; expected a whole number from 0")
    frame["option"] = frame["option"].astype(np.int64)
    if (twice := frame.duplicated(["culture", "question", "option"])).any():
        row = int(twice.to_numpy().argmax())
        raise PopulaceError(f"{file}:{row + 2}: this culture, question and option is given twice")
    sums = frame.groupby(["culture", "question"], sort=False)["share"].sum()
    if (sums > 1.001).any():
        culture, question = sums.index[int((sums > 1.001).to_numpy().argmax())]
        raise PopulaceError(f"{file}: the shares of {culture} in {question} add up to {sums.max():.3f}, more than 1")


def _texts(file: str) -> dict[str, dict[str, Any]]:
    try:
        rows = json.loads(Path(file).read_text(encoding="utf-8"))
        return {str(row["q_id"]): {"question": row["question"], "options": list(row["options"])} for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PopulaceError(
            f"survey.texts: {file} cannot be read ({type(error).__name__}: {error}); expected a json list of "
            "{q_id, question, options}"
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
    file: str, table: str = "own", cultures: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], tuple[str, ...], Floats]:
    """Cultures, names of dimensions and places [C, dimensions] of a table; a culture's last row counts (newest year).

    Raises:
        PopulaceError: The file cannot be read, lacks a column, or a culture has no number in some dimension.
    """
    frame = _csv(file, "survey.file")
    key, dims = TABLES.get(table, (frame.columns[0], tuple(frame.columns[1:])))
    if missing := [column for column in (key, *dims) if column not in frame.columns]:
        raise PopulaceError(f"survey.file: {file} lacks the columns {missing} of a {table} table")
    if table == "inglehart-welzel":
        frame = frame.sort_values([key, "year"])
    frame = frame.drop_duplicates(key, keep="last").set_index(key)
    places = frame[list(dims)].apply(pd.to_numeric, errors="coerce")
    for name in cultures:
        if name not in places.index:
            raise UnknownName(f"culture, without a row in {file}:", name, map(str, places.index))
        if places.loc[name].isna().any():
            lacking = [d for d in dims if np.isnan(places.loc[name, d])]
            raise PopulaceError(f"survey.file: {file} has no number for {name} in {', '.join(lacking)}; leave it out")
    places = places.loc[list(cultures)] if cultures else places.dropna()
    if len(places) < 2:
        raise PopulaceError(f"survey.file: {file} has fewer than two cultures with all of {', '.join(dims)}")
    return tuple(map(str, places.index)), tuple(dims), places.to_numpy(dtype=np.float64)
