"""What was not said is undefined: forfeits are acts in no measure, in any world and role."""

from fnmatch import fnmatchcase

import pytest
import torch

from populace import registry
from populace.acts import given
from populace.analysis import load_run
from populace.analysis.cautions import cautions
from populace.analysis.page import render
from populace.dialogue import ReplyKind
from populace.policy import Policy
from populace.rollout import Keep, rollout
from populace.run import advance, start
from populace.scenarios import load, runner
from populace.testing.tools import AnyLegal, made

PHASES = ["offer", "delegate", "search", "message", "decide", "audit"]
PROVIDERS = [{"name": "one"}, {"name": "two"}]
CONDITIONS = ["both", "principal-only", "user-only", "neither"]
SHOP = {"phases": PHASES, "providers": PROVIDERS, "conditions": CONDITIONS}
CULTURE = {"measures": ["agents", "people", "layers", "budget", "rsa", "regions", "audit"], "asked": 12}
WALK = {"history": {"series": "walk"}}
VARIANTS = [
    ("drift", {"audit_budget": 0.5}),
    ("shopping", SHOP),
    ("payoff", {"harm": {"share": 0.5}, "stated": True}),
    ("coevolution", {"protocol": "follow", **WALK}),
    ("coevolution", {"protocol": "predict", **WALK}),
    ("coevolution", {"protocol": "coevolve", **WALK}),
    ("lockin", {"assistants": 2}),
    ("culture", CULTURE),
    *[("matrix", {"matching": matching}) for matching in ("pairs", "random", "everyone")],
    *[("agency", {"game": game}) for game in ("contract", "cheap-talk", "delegation-cap", "lemons")],
    *[("agency", {"game": game}) for game in ("signalling", "screening", "audit", "reputation")],
]
"""Worlds and options that together measure all that the library's worlds declare of acts."""

SOCIETY = ("history_error", "drift", "velocity", "diversity")
"""Where society stands: it is moved by history, too."""
NOT_OF = {
    # What each number that is left is of: the others' acts, nature, or the file.
    ("drift", "assistant"): ("rating/*", "trust/*", "biased_share", "users", "fined"),
    ("drift", "user"): (
        "*/benign*",
        "*/biased*",
        "*/off_domain*",
        "*/all",
        "mask/*",
        "deception_rate",
        "prudence",
        "over_conservative",
        "honesty",
        "hiding",
        "biased_share",
        "users",
        "fined",
    ),
    ("drift", "auditor"): (
        "*/*",
        "deception_rate",
        "prudence",
        "over_conservative",
        "honesty",
        "hiding",
        "biased_share",
        "users",
    ),
    ("shopping", "assistant"): ("trials/*", "protocol_failure*", "switched", "delegated/*", "hhi/providers"),
    ("shopping", "customer"): (
        "trials/*",
        "protocol_failure*",
        "override*",
        "disclos*",
        "explained/*",
        "persuasion*",
        "concealment_gap",
        "first_shown",
    ),
    ("shopping", "seller"): ("*",),
    ("payoff", "user"): ("void", "games_*", "optimum_welfare", "shift_welfare", "shift_agrees"),
    ("payoff", "assistant"): (
        "void",
        "clear",
        "ended",
        "games_*",
        "optimum_welfare",
        "shift_welfare",
        "shift_agrees",
        "hypervolume*",
    ),
    ("coevolution", "user"): (*SOCIETY, "assistant_error", "cosine", "held_out", "pg_*", "approval"),
    ("coevolution", "assistant"): SOCIETY,
    ("lockin", "assistant"): ("diversity", "human_error"),
    ("culture", "person"): ("*",),
    ("culture", "agent"): (
        "perspective/*",
        "entropy*",
        "no_reference",
        "sentiment",
        "response_*",
        "human_*",
        "people_*",
        "rsa_people*",
        "largest_region",
        "audit/human/*",
        "audit/descending",
    ),
    ("culture", "synthesiser"): (
        "alignment*",
        "social_value",
        "agent_*",
        "human_*",
        "people_*",
        "budget_regret",
        "rsa_*",
        "largest_region",
        "audit/*",
    ),
    ("agency", "customer"): ("theory/*",),
    ("agency", "assistant"): ("theory/*",),
}
"""World and role -> measures that are numbers though that role forfeits all: they say nothing of it."""
OF = {("shopping", "auditor"): ("found", "monitoring_cost")}
"""World and role -> the only measures that are of that role's acts, where that is shorter."""
PANELS = {
    ("drift", "assistant"): ("dishonest",),
    ("drift", "user"): ("rating",),
    ("shopping", "assistant"): ("own_override", "own_regret", "own_utility", "loss*"),
    ("payoff", "assistant"): ("own_*",),
    ("matrix", "player"): ("act", "own_payoff"),
}
"""World and role -> variables of users that are undefined then."""


