"""The coevolution world's mechanism against closed forms."""

import math
from pathlib import Path

import pytest
import torch
from coevolution_stage import Crowd, society

from populace.agents.scripted.coevolution_estimate import estimate
from populace.draw import Draw
from populace.envs.coevolution import Coevolution, CoevolutionOptions
from populace.envs.coevolution.dynamics import epochs
from populace.envs.coevolution.history import CENTURIES, CENTURY_VALUES, MORAL_VALUES
from populace.errors import PopulaceError
from populace.numerics import sigmoid
from populace.observation import Observation
from populace.rollout import Keep, rollout
from populace.run import advance

STILL = {"series": "still", "rate": 0.0}
CENTURY = {"series": "centuries", "every": 1, "rate": 1.0}
ALIKE = Crowd(names=CENTURY_VALUES, spread=0.0)


def play(ticks: int, *args: object, **kwargs: object) -> tuple[Coevolution, object, Keep]:
    """Run a society and keep its measures."""
    world, players, run = society(*args, **kwargs)  # type: ignore[arg-type]
    keep = Keep()
    return world, rollout(world, players, run, ticks, keep, check=True), keep


@pytest.mark.parametrize(("assistant", "score"), [("oracle", 1.0), ("frozen", 0.95095)])
def test_follow_in_the_world(assistant: str, score: float) -> None:
    """Users who are the century: the published score of the oracle and of standing still."""
    _, _, keep = play(9, {"protocol": "follow", "history": CENTURY}, assistant, population=ALIKE)
    assert math.isnan(float(keep.series["pg_follow"][0][0]))
    assert float(keep.series["pg_follow"][-1][0]) == pytest.approx(score, abs=1e-5)


def test_predict_in_the_world() -> None:
    """Standing still is scored against the 15th to the 21st century at m = 1 (from the series itself)."""
    a = torch.tensor(CENTURIES).double()
    unit = a / a.norm(dim=1, keepdim=True)
    expected = float((unit[2:] @ unit[0]).mean())
    _, _, keep = play(9, {"protocol": "predict", "ahead": 1, "history": CENTURY}, "frozen", population=ALIKE)
    assert float(keep.series["pg_predict"][-1][0]) == pytest.approx(expected, abs=1e-6)
    _, _, keep = play(9, {"protocol": "predict", "ahead": 1, "history": CENTURY}, "oracle", population=ALIKE)
    assert float(keep.series["pg_predict"][-1][0]) == pytest.approx(1.0, abs=1e-6)


def test_coevolve_in_the_world_without_influence() -> None:
    """Society that tracks its history scores .972547, and NaN until the last century has come."""
    options = {"protocol": "coevolve", "history": CENTURY, "assistant_rate": 0.0}
    _, _, keep = play(8, options, "frozen", population=ALIKE)
    assert math.isnan(float(keep.series["pg_coevolve"][-2][0]))
    assert float(keep.series["pg_coevolve"][-1][0]) == pytest.approx(0.972547, abs=2e-6)


def test_coevolve_in_the_world_under_a_lock_in_at_the_last_century() -> None:
    """An assistant that speaks for the 21st century and is believed at once: .99571, better than history itself."""
    world, players, run = society(
        {"protocol": "coevolve", "history": CENTURY, "assistant_rate": 1.0}, "frozen", population=ALIKE
    )
    last = torch.tensor(CENTURIES[-1]).expand(len(run.worlds), 1, 1, -1)
    said = {"assistant": {"position": last.contiguous(), "mirror": torch.zeros(len(run.worlds), 1)}}
    for _ in range(16):
        run, _ = advance(world, players, run, said)
    assert float(world.measure(run.state)["pg_coevolve"][0]) == pytest.approx(0.99571, abs=1e-5)


def test_predict_truth_is_what_comes() -> None:
    """With history's rate at 1, the truth of tick t is society's mean m ticks on."""
    options = {"protocol": "predict", "ahead": 3, "history": {"series": "walk", "every": 4, "rate": 1.0}}
    world, players, run = society(options, "frozen")
    run = rollout(world, players, run, 5)
    truth = world.truth(run.state)[:, 0]
    later = rollout(world, players, run, 3).state.mean
    assert torch.allclose(truth, later, atol=1e-6)


