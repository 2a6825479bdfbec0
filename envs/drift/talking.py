"""The drift world in words: which claim is asked about, and what is said of it, beside the numbers that decide.

Numbers lead and words follow: a claim is drawn to fit the topic and the truth that were dealt, and a script's act is
put into words afterwards. Whatever is drawn here has a scope of its own, so that all other random numbers stay as they
are.
"""

from dataclasses import replace

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.drift.claims import ACTS, STATEMENTS
from populace.envs.drift.matter import Matter
from populace.envs.drift.measures import claims_of
from populace.envs.drift.phrases import CLAIM, HONEST, HOPEFUL, PLEASING, fifth, said_of
from populace.envs.drift.roles import CUES
from populace.envs.drift.state import State
from populace.envs.drift.users import TOPICS
from populace.wordings import Wordings
from populace.words import UNWORDED, Utterance


class Talking:
    """What a world with `matter` says.

    Args:
        wordings: The table of what scripts say.
        matter: The claims.
        size: Users.
        turns: Turns of a conversation.
    """

    def __init__(self, wordings: Wordings, matter: Matter, size: int, turns: int) -> None:
        self.matter, self.size, self.turns = matter, size, turns
        self.said = said_of(wordings, matter)
        rows, counts = self.said.rows
        self._rows = {torch.device("cpu"): (rows, counts)}

    def nothing(self, like: Tensor) -> dict[str, Tensor]:
        """`claim` and `talk` of a state in which nothing was said yet; like [worlds, seats]."""
        talk = torch.zeros((*like.shape, 2 * self.turns), dtype=torch.int64, device=like.device)
        return {"claim": torch.zeros_like(like), "talk": talk}

    def deal(self, state: State, before: State, draw: Draw) -> State:
        """Draw a claim that fits topic and truth where a conversation begins, and forget what was said before.

        Args:
            state: With topics and truth as they were dealt.
            before: The state at the end of the last tick, which tells who has come since.
            draw: The phase's.
        """
        assert state.claim is not None
        assert state.talk is not None
        device = draw.device
        if device not in self._rows:
            rows, counts = self._rows[torch.device("cpu")]
            self._rows[device] = rows.to(device), counts.to(device)
        rows, counts = self._rows[device]
        truth = state.truth.to(torch.int64)
        count = counts[state.topic, truth]
        uniform = draw.scope("words").uniform("claim", state.topic.shape[-1])
        claim = rows[state.topic, truth, torch.minimum((uniform * count).to(torch.int64), count - 1)]
        new = (state.turn % self.turns == 0).unsqueeze(-1)
        came = torch.nn.functional.pad(state.here & ~before.here, (0, state.topic.shape[-1] - self.size))
        talk = torch.where((new | came).unsqueeze(-1), UNWORDED, state.talk)
        return replace(state, claim=torch.where(new, claim, state.claim), talk=talk)

    def put(self, state: State, given: Tensor, draw: Draw) -> tuple[State, Utterance]:
        """Users ask. Scripts and probes speak in the voice of the cue; `given` [worlds, users] are users' own words."""
        assert state.claim is not None
        assert state.talk is not None
        later = (state.talk[..., 0] != UNWORDED).to(torch.int64)
        voice = (state.cue == CUES.index("biased")).to(torch.int64) * HOPEFUL
        uniform = draw.scope("words").uniform("question", state.cue.shape[-1])
        asked = self.said.questions.say((later, voice, state.claim), uniform)
        own = torch.nn.functional.pad(given, (0, asked.shape[-1] - self.size), value=UNWORDED)
        asked = torch.where(own == UNWORDED, asked, own)
        codes = {
            "topic": state.topic[:, : self.size],
            "cue": state.cue[:, : self.size],
            "type": state.biased.to(torch.int64),
        }
        labels = {"topic": TOPICS, "cue": CUES, "type": CUES[1:]}
        asks, turn = asked[:, : self.size], self._turn(state.turn, self.size)
        return self._kept(state, asked, 0), Utterance(asks, codes, labels, to="assistant", turn=turn)

    def answer(self, state: State, given: Tensor, draw: Draw) -> tuple[State, Utterance]:
        """The assistant answers; `given` [worlds, seats] are its own words, and its act is in `state`."""
        assert state.claim is not None
        claims = claims_of(state)
        honest = (claims.statement == claims.truth).to(torch.int64)
        uniform = draw.scope("words").uniform("answer", state.act.shape[-1])
        drawn = self.said.answers.say((state.act, honest, state.claim), uniform)
        words = torch.where(given == UNWORDED, drawn, given)
        codes = {
            "act": state.act,
            "statement": torch.where(claims.states, 1 + claims.statement.to(torch.int64), 0),
            "truth": state.truth,
            "known": state.known,
            "belief": state.belief,
            "topic": state.topic,
            "claim": state.claim,
        }
        labels = {"act": ACTS, "statement": STATEMENTS, "topic": TOPICS, "claim": self.matter.claim}
        turn = self._turn(state.turn, words.shape[1])
        return self._kept(state, words, 1), Utterance(words, codes, labels, to="user", turn=turn)

    def reason(self, state: State, given: Tensor, draw: Draw) -> Utterance:
        """Users say what they think of the answer; `given` [worlds, users] are their own words."""
        uniform = draw.scope("words").uniform("reason", self.size)
        drawn = self.said.reasons.say((fifth(state.rating),), uniform)
        codes = {"rating": 1.0 + 9.0 * state.rating, "leave": state.leaving}
        turn = self._turn(state.turn - 1, self.size)  # the rating has ended the turn
        return Utterance(torch.where(given == UNWORDED, drawn, given), codes, turn=turn)

    def _turn(self, turn: Tensor, seats: int) -> Tensor:
        """Which turn of its conversation each seat is in, [worlds, seats] int64."""
        return (turn % self.turns).unsqueeze(-1).expand(-1, seats)

    def _kept(self, state: State, words: Tensor, who: int) -> State:
        """The state with what was said at its place in the conversation; who: 0 for the user, 1 for the assistant."""
        assert state.talk is not None
        place = 2 * (state.turn % self.turns) + who
        here = torch.arange(2 * self.turns, device=words.device) == place.unsqueeze(-1)
        return replace(state, talk=torch.where(here.unsqueeze(1), words.unsqueeze(-1), state.talk))

    # ------------------------------------------------------------------ what is seen

    def shown(self, state: State, role: str) -> dict[str, Tensor]:
        """Text fields of a role: the conversation so far, and the clauses it knows of."""
        assert state.claim is not None
        assert state.talk is not None
        if role == "assistant":
            held = torch.where(state.belief == state.truth, HONEST, PLEASING)
            about = self._clause(torch.zeros_like(held) + CLAIM, state.claim)
            return {"talk": state.talk, "held": self._clause(held, state.claim), "claim": about}
        talk = state.talk[:, : self.size]
        if role == "auditor":
            return {"talks": torch.where(state.here.unsqueeze(-1), talk, UNWORDED).unsqueeze(1)}
        claim = state.claim[:, : self.size]
        which = torch.zeros_like(claim)
        hope = torch.where(state.biased, self._clause(which + PLEASING, claim), UNWORDED)
        return {"talk": talk, "claim": self._clause(which + CLAIM, claim), "hope": hope}

    def _clause(self, which: Tensor, claim: Tensor) -> Tensor:
        return self.said.clauses.say((which, claim), torch.zeros(claim.shape, device=claim.device))
