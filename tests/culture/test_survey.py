"""Surveys: the World Values Survey's read-outs, synthetic marginals, tables of dimensions, and mistakes in files."""

import json

import numpy as np
import pytest
import torch

from populace.envs.culture import SurveyOptions, load
from populace.envs.culture import measures as m
from populace.envs.culture.survey import graded, recode
from populace.errors import PopulaceError, UnknownName

FIVE = ("BRA", "CHN", "MEX", "NGA", "NZL")


@pytest.fixture(scope="module")
def wvs(shared_data):
    folder = shared_data / "population"
    csv, texts = folder / "wvs7_19countries_option_props.csv", folder / "wvs7_questions_223.json"
    if not (csv.exists() and texts.exists()):
        pytest.skip("the World Values Survey's option shares are not in the shared data")

    def read(*cultures, **more):
        return load(SurveyOptions(source="shares", file=str(csv), texts=str(texts), cultures=cultures, **more))

    return read


def _diversity(survey, read):
    x = torch.tensor(read, dtype=torch.float64)
    dist = m.distances(x, torch.tensor(survey.known), torch.tensor(survey.span).double())
    return m.pairwise(dist).item(), m.spanning_tree(dist).item()


def test_human_diversity_of_five_cultures(wvs):
    survey = wvs(*FIVE)
    assert _diversity(survey, survey.majority()) == pytest.approx((44.09, 39.40), abs=0.05)
    assert _diversity(survey, survey.majority("lowest")) == pytest.approx((43.261, 38.744), abs=0.001)
    assert _diversity(survey, survey.means())[0] == pytest.approx(20.08, abs=0.05)


def test_human_diversity_of_all_nineteen(wvs):
    survey = wvs()
    assert len(survey.cultures) == 19
    assert len(survey.questions) == 222
    assert (~survey.known).sum() == 45
    assert _diversity(survey, survey.majority()) == pytest.approx((38.914, 25.649), abs=0.001)
    assert _diversity(survey, survey.majority("lowest")) == pytest.approx((38.966, 26.043), abs=0.001)
    assert _diversity(survey, survey.means())[0] == pytest.approx(17.707, abs=0.001)
    between = survey.between()
    assert (np.nanmean(between), np.nanmedian(between)) == pytest.approx((0.144, 0.112), abs=5e-4)


def test_eighteen_questions_are_coded_from_zero(wvs):
    survey = wvs()
    zero = {q for q, first in zip(survey.questions, survey.first, strict=True) if first == 0}
    assert zero == {"Q119", *(f"Q{n}" for n in range(122, 130)), *(f"Q{n}" for n in range(241, 250))}
    # A model names options from 1; taken as they are, its answers to these questions would be one too high.
    own = survey.majority()
    named, code = own + 1, own + survey.first
    assert ((named - code)[survey.known] != 0).any()
    assert (recode(named, survey) == code)[survey.known].all()


def test_between_can_be_set_without_moving_the_pool(wvs):
    survey, less = wvs(), wvs(between=0.05)
    assert np.nanmean(less.between()) == pytest.approx(0.05, abs=1e-6)
    assert np.allclose(less.shares[less.known].sum(-1), 1)
    # Shares are pulled towards the pool, which stays where it is.
    assert np.allclose(less.pool(), survey.pool(), atol=1e-9)
    assert np.nanmean(wvs(between=0.17).between()) == pytest.approx(0.17, abs=1e-6)
    with pytest.raises(PopulaceError, match=r"0\.9 of the variance between cultures cannot be had"):
        wvs(between=0.9)


@pytest.mark.parametrize("between", [0.0, 0.05, 0.144, 0.5])
def test_synthetic_marginals_have_the_share_asked_for(between):
    survey = load(SurveyOptions(between=between, questions=30, skew=0.5))
    assert survey.between().mean() == pytest.approx(between, abs=1e-6)
    assert np.allclose(survey.shares.sum(-1), 1)


def test_without_differences_and_skew_all_options_are_alike():
    survey = load(SurveyOptions(between=0.0, options=60, questions=5))
    assert np.allclose(survey.shares, 1 / 60)


def test_graded_keeps_the_order_of_places():
    shares = graded(np.array([[-1.0], [0.0], [1.0]]), 4, 0.3)
    means = (shares[:, 0] * np.arange(4)).sum(-1)
    assert means[0] < means[1] < means[2]
    assert means[1] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("table", "name", "cultures"),
    [
        ("hofstede", "hofstede_6d_2015.csv", 65),
        ("schwartz", "schwartz_culture_orientations_80.csv", 83),
        ("inglehart-welzel", "inglehart_welzel_ivs_country_year.csv", 118),
    ],
)
def test_tables_of_culture_dimensions(shared_data, table, name, cultures):
    path = shared_data / "population" / name
    if not path.exists():
        pytest.skip(f"{name} is not in the shared data")
    survey = load(SurveyOptions(source="table", table=table, file=str(path), each=2))
    assert len(survey.cultures) == cultures
    assert survey.between().mean() == pytest.approx(0.144, abs=1e-6)
    assert survey.means()[:, 0] == pytest.approx(survey.means()[:, 1])  # both stand for the first dimension


