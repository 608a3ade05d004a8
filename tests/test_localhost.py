"""Requests to this machine go past a proxy, whatever variables name one; all others keep their way."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import getproxies, proxy_bypass

import pytest
import requests

from nni_nasplus._localhost import reach_localhost_directly

PROXY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Without variables of proxies, and left without."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for spelled in (name, name.upper()):
            monkeypatch.setenv(spelled, "")
            monkeypatch.delenv(spelled)


@pytest.fixture
def port():
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("proxied", [{name: PROXY} for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"no_proxy": ""},
        {"no_proxy": "example.org"},
        {"NO_PROXY": " example.org , .corp"},
        {"no_proxy": "a.org", "NO_PROXY": "b.org"},
        {"NO_PROXY": "*"},
        {"no_proxy": "localhost"},
    ],
)
def test_this_machine_is_reached_directly(proxied, given, port, monkeypatch):
    for name, value in (proxied | given).items():
        monkeypatch.setenv(name, value)
    reach_localhost_directly()
    for host in ("localhost", "127.0.0.1"):
        assert requests.get(f"http://{host}:{port}", timeout=10).status_code == 204
        assert proxy_bypass(host)


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_what_the_user_excepts_is_kept_and_nothing_else_excepted(name, monkeypatch):
    monkeypatch.setenv("http_proxy", PROXY)
    monkeypatch.setenv(name, "example.org")
    for _ in range(2):
        reach_localhost_directly()
    assert getproxies()["no"] == "example.org,localhost,127.0.0.1,::1"
    assert proxy_bypass("example.org")
    assert not proxy_bypass("pypi.org")
    assert requests.utils.get_environ_proxies("http://pypi.org") != {}