def roles_of(world, options):
    return [r.name for r in made(f"populace/{world}-v0", options, 4, None)[0].cast.values() if r.phases and r.does]


CASES = [(world, options, role) for world, options in VARIANTS for role in roles_of(world, options)]
# The customer of a reputation only stays until it is cheated: it has nothing to decide, and is asked nothing.
CASES = [case for case in CASES if case != ("agency", {"game": "reputation"}, "customer")]


@pytest.mark.parametrize(("world", "options", "role"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_seat_whose_replies_are_all_invalid_has_no_measure_of_its_acts_and_a_warning(world, options, role, tmp_path):
    source = {
        "world": {"id": f"populace/{world}-v0", **options},
        "worlds": 2,
        "horizon": 2,
        "population": {"size": 8, **({"values": {"names": ["a", "b"]}} if world == "coevolution" else {})},
        "agents": {role: {"policy": "llm/malformed"}},
        "record": {"every": 1, "users": 8, "worlds": 2},
    }
    run = load_run(runner.run(load(source), tmp_path / "run"))
    last = run.steps[(run.steps["step"] == 2) & (run.steps["role"] == "")]
    known = last.dropna(subset=["value"])
    # A customer of agency is asked in one of the two phases of its tick: in the other it has nothing to decide.
    invalid = run.steps.query(f"measure == 'invalid' and role == '{role}' and step > 0")["value"]
    assert (invalid == (0.5 if (world, role) == ("agency", "customer") else 1.0)).all()
    left, own = NOT_OF.get((world, role), ()), OF.get((world, role), ("*",))
    numbers = map(str, known["measure"].unique())
    reads = [m for m in numbers if any(fnmatchcase(m, name) for name in own)]
    reads = [m for m in reads if not any(fnmatchcase(m, name) for name in left)]
    assert not reads, known[known["measure"].isin(reads)]
    panel = run.users[run.users["step"] == 2]
    wanted = PANELS.get((world, role), ())
    columns = [name for name in panel.columns if any(fnmatchcase(name, one) for one in wanted)]
    assert bool(columns) == bool(wanted)
    assert panel[columns].isna().all(axis=None)
    (told,) = cautions(run)
    assert ("50 % of the acts" if (world, role) == ("agency", "customer") else "all of the acts") in told
    assert f"the {role}" in told


def test_the_warning_stands_above_the_answer(tmp_path):
    source = {
        "world": {"id": "populace/drift-v0"},
        "worlds": 2,
        "horizon": 2,
        "population": {"size": 8},
        "agents": {"assistant": {"policy": "llm/malformed"}},
    }
    page = render(load_run(runner.run(load(source), tmp_path / "run")))
    assert page.index("all of the acts of the assistant") < page.index("<h2")


class Some(Policy):
    """Any legal act; every second seat's is marked invalid, with acts that forfeits take the place of."""

    def __init__(self, invalid):
        super().__init__(None)
        self.inner, self.invalid = AnyLegal(), invalid

    def begin(self, role, people, draw):
        return None

    def act(self, observation, memory, draw):
        acts, _ = self.inner.act(observation, None, draw)
        some = next(iter(observation.values()))
        kind = torch.zeros(some.shape[:2], dtype=torch.int8)
        if self.invalid:
            kind[:, 1::2] = int(ReplyKind.UNREADABLE)
        return {**acts, "kind": kind}, None


PAIRED = [
    ("shopping", {"phases": ["message"]}, "assistant", ("override", "first_shown", "best_bought", "persuasion")),
    ("shopping", {"phases": ["message", "decide"]}, "customer", ("regret", "best_bought", "violation/budget")),
    ("payoff", {}, "assistant", ("act_direct", "act_clarify", "words", "right", "user_welfare")),
    ("payoff", {}, "user", ("clear", "ended")),
    ("agency", {"game": "audit"}, "assistant", ("deviates", "utility/assistant")),
    ("culture", {"measures": ["audit"]}, "agent", ("audit/position",)),
]


@pytest.mark.parametrize(("world", "options", "role", "names"), PAIRED, ids=str)
def test_shares_are_of_the_acts_that_were_given(world, options, role, names):
    """Half of the seats forfeit: a measure is then that of the other seats, as if they had been alone."""
    found = {}
    for invalid in (False, True):
        stage, people = made(f"populace/{world}-v0", options, 40, None)
        players = {
            name: Some(invalid)
            if name == role
            else registry.policies.get(stage.defaults.get(name, "random"), within=world)()
            for name in stage.cast
        }
        keep = Keep()
        run = rollout(stage, players, start(stage, players, people, seed=3, worlds=3), 1, keep)
        found[invalid] = keep.series, run
    whole, half = (found[k][0] for k in (False, True))
    assert half["invalid", role, ""][-1].tolist() == pytest.approx([0.5] * 3, abs=0.08)
    for name in names:
        assert half[name][-1].isfinite().all(), name
    # With every second seat of a role silent, a share is a multiple of one over the seats that are left.
    seats = made(f"populace/{world}-v0", options, 40, None)[0].role(role).seats
    left = seats - seats // 2
    for name in [n for n in names if n in ("override", "first_shown", "deviates", "best_bought")]:
        assert torch.allclose((half[name][-1] * left).round(), half[name][-1] * left, atol=1e-4), name
    assert any(not torch.equal(whole[name][-1], half[name][-1]) for name in names)


def test_forfeits_of_the_matrix_are_in_no_cell():
    """Seats 2, 6, ... of pairs forfeit act 0, and the others play act 1: shares are of the pairs that played."""

    class Ones(Policy):
        def __init__(self):
            super().__init__(None)

        def begin(self, role, people, draw):
            return None

        def act(self, observation, memory, draw):
            worlds, seats = next(iter(observation.values())).shape[:2]
            kind = torch.zeros((worlds, seats), dtype=torch.int8)
            kind[:, 2::4] = 1
            return {"act": torch.ones((worlds, seats), dtype=torch.int64), "kind": kind}, None

    for matching in ("pairs", "random", "everyone"):
        stage, people = made("populace/matrix-v0", {"matching": matching}, 16, None)
        keep = Keep()
        rollout(stage, {"player": Ones()}, start(stage, {"player": Ones()}, people, seed=0, worlds=2), 1, keep)
        assert keep.series["share_1"][-1].tolist() == [1.0, 1.0], matching
        assert keep.series["share_0"][-1].tolist() == [0.0, 0.0], matching


def test_a_silent_assistant_moves_nobody_in_coevolution():
    """Society goes the way it goes where nobody is heard at all: a forfeit is no position of 0."""
    ends = {}
    for rate, player in ((0.5, "llm/malformed"), (0.0, "mirror")):
        options = {"protocol": "coevolve", "assistant_rate": rate, "noise": 0.0}
        stage, people = made("populace/coevolution-v0", options, 12, None)
        players = {
            "user": registry.policies.get("sincere", within="coevolution")(),
            "assistant": registry.policies.get(player, within="coevolution")(),
        }
        ends[rate] = rollout(stage, players, start(stage, players, people, seed=0, worlds=2), 3).state.values
    torch.testing.assert_close(ends[0.5], ends[0.0])


def test_people_whose_answers_cannot_be_read_are_not_counted_as_no():
    stage, people = made("populace/coevolution-v0", None, 12, None)
    players = {"user": Some(True), "assistant": registry.policies.get("lifelong", within="coevolution")()}
    run = start(stage, players, people, seed=0, worlds=2)
    run, _ = advance(stage, players, run)
    seen = stage.observe(run.state, "assistant", "advise")
    assert (seen["counts"] == 6).all()
    assert torch.equal((seen["shares"] * 6).round() / 6, seen["shares"])


def test_acts_of_policies_that_tell_no_kinds_are_all_given():
    seats = torch.zeros(2, 3)
    assert given({"act": seats}, seats).all()
    kind = torch.tensor([[0, 1, 0], [2, 0, 0]], dtype=torch.int8)
    assert torch.equal(given({"kind": kind}, seats), kind == 0)
