"""What a role sees in one phase: its fields, who is present, and the way to the world's text face."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import Tensor

from populace.errors import UnknownName
from populace.fields import Role
from populace.words import Reader, Words

if TYPE_CHECKING:
    from populace.dialogue import Dialogue  # which reads observations


Texts: TypeAlias = str | list["Texts"]
"""A text, or nested lists of them."""


def _wordless() -> None:
    """No text face; a function of the module, so that observations can be pickled."""


def _no_phrases() -> Mapping[int, str]:
    """No phrases of a world."""
    return {}


class Observation(dict[str, Tensor]):
    """What a role sees in one phase: field -> [worlds, seats, *shape].

    Attributes:
        role: The role that sees it.
        phase: The phase it is seen in.
        present: [worlds, seats] bool, seats that are taken, or None for all.
        dialogue: Makes the world's text face, or None; only policies that read and write ask for it.
        reader: Reads the ids of texts, and keeps texts that a policy writes (`reader.words.put`).
    """

    def __init__(
        self,
        fields: Mapping[str, Tensor],
        role: Role,
        phase: str,
        present: Tensor | None = None,
        dialogue: "Callable[[], Dialogue | None]" = _wordless,
        reader: Reader | None = None,
    ) -> None:
        super().__init__(fields)
        self.role, self.phase, self.present, self.dialogue = role, phase, present, dialogue
        self.reader = Reader(Words(), _no_phrases) if reader is None else reader

    def text(self, name: str) -> Texts:
        """The words of a text field, read on the host: nested lists [worlds][seats], and further for its shape.

        Raises:
            UnknownName: The role sees no text field of this name in this phase.
        """
        texts = {f.name for f in self.role.sees if f.kind == "text" and f.name in self}
        if name not in texts:
            raise UnknownName("text field", name, texts)

        def read(ids: Any) -> Texts:
            return [read(part) for part in ids] if isinstance(ids, list) else self.reader.read(ids)

        return read(self[name].tolist())

    def only(self, present: Tensor, privileged: bool = True) -> "Observation":
        """The same, of the seats `present` [worlds, seats] alone; without ground truth unless `privileged`."""
        taken = present if self.present is None else present & self.present
        hidden = {f.name for f in self.role.sees if f.private and not privileged}
        fields = {name: value for name, value in self.items() if name.removesuffix("_mask") not in hidden}
        return Observation(fields, self.role, self.phase, taken, self.dialogue, self.reader)
