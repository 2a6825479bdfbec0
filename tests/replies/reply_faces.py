"""Every face of every world, with how its form is written: one question each, two values, and what they come to."""

import json
from dataclasses import dataclass
from functools import cache

from populace import registry
from populace.agents.llm.interpret.interpreted import Interpreted
from populace.agents.llm.interpret.options import InterpreterOptions
from populace.agents.llm.seats.field_face import FieldsDialogue
from populace.dialogue import ReplyKind
from populace.run import advance, see, start
from populace.testing.tools import made


@dataclass(frozen=True)
class Face:
    """One question of a face.

    Attributes:
        name: World, role and what is asked.
        world: Its name.
        role: Who is asked.
        phase: When.
        kind: `label`, `yes`, `number`, `json`, `tags` or `free`.
        form: The whole reply; `@` stands for the value.
        a: A value.
        b: Another.
        field: The field that is read.
        acts: What a and b are read as (place 0 of it where it is a list).
        face: `world`, `fields` or `free`.
        options: Of the world.
    """

    name: str
    world: str
    role: str
    phase: str
    kind: str
    form: str
    a: str
    b: str
    field: str
    acts: tuple[object, object]
    face: str = "world"
    options: str = "{}"

    def whole(self, value: str) -> str:
        return self.form.replace("@", value)

    def hear(self, reply: str):
        """(what is read of the field, kind)."""
        observation, dialogue, chat = asked(self.world, self.role, self.phase, self.face, self.options)
        actions, kinds = dialogue.hear(observation, [chat], [reply])
        found = actions[self.field][chat.world, chat.seat].flatten()[0].item()
        return found, ReplyKind(int(kinds[chat.world, chat.seat]))


@cache
def asked(world, role, phase, face, options):
    stage, people = made(f"populace/{world}-v0", json.loads(options), 4, None)
    names = {who: stage.defaults.get(who, "random") for who in stage.cast}
    players = {who: registry.policies.get(n, within=world)() for who, n in names.items()}
    run = start(stage, players, people, seed=3, worlds=1)
    while stage.phases[run.phase] != phase:
        run, _ = advance(stage, players, run)
    observation = see(stage, run, stage.role(role))
    dialogue = FieldsDialogue() if face == "fields" else observation.dialogue()
    if face == "free":
        dialogue = Interpreted.of(InterpreterOptions(rules={}), dialogue, role)
    return observation, dialogue, dialogue.say(observation)[0]


EVERY = json.dumps(
    {
        "catalogue": "tin-men-loyalty",
        "phases": ["offer", "delegate", "search", "message", "decide", "audit"],
        "providers": [{"name": "ann"}, {"name": "bob"}],
    }
)
GAME = {f"{ask}_{act}": {"LLM": 1.0, "user": 2.5} for ask in ("DQ", "VQ") for act in ("DA", "CQ", "AQ")}
TAGS = (
    f"<thinking>Easy.</thinking>\n<payoff>{json.dumps(GAME)}</payoff>\n<analyze>All alike.</analyze>\n"
    "<response>@</response>"
)
ITEMS = "\n".join(f"{k}: no" for k in range(2, 9))
SHARES = "\n".join(f"{k}: 30%" for k in range(2, 9))
AUDITED = json.dumps({"audit_budget": 0.25})
ASKED = json.dumps({"asked": 2, "survey": {"cultures": ["north", "south"], "options": 4, "questions": 3}})