def test_frozen_assistant_shrinks_diversity_to_the_fixed_point() -> None:
    """Deviation x' = (1 - e)(x + h (o - x)), fixed at f o with e = 1 - (1 - r)^2,
    f = (1 - e) h / (1 - (1 - e)(1 - h))."""
    h, r = 0.1, 0.05
    e = 1 - (1 - r) ** 2
    f = (1 - e) * h / (1 - (1 - e) * (1 - h))
    options = {"history": {"series": "still", "rate": h}, "assistant_rate": r}
    _, _, keep = play(150, options, "frozen")
    assert float(keep.series["diversity"][-1][0]) == pytest.approx(f**2, rel=1e-3)
    assert float(keep.series["drift"][-1].max()) < 1e-5


def test_traits_override_rates() -> None:
    """A trait that equals the option's rate for everyone gives the same society; epochs are 1 - (1 - eta)^n."""
    assert float(epochs(torch.tensor(0.3), 2.0)) == pytest.approx(1 - 0.7**2)
    assert float(epochs(torch.tensor(1.0), 2.0)) == 1.0

    class Even(Crowd):
        def sample(self, draw):  # type: ignore[no-untyped-def]
            people = super().sample(draw)
            people.traits["assistant_rate"] = torch.full_like(people.values[..., 0], 0.05)
            return people

    ends = [
        play(10, {"assistant_rate": rate}, "frozen", population=crowd)[1].state.values  # type: ignore[attr-defined]
        for rate, crowd in ((0.05, Crowd(names=CENTURY_VALUES)), (0.9, Even(names=CENTURY_VALUES)))
    ]
    assert torch.allclose(ends[0], ends[1], atol=1e-6)


def test_noise_adds_its_variance() -> None:
    """Without any pull the variance of a value's change is ticks * noise^2 (4 standard errors over 240,000 numbers)."""
    world, players, run = society({"protocol": "follow", "history": STILL, "noise": 0.05}, population=Crowd(12_000))
    before = run.state.values
    change = rollout(world, players, run, 5).state.values - before
    assert float(change.var()) == pytest.approx(5 * 0.05**2, rel=4 * math.sqrt(2 / change.numel()))


@pytest.mark.parametrize("ring", [False, True])
def test_peers_pull_together(ring: bool) -> None:
    """Everyone's peers: deviations shrink by (1 - eta) a tick. A ring: the mean of two neighbours, the mean stays."""
    world, players, run = society(
        {"protocol": "follow", "history": STILL, "peer_rate": 0.2}, population=Crowd(ring=ring)
    )
    values = run.state.values
    after = rollout(world, players, run, 1).state
    if ring:
        expected = 0.8 * values + 0.2 * (values.roll(1, 1) + values.roll(-1, 1)) / 2
        assert torch.allclose(after.values, expected, atol=1e-6)
        assert torch.allclose(after.mean, run.state.mean, atol=1e-6)
    else:
        ratio = world.measure(after)["diversity"]
        assert torch.allclose(ratio, torch.full_like(ratio, 0.64), atol=1e-5)


def test_turnover_restores_diversity() -> None:
    """Under a frozen assistant newcomers bring their own values: share 1 - (1 - p)^T of seats has changed hands."""
    options = {"history": STILL, "assistant_rate": 0.05, "turnover": 0.02}
    _, run, keep = play(50, options, "frozen", population=Crowd(4000), worlds=2)
    _, _, without = play(50, {**options, "turnover": 0.0}, "frozen", population=Crowd(4000), worlds=2)
    assert float(keep.series["diversity"][-1].min()) > 10 * float(without.series["diversity"][-1].max())
    own = torch.arange(4000)
    stayed = float((run.state.seats.person == own).float().mean())  # type: ignore[attr-defined]
    seats = run.state.seats  # type: ignore[attr-defined]
    assert torch.equal(seats.segment.gather(1, seats.person), seats.segment)
    assert stayed == pytest.approx(0.98**50, abs=4 * math.sqrt(0.25 / 8000) + 1 / 4000)


def test_sincere_answers_follow_the_logit() -> None:
    """The share of yes equals the mean probability, within 4 standard errors."""
    world, players, run = society({"questionnaire": {"asked": 4}}, population=Crowd(20_000, spread=0.3), worlds=2)
    run = rollout_phase(world, players, run)
    state = run.state
    logits = 4.0 * torch.einsum("wud,wqd->wuq", state.values - state.centre.unsqueeze(1), world.questions(state))
    assert torch.allclose(state.yes[:, 0] / 20_000, torch.sigmoid(logits).mean(1), atol=4 * 0.5 / math.sqrt(20_000))


