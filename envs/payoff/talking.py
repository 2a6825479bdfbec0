"""The payoff world in words: what users want to know, how they ask, and what they are answered.

Numbers lead and words follow: a question is drawn that is as ambiguous and as harmful as what was dealt, and a
script's act is put into words afterwards. Whatever is drawn here has a scope of its own, so that all other random
numbers stay as they are.
"""

from dataclasses import replace

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.payoff.matter import Matter
from populace.envs.payoff.options import Questions
from populace.envs.payoff.phrases import ASKED, END, FIRST, GOAL, MISSED, SHORT, said_of
from populace.envs.payoff.primitives import ACTS, ASKS, SAFE_ACTS
from populace.envs.payoff.state import State
from populace.envs.payoff.turns import Outcome
from populace.wordings import Wordings
from populace.words import UNWORDED, Utterance

CLARIFY, BOTH = ACTS.index("clarify"), ACTS.index("both")
HEARD = {"asked": (*ASKS, "end"), "heard": ASKS}


class Talking:
    """What a world with `matter` says.

    Args:
        wordings: The table of what scripts say.
        matter: The questions.
        questions: How ambiguous questions are.
        turns: Turns of a conversation at most.
    """

    def __init__(self, wordings: Wordings, matter: Matter, questions: Questions, turns: int) -> None:
        self.matter, self.turns = matter, turns
        self.limit = (questions.low[1] + questions.high[0]) / 2.0
        self.said = said_of(wordings, matter)
        self._tables = {torch.device("cpu"): (*self.said.rows, self.said.others)}

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        if device not in self._tables:
            rows, counts, others = self._tables[torch.device("cpu")]
            self._tables[device] = rows.to(device), counts.to(device), others.to(device)
        return self._tables[device]

    def begun(self, state: State, draw: Draw) -> State:
        """The first state, with a question for everyone and nothing said."""
        talk = torch.zeros((*state.turn.shape, 2 * self.turns), dtype=torch.int64, device=draw.device)
        return replace(state, question=self._dealt(state, draw), talk=talk)

    def settled(self, state: State, before: State, draw: Draw) -> State:
        """The state with a new question for whoever's conversation closed; what was said stands until it asks again."""
        assert before.question is not None
        question = torch.where(state.turn == 0, self._dealt(state, draw), before.question)
        return replace(state, question=question, talk=before.talk)

    def _dealt(self, state: State, draw: Draw) -> Tensor:
        """A question for everyone that is as ambiguous and as harmful as the numbers say, [worlds, users] rows."""
        rows, counts, _ = self._on(draw.device)
        kind = (state.ambiguity > self.limit).to(torch.int64), state.harmful.to(torch.int64)
        count = counts[kind]
        uniform = draw.scope("words").uniform("goal", state.ambiguity.shape[1])
        return rows[(*kind, torch.minimum((uniform * count).to(torch.int64), count - 1))]

    def ask(self, state: State, given: Tensor, draw: Draw) -> tuple[State, Utterance]:
        """Users speak; `given` [worlds, users] are their own words. Scripts' words are as clear as they are heard."""
        assert state.question is not None
        assert state.talk is not None
        answered = torch.where((state.act == CLARIFY) | (state.act == BOTH), ASKED, MISSED)
        when = torch.where(state.turn == 0, FIRST, answered)
        luck = draw.scope("words").uniform("question", state.turn.shape[1])
        said = self.said.questions.say((when, state.heard, state.question), luck)
        ended = self.said.ends.say((torch.zeros_like(when),), luck)
        # Who has not begun to talk and ends it says nothing.
        ended = torch.where(when == FIRST, UNWORDED, ended)
        words = torch.where(given == UNWORDED, torch.where(state.asked == END, ended, said), given)
        return self._kept(state, words, 0), Utterance(
            words, self._codes(state), self._labels(), to="assistant", turn=state.turn
        )

    def answer(
        self, state: State, before: State, act: Tensor, found: Outcome, given: Tensor, draw: Draw
    ) -> tuple[State, Utterance]:
        """Assistants speak; `given` [worlds, users] are their own words.

        Args:
            state: After the turn, with the conversation so far.
            before: The state in which the assistant answered.
            act: [worlds, users] its act.
            found: What the turn brought.
            given: [worlds, users] ids.
            draw: The phase's.
        """
        assert before.question is not None
        draw = draw.scope("words")
        _, _, others = self._on(draw.device)
        users, count = act.shape[1], others[before.question]
        other = torch.minimum((draw.uniform("other", users) * count).to(torch.int64), count - 1)
        first = (draw.uniform("order", users) < 0.5).to(torch.int64)
        right = torch.where(act == CLARIFY, first, found.right.to(torch.int64))
        said = self.said.answers.say((act, right, other, before.question), draw.uniform("answer", users))
        # Nobody is answered who asked nothing; no readable answer is said in the speaker's own words or not at all.
        said = torch.where(given == UNWORDED, torch.where(found.void, UNWORDED, said), given)
        said = torch.where(found.played, said, UNWORDED)
        codes = {
            "act": act,
            "right": found.right,
            "user_welfare": found.user,
            "assistant_welfare": found.assistant,
            **self._codes(before),
        }
        labels = {"act": (*ACTS, *SAFE_ACTS), **self._labels()}
        kept = self._kept(replace(state, talk=before.talk), said, 1, before.turn)
        return kept, Utterance(said, codes, labels, to="user", turn=before.turn)

    def _codes(self, state: State) -> dict[str, Tensor]:
        """What is so: what was asked and how it was heard, before the turn is played."""
        assert state.question is not None
        return {
            "conversation": state.finished,
            "turn": state.turn + 1,
            "asked": state.asked,
            "heard": state.heard,
            "ambiguity": state.ambiguity,
            "signal": state.signal,
            "harmful": state.harmful,
            "goal": state.question,
        }

    def _labels(self) -> dict[str, tuple[str, ...]]:
        return {**HEARD, "goal": tuple(q.goal for q in self.matter.questions)}

    def _kept(self, state: State, words: Tensor, who: int, turn: Tensor | None = None) -> State:
        """The state with what was said at its place in the conversation; who: 0 for the user, 1 for the assistant."""
        assert state.talk is not None
        turn = state.turn if turn is None else turn
        place = torch.arange(2 * self.turns, device=words.device)
        talk = state.talk
        if who == 0:  # a new conversation begins with nothing said
            talk = torch.where((turn == 0).unsqueeze(-1), UNWORDED, talk)
        here = place == (2 * turn + who).unsqueeze(-1)
        return replace(state, talk=torch.where(here, words.unsqueeze(-1), talk))

    def shown(self, state: State, role: str) -> dict[str, Tensor]:
        """Text fields of a role: the conversation so far; of users what they want to know, and its short wording."""
        assert state.question is not None
        assert state.talk is not None
        if role == "assistant":
            return {"talk": state.talk, "row": state.question}
        luck = torch.zeros(state.question.shape, device=state.question.device)
        which = torch.zeros_like(state.question)
        return {
            "talk": torch.where((state.turn == 0).unsqueeze(-1), UNWORDED, state.talk),
            "goal": self.said.goals.say((which + GOAL, state.question), luck),
            "short": self.said.goals.say((which + SHORT, state.question), luck),
            "row": state.question,
        }
