"""Nobody but the browser that was given the token can talk to the studio: not another site, not by another name."""

import contextlib
import json
import socket
import stat

import pytest

from helpers.studio import SCENE, RunningStudio, write_scene


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = write_scene(tmp_path_factory.mktemp("studio") / "scene")
    running = RunningStudio(folder)
    yield running
    running.end()


EDIT = {"scene": "", "version": "", "edits": [{"kind": "set", "path": ["background", "seed"], "value": 1}]}


def refused(studio: RunningStudio, path: str = "/api/scene", body: object = None, **headers: str) -> str:
    """The sentence of a refusal. The config is as it was."""
    status, content, _ = studio.ask(path, body, **headers)
    assert status in (403, 413, 421), content
    assert (studio.folder / "config.yaml").read_text() == SCENE
    said = json.loads(content)
    assert "background" not in str(said) or status == 413
    return said["error"]


def test_the_page_comes_with_the_token_which_becomes_a_cookie(studio):
    status, content, headers = studio.ask(f"/?token={studio.token}", cookie="", sec_fetch_site="cross-site")
    assert status == 200
    assert b"<!doctype html>" in content
    cookie = headers["set-cookie"]
    assert f"strata_studio_{studio.port}={studio.token}" in cookie
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    status, _, headers = studio.ask("/")
    assert status == 200
    assert "set-cookie" not in headers


@pytest.mark.parametrize(
    "path", ["/", "/api/scene", "/api/events", "/page/main.js", "/?token=wrong", "/?token=", "/nothing"]
)
def test_without_the_token_there_is_nothing(studio, path):
    assert "token" in refused(studio, path, cookie="")
    assert "token" in refused(studio, path, cookie=f"strata_studio_{studio.port}=wrong")


def test_the_token_in_a_query_opens_the_page_alone(studio):
    assert "token" in refused(studio, f"/api/scene?token={studio.token}", cookie="")
    assert "token" in refused(studio, f"/api/save?token={studio.token}", EDIT, cookie="")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8425", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example"]
)
def test_another_name_that_leads_here_is_refused(studio, host):
    refused(studio, host=host)
    refused(studio, f"/?token={studio.token}", host=host)
    refused(studio, "/api/save", EDIT, host=host, origin=f"http://{host}")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", "file://"]
)
def test_another_site_is_refused(studio, origin):
    refused(studio, "/api/save", EDIT, origin=origin)
    refused(studio, "/api/build", {"scene": ""}, origin=origin)
    refused(studio, origin=origin)


def test_a_form_or_a_fetch_of_another_site_is_refused_though_the_browser_sends_the_cookie(studio):
    refused(studio, "/api/save", EDIT, origin="")
    refused(studio, "/api/save", b"scene=&edits=", origin="", content_type="application/x-www-form-urlencoded")
    refused(studio, sec_fetch_site="cross-site")
    refused(studio, sec_fetch_site="same-site")
    status, content, _ = studio.ask("/api/save", b"scene=&edits=", content_type="text/plain")
    assert (status, json.loads(content)["error"]) == (422, "The body of a request must be JSON.")


@pytest.mark.parametrize(
    ("length", "body", "status"),
    [
        ("content-length: 1000001", b"", 413),
        # Without a length, in chunks.
        ("transfer-encoding: chunked", (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 20, 422),
    ],
)
def test_a_request_that_is_too_long_is_refused(studio, length, body, status):
    host = f"127.0.0.1:{studio.port}"
    head = f"POST /api/save HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\n{length}\r\n"
    with socket.create_connection(("127.0.0.1", studio.port), timeout=20) as connection:
        connection.sendall(f"{head}cookie: strata_studio_{studio.port}={studio.token}\r\n\r\n".encode())
        with contextlib.suppress(OSError):  # refused before all of it was sent
            connection.sendall(body)
        assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(studio, method):
    assert studio.ask("/api/save", method=method, origin="")[0] == 403
    assert studio.ask("/api/save", method=method, origin=f"http://127.0.0.1:{studio.port}")[0] == 405


def test_a_question_does_not_change_anything(studio):
    for path in ("/api/save", "/api/build", "/api/stop", "/api/seeds", "/api/mask"):
        assert studio.ask(path)[0] == 405


@pytest.mark.parametrize("path", ["/", "/api/scene", "/page/main.js", "/page/nothing.js", "/api/picture?file=x"])
def test_every_answer_says_what_the_page_may_do(studio, path):
    _, _, headers = studio.ask(path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_the_page_has_no_script_and_no_style_of_its_own(studio):
    content = studio.ask("/")[1].decode()
    assert "<script>" not in content and "<style" not in content
    assert " style=" not in content and " onclick=" not in content


@pytest.mark.parametrize(
    "path", ["/page/../server.py", "/page/%2e%2e/server.py", "/page/..%2fserver.py", "/page/__init__.py", "/page/"]
)
def test_no_other_file_is_part_of_the_page(studio, path):
    assert studio.ask(path)[0] == 404


def test_the_token_is_its_owners_alone(studio):
    mode = (studio.folder / ".strata/studio/token").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert len(studio.token) >= 43


def test_it_listens_on_loopback_alone(studio):
    import psutil

    listening = [c.laddr for c in psutil.Process(studio.process.pid).net_connections() if c.status == "LISTEN"]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", studio.port)]