def rollout_phase(world, players, run):  # type: ignore[no-untyped-def]
    """Play one phase."""
    return advance(world, players, run)[0]


def test_estimate_recovers_values_from_exact_shares() -> None:
    """Thirty items over five values, no sampling error, hardly any ridge."""
    torch.manual_seed(0)
    values, centre = 0.4 * torch.randn(3, 5), torch.full((3, 5), 0.1)
    questions = torch.sign(torch.randn(3, 30, 5))
    beta = torch.tensor([1.0, 2.0, 4.0])
    shares = sigmoid(beta[:, None] * (questions * (values - centre).unsqueeze(1)).sum(-1))
    found = estimate(shares, torch.ones_like(shares), questions, centre, beta, torch.zeros(3, 5), 1e-6, 400)
    assert torch.allclose(found, values, atol=1e-3)


def test_reading_answers_beats_standing_still_and_the_truth_beats_all() -> None:
    """Mean error of the assistant over a course through nine centuries."""
    options = {"protocol": "follow", "history": {"series": "centuries", "every": 5, "rate": 1.0}}
    crowd = Crowd(300, names=CENTURY_VALUES)
    error = {}
    for name in ("frozen", "persistence", "lifelong", "oracle"):
        _, _, keep = play(40, options, name, population=crowd, worlds=16)
        error[name] = float(torch.stack(keep.series["assistant_error"]).mean())
    assert error["oracle"] < 1e-6
    assert error["lifelong"] < error["persistence"] < error["frozen"] / 2


