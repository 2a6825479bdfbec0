"""Every prompt of every seat, printed as a model sees it: the pages of docs/prompts, made from the worlds by a command.

    populace prompts --out docs/prompts

writes one page per world; a test holds that the pages are up to date. A world is played by its scripts with a fixed
seed, and for every role, phase and face one seat is shown: its messages, and the reply that its script would write.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from populace.agents.llm.interpret.interpreted import Interpreted
from populace.agents.llm.interpret.options import InterpreterOptions
from populace.agents.llm.seats.field_face import FieldsDialogue
from populace.agents.users import PopulationSpec, SpecPopulation
from populace.builder import Built, build, world_class
from populace.dialogue import Chat, Dialogue, Speaks, Writes, usable
from populace.errors import PopulaceError
from populace.manifest import short_name
from populace.observation import Observation
from populace.policy import Actions
from populace.run import advance, see, start
from populace.wordings import Worded

SEED, USERS, TICKS = 3, 4, 3


@dataclass(frozen=True)
class Setting:
    """A way in which a world is set up for its page.

    Attributes:
        title: What is special about it.
        options: Of the world.
        population: As in a scenario; None for the world's own.
    """

    title: str
    options: Mapping[str, object]
    population: Mapping[str, object] | None = None


_STORE = ["offer", "delegate", "search", "message", "decide", "audit"]
_SELLERS = ({"name": "Pia"}, {"name": "Otto", "loyalty": 0.3, "contract": {"commission": 0.1}})
_CENTURY = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
_TWO = {"values": {"names": _CENTURY}, "segments": {"young": {"share": 0.5}, "old": {"share": 0.5}}}
_SURVEY = {"source": "questions", "questions": 6}
_GAMES = ("contract", "cheap-talk", "delegation-cap", "lemons", "signalling", "screening", "audit", "reputation")
SETTINGS: dict[str, tuple[Setting, ...]] = {
    "populace/agency-v0": tuple(
        Setting(f"The game {game}{', with talk' if talk else ''}", {"game": game, "talk": talk})
        for game in _GAMES
        for talk in ((False, True) if game == "contract" else (False,))
    ),
    "populace/coevolution-v0": (
        Setting("Without words (matter is not set)", {}),
        Setting("Without words, two audiences", {"audience": "segment"}, _TWO),
        Setting("With words (matter: statements)",
                {"matter": "statements", "questionnaire": {"loadings": "statements", "asked": 4}}),
        Setting("With words, items of several values and two audiences",
                {"matter": "statements", "audience": "segment", "questionnaire": {"asked": 4}}, _TWO),
        Setting("With words, nineteen values and nobody who listens",
                {"matter": "statements", "protocol": "follow", "history": {"series": "walk", "anchor": "people"},
                 "questionnaire": {"loadings": "statements", "asked": 4, "beta": 1.5}},
                {"values": {"system": "progressgym"}}),
    ),
    "populace/culture-v0": (
        Setting("By default, with two questions", {"asked": 2}),
        Setting("Two layers and a round of exposure",
                {"asked": 2, "rounds": 1, "layers": [{"name": "neighbours"}, {"name": "work"}]}),
        Setting("With words (matter: survey)", {"matter": "survey", "asked": 1, "survey": _SURVEY}),
        Setting("With words, two questions, two layers and a round of exposure",
                {"matter": "survey", "asked": 2, "rounds": 1, "order": "shuffled", "survey": _SURVEY,
                 "layers": [{"name": "neighbours"}, {"name": "work"}]}),
    ),
    "populace/drift-v0": (
        Setting("Without words (matter is not set)", {"audit_budget": 0.25}),
        Setting("With words (matter: claims)", {"matter": "claims", "audit_budget": 0.25}),
    ),
    "populace/lockin-v0": (
        Setting("Without words (matter is not set)", {}),
        Setting("With words (matter: quantities)", {"matter": "quantities"}),
    ),
    "populace/matrix-v0": (
        Setting("By default", {}),
        Setting("With talk", {"talk": True, "matching": "pairs"}),
        Setting("With everybody at once", {"matching": "everyone"}),
    ),
    "populace/payoff-v0": (
        Setting("Without words (matter is not set)", {}),
        Setting("With words, in four tags", {"matter": "questions", "turns": 3}),
        Setting("With words, plainly", {"matter": "questions", "turns": 3, "form": "plain"}),
    ),
    "populace/shopping-v0": (
        Setting("Without words (matter is not set)", {"catalogue": "tin-men-loyalty", "phases": _STORE,
                                                      "providers": _SELLERS}),
        Setting("With words (matter: products), one assistant", {"matter": "products", "phases": ["message", "decide"],
                                                                 "conditions": ["both", "user-only"], "shelf": 4}),
        Setting("With words, several assistants, sellers and an auditor",
                {"matter": "products", "phases": _STORE, "providers": _SELLERS, "describe": True, "shelf": 4}),
    ),
}  # fmt: skip
"""World id -> how it is set up; worlds that are not named are shown with their default options."""

FACES = {"labels": "In the world's words", "free": "In free text", "fields": "By fields"}
WHO = {"system": "System", "user": "User", "assistant": "Assistant"}


@dataclass(frozen=True)
class Shown:
    """One prompt.

    Attributes:
        role: Who is asked.
        phase: When.
        face: `labels` (the world's own words), `free` (free text) or `fields` (every field).
        tick: At which tick, from 1.
        chat: What is asked.
        reply: What the script on the seat would write, or None where acts cannot be put into words.
    """

    role: str
    phase: str
    face: str
    tick: int
    chat: Chat
    reply: str | None


def prompts(world: str, setting: Setting, language: str | None = None) -> list[Shown]:
    """For every role, phase and face one prompt of the first tick, and of the world's own words one of the last."""
    built = _built(world, setting, language)
    stage, policies = built.world, built.policies
    run, found = start(stage, policies, built.population, seed=SEED, worlds=1), list[Shown]()
    for step in range(TICKS * len(stage.phases)):
        tick, phase = divmod(step, len(stage.phases))
        memory, given = dict(run.memory), {}
        for role in stage.acting[stage.phases[phase]]:
            policy, draw = policies[role.name], run.draw().scope(f"act/{role.name}")
            actions, memory[role.name] = policy.act(see(stage, run, role, policy.privileged), memory[role.name], draw)
            if policy.speaks or not role.only_speaks(stage.phases[phase]):
                given[role.name] = actions
            observation = see(stage, run, role)
            if tick == 0:
                found += _faces(observation, actions)
            elif tick == TICKS - 1:
                found += _of("labels", observation.dialogue(), observation, actions, tick)
        run, _ = advance(stage, policies, replace(run, memory=memory), given)
    order = {place: k for k, place in enumerate(dict.fromkeys((s.role, s.phase) for s in found))}
    return sorted(found, key=lambda s: (order[s.role, s.phase], ("labels", "free", "fields").index(s.face)))


def _built(world: str, setting: Setting, language: str | None = None) -> Built:
    given = setting.population
    people = None if given is None else SpecPopulation(PopulationSpec.model_validate({"size": USERS, **given}))
    spoken = {} if language is None else {"language": language}
    return build(world, options={**setting.options, **spoken}, users=USERS, population=people)


def _faces(observation: Observation, actions: Actions) -> Iterator[Shown]:
    own: Dialogue | None = observation.dialogue()
    role = observation.role.name
    speaks: object = own  # a dialogue of a world may be more than its protocol says
    yield from _of("labels", own, observation, actions, 0)
    if own is not None and isinstance(speaks, Speaks) and speaks.free(role) is not None:
        yield from _of("free", Interpreted.of(InterpreterOptions(rules={}), own, role), observation, actions, 0)
    yield from _of("fields", FieldsDialogue(), observation, actions, 0)


def _of(face: str, dialogue: Dialogue | None, observation: Observation, actions: Actions, tick: int) -> Iterator[Shown]:
    """The prompt of the first seat that is asked; at the last tick of the last, which may be told other things."""
    chats = [] if dialogue is None else list(dialogue.say(observation))
    present = observation.present
    chats = [chat for chat in chats if present is None or bool(present[chat.world, chat.seat])]
    if dialogue is None or not chats:
        return
    chat = chats[-1 if tick else 0]
    kind = actions.get("kind")
    legal = kind is None or bool(usable(kind[chat.world, chat.seat]))
    written = dialogue.write(observation, [chat], actions)[0] if isinstance(dialogue, Writes) and legal else None
    yield Shown(observation.role.name, observation.phase, face, tick + 1, chat, written)


def page(world: str, language: str | None = None) -> str:
    """All prompts of a world, by its id or `module:Class`, in Markdown.

    Args:
        world: The world.
        language: A tag or the path of a table of wordings; None for the world's default.

    Raises:
        PopulaceError: There is no such language. The page says where there is nothing to talk about in it (`matter`).
    """
    world_id = world_class(world).id
    lines = [
        f"# Prompts of the world {short_name(world_id)}",
        "",
        "This page is made by `populace prompts --out docs/prompts`. It shows what a language model is asked on each "
        f"seat, and what the script on that seat would reply, in a society of {USERS} users with seed {SEED}. "
        "Lists of options are shown to each seat in an order of its own.",
    ]
    for setting in SETTINGS.get(world_id, (Setting("By default", {}),)):
        lines += ["", f"## {setting.title}"]
        if setting.options:
            lines += [
                "",
                f"Options: {', '.join(f'`{name}: {json.dumps(value)}`' for name, value in setting.options.items())}",
            ]
        try:
            found = prompts(world, setting, language)
        except PopulaceError as error:
            if language is None or not str(error).startswith("matter:"):
                raise
            lines += ["", f"This is not shown: {error}."]
            continue
        for (role, phase), some in groupby(found, key=lambda s: (s.role, s.phase)):
            lines += ["", f"### {role}, {phase}"]
            for shown in some:
                lines += ["", f"#### {FACES[shown.face]}, tick {shown.tick}", "", *_chat(shown)]
    return "\n".join(lines) + "\n"


def _chat(shown: Shown) -> Iterator[str]:
    """The messages of a chat, what a reply is held to, and the script's reply, as quoted blocks."""
    for who, text in shown.chat.messages:
        yield from (f"{WHO[who]}:", "", *_block(text))
    if shown.reply is not None:
        yield from ("The script replies:", "", *_block(shown.reply))


def _block(text: str) -> Iterator[str]:
    """A block in a fence that the text does not hold, with an empty line after it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    yield from (f"{fence}text", *text.split("\n"), fence, "")


def names(world: str, language: str | None = None) -> str:
    """The names of a world's prompts, each with what its template may use, in lines.

    Raises:
        PopulaceError: Its prompts do not come from a table.
    """
    setting = SETTINGS.get(world_class(world).id, (Setting("By default", {}),))[0]
    face: object = _built(world, setting, language).world.dialogue()
    if not isinstance(face, Worded):
        raise PopulaceError(f"the prompts of {world} do not come from a table of wordings")
    table = face.wordings
    head = f"# {table.package}, language {table.language}, version {table.version}, sha256 {table.digest}"
    return (
        "\n".join([head, *(f"{name}: {', '.join(sorted(table.knows(name))) or '-'}" for name in table.prompts)]) + "\n"
    )


def short(world: str) -> str:
    """The name of a world's page, by its id or `module:Class`."""
    return short_name(world_class(world).id)
