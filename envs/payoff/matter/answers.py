"""Whether a text gives an answer: the normalisation of SQuAD and AmbigQA, and what is compared after it.

AmbigQA (Min et al. 2020) takes over SQuAD's normalisation (Rajpurkar et al. 2016): lower case, no punctuation, no
articles, single spaces. Its exact match and F1 compare short answers; a reply in sentences gives an answer when it
holds the answer's words in a row and does not deny them right before (that part is ours).
"""

import re
import string
from collections import Counter
from collections.abc import Iterable

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_DENIALS = frozenset(("not", "isnt", "never", "wasnt", "arent"))
"""Words that deny the answer right after them."""
SEPARATOR = "|"
"""What stands between spellings of one answer in a table."""


def normalised(text: str) -> str:
    """Lower case, without punctuation and articles, with single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(text: str, answers: Iterable[str]) -> bool:
    """Whether a text is one of the answers, both normalised."""
    return normalised(text) in {normalised(answer) for answer in answers}


def f1(text: str, answers: Iterable[str]) -> float:
    """The largest F1 of the text's words with an answer's words, both normalised; 0 to 1."""
    return max((_f1(normalised(text).split(), normalised(answer).split()) for answer in answers), default=0.0)


def _f1(said: list[str], right: list[str]) -> float:
    same = sum((Counter(said) & Counter(right)).values())
    return 2.0 * same / (len(said) + len(right)) if same else 0.0


def gives(text: str, answers: Iterable[str]) -> bool:
    """Whether a text holds one of the answers in a row, both normalised, and does not deny it right before."""
    words = normalised(text).split()
    return any(_holds(words, normalised(answer).split()) for answer in answers)


def _holds(words: list[str], answer: list[str]) -> bool:
    size = len(answer)
    return bool(answer) and any(
        words[k : k + size] == answer and not (k and words[k - 1] in _DENIALS) for k in range(len(words) - size + 1)
    )
