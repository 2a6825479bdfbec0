"""PettingZoo's idiom for the world `populace/lockin-v0`."""

from functools import partial

from populace.envs import views

_ID = "populace/lockin-v0"

parallel_env = partial(views.parallel_env, _ID)
raw_env = partial(views.raw_env, _ID)
env = partial(views.env, _ID)
vector_env = partial(views.vector_env, _ID)
seat_env = partial(views.seat_env, _ID)
world = partial(views.world, _ID)
