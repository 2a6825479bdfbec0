"""Replies held to a form: at every token, only what the form still allows can be written.

A form is a regular expression that the whole reply must match. The model's chances decide among the tokens that are
left, so that what it says is its own; that it can be read is the form's doing. Rare tokens are not looked at: of a
step's tokens, the likeliest `LOOKED` (all, where none of those fits). `top_p` does not apply.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

LOOKED = 32
"""Tokens that are tried against the form at each step, the likeliest first."""


class Guide:
    """Knows what each token adds to a text, and whether a form allows it.

    Args:
        tokenizer: The model's.
        ends: Tokens that end a reply.
    """

    def __init__(self, tokenizer: Any, ends: Sequence[int]) -> None:
        self.tokenizer, self.ends = tokenizer, tuple(ends)
        self._anchor = tokenizer("a", add_special_tokens=False)["input_ids"]
        self._before = len(tokenizer.decode(self._anchor))
        self._special = set(tokenizer.all_special_ids)
        self._added: dict[int, str] = {}

    def added(self, token: int) -> str:
        """What a token adds to a text; nothing for marks and parts of letters."""
        if token not in self._added:
            # After some other token: tokenizers drop a space at the very beginning.
            text = self.tokenizer.decode([*self._anchor, token])[self._before :]
            self._added[token] = "" if token in self._special or "\ufffd" in text else text
        return self._added[token]

    def fits(self, form: str, text: str, token: int) -> bool:
        """Whether a reply of this form may go on with the token after `text`."""
        pattern = _compiled(form)
        if token in self.ends:
            return pattern.fullmatch(text) is not None
        added = self.added(token)
        return bool(added) and pattern.fullmatch(text + added, partial=True) is not None

    def pick(self, form: str, text: str, likely: Sequence[tuple[int, float]], vocabulary: int, uniform: float) -> int:
        """The next token, by the chances of those that fit; the likeliest of them where uniform is 0.

        Args:
            form: A regular expression.
            text: What is written so far.
            likely: (token, chance), the likeliest first.
            vocabulary: Tokens there are.
            uniform: In [0, 1).
        """
        left = [(token, chance) for token, chance in likely if self.fits(form, text, token)]
        if not left:
            return next((t for t in range(vocabulary) if self.fits(form, text, t)), self.ends[0])
        total = uniform * sum(chance for _, chance in left)
        for token, chance in left:
            total -= chance
            if total < 0:
                return token
        return left[-1][0]


@lru_cache(maxsize=4096)
def _compiled(form: str) -> Any:
    import regex

    return regex.compile(form)
