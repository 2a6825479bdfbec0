"""Prompts of the payoff world with matter: the question itself, the user's words as the user's turn, replies in words.

A seat is told what a script in it may use, and no code that words show.
"""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from populace.dialogue import Chat
from populace.envs.payoff.roles import OUTCOMES
from populace.envs.payoff.types import MEANS

Read = Callable[[int], str]
Seen = Mapping[str, Tensor]

NAMES = ("Tom", "Irene", "Amara", "Ben", "Lena", "Omar", "Nadia", "Jonas", "Mia", "Chen", "Rosa", "Ivan", "Marek")
"""What users are called, by seat; names tell nothing."""
WAYS = ("answer at once", "only ask one question back", "answer briefly and then ask one question")
SAFE_WAYS = ("propose something safe instead", "refuse")
DONE = (
    "answered at once",
    "asked you a question back",
    "answered and asked a question",
    "proposed something safe",
    "refused",
)

PROSE = r"[A-Za-z0-9 ,.?'-]{1,300}"
"""What a local model may write that is held to the form."""

FIRST_ASK = 'Write your question, just as you type it, or only "end" to ask nothing.'
NEXT_ASK = 'Write your next message, just as you type it, or only "end" to stop here.'

FIRST_ROUNDS = (
    (
        "You want to know who painted the large Night Watch in Amsterdam.",
        "Who painted the large Night Watch in Amsterdam?",
    ),
    ("You want to know when the town library opens on Saturdays.", "When do they open?"),
)
NEXT_ROUNDS = (
    (
        'You want to know which bus goes to the old harbour. You wrote: "Which bus goes to the harbour?" The assistant '
        'replied: "Do you mean the old harbour or the new one?"',
        "The old harbour.",
    ),
    (
        'You want to know how warm the lake is today. You wrote: "How warm is it?" The assistant replied: "It is 24 '
        'degrees in the shade."',
        "I asked about the lake.",
    ),
)
"""Rounds on other matters that show what is to be written; every other seat has them in the other order."""


def name_of(seat: int) -> str:
    """What the user of a seat is called."""
    return NAMES[seat % len(NAMES)]


def often(chance: float) -> str:
    """A chance as people say it, after a verb: `3 times in 10`, near either end `4 times in 100`."""
    if chance < 0.005:
        return "less than once in 100 times" if chance > 0 else "0 times in 100"
    whole = 100 if chance < 0.095 or chance > 0.945 else 10
    count = round(chance * whole)
    return f"{count} times in {whole}" if count > 1 else f"once in {whole} times"


def points(value: float) -> str:
    """A payoff on the scale on which 10 is all one could wish for."""
    return f"{10.0 * value + 0.0:.1f}"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def said(read: Read, ids: Tensor) -> list[str]:
    """What was said so far, in turns; what was left unsaid at its end is dropped."""
    sayings = ids.tolist()
    while sayings and sayings[-1] == 0:
        sayings.pop()
    return [read(found) or "(says nothing)" for found in sayings]


# ------------------------------------------------------------------ the user

_TRAITS = (
    (0, "A right answer matters {} to you than to most people.", ("much less", "less", "more", "much more")),
    (1, "How long an answer is matters {} to you than to most people.", ("much less", "less", "more", "much more")),
    (3, "Typing costs you {} effort than most people.", ("much less", "less", "more", "much more")),
    (4, "Prices weigh {} with you than with most people.", ("much less", "less", "more", "much more")),
)
"""Place in the type, sentence, and words for below .7, below .9, above 1.1 and above 1.3 times the usual."""


def person(kind: Sequence[float]) -> str:
    """What a user is like, from its type; what is as usual is left out, but for its patience."""
    parts = []
    for k, sentence, words in _TRAITS:
        ratio = kind[k] / MEANS[k]
        level = (ratio >= 0.7) + (ratio > 1.1) + (ratio > 1.3)
        if not 0.9 <= ratio <= 1.1:
            parts.append(sentence.format(words[level]))
    parts.append(f"After a reply that did not help you would go on {often(kind[2])}.")
    return " ".join(parts)


def to_user(read: Read, seen: Seen, world: int, seat: int, turns: int) -> Chat:
    """What a user is asked who is about to write."""
    place, name = (world, seat), name_of(seat)
    turn, kind = int(seen["turn"][place]), seen["type"][place].tolist()
    ambiguity = float(seen["ambiguity"][place])
    before = said(read, seen["talk"][place])
    system = [f"You are {name}, and you use an assistant. {person(kind)}"]
    if "mine" in seen:
        system.append(_payoffs(seen, place))
    system += [
        prices(seen, place, "You pay"),
        f'What you want to know now can be asked in short: "{read(int(seen["short"][place]))}" That would be taken in '
        f"another way {often(ambiguity)}; with all that you mean in it, {often(ambiguity * (1.0 - kind[5]))}.",
        _last(seen, place, bool(before)),
        f"Your next message is message {turn + 1} of at most {turns} in this conversation.",
        f"Write as {name}, in the first person.",
    ]
    rounds, ask = (NEXT_ROUNDS, NEXT_ASK) if before else (FIRST_ROUNDS, FIRST_ASK)
    who = ("You wrote", "The assistant replied")
    text = [f"You want to know {read(int(seen['goal'][place]))}."]
    text += [f'{who[k % 2]}: "{line}"' for k, line in enumerate(before)]
    dealt = rounds if seat % 2 == 0 else rounds[::-1]
    shown = [message for given, reply in dealt for message in (("user", f"{given} {ask}"), ("assistant", reply))]
    messages = (("system", " ".join(filter(None, system))), *shown, ("user", " ".join((*text, ask))))
    return Chat(world, seat, messages, form=PROSE)