class Camps(Crowd):
    """Three segments far apart, in shares 3 : 1 : 1."""

    def sample(self, draw):  # type: ignore[no-untyped-def]
        people = super().sample(draw)
        segment = torch.tensor([0, 0, 0, 1, 2]).repeat(self.size // 5).expand(draw.worlds, -1)
        shift = torch.tensor([[0.0] * 5, [0.4, -0.4, 0, 0, 0], [-0.4, 0, 0.4, 0, 0]])
        return type(people)(people.values + shift[segment], segment)


def test_one_voice_for_all_costs_minorities() -> None:
    """A pluralist is nearer to every audience; a consensus leaves the majority's mean for the minorities' sake."""
    options = {"history": STILL, "assistant_rate": 0.01, "audience": "segment"}
    ends = {}
    for name in ("lifelong", "consensus", "pluralist"):
        world, run, keep = play(40, options, name, population=Camps(300), worlds=8)
        ends[name] = float(keep.series["assistant_error"][-1].mean()), float(keep.series["diversity"][-1].mean())
    assert ends["pluralist"][0] < ends["lifelong"][0]
    assert ends["pluralist"][1] > ends["lifelong"][1]
    assert ends["pluralist"][1] > ends["consensus"][1]


def test_the_mirror_pleases_and_pushes_apart() -> None:
    """Echoes are heard as nearer than any position, and diversity grows instead of shrinking."""
    options = {"history": STILL, "assistant_rate": 0.02, "push": 0.3, "questionnaire": {"fixed": True}}
    pleased, diverse = {}, {}
    for name in ("frozen", "mirror"):
        _, _, keep = play(60, options, name, population=Crowd(300, spread=0.5), worlds=8)
        pleased[name] = float(torch.stack(keep.series["approval"]).mean())
        diverse[name] = float(keep.series["diversity"][-1].mean())
    assert pleased["mirror"] > pleased["frozen"]
    assert diverse["mirror"] > 1 > diverse["frozen"]


def test_users_hear_their_own_assistant() -> None:
    """The trait `assistant` routes: two assistants, users moved to the position of theirs."""

    class Routed(Crowd):
        def sample(self, draw):  # type: ignore[no-untyped-def]
            people = super().sample(draw)
            people.traits["assistant"] = (torch.arange(self.size) < 20).float().expand(draw.worlds, -1)
            return people

    options = {"assistants": 2, "history": STILL, "assistant_rate": 1.0}
    world, players, run = society(options, "frozen", population=Routed())
    assert run.state.counts.tolist() == [[40.0, 20.0]] * 4
    run = rollout_phase(world, players, run)
    position = torch.zeros(4, 2, 1, 5)
    position[:, 0], position[:, 1] = 0.5, -0.5
    run, step = advance(world, players, run, {"assistant": {"position": position, "mirror": torch.zeros(4, 2)}})
    expected = torch.where(torch.arange(60) < 20, -0.5, 0.5).view(1, 60, 1).expand(4, 60, 5)
    assert torch.allclose(run.state.values, expected)
    assert step.rewards["assistant"].shape == (4, 2)


@pytest.mark.parametrize(("order", "said"), [(0, 1), (1, 1), (2, -1)])
def test_vote_extrapolation_in_the_assistant(order: int, said: int) -> None:
    """Majorities no, yes, yes on one item: only order 2 predicts a no."""
    options = {"history": {"series": "walk"}, "questionnaire": {"items": 1, "asked": 1, "held_out": 0, "fixed": True}}
    world, players, run = society(
        options, "extrapolative", population=Crowd(names=("a",)), votes="progressgym", order=order
    )
    role, memory = world.cast["assistant"], run.memory["assistant"]
    for tick, share in enumerate((0.2, 0.8, 0.8)):
        seen = world.observe(run.state, "assistant", "advise")
        seen["shares"], seen["tick"] = torch.full((4, 1, 1, 1), share), torch.full((4, 1), tick)
        actions, memory = players["assistant"].act(Observation(seen, role, "advise"), memory, Draw.of(0, run.worlds))
    side = run.state.loadings[:, 0, 0] * (actions["position"][:, 0, 0, 0] - run.state.centre[:, 0])
    assert torch.sign(side).tolist() == [said] * 4


def test_item_matrix_from_a_file(shared_data: Path) -> None:
    """ProgressGym's 1,722 items on 19 values; the last quarter is held out."""
    path = shared_data / "coevolution" / "pg_item_matrix.csv"
    options = {"questionnaire": {"loadings": str(path)}, "history": {"series": "walk"}}
    world, players, run = society(options, population=Crowd(names=MORAL_VALUES), worlds=2)
    assert run.state.loadings.shape == (2, 1722, 19)
    assert int(run.state.asked.max()) < 1722 - int(0.25 * 1722)
    assert set(run.state.loadings.unique().tolist()) <= {-1.0, 0.0, 1.0}
    rollout(world, players, run, 2, check=True)


def test_series_from_a_file(tmp_path: Path) -> None:
    """Columns are found by name, whatever their order; a missing one is named with the nearest there is."""
    file = tmp_path / "course.csv"
    file.write_text("year,b,a\n1,2.0,1.0\n2,4.0,3.0\n")
    _, _, run = society({"history": {"series": str(file)}}, population=Crowd(names=("a", "b")))
    assert run.state.series[0].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(PopulaceError, match=r"unknown column of .*course\.csv 'aa'; did you mean 'a'"):
        society({"history": {"series": str(file)}}, population=Crowd(names=("aa", "b")))
    with pytest.raises(PopulaceError, match="cannot read"):
        society({"history": {"series": "nowhere.csv"}})


def test_mistakes_are_named() -> None:
    """Wrong values for the centuries, too few items, a reward nobody can pay."""
    with pytest.raises(PopulaceError, match="has the 5 values religion"):
        society({}, population=Crowd(names=("a", "b")))
    with pytest.raises(ValueError, match="raise items or lower asked"):
        CoevolutionOptions(questionnaire={"items": 4, "asked": 8})
    with pytest.raises(ValueError, match="nobody hears"):
        CoevolutionOptions(protocol="follow", reward="approval")


def test_an_echo_and_an_unheard_assistant_have_no_error() -> None:
    """An echo takes no position, so its error is not that of the position it does not speak; nor is there a deed of an
    assistant that nobody hears. In Follow users listen to nobody, and the position itself is the question."""
    told = ("assistant_error", "cosine", "held_out")
    ends = {}
    for name, options in (
        ("mirror", {"history": STILL}),
        ("frozen", {"history": STILL}),
        ("lifelong", {"history": STILL, "assistant_epochs": 0}),
        ("persistence", {"history": STILL, "protocol": "follow"}),
    ):
        _, _, keep = play(4, options, name, population=Crowd(40), worlds=3)
        ends[name] = [torch.stack(keep.series[measure]) for measure in told]
    assert all(bool(x.isnan().all()) for name in ("mirror", "lifelong") for x in ends[name])
    assert all(bool(x.isfinite().all()) for name in ("frozen", "persistence") for x in ends[name][:1])
