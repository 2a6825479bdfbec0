"""What can be chosen about the matrix world."""

from typing import Literal, Self

from pydantic import Field as Option
from pydantic import JsonValue, field_validator, model_validator
from torch import Tensor

from populace.errors import PopulaceError
from populace.games import normal_form
from populace.wordings import WordedOptions, language_of

PACKAGE = "populace.envs.matrix"
"""Where its tables of wordings are."""


class MatrixOptions(WordedOptions):
    """A normal-form game and who meets whom."""

    game: str | None = None
    """A game by name, such as `stag_hunt`, `harmony`, `chicken`, `gtalign_example`; `prisoners_dilemma` when no game is
    given in any way."""
    rows: JsonValue = None
    """A two-player game: the row player's payoffs, a list of rows; with `columns`."""
    columns: JsonValue = None
    """The column player's payoffs, of the same shape."""
    payoffs: JsonValue = None
    """A game of n players: lists nested n deep in acts, a list of n payoffs in every cell."""
    random: tuple[int, ...] | None = None
    """A game of its own in every world: numbers of acts of its players; payoffs are standard normal."""
    labels: tuple[str, ...] | None = None
    """Names of the acts, as many as the player with the most acts has."""
    matching: Literal["pairs", "random", "network", "everyone"] = "random"
    """Who meets whom: `pairs`: neighbouring seats, always the same; `random`: new partners each tick; `network`:
    everyone plays all whom it listens to; `everyone`: everyone plays the whole population. The last two need a
    symmetric two-player game; with `pairs` and `random`, seat i is player i mod n, and an act beyond a player's own
    number is its last."""
    models: bool = False
    """Whether each player sees the last act and payoff of another one, drawn anew each tick, as imitation needs."""
    patience: float = Option(default=1.0, gt=0, le=1)
    """Chance a tick that a world goes on (a repeated game of random length); 1 for no end."""
    talk: bool = False
    """Whether players say a sentence to each other before they choose (cheap talk); needs two players and fixed
    `pairs`, as who listens must be known."""

    _spoken = field_validator("language")(lambda given, info: language_of(given, PACKAGE, info.context))

    @model_validator(mode="after")
    def _one_game(self) -> Self:
        given = [
            name
            for name, value in (
                ("game", self.game),
                ("rows and columns", self.rows if self.rows is not None else self.columns),
                ("payoffs", self.payoffs),
                ("random", self.random),
            )
            if value is not None
        ]
        if len(given) > 1:
            raise ValueError(f"give one of game, rows and columns, payoffs, random; got {', '.join(given)}")
        if self.random is not None and (len(self.random) < 2 or min(self.random) < 2):
            raise ValueError(f"random: {list(self.random)} must name two or more players with two or more acts each")
        try:
            game = self.table()
        except PopulaceError as error:
            raise ValueError(str(error)) from error
        shape = self.random or tuple(game.shape[:-1])  # type: ignore[union-attr]  # None only if random
        if self.matching in ("network", "everyone") and (game is None or not normal_form.is_symmetric(game)):
            raise ValueError(
                f"matching: {self.matching} needs a symmetric two-player game, as everyone has the same role"
            )
        if self.talk and (self.matching != "pairs" or len(shape) != 2):
            raise ValueError(
                "talk: a sentence needs one listener who is known before the move: use matching: pairs and "
                "a game of two players"
            )
        if self.labels is not None and len(self.labels) != max(shape):
            raise ValueError(f"labels: {len(self.labels)} names for {max(shape)} acts")
        return self

    @property
    def acts(self) -> tuple[int, ...]:
        """Numbers of acts of the game as given."""
        return self.random or tuple(self.table().shape[:-1])  # type: ignore[union-attr]  # None only if random

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of acts of the game as played: as all sit in one role, everyone has as many as the one with most."""
        acts = self.acts
        return (max(acts),) * len(acts)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the acts."""
        return self.labels or tuple(f"act_{i}" for i in range(self.shape[0]))

    @property
    def joint(self) -> int:
        """Joint acts of the others."""
        shape = self.shape
        return int(shape[0] ** (len(shape) - 1))

    def table(self) -> Tensor | None:
        """The game [acts, ..., acts, players] float64, or None where every world draws its own."""
        if self.game is not None:
            return normal_form.preset(self.game)
        if self.payoffs is not None:
            return normal_form.from_payoffs(self.payoffs)
        if self.random is not None:
            return None
        if self.rows is None and self.columns is None:
            return normal_form.preset("prisoners_dilemma")
        if self.rows is None or self.columns is None:
            raise PopulaceError("rows, columns: a two-player game needs both")
        return normal_form.from_bimatrix(self.rows, self.columns)  # type: ignore[arg-type]  # checked above and there
