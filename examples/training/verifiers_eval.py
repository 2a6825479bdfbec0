"""verifiers: is a model that always asks clearly a better user than chance, by world? (a minute)

pip install "populace[verifiers]"; python examples/training/verifiers_eval.py
"""

import asyncio
import json
import random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import fmean, stdev
from threading import Thread

import verifiers.v1 as vf

from populace.envs.bridges import verifiers


class _Endpoint(BaseHTTPRequestHandler):  # stands for your model's, such as vLLM's
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = "clear" if asked["model"] == "clear" else random.choice(("clear", "vague", "end"))
        choice = {"index": 0, "finish_reason": "stop", "delta": {"role": "assistant", "content": said}}
        part = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
        start = "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        self.wfile.write(f"{start}data: {json.dumps(part)}\n\ndata: [DONE]\n\n".encode())


async def _paid(env, model, url):
    context = vf.ModelContext(model, vf.EvalClientConfig(base_url=url, api_key_var="HOME"))
    async with env.serving():
        played = await asyncio.gather(*(env.run_episode(task, context) for task in env.taskset))
    return [episode.traces[0].rewards["paid"].score for episode in played]


Thread(target=(server := ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)).serve_forever, daemon=True).start()
rows = verifiers.SeatConfig(world="populace/payoff-v0", role="user", users=1, max_turns=1, worlds=16)
env, url = verifiers.SeatEnv(verifiers.SeatEnvConfig(taskset=rows)), f"http://127.0.0.1:{server.server_port}/v1"
gains = [a - b for a, b in zip(*(asyncio.run(_paid(env, model, url)) for model in ("clear", "chance")), strict=True)]
print(f"clear over chance: {fmean(gains):+.2f} +- {1.96 * stdev(gains) / 4:.2f}")
