"""Replies of models as they may come, against every face: none is read as what it does not say.

Three readings: NONE (no act may be read), SAFE (the act of `a`, or none; never another), SAID (the act of `a`). `{a}` and
`{b}` stand for two values that a face reads, `{A}` and `{B}` for whole replies that state them.
"""

import json
from pathlib import Path

import pytest
from attack_tools import Found
from reply_faces import FACES

from populace.dialogue import ReplyKind

NONE, SAFE, SAID = "no act", "a or no act", "a"
LINES = ("label", "yes", "number", "list")
FULL = {ord(c): ord(c) + 0xFEE0 for c in "0123456789"}

VALUES = {
    NONE: """
{a}? {b}?|{a} unless {b}|{a}-ish|tentatively {a}|if pressed, {a}|most likely {a}|likely {a}|{a}, presumably|I suspect {a}
nearly {a}|almost {a}|close to {a}|up to {a}|no more than {a}|no less than {a}|more than {a}|less than {a}|over {a}|under {a}
{a} at most|{a} at least|circa {a}|ca. {a}|{a} or thereabouts|give or take {a}|{a}...{b}|{a}..{b}|{a}~{b}|from {a} through {b}
{a} through {b}|{a} plus {b}|{a} then {b}|{a} => {b}|{a} \u2192 {b}|first {a}, then {b}|{a} & {b}|{a} + {b}|{a}&{b}|{a}\t{b}
{a} aka {b}|{a} but {b}|{a} except {b}|{a} then again {b}|rather than {a}|instead of {a}|without {a}|avoid {a}|reject {a}
anything except {a}|certainly not {a}|under no circumstances {a}|{a} is wrong|{a} is out of the question|cannot be {a}
isn't {a}|hardly {a}|far from {a}|the opposite of {a}|un-{a}|non-{a}|anti-{a}|!{a}|!= {a}|\u00ac{a}|kein {a}|nicht {a}|pas {a}
no es {a}|\u043d\u0435 {a}|\u4e0d\u662f{a}|{a}\u3067\u306f\u306a\u3044|{a} ou {b}|{a} y {b}|{a} \u0438\u043b\u0438 {b}|{a}\u304b{b}|vielleicht {a}|peut-\u00eatre {a}
quiz\u00e1s {a}|\u591a\u5206{a}|assuming {a}|suppose {a}|unless told otherwise, {a}|You said "{a}"|they chose {a}|e.g. {a}|for example {a}
such as {a}|the correct answer is not {a}|{a} - scratch that, {b}|{a}, sorry, {b}|{a}. Correction: {b}|{a}; no, {b}|{a} edit: {b}
{a} (edit: {b})|{a} oops {b}|{a}, or rather {b}|{a}, strike that|{a}. Nope.|{a}. Just kidding.|{a}, not|{a}. Disregard that.
{a}. Ignore the above.|{a}. That was a joke.|{a}, I take it back|{a}, forget it|{a}. Wrong, sorry.|{a}: false|{a}? no.|{a}? Never.
<s>{a}</s>|<del>{a}</del> {b}|~~{a}~~|\u0336{a}|{a} vs. {b}|{a} over {b}?|50% {a}, 50% {b}|mostly {a}, partly {b}|half {a}|{a} squared
{a} (but {b} also works)|{a}. Also {b}.|{a}. Alternatively {b}.|{a}; alternatively {b}|{a}, {b} or neither|neither {a}|none, not even {a}
I was going to say {a}|I used to say {a}|I would have said {a}|had I known, {a}|{a} yesterday, {b} today|{a} tomorrow maybe|next time {a}
not yet {a}|refuse to say {a}|I can't say {a}|I don't know, {a}|who knows, {a}|random: {a}|coin flip: {a}|{a} (guess)|guess: {a}
""",
    SAFE: """
say {a}|#{a}|I think {a}|I'd lean {a}|{a} for now|{a} under protest|~~{b}~~ {a}|\\boxed{{{a}}}|$\\boxed{{{a}}}$|[[{a}]]
<answer>{a}</answer>|<b>{a}</b>|\u300c{a}\u300d|{a}\u3002|{a}\uff01|{a} (final)|{a} (final answer)|FINAL: {a}|Final answer: {a}|answer = {a}
{a}, although {b} is tempting|{a}, not {b}|not {b} but {a}|{a} instead of {b}|{a}, since {b} is worse|no to {b}, yes to {a}
definitely {a}|certainly {a}|absolutely {a}|{a} for sure|{a} :)|{a} \U0001f600|\U0001f449 {a}|\u2714 {a}|{a}<|im_end|>|{a}</s>|{a}<|eot_id|>
ich w\u00e4hle {a}|je choisis {a}|elijo {a}|\u6211\u9009{a}|{a} please|{a}, please|{a} thanks|{a}, thank you|- {a}|* {a}|> {a}|1. {a}
({a}|{a})|[{a}|{a}]|<{a}|{a}>|{{{a}|{a}}}|{a};|{a}:|{a},|{a}\\n|{a}\\|\\{a}|/{a}|@{a}|the {a}|a {a}|just {a}|only {a}
{a} {a}|{a}, {a}|{a}. {a}.|{a}\u2014{a}|it's {a}|that's {a}|must be {a}|should be {a}|let's say {a}|let me go with {a}|OK, {a}
sure: {a}|okay {a}|well, {a}|hmm, {a}|so {a}|thus {a}|hence {a}|therefore {a}|value: {a}|value={a}|"{a}" is my answer
""",
    SAID: """
***{a}***|**{a}.**|**{a}**.|`{a}`.|\t{a}\t|\u201c{a}\u201d.|{a}\u200d|\ufeff{a}|{a}\u3000|__{a}__.|"{a}".
""",
}  # fmt: skip
NUMBERS = {
    NONE: "1,5|\u0663|\u00bd|three|3 or so|3\u00b1|+-3|--3|3%%|0b11|3rd|3x|x3|3 .5|1 . 5|1 000|1_000|1'000|$3|3\u20ac|3k|3\u00b0|minus 3|3-"
    "|3-5|3\u20145|3:5|3^2|3*2|3+2|2+1=3|sqrt(9)|\u221a9|1e400|-1e400|1e|e5|.|-|+|0x3|3L|3f|\u2463|\u2162|iii|3\u00b2|3/0|pi|\u221e|max|min"
    "|a lot|twelve|zero|1st|one|a hundred|3 to 5|3 and 5|3 or 5|3, 5|3; 5|between 3 & 5|>=3|=<3|\u22643|~3|about 3|3ish",
    SAFE: "",
}
YES_NO = {
    NONE: "yes-no|yes (no)|ye|yess|not really|yes, but no|yes, in a way no|anything but no|no problem|no doubt|no way to tell"
    "|no need to say yes|no, I mean yes|tak|nie|evet|hay\u0131r|\u306f\u3044|\ub124|\uc544\ub2c8\uc694|\u0939\u093e\u0901|\u0646\u0639\u0645|\u05dc\u05d0"
    "|\u043d\u0435\u0442|jein|yes if no|no clue|no matter|no comment|nobody|not applicable|N/A|yes AND no|y/n|[yes/no]|<yes or no>"
    "|no one knows|yes and then no|it is a no unless yes|maybe yes|half yes|yes50|no1|noyes|yesno|true/false|neither|both",
    SAFE: "",
}
WHOLES = {
    NONE: [
        *(
            "<think>{A}</think>",
            "<think>{A}",
            "<think>\n{A}\n</think",
            "<thi",
            "<think {A}",
            "<think>{A}</think>\n<think>",
        ),
        *(
            "{A}\n<think>",
            "{A}\n\nEdit: {B}",
            "{A}\nSorry, I meant:\n{B}",
            "{A}\nP.S. {B}",
            "{A}\n---\n{B}",
            "{A}\n\nor\n\n{B}",
        ),
        *(
            "I'm not going to answer that.",
            "Lo siento, no puedo ayudar con eso.",
            "\u6211\u65e0\u6cd5\u56de\u7b54\u8fd9\u4e2a\u95ee\u9898\u3002",
        ),
        *(
            "Je ne peux pas r\u00e9pondre.",
            "Ich kann das nicht beantworten.",
            "\u041d\u0435 \u043c\u043e\u0433\u0443.",
            "No.",
            "Nope, not doing it.",
            "pass",
        ),
        *(
            "I have no preference.",
            "You choose.",
            "Whatever you like.",
            "Ask somebody else.",
            "undefined",
            "None",
            "NaN",
            "error",
        ),
        *(
            "Traceback (most recent call last):",
            "<html></html>",
            "{{}}",
            "[[]]",
            "\\boxed{{}}",
            "<answer></answer>",
            "<|endoftext|>",
        ),
        *(
            "Let me think about this step by step.",
            "Okay, so the user asks me",
            "As a large language model",
            "Sure!",
            "Of course.",
            "OK",
        ),
    ],
    SAFE: [
        *("<analysis>{B}</analysis>{A}", "<|begin_of_thought|>{B}<|end_of_thought|>{A}", "<reason>{B}</reason>{A}"),
        *(
            "<inner_monologue>{B}</inner_monologue>\n{A}",
            "<seed:think>{B}</seed:think>{A}",
            "<|START_THINKING|>{B}<|END_THINKING|>{A}",
        ),
        *(
            "&lt;think&gt;{B}&lt;/think&gt;{A}",
            "< think >{B}</ think >{A}",
            "<think>{B}</thinking>{A}",
            "{B}</think>\n{A}</think>",
        ),
        *(
            "Thinking Process:\n{B}\n\nAnswer:\n{A}",
            "*thinks* {B}\n{A}",
            "```think\n{B}\n```\n{A}",
            "(thinking: {B})\n{A}",
        ),
        *("<|channel|>analysis<|message|>{B}<|end|><|start|>assistant<|channel|>final<|message|>{A}",),
        *(
            "<|channel|>commentary<|message|>{B}<|channel|>final<|message|>{A}",
            "{B}\n\nFinal answer:\n{A}",
            "First draft:\n{B}\nFinal:\n{A}",
        ),
        *(
            "I can't help with that.\n{A}",
            "{A}\nI can't help with that.",
            "{A}\n{A}",
            "Not:\n{B}\nbut:\n{A}",
            "Example:\n{B}\nMine:\n{A}",
        ),
        *(
            "- {A}",
            "> {A}",
            "* {A}",
            "1) {A}",
            "| {A} |",
            "<p>{A}</p>",
            "{A}<|im_end|>",
            "{A}</s>",
            "<s>{A}",
            "assistant: {A}",
        ),
        *(
            "[/INST] {A}",
            "### Response:\n{A}",
            "Here is my answer:\n\n{A}",
            "{A}\n\nLet me know if you need anything else!",
        ),
        *(
            "{A}\n\n(Note: {B} would also be fine.)",
            "The other user said:\n{B}\n\nI say:\n{A}",
            "{A} // {B}",
            "{A} # not {B}",
        ),
        *(
            "<think>{B}</think>\n<think>{B}</think>\n{A}",
            "<tool_call>{B}</tool_call>{A}",
            "{A}\n\nUser: {B}",
            "{A}\nHuman: thanks",
        ),
        *(
            "```\n{B}\n```\n```\n{A}\n```",
            "**Answer**\n{A}",
            "# Answer\n\n{A}",
            "\u25b6 {A}",
            "<output>\n{A}\n</output>",
            "~~{B}~~\n{A}",
        ),
    ],
    SAID: [
        *(
            "<thought>{B}</thought>{A}",
            "<Thinking>\n{B}\n</Thinking>\n{A}",
            "<scratchpad>{B}</scratchpad>\n\n{A}",
            "</think>{A}",
        ),
        *(
            "<reflection>{B}</reflection>\n{A}",
            "<think>\n</think>\n\n{A}",
            "<THOUGHTS>{B}</THOUGHTS>{A}",
            "\ufeff{A}",
            "\n{A}\n\n\n",
        ),
        *("<think>{A}\n{B}\n{B}</think>\n\n\n{A}", "<think>I refuse.</think>{A}", "<thinking>1 2 3 4 5</thinking>{A}"),
    ],
}