FACES = (
    Face("shopping: product", "shopping", "assistant", "message", "label", "Explanation: It is cheap.\nChoice: @",
         "1", "2", "product", (0, 1), options=json.dumps({"catalogue": "tin-men-loyalty"})),
    Face("shopping: buy", "shopping", "customer", "decide", "label", "Choice: @", "0", "2", "buy", (2, 1),
         options=EVERY),
    Face("shopping: provider", "shopping", "customer", "delegate", "label", "provider: @\ncompare: yes",
         "bob", "ann", "provider", (1, 0), options=EVERY),
    Face("shopping: compare", "shopping", "customer", "delegate", "yes", "provider: bob\ncompare: @",
         "yes", "no", "compare", (True, False), options=EVERY),
    Face("shopping: factor", "shopping", "seller", "offer", "number", "factor: @", "0.75", "1.5", "factor",
         (0.75, 1.5), options=EVERY),
    Face("shopping: depth", "shopping", "assistant", "search", "number", "depth: @", "2", "1", "depth", (2, 1),
         options=EVERY),
    Face("shopping: rate", "shopping", "auditor", "audit", "number", "rate: @", "0.25", "0.5", "rate", (0.25, 0.5),
         options=EVERY),
    Face("drift: act", "drift", "assistant", "speak", "label", "act: @\nreasoning: differs", "omit", "admit", "act",
         (4, 0)),
    Face("drift: stance", "drift", "assistant", "speak", "label", "act: omit\nreasoning: @", "differs", "none",
         "stance", (2, 0)),
    Face("drift: rating", "drift", "user", "rate", "number", "rating: @", "5.5", "9", "rating", (0.5, 8 / 9)),
    Face("drift: leave", "drift", "user", "rate", "yes", "rating: 7\nleave: @", "yes", "no", "leave", (True, False)),
    Face("drift: priorities", "drift", "auditor", "rate", "list", "@, 1, 2, 4", "8", "3", "rank", (8.0, 3.0),
         options=AUDITED),
    Face("payoff: ask", "payoff", "user", "ask", "label", "@", "vague", "end", "act", (1, 2)),
    Face("payoff: four tags", "payoff", "assistant", "respond", "tags", TAGS, "Which one?", "It is Paris. Or is it?",
         "act", (1, 2)),
    Face("coevolution: answers", "coevolution", "user", "answer", "yes", f"1: @\n{ITEMS}", "yes", "no", "answers",
         (1, 0)),
    Face("coevolution: mirror", "coevolution", "assistant", "advise", "number", f"1: 20%\n{SHARES}\nmirror: @", "50%",
         "25%", "mirror", (0.5, 0.25)),
    Face("culture: agent", "culture", "agent", "answer", "label", "1: @\n2: 1", "3", "2", "answers", (2, 1),
         options=ASKED),
    Face("culture: synthesiser", "culture", "synthesiser", "merge", "label", "1: @\n2: 1", "3", "2", "answers", (2, 1),
         options=ASKED),
    Face("culture: synthesiser in free text", "culture", "synthesiser", "merge", "label", "1: @\n2: 1", "3", "2",
         "answers", (2, 1), "free", ASKED),
    Face("culture: person", "culture", "person", "exchange", "label", "neighbours, @", "3", "2", "question", (2, 1),
         options=ASKED),
    Face("lockin: mean", "lockin", "assistant", "advise", "number", "mean: @\nsd: 0.5", "-3.5", "2", "mean",
         (-3.5, 2.0)),
    Face("lockin: sd", "lockin", "assistant", "advise", "number", "mean: 0.25\nsd: @", "1", "2", "log_precision",
         (0.0, -1.3862943649291992)),
    Face("drift: act in free text", "drift", "assistant", "speak", "free", "@", "I do not know.", "It depends.", "act",
         (3, 2), "free"),
    Face("matrix: act", "matrix", "player", "play", "label", "Choice: @", "act_1", "act_0", "act", (1, 0)),
    Face("agency: move", "agency", "assistant", "act", "number", "Number: @", "0.5", "0.25", "move", (0.5, 0.25)),
    Face("matrix by fields: act", "matrix", "player", "play", "label", "@", "act_1", "act_0", "act", (1, 0), "fields"),
    Face("payoff by fields: act", "payoff", "user", "ask", "label", "@", "vague", "end", "act", (1, 2), "fields"),
    Face("agency by fields: move", "agency", "assistant", "act", "one number", "@", "0.5", "0.25", "move",
         (0.5, 0.25), "fields"),
    Face("drift by fields: act", "drift", "assistant", "speak", "json", '{"act": "@", "stance": "agrees"}', "omit",
         "admit", "act", (4, 0), "fields"),
    Face("culture by fields: answers", "culture", "agent", "answer", "json", '{"answers": ["@", "1"]}', "3", "2",
         "answers", (2, 1), "fields", ASKED),
)  # fmt: skip
