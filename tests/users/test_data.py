import hashlib
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from populace.agents.users import PopulationSpec, SpecPopulation, ValuesSpec, from_dataframe, option_shares, sample
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "population"
N = 50_000

# Means and standard deviations of the German values survey (Gansser 2017, osf.io/zg89r, CC BY 4.0), in file order.
MEANS = [5.233, 5.123, 4.179, 3.612, 3.714, 2.955, 4.783, 3.684, 4.996, 5.651, 5.198, 5.556, 5.031, 4.894, 5.244]
SDS = [1.490, 1.471, 1.696, 1.801, 1.767, 1.960, 1.680, 1.669, 1.581, 1.410, 1.569, 1.327, 1.499, 1.495, 1.442]


def there(name):
    if not (DATA / name).is_file():
        pytest.skip(f"the data file {name} is not beside the checkout")
    return DATA / name


def people(population, worlds=(0,)):
    return population.sample(Draw.of(0, torch.tensor(worlds), check=True).scope("population"))


def frame(n=400):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 2)) @ np.array([[1, 0.6], [0, 0.8]]) * [2, 5] + [1, 10]
    return pd.DataFrame(
        {"q1": x[:, 0], "q2": x[:, 1], "sex": np.where(x[:, 0] > 1, "f", "m"), "w": np.arange(n) % 3, "age": 30.0}
    )


def assert_moments(x, means, sds, correlation):
    """Means, deviations and correlations of x [n, k] within 4.5 standard errors of normal samples."""
    n = len(x)
    assert (np.abs(x.mean(0) - means) < 4.5 * np.array(sds) / math.sqrt(n)).all()
    assert (np.abs(x.std(0, ddof=1) / sds - 1) < 4.5 / math.sqrt(2 * n)).all()
    r = np.array(correlation)
    assert (np.abs(np.corrcoef(x.T) - r) < 4.5 * (1 - r**2) / math.sqrt(n) + 1e-6).all()


def test_a_survey_is_sampled_without_its_file():
    crowd = sample({"size": N, "survey": "human-values-de"})
    x = crowd.values[0].double().numpy()
    assert np.abs(x.mean(0) - MEANS).max() < 4.5 * max(SDS) / math.sqrt(N)
    assert np.abs(x.std(0) / SDS - 1).max() < 4.5 / math.sqrt(2 * N) + 5e-4  # the figures above have three decimals
    r = np.corrcoef(x.T)
    off = r[np.triu_indices(15, 1)]
    assert r[3, 4] == pytest.approx(0.80, abs=0.01)  # leadership and decision, the largest
    assert r[3, 12] == pytest.approx(-0.178, abs=4.5 / math.sqrt(N))  # leadership and listening, the smallest
    assert off.mean() == pytest.approx(0.121, abs=0.005)
    assert np.linalg.eigvalsh(r)[::-1][:3] == pytest.approx([2.859, 2.378, 1.916], abs=0.05)


def test_the_shipped_moments_are_those_of_the_file():
    source = pd.read_csv(there("human_values_de_n1000.csv"))
    block = ValuesSpec(system="human-values-de").base.correlated
    assert np.abs(source.mean().to_numpy() - block.means).max() < 1e-9
    assert np.abs(source.std().to_numpy() - block.sds).max() < 5.1e-5
    assert np.abs(source.corr().to_numpy() - np.array(block.correlation)).max() < 5.1e-5


def test_survey_people_match_the_file_within_sampling_error():
    source = pd.read_csv(there("human_values_de_n1000.csv"))
    moments = (source.mean().to_numpy(), source.std().to_numpy(), source.corr().to_numpy())
    assert_moments(sample({"size": N, "survey": "human-values-de"}).values[0].double().numpy(), *moments)
    population = from_dataframe(source, N, values=list(source.columns), source="Gansser 2017")
    x = people(population).values[0].double().numpy()
    # Answers are bounded: standard errors of normal samples are an upper bound but for skewed items, hence 6.
    assert (np.abs(x.mean(0) - moments[0]) < 4.5 * moments[1] / math.sqrt(N)).all()
    assert (np.abs(np.corrcoef(x.T) - moments[2]) < 6 / math.sqrt(N)).all()
    assert set(np.unique(x)) <= set(range(1, 8))
    assert population.provenance["data"]["rows"] == 1000
    assert population.provenance["data"]["missing"] == 0