def _split(text: str) -> list[str]:
    return [reply for line in text.strip("\n").split("\n") for reply in line.split("|") if line]


ALL = (
    [("value", reading, text) for reading, texts in VALUES.items() for text in _split(texts)]
    + [("number", reading, text) for reading, texts in NUMBERS.items() for text in texts.split("|") if text]
    + [("number", SAID, "{full}")]
    + [("yes", reading, text) for reading, texts in YES_NO.items() for text in texts.split("|") if text]
    + [("whole", reading, text) for reading, texts in WHOLES.items() for text in texts]
)
MOST = len(ALL)


def _replies(kind: str, reading: str, text: str, face) -> list[tuple[str, str]]:
    """(reply, reading) for a face; none where it does not fit."""
    a, b = face.a, face.b
    whole = {"A": face.whole(a), "B": face.whole(b), "a": a, "b": b, "full": a.translate(FULL)}
    if kind == "whole":
        if face.kind == "free" and ("{" in text or reading == NONE):
            return []
        return [(text.format(**whole), SAFE if reading == SAID and face.kind in ("tags", "free") else reading)]
    if face.kind in ("free", "tags") or (kind == "number" and face.kind not in ("number", "one number", "list")):
        return []
    if kind == "yes" and face.kind != "yes":
        return []
    value = text.format(**whole) if kind == "value" or "{" in text else text
    if face.kind == "json":
        return [(face.whole(json.dumps(value)[1:-1]), SAFE if reading == SAID else reading)]
    return [(face.whole(value), SAFE if reading == SAID and face.kind == "one number" and kind == "value" else reading)]


def attack(number: int, folder: Path) -> str:
    """One reply against every face."""
    kind, reading, text = ALL[number]
    wrong, heard = [], 0
    for face in FACES:
        for reply, right in _replies(kind, reading, text, face):
            found, how = face.hear(reply)
            heard += 1
            is_a = how == ReplyKind.OK and found == pytest.approx(face.acts[0])
            if not {NONE: how != ReplyKind.OK, SAFE: is_a or how != ReplyKind.OK, SAID: is_a}[right]:
                wrong.append(f"{face.name} reads {found!r} ({how.name}) of ...{reply[-90:]!r}")
    if wrong:
        raise Found(f"[{kind} {text!r}: {reading}] {len(wrong)} of {heard}: " + " | ".join(wrong[:3]))
    return reading