def test_a_table_of_your_own(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("town,warmth,order\nA,1,5\nB,2,3\nC,9,1\n")
    survey = load(SurveyOptions(source="table", file=str(path), cultures=("C", "A")))
    assert survey.cultures == ("C", "A")
    assert (survey.means()[0, :3] > survey.means()[1, :3]).all()
    with pytest.raises(UnknownName, match="'D'"):
        load(SurveyOptions(source="table", file=str(path), cultures=("A", "D")))


GOOD = [("A", "Q1", 1, 0.4), ("A", "Q1", 2, 0.5), ("B", "Q1", 1, 0.2), ("B", "Q1", 3, 0.8), ("B", "Q2", 0, 1.0)]


def _own(tmp_path, rows, counts=(), **more):
    path = tmp_path / "shares.csv"
    path.write_text("culture,question,option,share\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    if counts:
        texts = [{"q_id": f"Q{k + 1}", "question": "?", "options": ["x"] * n} for k, n in enumerate(counts)]
        (tmp_path / "texts.json").write_text(json.dumps(texts))
        more["texts"] = str(tmp_path / "texts.json")
    return load(SurveyOptions(source="shares", file=str(path), **more))


def test_a_survey_of_your_own(tmp_path):
    survey = _own(tmp_path, GOOD, (4, 2))
    assert survey.sizes.tolist() == [4, 2]
    assert survey.shares[0, 0] == pytest.approx([4 / 9, 5 / 9, 0, 0])  # divided by their sum
    assert survey.known.tolist() == [[True, False], [True, True]]
    assert survey.majority().tolist() == [[1, -1], [2, 0]]


@pytest.mark.parametrize(
    ("rows", "counts", "more", "message"),
    [
        (
            [*GOOD, ("A", "Q2", 1, 1.2)],
            (),
            {},
            r"line 7, column 'share': '1\.2' is out of range; shares lie in",
        ),
        (
            [*GOOD, ("A", "Q2", 1, -0.1)],
            (),
            {},
            r"line 7, column 'share': '-0\.1' is out of range; shares lie in",
        ),
        ([*GOOD, ("A", "Q2", 1, "many")], (), {}, r"shares\.csv, line 7, column 'share': 'many' is no number"),
        ([*GOOD, ("A", "Q1", 3, 0.5)], (), {}, r"the shares of A in Q1 add up to 1\.400, more than 1"),
        (
            [*GOOD, ("A", "Q1", 1, 0.1)],
            (),
            {},
            r"line 7: this culture, question and option is given twice",
        ),
        (GOOD, (2, 2), {}, r"has an option 3 of Q1, coded from 1, but .*texts\.json lists 2 options"),
        (GOOD, (4,), {}, r"texts\.json does not hold the question Q2"),
        (GOOD, (), {"cultures": ("A", "C")}, r"culture, without marginals in .*: 'C'"),
        ([*GOOD, ("C", "Q1", 1, 0.0)], (), {}, r"has no marginals for C; leave it out"),
    ],
)
def test_mistakes_in_a_survey(tmp_path, rows, counts, more, message):
    with pytest.raises(PopulaceError, match=message):
        _own(tmp_path, rows, counts, **more)


def test_a_file_that_changed_is_read_anew(tmp_path):
    import os

    assert _own(tmp_path, GOOD).shares[1, 0].max() == pytest.approx(0.8)
    path = tmp_path / "shares.csv"
    path.write_text(path.read_text().replace("B,Q1,3,0.8", "B,Q1,3,0.6"))
    os.utime(path, (1, 1))
    assert load(SurveyOptions(source="shares", file=str(path))).shares[1, 0].max() == pytest.approx(0.75)


def test_with_skew_synthetic_cultures_differ_as_real_ones_do():
    """44.1 by majority answers and 20.1 by means for five countries (World Values Survey), to a tenth."""
    found = []
    for seed in range(8):
        survey = load(SurveyOptions(questions=60, options=4, skew=1.0, cultures=tuple("abcde"), seed=seed))
        found.append((_diversity(survey, survey.majority())[0], _diversity(survey, survey.means())[0]))
    assert np.mean(found, axis=0) == pytest.approx((44.1, 20.1), rel=0.1)


def test_a_missing_file():
    with pytest.raises(PopulaceError, match=r"cannot read nowhere\.csv: there is no such file.*not shipped"):
        load(SurveyOptions(source="shares", file="nowhere.csv"))
    with pytest.raises(ValueError, match="needs file"):
        SurveyOptions(source="shares")