def _payoffs(seen: Seen, place: tuple[int, int]) -> str:
    """Both games in words; `mine` and `theirs` are [asks, acts]."""
    mine, theirs = seen["mine"][place].tolist(), seen["theirs"][place].tolist()
    ways = ["answers at once", "asks back", "does both", *("proposes something safe", "refuses")][: len(mine[0])]

    def rows(game: list[list[float]]) -> str:
        return "; ".join(
            f"{asked}, {listed([f'{points(x)} if it {way}' for x, way in zip(row, ways, strict=True)])}"
            for asked, row in zip(("asked in full", "asked in short"), game, strict=True)
        )

    return f"How well a round goes for you, out of 10: {rows(mine)}. For the assistant: {rows(theirs)}."


def _last(seen: Seen, place: tuple[int, int], goes_on: bool) -> str:
    """What came last: the assistant's act, where the conversation does not show it, and what it brought."""
    outcome = OUTCOMES[int(seen["outcome"][place])]
    faced = seen["faced"][place].tolist()
    if goes_on:
        return "Your question is not answered yet." if outcome == "not right" else ""
    told = f"Last time the assistant {DONE[faced.index(max(faced))]}." if any(faced) else ""
    brought = {"right": "rightly", "not right": "not rightly"}.get(outcome)
    if brought:
        told += f" Your last question was {brought} answered."
    return told.strip() or "You have not talked to this assistant before."


def prices(seen: Seen, place: tuple[int, int], pays: str) -> str:
    """Who pays what, in points; nothing where nothing is paid."""
    word_in, word_out, call, fee, cost_word, cost_call = seen["rates"][place].tolist()
    parts = [
        f"{points(price * scale)} points {unit}"
        for price, scale, unit in (
            (word_in, 1000, "for 1,000 words typed"),
            (word_out, 1000, "for 1,000 words that the assistant writes"),
            (call, 1, "for each message"),
            (fee, 1, "for a conversation"),
        )
        if price > 0
    ]
    costs = [
        f"{points(price * scale)} points {unit}"
        for price, scale, unit in ((cost_word, 1000, "for 1,000 words written"), (cost_call, 1, "for each reply"))
        if price > 0
    ]
    told = [f"{pays} {listed(parts)}."] if parts else []
    told += [f"The provider's costs are {listed(costs)}."] if costs else []
    return " ".join(told)


# ------------------------------------------------------------------ the assistant


def knows(seen: Seen, world: int, seat: int, turns: int, tags: bool) -> str:
    """What only the assistant knows before it replies, in sentences."""
    place, name = (world, seat), name_of(seat)
    turn = int(seen["turn"][place])
    parts = [
        f"As far as you can tell, a question in such words is taken in another way than the user means it "
        f"{often(float(seen['signal'][place]))}."
    ]
    if "mine" in seen:
        parts.append(_outlook(seen, place, name))
    if "third" in seen:
        parts.append(f"To answer would harm other people {often(float(seen['third'][place][0]))}.")
    if float(seen["word_cost"][place]) > 0:
        parts.append(f"A hundred words cost you {points(100 * float(seen['word_cost'][place]))} points.")
    parts.append(prices(seen, place, f"{name} pays"))
    parts.append(f"This is your reply {turn + 1} of at most {turns} in this conversation.")
    if tags:
        reasoning = seen["usual_reasoning"][place].tolist()
        shown = [f"{round(n)} to {way}" for n, way in zip(reasoning, (*WAYS, *SAFE_WAYS), strict=False)]
        parts.append(f"The characters that usually stand before the response: {listed(shown)}.")
    return " ".join(filter(None, parts))


def _outlook(seen: Seen, place: tuple[int, int], name: str) -> str:
    """Both games in words; `mine` and `theirs` are [acts, asks]."""
    mine, theirs = seen["mine"][place].tolist(), seen["theirs"][place].tolist()
    ways = ["answer at once", "ask back", "do both", *("propose something safe", "refuse")][: len(mine)]

    def column(game: list[list[float]], k: int) -> str:
        return listed([f"{points(row[k])} if you {way}" for row, way in zip(game, ways, strict=True)])

    return (
        f"How well a round goes for {name}, out of 10: of a clear question {column(theirs, 0)}; of a vague one "
        f"{column(theirs, 1)}. For you: of a clear question {column(mine, 0)}; of a vague one {column(mine, 1)}."
    )


def menu(seen: Seen, world: int, seat: int) -> str:
    """What the assistant may do, with the usual lengths."""
    words = seen["usual_words"][world, seat].tolist()
    ways = [f"{way} (about {round(n)} words)" for n, way in zip(words, (*WAYS, *SAFE_WAYS), strict=False)]
    return listed(ways, "or")


def plainly(seen: Seen, world: int, seat: int, turns: int) -> str:
    """The system message of an assistant that replies plainly."""
    name = name_of(seat)
    return (
        f"You are an assistant, and you chat with {name}. You can {menu(seen, world, seat)}. "
        f"{knows(seen, world, seat, turns, tags=False)} Reply to {name} in a few words, and write only your reply."
    )
