"""Worlds for OpenEnv: one seat as an environment that is served, and the client that plays it.

uvicorn.run(openenv.app(partial(text_env, "populace/payoff-v0", "user")), port=8000)
with openenv.Client(base_url="http://127.0.0.1:8000").sync() as client:
    asked = client.reset(seed=1, world=3).observation
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import Field

from populace.envs.bridges.seats import Episode
from populace.envs.views.text import MakesTextEnv
from populace.errors import MissingExtra, PopulaceError

try:
    import uvicorn
    from fastapi import FastAPI
    from openenv.core.client_types import StepResult
    from openenv.core.env_client import EnvClient
    from openenv.core.env_server.http_server import create_app
    from openenv.core.env_server.interfaces import Environment
    from openenv.core.env_server.types import Action, EnvironmentMetadata, Observation, State
except ImportError:
    raise MissingExtra("populace.envs.bridges.openenv", "openenv", "openenv") from None


class Reply(Action):
    """What the seat answers."""

    text: str = Field(description="The reply, in the form that was asked for.")


class Asked(Observation):
    """What the seat is asked; `metadata` holds `kind` (how the last reply was read), `measures` and `truncated`."""

    messages: list[dict[str, str]] = Field(default_factory=list, description="Chat messages; none when it is over.")
    options: list[str] = Field(default_factory=list, description="Labels among which the reply must choose, or none.")
    schema_text: str = Field(default="", description="JSON Schema of the reply, or nothing.")
    form: str = Field(default="", description="A regular expression that any legal reply may be held to, or nothing.")
    lead: str = Field(default="", description="What the reply begins with before a label, or nothing.")


class Standing(State):
    """Where an episode stands."""

    world: int = 0
    seed: int | None = None
    reward: float = 0.0


class Society(Environment[Reply, Asked, Standing]):
    """One seat in one world, as OpenEnv serves it; every session has a society of its own.

    Args:
        make: Makes the environment, `make(num_envs=1)`.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, make: MakesTextEnv) -> None:
        super().__init__()
        self._env, self._state = make(num_envs=1), Standing()
        self._episode: Episode | None = None

    def reset(self, seed: int | None = None, episode_id: str | None = None, world: int = 0, **_: Any) -> Asked:
        """Begin an episode.

        Args:
            seed: The seed of all worlds; None for that of the last reset.
            episode_id: A name for it.
            world: The world's id; the same seed and world are the same people with the same random numbers.

        Raises:
            PopulaceError: The seed or the world is no whole number from 0 up.
        """
        self._episode = Episode(self._env, world, seed)
        self._state = Standing(episode_id=episode_id, world=world, seed=seed)
        return self._asked(None)

    def step(self, action: Reply, timeout_s: float | None = None, **_: Any) -> Asked:
        """Answer.

        Raises:
            PopulaceError: Before the first reset, or the episode is over.
        """
        if self._episode is None:
            raise PopulaceError("no episode has begun: call reset() first, in the same session (over WebSocket)")
        paid = self._episode.reply(action.text)
        self._state.step_count += 1
        self._state.reward = self._episode.reward
        return self._asked(paid)

    @property
    def state(self) -> Standing:
        """Where the episode stands."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """What this is."""
        role = self._env.role
        return EnvironmentMetadata(name=f"{self._env.stage.world.id}/{role.name}", description=role.about, version="0")

    def _asked(self, paid: float | None) -> Asked:
        played = self._episode
        assert played is not None
        known = {name: value for name, value in played.measures.items() if value == value}  # JSON has no NaN
        told: dict[str, Any] = {"kind": played.kind, "measures": known, "truncated": played.truncated}
        told["measures"] = {
            name: value for name, value in told["measures"].items() if value == value
        }  # JSON has no NaN
        if played.prompt is None:
            return Asked(done=True, reward=paid, metadata=told)
        asked = played.prompt
        return Asked(
            reward=paid,
            metadata=told,
            messages=played.told,
            options=list(asked.options),
            schema_text=asked.schema,
            form=asked.form,
            lead=asked.lead,
        )


class Client(EnvClient[Reply, Asked, Standing]):
    """Plays a society that is served; `Client(base_url=...).sync()` for code that does not await."""

    def _step_payload(self, action: Reply) -> dict[str, Any]:
        return {"text": action.text}

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[Asked]:
        rest = {name: payload.get(name) for name in ("reward", "metadata") if payload.get(name) is not None}
        done = bool(payload.get("done", False))
        seen = Asked(**{**payload.get("observation", {}), **rest, "done": done})
        return StepResult(observation=seen, reward=payload.get("reward"), done=done, metadata=payload.get("metadata"))

    def _parse_state(self, payload: dict[str, Any]) -> Standing:
        return Standing(**payload)


class _Factory:
    """Makes a society for each session."""

    def __init__(self, make: MakesTextEnv) -> None:
        self.make = make

    def __call__(self) -> Society:
        return Society(self.make)


def app(make: MakesTextEnv, sessions: int = 64) -> FastAPI:
    """The server, for uvicorn.

    Args:
        make: Makes environments, `make(num_envs=1)`.
        sessions: How many may be played at the same time.
    """
    served: FastAPI = create_app(_Factory(make), Reply, Asked, "populace", sessions, state_cls=Standing)
    return served


@contextmanager
def serving(make: MakesTextEnv, sessions: int = 64) -> Iterator[str]:
    """Serve on loopback while the block runs, for a try or a test; gives the address.

    Args:
        make: Makes environments, `make(num_envs=1)`.
        sessions: How many may be played at the same time.

    Raises:
        PopulaceError: The server does not start within ten seconds.
    """
    config = uvicorn.Config(app(make, sessions), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    limit = time.monotonic() + 10
    while not server.started:
        if time.monotonic() > limit or not thread.is_alive():
            raise PopulaceError("the OpenEnv server did not start: run uvicorn.run(openenv.app(make)) to see why")
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
