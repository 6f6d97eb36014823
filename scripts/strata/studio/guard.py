"""Who may talk to the studio: the browser that was given its token, from its own page, and nobody else."""

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strata.errors import StrataError
from strata.files import replacing
from strata.state import STUDIO

TOKEN = STUDIO / "token"

MOST_BYTES = 1_000_000
"""Of a request's body; a scene and its edits are far smaller."""

MOST_BYTES_OF_PICTURE = 64_000_000
"""Of a mask that was painted by hand."""

PICTURES = "/api/masks/"
"""Where pictures are sent to."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def read_token() -> str:
    """The token of this folder's studio: made once, so that a page that is open goes on when the server was started again."""
    try:
        token = TOKEN.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        token = ""
    if len(token) < 32:
        token = secrets.token_urlsafe(32)
        with replacing(TOKEN) as file:
            TOKEN.with_name(f".{TOKEN.name}.part").chmod(0o600)
            file.write(token.encode())
    return token


class Guard:
    """Lets requests through that come from the studio's own page, in the browser that was given the token.

    Refused are a wrong host (another name that leads here, as in DNS rebinding), another origin (a form or a fetch of another
    site), a missing token, and bodies that are too long. Every answer says what the page may do.

    Args:
        app: what answers.
        token: in the query of the first request, then in a cookie.
        port: of the server, on loopback.
    """

    def __init__(self, app: ASGIApp, token: str, port: int):
        self._app, self._token = app, token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"strata_studio_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        invited = scope["path"] == "/" and scope["method"] == "GET" and self._is_token(given)
        if (refusal := self._refuse(scope, headers, invited)) is not None:
            await refusal(scope, receive, self._sending(send, False))
            return
        limit = MOST_BYTES_OF_PICTURE if scope["path"].startswith(PICTURES) else MOST_BYTES
        await self._app(scope, _limited(receive, limit), self._sending(send, invited))

    def _refuse(self, scope: Scope, headers: Headers, invited: bool) -> JSONResponse | None:
        if headers.get("host") not in self._hosts:
            return _say(421, "This is the studio of a folder on this machine. Open the address that it printed.")
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in {headers["host"]}:
            return _say(403, "Another site asked for this. Open the address that the studio printed.")
        if scope["method"] not in ("GET", "HEAD") and origin is None:
            return _say(403, "Only the studio's own page may change something.")
        if not invited and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _say(403, "Another site asked for this. Open the address that the studio printed.")
        if not invited and not self._is_token(self._read_cookie(headers)):
            return _say(403, "The token is missing. Open the address that `strata studio` printed, with its token.")
        length = headers.get("content-length", "0")
        limit = MOST_BYTES_OF_PICTURE if scope["path"].startswith(PICTURES) else MOST_BYTES
        if not length.isdecimal() or int(length) > limit:
            return _say(413, f"That is more than {limit / 1e6:.0f} MB, which nothing here needs.")
        return None

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())

    def _read_cookie(self, headers: Headers) -> str:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return cookie.value if cookie else ""

    def _sending(self, send: Send, invited: bool) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store")
                if invited:
                    headers.append(
                        "set-cookie",
                        f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000",
                    )
            await send(message)

        return send_with_headers


def _limited(receive: Receive, limit: int) -> Receive:
    """Receives no more than so many bytes: a body in chunks says nothing of its length beforehand."""
    left = limit

    async def receive_limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise StrataError(f"That is more than {limit / 1e6:.0f} MB, which nothing here needs.")
        return message

    return receive_limited


def _say(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence, "key": None}, status)
