"""Whose key goes where: no file sends an environment variable to a server, and no key is shown or stored."""

import json

import pytest
from loopback import serving
from pydantic import ValidationError
from typer.testing import CliRunner

from populace import keys, trust
from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.endpoint import Endpoint
from populace.agents.llm.backends.endpoint_options import EndpointOptions
from populace.agents.llm.backends.servers import client_options
from populace.agents.llm.interpret.options import InterpreterOptions, PrototypeOptions
from populace.cli import app
from populace.errors import PopulaceError
from populace.scenarios import load
from populace.trust import NeedsWord

pytest.importorskip("openai")
SECRET = "s3cret-of-the-user"
HEAD = {"schema": 1, "name": "s", "worlds": 1, "horizon": 1, "population": {"size": 1}}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POPULACE_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("OPENAI_API_KEY", "SOME_OTHER_SECRET", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, f"{SECRET}-{name}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Gateway: {SECRET}")
    for name in ("POPULACE_KEYS", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    keys._say.cache_clear()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config"


@pytest.fixture
def server():
    with serving(lambda body: "yes") as found:
        yield found


def seat(server, **options):
    return {"policy": "llm/openai", "model": "m", "base_url": server.url, "wait": 0.0, "retries": 0, **options}


def scenario(tmp_path, server, world="populace/payoff-v0", **options):
    path = tmp_path / "s.yaml"
    path.write_text(json.dumps({**HEAD, "world": {"id": world}, "agents": {"assistant": seat(server, **options)}}))
    return path


def cli(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, (SystemExit, PopulaceError)):
        raise done.exception
    return done


def sent(server):
    return {auth for auth in server.auth if SECRET in (auth or "")}


@pytest.mark.parametrize("name", ["SOME_OTHER_SECRET", "OPENAI_API_KEY", "HOME"])
def test_a_file_that_names_a_variable_is_refused_before_anything_is_sent(name, tmp_path, server):
    path = scenario(tmp_path, server, key_env=name)
    for words in (("run", path), ("run", path, "--dry-run"), ("run", path, "--trust"), ("run", path, "--dry-run")):
        done = cli(*words)
        assert isinstance(done.exception, NeedsWord), words
        assert f"send the environment variable {name} to 127.0.0.1:" in str(done.exception)
        assert SECRET not in str(done.exception) + done.output
    assert server.requests == []
    validated = cli("validate", path)
    assert validated.exit_code == 0
    assert name in validated.output
    with pytest.raises(NeedsWord):
        load(path)  # a Python caller's file names no key either


def test_the_default_key_goes_to_its_own_host_only(tmp_path, server):
    path = scenario(tmp_path, server)
    assert cli("run", path, "--no-report", "--out", tmp_path / "out").exit_code == 0
    assert server.requests
    assert server.auth == {"Bearer none"}
    policy = EndpointOptions(model="m", base_url=server.url)
    assert policy.key() is None
    assert EndpointOptions(model="m").key() == f"{SECRET}-OPENAI_API_KEY"
    assert EndpointOptions(model="m", base_url=keys.OPENAI).key() == f"{SECRET}-OPENAI_API_KEY"
    for near in ("http://api.openai.com/v1", "https://api.openai.com.evil.org", "https://api.openai.com:8443/v1",
                 "https://evil-api.openai.com/v1"):  # fmt: skip
        assert EndpointOptions(model="m", base_url=near).key() is None


def test_a_variable_that_is_not_set_needs_no_word(tmp_path, server, monkeypatch):
    monkeypatch.delenv("SOME_OTHER_SECRET")
    assert cli("run", scenario(tmp_path, server, key_env="SOME_OTHER_SECRET"), "--no-report").exit_code == 0
    assert server.auth == {"Bearer none"}


def test_a_key_that_the_user_names_is_sent_and_told(tmp_path, server, monkeypatch, home):
    path = scenario(tmp_path, server, key_env="SOME_OTHER_SECRET")
    host = f"127.0.0.1:{server.server_port}"

    def plays(*words):
        keys._say.cache_clear()
        server.auth.clear()
        done = cli("run", path, "--no-report", *words)
        assert done.exit_code == 0, done.exception
        assert server.auth == {f"Bearer {SECRET}-SOME_OTHER_SECRET"}
        assert f"SOME_OTHER_SECRET is sent to {host}" in done.stderr
        assert SECRET not in done.output

    plays("--set", "agents.assistant.key_env=SOME_OTHER_SECRET", "--out", "a")
    monkeypatch.setenv("POPULACE_KEYS", f"other.org=X, {host}=SOME_OTHER_SECRET")
    plays("--out", "b")
    monkeypatch.delenv("POPULACE_KEYS")
    # An address without its scheme means https on its own port: a file cannot turn that into plain http.
    monkeypatch.setenv("POPULACE_KEYS", "127.0.0.1=SOME_OTHER_SECRET")
    assert isinstance(cli("run", path).exception, NeedsWord)
    monkeypatch.delenv("POPULACE_KEYS")
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(f"[keys]\n'{host}' = 'SOME_OTHER_SECRET'\n")
    plays("--out", "c")
    # The user's table wins where a file names none.
    path = scenario(tmp_path, server)
    plays("--out", "d")


def test_the_word_for_one_server_is_not_that_for_another(tmp_path, server):
    other = {**seat(server), "base_url": "http://127.0.0.1:1/v1", "key_env": "SOME_OTHER_SECRET"}
    path = tmp_path / "two.yaml"
    agents = {"assistant": seat(server), "user": other}
    path.write_text(json.dumps({**HEAD, "world": {"id": "populace/payoff-v0"}, "agents": agents}))
    done = cli("run", path, "--set", "agents.assistant.key_env=SOME_OTHER_SECRET")
    assert isinstance(done.exception, NeedsWord)
    assert [need.what for need in done.exception.needs] == ["127.0.0.1:1 SOME_OTHER_SECRET"]
    assert server.requests == []


def test_a_run_that_was_given_a_key_is_resumed_with_it(tmp_path, server):
    from populace.scenarios import runner

    path = scenario(tmp_path, server)
    with trust.speaking(trust.guarded()):
        loaded = load(path, ["agents.assistant.key_env=SOME_OTHER_SECRET"])
        runner.run(loaded, tmp_path / "out", progress=runner.Progress(stop=lambda: True))
    assert "SOME_OTHER_SECRET" in (tmp_path / "out" / "scenario.yaml").read_text()
    done = cli("resume", tmp_path / "out", "--no-report")
    assert done.exit_code == 0, done.exception
    assert sent(server) == {f"Bearer {SECRET}-SOME_OTHER_SECRET"}
    assert not any(SECRET in file.read_text(errors="replace") for file in (tmp_path / "out").rglob("*.*"))


def test_judges_and_embeddings_keep_to_the_same_rules(tmp_path, server):
    judge = {"judge": {"policy": "llm/openai", "params": {**seat(server, key_env="SOME_OTHER_SECRET")}}}
    del judge["judge"]["params"]["policy"]
    table = {"prototypes": {"model": "e", "base_url": server.url, "key_env": "SOME_OTHER_SECRET"}}
    for reader in (judge, table):
        player = {"policy": "llm/random", "interpreter": reader}
        mixed = {"policy": "mix", "players": [{"policy": "llm/random", "share": 1, "params": {"interpreter": reader}}]}
        for given in (player, mixed):
            path = tmp_path / "j.yaml"
            path.write_text(json.dumps({**HEAD, "world": {"id": "populace/drift-v0"}, "agents": {"assistant": given}}))
            for words in (("run", path), ("run", path, "--trust", "--dry-run")):
                done = cli(*words)
                assert isinstance(done.exception, NeedsWord), (given, done.exception)
    assert server.requests == []
    assert PrototypeOptions(model="e", base_url=server.url).key() is None
    assert PrototypeOptions(model="e", base_url=server.url, key_env="SOME_OTHER_SECRET").key()


def test_what_was_allowed_when_a_judge_was_read_is_what_holds_when_it_is_made(server):
    params = {"model": "m", "base_url": server.url, "key_env": "SOME_OTHER_SECRET"}
    with trust.speaking(trust.Word(keys=False)), pytest.raises(ValidationError, match=trust.UNHEARD):
        InterpreterOptions(judge={"policy": "llm/openai", "params": params})


def test_a_server_of_the_options_is_sent_no_other_header_of_the_environment(server):
    with serving(lambda body: "yes") as found:
        heard = []
        original = found.RequestHandlerClass.do_POST

        def note(handler):
            heard.append({name.lower(): value for name, value in handler.headers.items()})
            original(handler)

        found.RequestHandlerClass.do_POST = note
        try:
            asks = [Ask((("user", "hello"),), (), 1)]
            ask_all(Endpoint(EndpointOptions(model="m", base_url=found.url)), asks)
        finally:
            found.RequestHandlerClass.do_POST = original
    (headers,) = heard
    assert not any(SECRET in value for value in headers.values())
    assert not {"openai-organization", "openai-project", "x-gateway"} & set(headers)


def test_prompts_follow_no_redirect(server):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", f"{server.url}/chat/completions")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    first = HTTPServer(("127.0.0.1", 0), Elsewhere)
    Thread(target=first.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{first.server_port}/v1"
        with pytest.raises(PopulaceError, match="sends on to another address"):
            ask_all(Endpoint(EndpointOptions(model="m", base_url=url)), [Ask((("user", "hello"),), (), 1)])
        assert (
            client_options(PrototypeOptions(model="e", base_url=url), asynchronous=False)[
                "http_client"
            ].follow_redirects
            is False
        )
    finally:
        first.shutdown()
        first.server_close()
    assert server.requests == []


PLACED = "sk-proj-Zz0123456789"
PLACES = {
    "a seat": {"agents": {"assistant": {"policy": "llm/openai", "model": "m", "key_env": PLACED}}},
    "a base that all arms replace": {
        "agents": {"assistant": {"policy": "llm/openai", "model": "m", "key_env": PLACED}},
        "arms": {"a": {"agents.assistant": "random"}},
    },
    "an arm, dotted": {"arms": {"a": {"agents.assistant.key_env": PLACED}}},
    "a sweep": {"sweep": {"grid": {"agents.assistant.key_env": ["X", PLACED]}}},
    "a judge": {
        "agents": {
            "assistant": {
                "policy": "llm/random",
                "interpreter": {"judge": {"policy": "llm/openai", "params": {"model": "m", "key_env": PLACED}}},
            }
        }
    },
    "an address": {
        "agents": {"assistant": {"policy": "llm/openai", "model": "m", "base_url": f"https://me:{PLACED}@host.org/v1"}}
    },
    "a fragment": {
        "agents": {"assistant": {"policy": "llm/openai", "model": "m", "base_url": f"https://host.org/v1#{PLACED}"}}
    },
    "a query": {
        "agents": {"assistant": {"policy": "llm/openai", "model": "m", "base_url": f"https://host.org/v1?k={PLACED}"}}
    },
    "embeddings": {
        "agents": {
            "assistant": {
                "policy": "llm/random",
                "interpreter": {"prototypes": {"model": "m", "base_url": f"https://a:{PLACED}@host.org"}},
            }
        }
    },
    "a key nobody knows": {"agents": {"assistant": {"policy": "llm/openai", "model": "m", "api_key": PLACED}}},
}


@pytest.mark.parametrize("where", PLACES)
def test_a_key_in_the_wrong_place_is_neither_shown_nor_stored(where, tmp_path):
    path = tmp_path / "placed.yaml"
    path.write_text(json.dumps({**HEAD, "world": {"id": "populace/payoff-v0"}, **PLACES[where]}))
    for words in (("validate", path), ("run", path, "--out", "out"), ("run", path, "--dry-run", "--trust")):
        done = cli(*words)
        assert isinstance(done.exception, PopulaceError)
        assert PLACED not in str(done.exception) + done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("key", ["key_env", "api_key", "base_url", "token"])
def test_a_key_on_the_command_line_is_not_shown(key, tmp_path):
    path = tmp_path / "plain.yaml"
    agents = {"assistant": {"policy": "llm/openai", "model": "m"}}
    path.write_text(json.dumps({**HEAD, "world": {"id": "populace/payoff-v0"}, "agents": agents}))
    done = cli("run", path, "--set", f"agents.assistant.{key}={PLACED}")
    assert isinstance(done.exception, PopulaceError)
    assert PLACED not in str(done.exception) + done.output


@pytest.mark.parametrize("wrong", [{"key_env": PLACED}, {"base_url": f"https://u:{PLACED}@h"}, {"api_key": PLACED}])
def test_options_made_in_python_do_not_show_it_either(wrong):
    with pytest.raises(ValidationError) as refused:
        EndpointOptions(model="m", **wrong)
    assert PLACED not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://u:p@h/v1",
        "https://u@h",
        "https://h/#x",
        "https://h#x",
        "https://h/?key=1",
        "https://h?",
        "https://h:99999/",
        "https://h:x/",
        "https://h:0",
        "ftp://h",
        "h:8000",
        "https://api.openai.com\\@evil.org",
        "https://api.openai.com\t.evil.org",
        "https://api.openai.com\n.evil.org",
        "http://[::1",
        "https://\uff45vil.org",
        "https://",
        "http:///v1",
        "https://h h/",
        "https://-h/",
        "",
    ],
)
def test_addresses_that_are_none_or_hold_secrets_are_refused(url):
    with pytest.raises(ValueError, match="base_url"):
        keys.server(url)


