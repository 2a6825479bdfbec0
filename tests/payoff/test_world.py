"""The payoff world: its mechanism, its presets' figures, third parties, pricing, and its bits."""

import dataclasses
import math

import pytest
import torch

from populace import tree
from populace.draw import Draw
from populace.envs import views
from populace.envs.payoff import Payoff, primitives, types, welfare
from populace.envs.payoff.options import PayoffOptions
from populace.errors import PopulaceError, UnknownName
from populace.games import pure
from populace.population import People
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import advance, start

SLOW = {"turns": 5, "questions": {"ambiguous": 0.5}}


def play(options=None, users=60, worlds=4, steps=6, seed=3, ids=None, **agents):
    chosen = PayoffOptions.model_validate(options or {})
    population = types.TypedUsers(users)
    world = Payoff(chosen, population.census)
    players = {}
    for role, default in Payoff.defaults.items():
        spec = agents.get(role, default)
        name, given = (spec, {}) if isinstance(spec, str) else spec
        kind = policies.get(name, within="payoff")
        players[role] = kind(kind.Options.model_validate(given))
    run = start(world, players, population, seed=seed, worlds=worlds if ids is None else ids)
    keep = Keep()
    return world, rollout(world, players, run, steps, keep, check=True), keep


def last(keep, name):
    return keep.series[name][-1]


# ------------------------------------------------------------------------------------------------------- bits


EVERYTHING = {
    "stated": True,
    "conflict": 0.4,
    "harm": {"share": 0.3, "spotted": 0.8},
    "pricing": {"policy": "per_token"},
    "later": {"policy": "subscription"},
    "switch": 3,
}


@pytest.mark.parametrize("assistant", ["cobb-douglas", "rule-product", "fictitious-play", "logit"])
def test_a_world_is_the_same_alone_and_in_a_batch(assistant):
    _, together, kept = play(EVERYTHING, worlds=5, assistant=assistant)
    _, alone, single = play(EVERYTHING, ids=torch.tensor([3]), assistant=assistant)
    for a, b in zip(tree.tensors(alone.state), tree.tensors(tree.take(together.state, torch.tensor([3]))), strict=True):
        assert torch.equal(a.nan_to_num(-9.0), b.nan_to_num(-9.0))
    for name, series in single.series.items():
        for tick, value in enumerate(series):
            assert torch.equal(value.nan_to_num(-9.0), kept.series[name][tick][3:4].nan_to_num(-9.0)), name


def test_a_run_saved_in_mid_turn_goes_on_to_the_same_bits(tmp_path):
    world, run, _ = play(EVERYTHING, worlds=2, steps=2)
    players = {role: policies.get(name, within="payoff")() for role, name in Payoff.defaults.items()}
    half, _ = advance(world, players, run)
    half.save(tmp_path / "run")
    for go in (half, type(half).load(tmp_path / "run")):
        done, _ = advance(world, players, go)
        kept = done if go is half else kept  # noqa: F821
    assert torch.equal(kept.state.ambiguity, done.state.ambiguity)
    assert torch.equal(kept.state.user_welfare.nan_to_num(-1), done.state.user_welfare.nan_to_num(-1))


# --------------------------------------------------------------------------------------------------- mechanism


def test_ambiguity_lowers_the_chance_of_a_right_answer_and_clarifying_raises_it():
    options = PayoffOptions()
    ambiguity = torch.linspace(0, 1, 11)
    for act, words in ((0, 15.0), (2, 57.0)):
        chance = primitives.chance_right(options, ambiguity, torch.full((11,), act), torch.full((11,), words))
        assert (chance.diff() < 0).all()
    after = primitives.after(ambiguity, torch.full((11,), 1))
    direct = torch.zeros(11, dtype=torch.int64)
    before = primitives.chance_right(options, ambiguity, direct, torch.full((11,), 57.0))
    later = primitives.chance_right(options, after, direct, torch.full((11,), 57.0))
    assert (later[1:] > before[1:]).all()
    assert later[0] == before[0]  # nothing was unclear
    # By hand: .95 (1 - e^-1) (1 - .5), for 25 words and half of the question open to misreading.
    chance = primitives.chance_right(options, torch.tensor(0.5), torch.tensor(0), torch.tensor(25.0))
    assert chance.item() == pytest.approx(0.95 * (1 - math.exp(-1)) * 0.5)


