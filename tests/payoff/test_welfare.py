"""The welfares against the authors' logged rewards, and the hypervolume against hand cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from populace.envs.payoff import welfare

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "payoff"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the logged outcomes are not at {DATA}")
KEYS = ["DQ_DA", "DQ_CQ", "DQ_AQ", "VQ_DA", "VQ_CQ", "VQ_AQ"]


def t(column):
    return torch.tensor(np.asarray(column, dtype=np.float64))


@pytest.fixture(scope="module")
def rows():
    logged = pd.read_csv(DATA / "logged_outcomes.csv.gz")
    games = pd.read_csv(DATA / "model_payoff_matrices.csv.gz").set_index("payoff_id")
    columns = [f"{key}_{who}" for key in KEYS for who in ("user", "LLM")]
    found = games[columns].reindex(logged.payoff_id).to_numpy().reshape(-1, 2, 3, 2)
    return logged, torch.tensor(found)


@needs_data
def test_the_users_welfare_meets_every_logged_row(rows):
    logged, _ = rows
    kept = logged.user_reward != 0
    found = welfare.user_welfare(*(t(logged[kept][c]) for c in ("answer", "resp_words", "reason_chars")))
    assert kept.sum() == 6253
    assert (found - t(logged[kept].user_reward)).abs().max() < 2e-5


@needs_data
def test_the_assistants_welfare_meets_every_row_whose_game_is_known(rows):
    logged, games = rows
    kept = (logged.user_reward != 0).to_numpy() & ~torch.isnan(games[:, 0, 0, 0]).numpy()
    part = logged[kept]
    bonus = welfare.payoff_bonus(games[torch.tensor(kept)])
    found = welfare.assistant_welfare(t(part.fmt), bonus, t(part.answer), t(part.total_words))
    assert kept.sum() == 3796
    assert (found - t(part.llm_reward)).abs().max() < 2e-5


@needs_data
def test_float32_would_put_games_at_exactly_ten_per_cent_on_the_wrong_side(rows):
    _, games = rows
    known = games[~torch.isnan(games[:, 0, 0, 0])].float()
    user, assistant = known.flatten(1, 2).unbind(-1)
    size = torch.maximum(user.abs(), assistant.abs()).clamp(min=1e-8)
    narrow = ((user != assistant).float() + ((user - assistant).abs() / size > 0.1).float()).mean(-1) / 2
    exact = welfare.payoff_bonus(games[~torch.isnan(games[:, 0, 0, 0])])
    assert ((narrow - exact).abs() > 1e-3).sum() > 1000


@needs_data
def test_the_bonus_of_unshared_games_is_one_whole_number_of_twelfths_a_game(rows):
    logged, games = rows
    kept = (logged.user_reward != 0).to_numpy() & torch.isnan(games[:, 0, 0, 0]).numpy()
    part = logged[kept]
    rest = welfare.assistant_welfare(t(part.fmt), t(0 * part.fmt), t(part.answer), t(part.total_words))
    twelfths = 60 * (t(part.llm_reward) - rest)
    assert kept.sum() == 2457
    assert (twelfths - twelfths.round()).abs().max() < 1e-3
    assert ((twelfths.round() >= 0) & (twelfths.round() <= 12)).all()
    spread = pd.Series(twelfths.round().numpy()).groupby(part.payoff_id.to_numpy()).nunique()
    assert len(spread) == 695
    assert (spread == 1).all()


@needs_data
def test_the_zero_rule_explains_468_rows_and_nine_look_scorable(rows):
    logged, _ = rows
    ruled = welfare.void(torch.tensor(logged.payoff_id.notna().to_numpy()), t(logged.resp_words)).numpy()
    zero = ((logged.user_reward == 0) & (logged.llm_reward == 0) & (logged.score == 0)).to_numpy()
    assert zero.sum() == 477
    assert (ruled & zero).sum() == 468
    assert (ruled & ~zero).sum() == 0
    # Nothing in the columns tells these nine from scored rows (timeouts, by the authors' code): they stay excluded.
    assert np.flatnonzero(zero & ~ruled).tolist() == [57, 59, 130, 160, 232, 3491, 4336, 4344, 4531]


@needs_data
def test_the_logged_score_is_the_runs_objective(rows):
    logged, _ = rows
    user, assistant = t(logged.user_reward), t(logged.llm_reward)
    objective = {
        "cobb": welfare.cobb_douglas(user, assistant),
        "linear": (user + assistant) / 2,
        "user": user,
        "llm": assistant,
    }
    names = logged.run.str.split("_").str[1].str.replace("cd", "cobb").to_numpy()
    assert set(names) == set(objective)
    for name, found in objective.items():
        kept = torch.tensor(names == name)
        assert (found - t(logged.score))[kept].abs().max() < 1.5e-5


def test_caps_and_peaks():
    words = torch.arange(0, 1500, dtype=torch.float64)
    user, assistant = welfare.band(words, 20, 500), welfare.band(words, 500, 1000)
    assert (user.argmax().item(), assistant.argmax().item()) == (260, 750)
    assert (round(user.max().item(), 4), round(assistant.max().item(), 4)) == (0.5906, 0.6042)
    assert [round(cap, 4) for cap in welfare.CAPS] == [0.9182, 0.9209]


def test_hypervolume_by_hand_and_the_published_slip():
    points = torch.tensor([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]).double()
    assert welfare.hypervolume(points).item() == 6.0
    assert welfare.hypervolume_published(points).item() == 3.0
    dominated = torch.cat((points, torch.tensor([[1.0, 1.0], [3.0, 0.5]]).double()))
    assert welfare.hypervolume(dominated[torch.randperm(5)]).item() == 6.0
    assert welfare.hypervolume(points, (1.0, 1.0)).item() == 1.0


@needs_data
@pytest.mark.parametrize(
    ("run", "step", "published", "right"),
    [
        ("abgqa_cobb", 50, 0.5696, 0.5754),
        ("abgqa_linear", 50, 0.5657, 0.5738),
        ("abgqa_user", 50, 0.4151, 0.4151),
        ("abgqa_llm", 50, 0.5530, 0.5747),
        ("abgqa_user", None, 0.4397, 0.5769),
        ("math_llm", 10, 0.4345, 0.5749),
    ],
)
def test_hypervolume_of_logged_runs(rows, run, step, published, right):
    logged, _ = rows
    kept = logged.run == run
    if step is not None:
        kept &= logged.step == step
    assert kept.any()
    points = torch.tensor(logged[kept][["user_reward", "llm_reward"]].to_numpy())
    assert welfare.hypervolume(points).item() == pytest.approx(right, abs=5e-5)
    assert welfare.hypervolume_published(points).item() == pytest.approx(published, abs=5e-5)


def test_harmful_rules():
    stance = torch.tensor([0, 1, 2])
    user, assistant = welfare.harmful_answer(stance)
    assert (user.tolist(), assistant.tolist()) == ([1, 1, 0], [0, 1, 1])
    user, assistant = welfare.harmful_answer(stance, "logged")
    assert (user.tolist(), assistant.tolist()) == ([1, 0.2, 0.2], [0, 1, 1])