def test_provenance_of_a_survey_names_its_source_and_licence():
    provenance = SpecPopulation(PopulationSpec(survey="human-values-de")).provenance
    assert "osf.io/zg89r" in provenance["values"]["source"]
    assert "CC BY 4.0" in provenance["values"]["source"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_and_their_provenance(tmp_path, suffix):
    path = tmp_path / f"d.{suffix}"
    source = frame()
    source.to_csv(path, index=False) if suffix == "csv" else source.to_parquet(path)
    spec = {
        "size": 2000,
        "data": {
            "file": f"d.{suffix}",
            "values": {"warmth": "q1", "order": "q2"},
            "traits": ["age", "sex"],
            "segment": "sex",
            "source": "made up",
        },
    }
    population = SpecPopulation(PopulationSpec.model_validate(spec, context={"folder": tmp_path}))
    crowd = people(population)
    assert population.census.values == ("warmth", "order")
    assert population.census.segments == population.labels["sex"] == ("f", "m")
    assert torch.equal(crowd.trait("sex").long(), crowd.segment)
    assert torch.equal(crowd.values[..., 0] > 1, crowd.segment == 0)  # rows stay whole
    assert population.provenance["data"] == {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "rows": 400,
        "columns": ["q1", "q2", "age", "sex"],
        "source": "made up",
        "licence": "",
        "consent": "",
        "used_rows": 400,
        "missing": 0,
        "missing_policy": "error",
        "dropped": {},
        "smoothing": 0.0,
        "few": [],
    }
    with pytest.raises(ValidationError, match="there is no file") as caught:
        PopulationSpec.model_validate(spec)
    assert caught.value.errors()[0]["loc"] == ("data", "file")


def test_weights_are_followed():
    source = frame()
    crowd = people(from_dataframe(source, N, values=["w"], weights="w"))
    share = (crowd.values == 2).double().mean()
    assert (crowd.values == 0).sum() == 0
    # rows 1, 4, 7, ... weigh 1 and rows 2, 5, 8, ... weigh 2
    expected = 2 * (source.w == 2).sum() / source.w.sum()
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / N)


def test_missing_numbers():
    source = frame(10)
    source.loc[3, "q1"], source.loc[5, "q1"] = np.nan, 99.0
    with pytest.raises(PopulaceError, match="2 entries are missing, the first in row 4, column 'q1'"):
        from_dataframe(source, 10, values=["q1"], missing_codes=[99])
    dropped = from_dataframe(source, 2000, values=["q1", "q2"], missing="drop", missing_codes=[99])
    assert dropped.provenance["data"]["used_rows"] == 8
    assert dropped.provenance["data"]["missing"] == 2
    assert dropped.provenance["data"]["dropped"] == {"no entry in column 'q1'": 2}
    kept = source.q2.drop([3, 5]).to_numpy(dtype=np.float32)
    assert set(people(dropped).values[0, :, 1].tolist()) == set(kept.tolist())
    filled = from_dataframe(source, 2000, values=["q1", "q2"], missing="mean", missing_codes=[99])
    mean = np.float32(source.q1.drop([3, 5]).mean())
    x = people(filled).values[0]
    assert np.allclose(x[:, 0][x[:, 1] == np.float32(source.q2[3])], mean)


def test_rescaling():
    source = frame()
    z = from_dataframe(source, 10, values=["q1", "q2"], rescale="z-score").table.rows
    assert np.allclose(z.mean(0), 0)
    assert np.allclose(z.std(0), 1)
    spec = {"values": {"a": "q1"}, "rescale": {"min": -9, "max": 11, "low": -1, "high": 1}, "file": __file__}
    checked = PopulationSpec.model_validate({"data": spec}).data
    rows = from_dataframe(source, 10, values={"a": "q1"}, rescale=checked.rescale).table.rows
    assert np.allclose(rows[:, 0], (source.q1 - 1) / 10)


@pytest.mark.parametrize("keep", [True, False])
def test_smoothing_keeps_means_and_correlations_and_variance_if_told(keep):
    source = frame()
    h = 0.5
    population = from_dataframe(source, N, values=["q1", "q2"], traits=["sex"], smoothing=h, keep_variance=keep)
    crowd = people(population)
    x = crowd.values[0].double().numpy()
    raw = source[["q1", "q2"]]
    grown = 1 if keep else math.sqrt(1 + h**2)
    assert_moments(x, raw.mean().to_numpy(), grown * raw.std(ddof=0).to_numpy(), raw.corr().to_numpy())
    assert len(np.unique(x[:, 0])) > 0.9 * N
    assert set(crowd.trait("sex").unique().tolist()) == {0, 1}  # labels are left alone


def test_automatic_smoothing_is_silvermans_bandwidth():
    population = from_dataframe(frame(), 10, values=["q1", "q2"], smoothing="auto")
    assert population.provenance["data"]["smoothing"] == pytest.approx((4 / (4 * 400)) ** (1 / 6))