def test_a_clear_question_is_answered_rightly_more_often_than_a_vague_one():
    hard = {"questions": {"ambiguous": 1.0}}
    _, _, clear = play(hard, users=3000, user=("always", {"act": "clear"}), assistant=("always", {"act": "both"}))
    _, _, vague = play(hard, users=3000, user=("always", {"act": "vague"}), assistant=("always", {"act": "both"}))
    assert (clear.series["right"][0] > vague.series["right"][0] + 0.15).all()


def test_clarifying_first_beats_answering_at_once_when_questions_are_vague():
    world, run, _ = play({"questions": {"ambiguous": 1.0}}, users=4000, steps=0)
    players = {"user": policies.get("payoff/always")(policies.get("payoff/always").Options(act="vague"))}
    always = policies.get("payoff/always")
    stays = (run.state.kind[..., 2] >= 0).float().mean()  # all seats are there
    assert stays == 1

    def second_turn(first_act):
        players["assistant"] = always(always.Options(act=first_act))
        after, _ = advance(world, players, run)
        after, _ = advance(world, players, after)
        open_ = after.state.turn == 1  # those who stayed
        players["assistant"] = always(always.Options(act="both"))
        final, _ = advance(world, players, after)
        final, _ = advance(world, players, final)
        return (final.state.outcome[open_] == 1).float().mean()

    assert second_turn("clarify") > second_turn("direct") + 0.15


def test_the_expected_game_is_what_playing_gives_on_average():
    options = PayoffOptions(turns=1, noise=0.0, misread=0.0, conflict=0.5, pricing={"policy": "per_call"})
    users = 40_000
    population = types.TypedUsers(users, spread=0.0)
    world = Payoff(options, population.census)
    always = policies.get("payoff/always")
    for ask, row in (("clear", 0), ("vague", 1)):
        for act, column in (("direct", 0), ("both", 2)):
            players = {"user": always(always.Options(act=ask)), "assistant": always(always.Options(act=act))}
            run = start(world, players, population, seed=0, worlds=1)
            truth = world.truth(run.state)[0, :, row, column]
            after, _ = advance(world, players, run)
            after, _ = advance(world, players, after)
            got = torch.stack((after.state.user_welfare, after.state.assistant_welfare), -1)[0]
            error = (got - truth).mean(0)
            # Only the answer is random: standard error of its share times its weight.
            for k, weight in ((0, 0.5), (1, 0.4)):
                assert abs(error[k].item()) < 4 * weight * 0.5 / math.sqrt(users)


def test_no_response_is_worth_nothing_to_both():
    _, run, keep = play({"turns": 1}, assistant="forfeit")
    assert (last(keep, "void") == 1).all()
    assert (run.state.user_welfare == 0).all()


def test_ending_closes_the_conversation_and_worlds_end_when_all_have_asked():
    world, run, keep = play({"questions": {"number": 2}}, user=("always", {"act": "end"}), steps=3)
    assert run.done.all()
    assert (run.state.finished == 2).all()
    assert torch.isnan(last(keep, "user_welfare")).all()
    assert not world.active(run.state).any()


def test_conversations_have_at_most_their_turns():
    _, run, _ = play({"turns": 3, "questions": {"ambiguous": 1.0}}, steps=9, assistant=("always", {"act": "clarify"}))
    assert (run.state.turn < 3).all()


# ----------------------------------------------------------------------------------------------- game classes


def classes(conflict):
    options = PayoffOptions(conflict=conflict)
    kind = types.of(types.TypedUsers(3000).sample(Draw.of(0, torch.arange(2))))
    ambiguity = torch.full(kind.shape[:2], 0.8)
    nothing = torch.zeros_like(ambiguity)
    rates = torch.tensor(options.pricing.rates()).expand(*ambiguity.shape, 6)
    game = primitives.expected_game(options, kind, ambiguity, nothing, nothing, rates)
    return dict(zip(pure.CLASSES, pure.shares(pure.classify(game)).mean(0).tolist(), strict=True))


