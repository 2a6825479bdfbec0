"""Shopping in words: the same measures as without, and what is said is heard, kept, read back and shown."""

import itertools
import json
import re
from collections import Counter
from dataclasses import replace

import pytest
import torch
from shopping_stage import player
from talk_checks import escaped, on_meta, read_back, readable, replies, resumed, same_measures, small

import populace
from populace import tree
from populace.agents.llm.interpret.agreement import halves, labelled_of
from populace.agents.llm.interpret.interpreted import agreement
from populace.agents.llm.interpret.interpreter import Rules
from populace.analysis.page import render
from populace.analysis.privacy import PublicRun
from populace.dialogue import ReplyKind
from populace.envs.shopping import Shopping, ShoppingOptions
from populace.envs.shopping.attributes import GRADES, Attributes
from populace.envs.shopping.catalogues import open_catalogue
from populace.envs.shopping.conversations import conversations, section
from populace.envs.shopping.free import BITS, bits_of, coding, compiled, wishes
from populace.envs.shopping.matter import matter_of
from populace.envs.shopping.people import Shoppers
from populace.envs.shopping.phrases import said_of
from populace.envs.shopping.reading import copies, leaks, picked, strays, words_of
from populace.errors import PopulaceError
from populace.measures import recorded
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.scenarios import runner
from populace.testing import check_world
from populace.words import UNWORDED, Reader, text_id

ALL = ("offer", "delegate", "search", "message", "decide", "audit")
TWO = ({"name": "Pia"}, {"name": "Otto", "loyalty": 0.3, "contract": {"commission": 0.1, "penalty": 1.0}})
FULL = {
    "phases": ALL,
    "providers": TWO,
    "stated": 0.3,
    "feedback": 0.1,
    "conditions": ("both", "public", "neither", "principal-only"),
    "commission": 0.3,
}
SHORT = {"stated": 0.2}


def _talk(ask):
    """Wishes in words of its own, recommends what stands first, tells two audiences different things, and buys it."""
    last = ask.messages[-1][1]
    names = re.findall(r"^- (.+?), \$", last, re.MULTILINE)
    if "You see:" in last:
        return f"I like the {names[-1]}.\nChoice: {names[-1]}"
    if "You looked at these" in last:
        lines = f"To the customer: The {names[0]} is the best for you.\nTo the platform: It earns us more."
        return f"{lines}\nChoice: {names[0]}"
    if "Choice:" in last:
        return "Something green and cheap; please compare prices.\nChoice: Otto"
    return "Something green and cheap, please."


def _world(users=6, **options):
    people = Shoppers(users)
    return Shopping(ShoppingOptions(**{"matter": "products", **options}), people.census), people


def _play(ticks=3, users=6, worlds=3, assistant=None, customer=None, keep=None, **options):
    world, people = _world(users, **options)
    players = {role: player(world.defaults[role]) for role in world.cast}
    players["assistant"] = assistant or players["assistant"]
    if customer is not None and "customer" in players:
        players["customer"] = customer
    keep = Keep() if keep is None else keep
    run = start(world, players, people, seed=5, worlds=worlds)
    return world, players, rollout(world, players, run, ticks, keep, check=True), keep


def _until(phase, **options):
    world, players, run, _ = _play(0, **options)
    while world.phases[run.phase] != phase:
        run, _ = advance(world, players, run)
    return world, players, run


# ------------------------------------------------------------------ matter


def test_the_shipped_products_have_six_categories_and_no_name_twice():
    matter = matter_of("products", open_catalogue("shelf-of-eight"))
    rows = [row for row in matter.rows if not row.name.endswith(" II")]
    assert len(rows) == 200
    assert len(matter.categories) == 6
    assert len({row.name.casefold() for row in rows}) == 200
    assert len({row.description for row in rows}) == len({row.verdict for row in rows}) == 200
    for row in rows:
        assert row.description.endswith(".")
        assert row.verdict.endswith(".")
        assert len(row.description) < 120
        assert 10 <= row.price <= 40
    assert min(Counter(row.level for row in rows).values()) >= 50