def test_a_column_as_a_trait_and_as_a_marginal(tmp_path):
    source = frame()
    source.to_csv(tmp_path / "d.csv", index=False)
    column = {"empirical": {"file": "d.csv", "column": "q1"}}
    spec = {
        "size": N,
        "traits": {
            "a": column,
            "sex": {"empirical": {"file": "d.csv", "column": "sex"}},
            "pair": {"correlated": {"names": ["b", "c"], "correlation": 0.9, "marginals": {"b": column}}},
        },
    }
    population = SpecPopulation(PopulationSpec.model_validate(spec, context={"folder": tmp_path}))
    crowd = people(population)
    assert population.labels["sex"] == ("f", "m")
    for name in "ab":
        x = crowd.trait(name)[0].double().numpy()
        assert set(x.tolist()) <= set(source.q1.to_numpy(dtype=np.float32).tolist())
        assert abs(x.mean() - source.q1.mean()) < 4 * source.q1.std() / math.sqrt(N)
    assert np.corrcoef(crowd.trait("b")[0], crowd.trait("c")[0])[0, 1] > 0.85
    assert len(population.provenance) == 2


def test_wrong_columns_and_contents():
    with pytest.raises(UnknownName, match="did you mean 'age'"):
        from_dataframe(frame(), 5, traits=["agee"])
    with pytest.raises(PopulaceError, match=r"row 1, column 'sex': '.' is no number"):
        from_dataframe(frame(), 5, values=["sex"])
    with pytest.raises(PopulaceError, match="not from both"):
        from_dataframe(frame(), 5, values=["q1"], spec=PopulationSpec(survey="human-values-de"))
    with pytest.raises(PopulaceError, match="row 2, column 'w': '-1' is out of range; weights are numbers of 0"):
        from_dataframe(frame(5).assign(w=[1, -1, 1, 1, 1]), 5, values=["q1"], weights="w")


def test_option_shares_of_a_country_are_followed():
    source = pd.read_csv(there("wvs7_19countries_option_props.csv"))
    each = option_shares(source, item="q_id", option="option", share="proportion", where={"country_iso3": "NZL"})
    names = list(each)[::40]
    assert len(each) == source[source.country_iso3 == "NZL"].q_id.nunique()
    spec = PopulationSpec(size=N, values=ValuesSpec(names=tuple(names), each={n: each[n] for n in names}))
    x = people(SpecPopulation(spec)).values[0].numpy()
    rows = source[source.country_iso3 == "NZL"]
    for k, name in enumerate(names):
        item = rows[rows.q_id == name]
        for option, share in zip(item.option, item.proportion / item.proportion.sum(), strict=True):
            assert abs((x[:, k] == option).mean() - share) < 4 * math.sqrt(share * (1 - share) / N) + 1e-5
    with pytest.raises(UnknownName, match="'NZL'"):
        option_shares(source, item="q_id", option="option", share="proportion", where={"country_iso3": "NZ"})


def test_personality_scores_are_sampled_with_their_moments():
    source = pd.read_csv(there("papi_scores.csv"))
    population = from_dataframe(source, N, values=list("OCEAN"), smoothing="auto")
    x = people(population).values[0].double().numpy()
    raw = source[list("OCEAN")]
    # Means, deviations and correlations of the 200 people in the file.
    assert raw.mean().to_numpy() == pytest.approx([3.640, 3.479, 3.333, 3.423, 2.855], abs=6e-4)
    assert raw.std().to_numpy() == pytest.approx([0.359, 0.444, 0.470, 0.372, 0.565], abs=2e-3)
    r = raw.corr().to_numpy()
    assert (r[1, 4], r[2, 4], r[1, 3], r[0, 2]) == pytest.approx((-0.594, -0.471, 0.375, 0.367), abs=1e-3)
    assert_moments(x, raw.mean().to_numpy(), raw.std(ddof=0).to_numpy(), r)


def test_personality_answers_with_zero_for_missing_give_the_published_scores():
    raw = pd.read_csv(there("papi_responses.csv"), dtype=str)
    answers = pd.DataFrame([list(map(int, row)) for row in raw.iloc[:, 4]], columns=[f"i{k}" for k in range(1, 301)])
    key = pd.read_csv(there("papi_item_key.csv"))
    scores = pd.read_csv(there("papi_scores.csv"))
    population = from_dataframe(answers, 10, values=list(answers.columns), missing="drop", missing_codes=[0])
    provenance = population.provenance["data"]
    assert (provenance["missing"], provenance["rows"], provenance["used_rows"]) == (27, 200, 175)
    # Answers are stored with reversed items already turned round: a plain mean of a domain's items is its score.
    whole = (answers != 0).all(axis=1).to_numpy()
    for domain in "OCEAN":
        items = (key.domain == domain).to_numpy()
        assert np.abs(population.table.rows[:, items].mean(1) - scores[domain][whole]).max() < 6e-4
