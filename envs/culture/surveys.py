"""The survey that the options ask for: read from a file, made from a table of dimensions, or made up."""

from dataclasses import replace

import numpy as np
import torch

from populace.arithmetic import cached
from populace.draw import Draw
from populace.envs.culture import survey_files
from populace.envs.culture.matter import questions_of
from populace.envs.culture.options import SurveyOptions
from populace.envs.culture.survey import BETWEEN, Floats, Survey, graded, plain, with_between
from populace.files import changed


def load(options: SurveyOptions) -> Survey:
    """The survey that the options ask for; the same one in every world.

    Raises:
        PopulaceError: A file cannot be read or holds a mistake; a culture has no marginals; `between` cannot be had.
    """
    return _load(options, changed(options.file), changed(options.texts))


@cached(maxsize=16)
def _load(options: SurveyOptions, *times: int) -> Survey:
    if options.source in ("shares", "questions"):
        if options.source == "questions":
            found = questions_of(options.file, options.cultures, options.questions, options.format)
        else:
            found = survey_files.read_shares(options.file, options.texts, options.cultures, options.format)
        if options.between is None:
            return found
        shares = with_between(found.shares, found.known, options.between)
        return Survey(**{**vars(found), "shares": shares})
    between = BETWEEN if options.between is None else options.between
    if options.source == "table":
        names, dims, places, left_out = survey_files.read_table(
            options.file, options.table, options.cultures, options.missing_codes, options.format
        )
        texts = tuple(f"{dim}, item {k + 1}" for dim in dims for k in range(options.each))
        found = plain(names, graded(np.repeat(places, options.each, axis=1), options.options, between), texts)
        return replace(found, left_out=left_out)
    names = options.cultures or tuple(f"culture_{c}" for c in range(7))
    places, balance = _places(len(names), options)
    return plain(names, graded(places, options.options, between, options.skew * balance))


def _places(cultures: int, options: SurveyOptions) -> tuple[Floats, Floats]:
    """Normal places [C, Q] of rank `dims` and standard normal balances [Q], from the package's own draws."""
    draw = Draw.of(options.seed, torch.zeros(1, dtype=torch.int64)).scope("survey")
    centre = draw.normal("cultures", cultures, options.dims)[0].double().numpy()
    loading = draw.normal("questions", options.questions, options.dims)[0].double().numpy()
    balance: Floats = draw.normal("balance", options.questions)[0].double().numpy()
    return (centre[:, None] * loading).sum(-1), balance