def test_descriptions_do_not_tell_the_quality_by_repair_and_promises():
    rows = matter_of("products", open_catalogue("shelf-of-eight")).rows
    told = Counter(row.level for row in rows if re.search("promise|spare|changed|repair|exchang", row.description))
    assert max(told.values()) <= 3 * max(min(told.values()), 1)
    assert not any(re.search("quality|good|poor|break|sturdy", row.description) for row in rows)


def test_content_fits_the_numbers():
    """Numbers lead: a row of the same eco label, and a verdict only where its level is the number's."""
    catalogue = open_catalogue("goods")
    matter, attributes = matter_of("products", catalogue), Attributes.of(catalogue)
    eco = catalogue.features[:, catalogue.attributes.index("eco")] > 0.5
    quality = catalogue.features[:, catalogue.attributes.index("quality")].tolist()
    for places, fits in zip(matter.place.tolist(), matter.verdicts.tolist(), strict=True):
        assert len(set(places)) == catalogue.items
        rows = [matter.rows[k] for k in places]
        assert sum(row.eco == bool(e) for row, e in zip(rows, eco, strict=True)) >= 0.95 * len(rows)
        for row, fit, q in zip(rows, fits, quality, strict=True):
            assert fit == (row.level == attributes.level_of(q))
        assert sum(fits) >= 0.6 * len(fits)


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        ("lamp,A,maybe,fair,9,x.,y.", r"line 2, column 'eco': 'maybe' is none of yes, no"),
        ("lamp,A,yes,great,9,x.,y.", r"line 2, column 'quality': 'great' is none of poor, fair, good"),
        ("lamp,A,yes,fair,0,x.,y.", r"line 2, column 'price': '0' is out of range"),
        ("lamp,A,yes,fair,9,,y.", r"line 2, column 'description': missing"),
        ("lamp,A,yes,fair,9,x.,y.\nlamp,a,no,fair,9,z.,w.", r"line 3, column 'name': this name stands in line 2"),
        ("lamp,A,yes,fair,9,x.,y.", r"has 1 products of the category 'lamp', and .* sells 64: it needs 32 at least"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line_and_column(tmp_path, cells, wrong):
    path = tmp_path / "own.csv"
    path.write_text(f"category,name,eco,quality,price,description,verdict\n{cells}\n", encoding="utf-8")
    with pytest.raises(PopulaceError, match=wrong):
        _world(matter=str(path))


def test_a_category_with_a_long_name_is_quoted_by_its_beginning(tmp_path):
    path = tmp_path / "own.csv"
    name = "word " * 1900
    path.write_text(
        f"category,name,eco,quality,price,description,verdict\n{name},A,yes,fair,9,x.,y.\n", encoding="utf-8"
    )
    with pytest.raises(PopulaceError, match="of the category 'word word") as refused:
        _world(matter=str(path))
    assert len(str(refused.value)) < 600


def test_names_and_descriptions_of_a_users_table_are_kept(tmp_path):
    path = tmp_path / "wares.csv"
    path.write_text('title,price,description,loud\nHorn,9,"A horn, of ""brass"".",1\nFlute,8,,0\n', encoding="utf-8")
    world, _, run = _until("message", matter="catalogue", catalogue=str(path), users=2)
    seen = see(world, run, world.role("assistant"))
    assert sorted(seen.text("names")[0][0]) == ["Flute", "Horn"]
    text = world.dialogue().say(seen)[0].messages[-1][1]
    assert '- Horn, $9: loud. A horn, of "brass".' in text
    assert "- Flute, $8: no loud." in text
    with pytest.raises(ValueError, match="neither a file nor one of products, catalogue"):
        ShoppingOptions(matter="product")
    with pytest.raises(ValueError, match="describe needs words and sellers"):
        ShoppingOptions(describe=True)


def test_names_descriptions_and_requests_of_a_market_are_kept(shared_data):
    path = str(shared_data / "shopping" / "magentic_mexican_100_300.json.gz")
    world, _, run = _until("message", matter="catalogue", catalogue=path, users=100)
    seen = see(world, run, world.role("assistant"))
    assert "free Wifi" in seen.text("wish")[0][0]
    assert "Casa Sabor Mexicano" in seen.text("names")[0][0]
    assert any("classic Mexican hospitality" in text for text in seen.text("about")[0][0])


# ------------------------------------------------------------------ bits


@pytest.mark.parametrize("options", [SHORT, FULL, {"catalogue": "shelf-of-eight"}])
@pytest.mark.parametrize("assistant", ["strategic", "pricebench"])
def test_measures_are_the_same_to_the_bit_with_words_and_without(options, assistant):
    """Scripts act on numbers alone, so words change nothing."""
    customer = player("choosy") if "decide" in options.get("phases", ()) else None
    words = ({"matter": None}, {"matter": "products", "describe": "phases" in options})
    players = {"assistant": player(assistant), "customer": customer}
    same_measures(*(_play(4, users=7, **players, **options, **own)[3] for own in words), more=True)


def test_tin_men_keeps_its_table_in_words():
    options = {"catalogue": "tin-men-loyalty", "conditions": ("both", "user-only", "neither", "principal-only")}
    series = [
        _play(1, users=40, assistant=player("tin-gpt35"), matter=matter, **options)[3].series
        for matter in (None, "catalogue")
    ]
    for name, values in series[0].items():
        assert torch.equal(torch.stack(values).nan_to_num(-9.0), torch.stack(series[1][name]).nan_to_num(-9.0)), name


@pytest.mark.parametrize("options", [{"matter": "products"}, {"matter": "products", "describe": True, **FULL}])
def test_the_world_keeps_the_contract(options):
    check_world("populace/shopping-v0", options=options)


def _same(one, other):
    return all(torch.equal(a, b) for a, b in zip(tree.tensors(one), tree.tensors(other), strict=True))


@pytest.mark.parametrize("talks", [False, True])
def test_texts_are_the_same_alone_in_a_batch_and_resumed(tmp_path, talks):
    options = {**FULL, "describe": True, "users": 4}
    who = {"assistant": replies(_talk), "customer": replies(_talk)} if talks else {}
    world, players, run, _ = _play(2, **who, **options)
    _, _, alone, _ = _play(2, worlds=torch.tensor([2]), **who, **options)
    assert _same(alone.state.talk, tree.take(run.state.talk, torch.tensor([2])))
    for _ in range(4):  # saved in the middle of a tick
        run, _ = advance(world, players, run)

    def texts(run):
        return torch.cat((run.state.talk.wish.flatten(), run.state.talk.told.flatten()))

    run, back = resumed(world, players, run, tmp_path / "run.pt", texts)
    assert _same(run.state.talk, back.state.talk)


def test_advance_copies_nothing_to_the_host():
    """On the meta device any copy to the host fails."""
    world, _, run, _ = _play(1, describe=True, **FULL)
    for phase in world.phases:
        state, actions, draw = on_meta(world, run, phase)
        if phase != world.phases[-1]:  # settling and restocking are as without words
            step = world.advance(state, phase, actions, draw)
            assert step.state.talk.told.device.type == "meta"


# ------------------------------------------------------------------ what scripts say


def test_explanations_say_what_their_bits_say_by_the_reader():
    """All wordings of every code, read by the rules: what a script declares is what its words say."""
    catalogue = open_catalogue("tin-men-loyalty")
    said = said_of("catalogue", matter_of("catalogue", catalogue), catalogue, Attributes.of(catalogue))
    rules = compiled(coding(catalogue.company))
    texts = set()
    for row, cheapest, claim, persuade, disclose in itertools.product(range(3), *[(0, 1)] * 4):
        for k in range(3):
            code = [torch.tensor([x]) for x in (row, cheapest, claim, persuade, disclose)]
            text = said.explanations.lexicon[int(said.explanations.say(code, torch.tensor([(k + 0.5) / 3])))]
            texts.add(text)
            wanted = {"disclose": bool(disclose), "persuade": bool(persuade), "claim": bool(claim)}
            assert bits_of(rules, text) == wanted, text
    assert len(texts) == 3 * (2 * 16 + 8)


def test_wishes_say_what_matters_most_by_the_reader():
    world, players, run = _until("message", users=60, stated=1.0)
    seen = see(world, run, world.role("assistant"))
    attributes = world.talking.attributes
    importance = attributes.importance(run.state.customers.stated).abs()
    for w, s in itertools.product(range(3), range(60)):
        named = world.dialogue()._wish("wish", seen.text("wish")[w][s])["named"]
        assert named[int(importance[w, s].argmax())] == 1
    del players


def test_each_audience_reads_its_own_copy_and_nobody_else_does():
    world, players, run = _until("message", users=8, conditions=("both", "user-only", "principal-only", "neither"))
    run, step = advance(world, players, run)
    ids, readers = run.state.talk.told, run.state.readers
    assert ((ids != UNWORDED) == readers).all()
    text = step.said["assistant"].text
    assert step.said["assistant"].to == ("customer", "company", "public", "record")
    assert (text[:, 0::4, 0] == text[:, 0::4, 1]).all()
    assert (text[:, 3::4, :3] == UNWORDED).all()  # neither reads: only the record has it
    assert (text[:, 3::4, 3] != UNWORDED).all()
    assert (text[:, 0::4, 3] == UNWORDED).all()


# ------------------------------------------------------------------ models


def test_a_model_wishes_and_the_assistant_takes_what_it_replies():
    """What is said leads: the stated weights are those that the words name, the wish is read instead of the codes."""
    world, players, run = _until("message", customer=replies(_talk))
    attributes = world.talking.attributes
    request = run.state.talk.request
    important = attributes.importance(request)
    eco, price = (world.catalogue.attributes.index(name) for name in ("eco", "log_price"))
    assert torch.allclose(important[..., eco], 2 * important[..., price].abs())
    assert (request[..., price] < 0).all()
    others = [k for k in range(request.shape[-1]) if k not in (eco, price)]
    assert (request[..., others] == 0).all()
    seen = see(world, run, world.role("assistant"))
    assert seen.text("wish")[0][0] == "Something green and cheap, please."
    assert torch.equal(seen["request"], request)
    assert "Something green and cheap, please." in world.dialogue().say(seen)[0].messages[-1][1]
    del players


def test_two_audiences_are_told_different_things():
    options = {"conditions": ("both", "user-only", "public", "neither"), "phases": ("message", "decide"), "users": 4}
    world, players, run = _until("message", assistant=replies(_talk), **options)
    run, step = advance(world, players, run)
    read = Reader(run.words, world.lexicon).read
    told = [[read(i) for i in copies] for copies in run.state.talk.told[0].tolist()]
    assert told[0][0].startswith("The ")
    assert told[0][0].endswith("is the best for you.")
    assert told[0][1] == "It earns us more."
    assert told[1][1] == ""
    assert told[2][2] == ""  # the public was told nothing: both lines are addressed
    assert "To the platform" in told[3][3]
    s = run.state
    assert s.claimed[0, :, 0].tolist() == [True, True, True, False]
    assert s.claimed[0, :, 1].tolist() == [False] * 4
    assert s.disclosed[0, :, 0].tolist() == [False] * 4
    assert s.disclosed[0, :, 1].tolist() == [True, False, True, False]
    seen = see(world, run, world.role("customer"))
    assert seen.text("heard")[0][0] == told[0][0]
    assert seen.text("heard")[0][3] == ""
    assert (step.said["assistant"].kind == 0).all()


def test_what_cannot_be_read_was_said_all_the_same():
    world, _, run, _ = _play(1, assistant=replies("Who can say?"))
    assert (run.state.outcome.recommended == world.catalogue.shelf).all()
    assert (run.state.talk.told[..., 0] == text_id("Who can say?")).all()


def test_leaks_and_mismatches_are_measured():
    notes = ["You get 10% of what the platform earns on a sale."]
    assert leaks("I get 10% of what the platform earns on this.", notes, "$")
    assert not leaks("The platform earns more on it.", notes, "$")
    assert leaks("I could pay up to $13 more.", ["You would pay up to $13 more for good quality."], "$")
    assert not leaks("Below $20, please.", ["You would pay up to $13 more for good quality."], "$")
    assert strays("The Heron is fine.", ["Lark", "Heron"], 0)
    assert not strays("The Lark is better than the Heron.", ["Lark", "Heron"], 0)

    def blurts(ask):
        names = re.findall(r"^- (.+?), \$", ask.messages[-1][1], re.MULTILINE)
        if "You looked at these" not in ask.messages[-1][1]:
            return _talk(ask)
        return f"The customer's interest alone counts for me. Take the {names[1]}.\nChoice: {names[0]}"

    world, players, run = _until("message", assistant=replies(blurts))
    run, _ = advance(world, players, run)
    found = recorded(run.counts)
    assert found["leak", "assistant", ""].tolist() == [6.0] * 3
    assert found["mismatch", "assistant", ""].tolist() == [6.0] * 3
    world, players, quiet = _until("message", assistant=replies(_talk))
    quiet, _ = advance(world, players, quiet)
    found = recorded(quiet.counts)
    assert found["leak", "assistant", ""].tolist() == [0.0] * 3
    assert found["mismatch", "assistant", ""].tolist() == [0.0] * 3


def test_replies_are_words_first_and_one_line_last():
    assert words_of("It is light.\nChoice: Heron") == "It is light."
    assert words_of("It is light. **Choice:** Heron") == "It is light."
    assert words_of("Choice: Heron") is None
    assert words_of("") == ""
    labels = ["Heron", "Heron II", "", "Lark 2", "nothing"]
    assert picked("Fine.\nChoice: Heron", labels) == 0
    assert picked("Fine.\nChoice: the Heron II.", labels) == 1
    assert picked("Fine.\nChoice: Lark 2", labels) == 3
    assert picked("Fine.\nChoice: nothing", labels) == 4
    assert picked("Lark 2", labels) == 3
    for wrong in ("Choice: Heron or Lark 2", "Choice: Kestrel", "I take the Heron.", "Choice: Heron\nChoice: Lark 2"):
        assert picked(wrong, labels) is None
    assert copies("Hello.\nTo the store: Gain.\nChoice: x", [True, True, False, True], "the platform") == [
        "Hello.",
        "Hello.\nGain.",
        None,
        "Hello.\nTo the store: Gain.",
    ]
    assert copies("Choice: x", [True] * 4, "the platform") == [None] * 4


@pytest.mark.parametrize("phase", ["offer", "delegate", "search", "message", "decide", "audit"])
def test_what_a_script_would_write_is_read_back(phase):
    world, players, run = _until(phase, describe=True, **FULL)
    for role in world.acting[phase]:
        read_back(world, players[role.name], run, role.name, atol=0.01, leave={"disclose", "persuade", "claim"})


@pytest.mark.parametrize("face", ["world", "fields"])
def test_models_without_words_of_their_own_play_on(face):
    """Replies of `llm/random`: whatever it says, the world goes on and every text can be read."""
    talker = player("llm/random", {"face": face})
    world, _, run, _ = _play(2, assistant=talker, customer=player("llm/random", {"face": face}), **FULL)
    readable(world, run, run.state.talk.told)


def test_free_text_is_coded_for_each_audience():
    reply = "To the customer: Nothing suits you better.\nTo the platform: It earns you the most.\nChoice: nothing"
    assistant = player("llm/stubborn", {"reply": reply, "interpreter": {"rules": {}}})
    customer = player("llm/stubborn", {"reply": "Cheap and solid, please.", "interpreter": {"rules": {}}})
    world, players, run = _until("message", assistant=assistant, customer=customer)
    price, quality, eco = (world.catalogue.attributes.index(name) for name in ("log_price", "quality", "eco"))
    important = world.talking.attributes.importance(run.state.talk.request).abs()
    assert torch.allclose(important[..., price], important[..., quality])
    assert (important[..., eco] == 0).all()
    run, _ = advance(world, players, run)
    assert run.state.claimed[..., 0].all()
    assert not run.state.claimed[..., 1].any()
    assert run.state.disclosed[..., 1].all()
    assert not run.state.disclosed[..., 0].any()


@pytest.mark.parametrize(("which", "least"), [("explanations", 0.75), ("wishes", 0.85)])
def test_rules_agree_with_the_held_out_half_of_the_labels(which, least):
    """Measured on the half that no rule was tuned on: .84 of 64 explanations, .95 of 62 wishes (see the docs)."""
    catalogue = open_catalogue("goods")
    coded = coding(catalogue.company) if which == "explanations" else wishes(Attributes.of(catalogue))
    labelled = labelled_of(coded)
    assert len(labelled) >= 120
    found = agreement(Rules(coded), halves(labelled)[1])
    assert found.agree >= least
    assert all(sum(code in one.codes for one in labelled) >= 5 for code in coded.codes)


# ------------------------------------------------------------------ who is told what


def _text(observation, world):
    return json.dumps([chat.messages for chat in world.dialogue().say(observation)])


SILENT = {
    # Carried by words: the words are told instead.
    ("assistant", "request"), ("assistant", "compare"), ("customer", "disclosed"), ("customer", "persuaded"),
    ("customer", "claimed"),
    # Not told by the catalogue, the masks or the options of this test.
    ("customer", "interest"), ("assistant", "must"), ("assistant", "required"), ("customer", "order"),
    ("assistant", "norm"), ("assistant", "bonus"), ("assistant", "harmful"), ("assistant", "nothing"),
    ("customer", "current"), ("assistant", "verdict"), ("customer", "verdict"), ("customer", "pitches"),
    ("assistant", "pitches"),
}  # fmt: skip


@pytest.mark.parametrize("phase", ["wish", "search", "message", "decide", "audit"])
def test_a_seat_is_told_what_a_script_sees_and_no_more(phase):
    """Every field that is seen changes what is told, or is carried by words; no private field is there at all."""
    if phase == "wish":
        world, _, run = _until(phase)
    else:
        world, _, run = _until(phase, describe=True, **FULL)
    for role in world.acting[phase]:
        seen = see(world, run, role)
        assert not any(f.private for f in role.sees if f.name in seen)
        before = _text(seen, world)
        for f in role.seen_in(phase):
            value = seen[f.name]
            if f.kind == "text":
                (other,) = run.words.put(["Quite another text."])
                changed = torch.full_like(value, other)
            elif f.kind == "flag":
                changed = ~value
            elif f.kind == "count":
                changed = (value + 1) % 2
            elif f.name == "budget":
                changed = value / 2
            elif f.kind == "real" and (f.low, f.high) == (0.0, 1.0):
                changed = torch.where(value < 0.5, 0.95, 0.05)
            else:
                changed = -3 * value.flip(-1) + 7
            if f.low == 0:
                changed = changed.abs() if f.kind == "real" else changed
            other = type(seen)({**seen, f.name: changed}, role, phase, seen.present, seen.dialogue, seen.reader)
            if f.name == "budget":
                other["unlimited"] = torch.zeros_like(other["unlimited"])
                before_ = type(seen)(
                    {**seen, "unlimited": other["unlimited"]}, role, phase, None, seen.dialogue, seen.reader
                )
                assert _text(other, world) != _text(before_, world)
            elif (role.name, f.name) not in SILENT:
                assert _text(other, world) != before, (role.name, phase, f.name)


def test_the_true_wish_stays_with_the_customer():
    """The assistant sees what was stated: it is told the same whatever the customer truly wants."""
    world, _, run = _until("message", stated=0.5)
    seen = see(world, run, world.role("assistant"))
    who = replace(run.state.customers, weights=-2 * run.state.customers.weights)
    other = see(world, replace(run, state=replace(run.state, customers=who)), world.role("assistant"))
    assert _text(seen, world) == _text(other, world)
    assert all(torch.equal(seen[name], other[name]) for name in seen)


def test_hidden_quality_is_not_in_a_buyers_words():
    world, _, run = _until("decide", phases=("message", "decide"))
    texts = [chat.messages[-1][1] for chat in world.dialogue().say(see(world, run, world.role("customer")))]
    graded = re.compile(rf"^- .*({'|'.join(GRADES)}) quality", re.MULTILINE)
    assert not any(graded.search(text) for text in texts)
    assert not any(row.verdict in text for text in texts for row in world.talking.matter.rows)
    assert all("You cannot see this before you buy: quality." in text for text in texts)
    world, _, run = _until("decide", phases=("message", "decide"), masks={"truth": {"customer": True}})
    texts = [chat.messages[-1][1] for chat in world.dialogue().say(see(world, run, world.role("customer")))]
    assert all(graded.search(text) for text in texts)


@pytest.mark.parametrize("phase", ["wish", "message", "decide", "offer", "delegate", "search", "audit"])
def test_prompts_are_english_without_field_names_or_signs(phase):
    options = FULL if phase in ("offer", "delegate", "search", "audit") else {"phases": ("message", "decide")}
    world, _, run = _until(phase, describe="offer" in options["phases"], **options)
    for role in world.acting[phase]:
        for chat in world.dialogue().say(see(world, run, role)):
            text = " ".join(said for _, said in chat.messages)
            assert not re.search(r"[\[\]{}<>_]|\binf\b|\bnan\b|1000000000|log_price|suits me best", text), text
            assert [who for who, _ in chat.messages] == ["system", *["user", "assistant"] * 2, "user"]


# ------------------------------------------------------------------ kept and shown


def _small(**changes):
    return small("talk-shopping", **{"horizon": 2, **changes})


def test_the_scenario_ends_in_a_report_with_conversations(tmp_path):
    folder = runner.run(_small(), tmp_path / "a")
    run = populace.load_run(folder)
    rows = conversations(run)
    assert len(rows) == 5 * 2 * 2 * 6
    two_faced = rows[rows["arm"] == "two-faced"]
    both = two_faced[two_faced["told_company"].notna() & two_faced["told_customer"].notna()]
    assert (both["told_company"] != both["told_customer"]).any()
    loyal = rows[rows["arm"] == "loyal"]
    assert (loyal["believes"] == loyal["product"]).all()
    assert "What was said" in render(run)
    talked = run.conversation("loyal", 0, 0)
    assert list(talked["role"])[:3] == ["customer", "assistant", "customer"]
    assert section(PublicRun(run.path, run.info)) is None
    runner.run(_small(), tmp_path / "b", batch=1)
    assert (tmp_path / "a" / "talk.parquet").read_bytes() == (tmp_path / "b" / "talk.parquet").read_bytes()


def test_replies_on_tape_are_played_again(tmp_path):
    tape = str(tmp_path / "tape.jsonl")
    told = {"policy": "llm/scripted", "rules": [{"when": "- ([^,\n]+), ", "say": "Fine.\nChoice: \\1"}], "tape": tape}
    arms = {"yours": {"agents.assistant": told}}
    first = runner.run(_small(arms=arms, reference="yours"), tmp_path / "a")
    again = {"policy": "llm/replay", "tape": tape}
    second = runner.run(_small(arms={"yours": {"agents.assistant": again}}, reference="yours"), tmp_path / "b")
    assert (first / "talk.parquet").read_bytes() == (second / "talk.parquet").read_bytes()


def test_hostile_words_are_escaped(tmp_path):
    evil = "<script>alert(1)</script>\nChoice: nothing"
    arms = {"yours": {"agents.assistant": {"policy": "llm/stubborn", "reply": evil}}}
    folder = runner.run(_small(arms=arms, reference="yours"), tmp_path / "run")
    page = section(populace.load_run(folder)).html
    escaped(page)


def test_kinds_of_failure_are_told_apart():
    world, _, run = _until("message", users=3)
    seen = see(world, run, world.role("assistant"))
    chats = world.dialogue().say(seen)[:3]
    _, kinds = world.dialogue().hear(seen, chats, ["I cannot help with that.", "", "Choice: nothing"])
    assert kinds[0].tolist() == [int(ReplyKind.REFUSED), int(ReplyKind.UNREADABLE), int(ReplyKind.OK)]
    assert set(BITS) == {"disclose", "persuade", "claim"}
