"""A proxy before a real server of the OpenAI protocol: it passes requests on, but for the faults it is told to make."""

import json
import urllib.request

from loopback import serving


def between(url, fault=lambda number: None, slow=1.5):
    """A proxy of the server at `url`, with faults as `loopback.serving` makes them."""

    def pass_on(body):
        request = urllib.request.Request(
            f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    return serving(pass_on, fault, slow)