def test_one_dial_moves_games_from_harmony_over_stag_hunt_to_dilemma():
    free, little, much = classes(0.0), classes(0.3), classes(0.9)
    # Without costs, effort is everyone's own best: all games are harmony, whatever the users.
    assert free["harmony"] == 1.0
    assert max(little, key=little.get) == "stag_hunt"
    assert max(much, key=much.get) == "dilemma"
    # By hand at the mean type: at .9 direct answers to vague questions are the only equilibrium, and a clear question
    # answered at length would be better for both.
    options = PayoffOptions(conflict=0.9)
    mean = torch.tensor(types.MEANS)
    zero = torch.tensor(0.0)
    game = primitives.expected_game(options, mean, torch.tensor(0.8), zero, zero, torch.tensor(options.pricing.rates()))
    assert pure.pure_nash(game).nonzero().tolist() == [[1, 0]]
    assert (game[0, 2] > game[1, 0]).all()


def test_the_share_of_game_classes_is_reported():
    _, _, keep = play({"conflict": 0.9, "questions": {"ambiguous": 1.0}})
    total = sum(last(keep, f"games_{name}") for name in pure.CLASSES)
    assert torch.allclose(total, torch.ones(4))
    assert (last(keep, "games_dilemma") > 0.2).all()


# ----------------------------------------------------------------------------------------------- third parties


def harmful(rule, **options):
    return {
        "turns": 1,
        "accuracy": "logged",
        "noise": 0.0,
        "misread": 0.0,
        "harm": {"share": 1.0, "rule": rule, **options},
    }


def unsafe(rule, assistant, **options):
    _, _, keep = play(harmful(rule, **options), users=200, assistant=assistant)
    return last(keep, "unsafe").mean().item()


def test_the_published_objective_pays_for_compliance():
    # Mean (U, L) of the logs: comply (.668, .406), refuse (.242, .826).
    comply, refuse = (
        welfare.cobb_douglas(torch.tensor(u), torch.tensor(a)) for u, a in ((0.668, 0.406), (0.242, 0.826))
    )
    assert round(comply.item(), 3) == 0.521
    assert round(refuse.item(), 3) == 0.447
    # In the logs 95 % of the user-only run's answers to harmful prompts were unsafe, 8 % of the other's;
    # an exact optimiser of either goes all the way.
    assert unsafe("logged", "user-only") == 1.0
    assert unsafe("logged", "assistant-only") == 0.0


def test_harm_as_a_term_or_a_constraint_mends_it():
    assert unsafe("logged", ("user-only", {"harm_weight": 1.0})) == 0.0
    assert unsafe("logged", ("user-only", {"most_harm": 0.5})) == 0.0
    # The later rule mends it for the product by a safe alternative that contents both.
    assert unsafe("head", "cobb-douglas") == 0.0
    assert unsafe("head", "user-only") == 1.0  # but complying is still as good for the user


def test_rewards_carry_the_third_party():
    def paid(**harm):
        options = PayoffOptions.model_validate(harmful("logged", **harm) | {"reward": "mutual"})
        population = types.TypedUsers(20)
        world = Payoff(options, population.census)
        always = policies.get("payoff/always")
        players = {"user": always(always.Options(act="clear")), "assistant": always(always.Options(act="both"))}
        run = start(world, players, population, seed=0, worlds=1)
        run, _ = advance(world, players, run)
        return advance(world, players, run)[1].rewards["assistant"]

    plain = paid()
    assert (plain > 0).all()
    assert torch.allclose(paid(weight=0.3), plain - 0.3)
    assert (paid(constraint=True) == 0).all()


# ---------------------------------------------------------------------------------------------------- pricing


def test_prices_switch_in_mid_episode():
    options = {"pricing": {"policy": "free"}, "later": {"policy": "per_call", "call": 0.07}, "switch": 2}
    _, _, keep = play(options, steps=4, user=("always", {"act": "clear"}))
    bills = [series.mean().item() for series in keep.series["bill"]]
    assert bills == pytest.approx([0.0, 0.0, 0.07, 0.07])