def test_servers_are_named_by_host_and_port():
    named = {
        "https://openrouter.ai/api/v1": "openrouter.ai",
        "https://Host.org:8443": "host.org:8443",
        "http://localhost:8000/v1": "localhost:8000",
        "http://host.org": "host.org:80",
        "http://[::1]:80/v1": "[::1]:80",
    }
    assert {url: keys.server(url).name for url in named} == named


def test_names_of_variables_are_told_from_keys():
    for name in ("OPENAI_API_KEY", "X", "HF_TOKEN", "OPENROUTER_KEY_2", "MY_SECRET_FOR_THE_LAB"):
        assert keys.variable(name) == name
    for name in (
        "sk-abc",
        "gsk_abc",
        "AKIAIOSFODNN7EXAMPLE",
        "sk_live_x",
        "AB12CD34EF56GH78",
        "",
        "A B",
        "1A",
        "X" * 65,
    ):
        with pytest.raises(ValueError, match="name of an environment variable"):
            keys.variable(name)


@pytest.mark.parametrize("text", ["openrouter.ai", "=X", "h=sk-abc", "u:p@h=X", "h/#=X"])
def test_a_table_of_keys_that_is_none_is_told_without_repeating_it(text, monkeypatch):
    monkeypatch.setenv("POPULACE_KEYS", text)
    with pytest.raises(PopulaceError, match="expected host=VARIABLE") as refused:
        keys.mapped()
    assert "sk-abc" not in str(refused.value)