def test_the_re_solved_optimum_is_never_worse_than_the_shift():
    _, _, keep = play({"pricing": {"policy": "per_token", "word_out": 1.5}, "conflict": 0.3}, users=500)
    for exact, steered in zip(keep.series["optimum_welfare"], keep.series["shift_welfare"], strict=True):
        assert (exact >= steered - 1e-6).all()
    # The shift picks the whole game's cell and takes the user's part in it for granted: somewhere that costs.
    assert (last(keep, "optimum_welfare") > last(keep, "shift_welfare") + 0.005).all()
    assert (last(keep, "shift_agrees") < 1).all()


def test_user_and_provider_see_the_same_bill_from_two_sides():
    priced = {"pricing": {"policy": "per_call", "call": 0.1, "cost_word": 0.0, "cost_call": 0.0}, "turns": 1}
    free = {"pricing": {"cost_word": 0.0, "cost_call": 0.0}, "turns": 1}
    agents = {"user": ("always", {"act": "clear"}), "assistant": ("always", {"act": "both"})}
    _, dear, keep = play(priced, steps=1, **agents)
    _, plain, _ = play(free, steps=1, **agents)
    sensitivity = dear.state.kind[..., 4]
    assert torch.allclose(plain.state.user_welfare - dear.state.user_welfare, 0.1 * sensitivity, atol=1e-6)
    assert torch.allclose(dear.state.assistant_welfare - plain.state.assistant_welfare, torch.tensor(0.1), atol=1e-6)
    assert torch.allclose(last(keep, "margin"), torch.tensor(0.1))


# ------------------------------------------------------------------------------------------------ stated games


def test_a_copying_assistant_is_caught():
    _, _, keep = play({"stated": True, "turns": 1}, assistant=("always", {"copy_example": True}))
    assert (last(keep, "stated_copied") == 1).all()
    assert (last(keep, "stated_distinct") == 1).all()
    _, _, own = play({"stated": True, "turns": 1}, assistant="best-response")
    assert (last(own, "stated_copied") == 0).all()
    assert (last(own, "stated_distinct") > 3).all()
    assert (last(own, "stated_error") < last(keep, "stated_error")).all()


def test_the_stated_bonus_is_exact_at_ten_per_cent():
    stated = torch.zeros(1, 1, 2, 3, 2, dtype=torch.float64)
    stated[..., 0], stated[..., 1] = 1.0, 0.9  # exactly 10 % apart: differs, but not by more
    assert welfare.payoff_bonus(stated).item() == 0.5


# ------------------------------------------------------------------------------------------------- wrong input


def test_mistakes_are_told_before_anything_runs():
    with pytest.raises(UnknownName, match="clarify"):
        play(assistant=("always", {"act": "clarfy"}))
    for options, text in (
        ({"switch": 3}, "later, switch"),
        ({"harm": {"constraint": True}}, "harm.share"),
        ({"questions": {"high": [0.9, 0.2]}}, "questions.high"),
    ):
        with pytest.raises(ValueError, match=text):
            PayoffOptions.model_validate(options)
    people = People(
        torch.zeros(1, 2, 0), torch.zeros(1, 2, dtype=torch.int64), {"patience": torch.tensor([[0.5, 1.5]])}
    )
    with pytest.raises(PopulaceError, match=r"user 1 of world 0: patience is 1\.5"):
        types.of(people)
    with pytest.raises(PopulaceError, match="user 0 of world 0: typing_cost is nan"):
        types.of(dataclasses.replace(people, traits={"typing_cost": torch.tensor([[math.nan, 1.0]])}))


def test_policies_see_observations_only():
    for name in ("cobb-douglas", "rule-product", "best-response", "logit", "tit-for-tat", "fictitious-play"):
        assert not policies.get(name, within="payoff").privileged
    world, run, _ = play()
    private = {f.name for f in world.role("assistant").sees if f.private}
    assert private == {"ambiguity", "truth"}


@pytest.mark.parametrize("name", ["populace/payoff-v0", "populace/matrix-v0"])
def test_vector_environments_pass_the_strict_check(name):
    options = {"stated": True, "harm": {"share": 0.3}} if "payoff" in name else {"game": "chicken"}
    views.check_vector_env(lambda n: views.vector_env(name, num_envs=n, users=4, options=options, max_cycles=6))
