"""What stands around the pages: security headers, the language of the document, and ``/readyz``."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medsupply.errors import MedsupplyError
from medsupply.settings import LANGUAGES

INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
FIXED_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


def script_hashes(document: bytes) -> list[str]:
    """CSP sources of the inline scripts of an HTML document."""
    found = INLINE_SCRIPT.findall(document)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in found]


def content_policy(hashes: list[str]) -> str:
    """The Content-Security-Policy: nothing from any other host, no script but Streamlit's own."""
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def streamlit_document() -> bytes:
    """The HTML document that Streamlit serves for every page."""
    import streamlit

    return (Path(streamlit.__file__).parent / "static" / "index.html").read_bytes()


class Shell:
    """ASGI middleware: headers on every answer, ``lang`` and title of the document as the URL says."""

    def __init__(self, app: ASGIApp, default_language: str) -> None:
        self.app = app
        self.default = default_language
        self.headers = FIXED_HEADERS | {"content-security-policy": content_policy(script_hashes(streamlit_document()))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send, self.headers, _language(scope, self.default))
        await self.app(_plain(scope), receive, answer)


def _language(scope: Scope, default: str) -> str:
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("lang", [default])[0]
    return asked if asked in LANGUAGES else default


def _plain(scope: Scope) -> Scope:
    """The request without compression where a document is asked for, so that its language can be written in."""
    accepts = dict(scope["headers"]).get(b"accept", b"")
    if b"text/html" not in accepts:
        return scope
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]}


class _Answer:
    """Sends an answer on with the headers; a document is held back whole and gets its language."""

    def __init__(self, send: Send, headers: dict[str, str], language: str) -> None:
        self.send, self.headers, self.language = send, headers, language
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.encode(), value.encode()) for name, value in self.headers.items()]
            message = {**message, "headers": [*message["headers"], *extra]}
            if dict(message["headers"]).get(b"content-type", b"").startswith(b"text/html"):
                self.start = message
                return
        if self.start is None or message["type"] != "http.response.body":
            await self.send(message)
            return
        self.body += message.get("body", b"")
        if not message.get("more_body"):
            await self._finish(self.start)

    async def _finish(self, start: Message) -> None:
        body = self.body.replace(b'<html lang="en">', f'<html lang="{self.language}">'.encode(), 1)
        headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self.send({**start, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def readyz(look: Callable[[], dict[str, Any]]) -> Callable[[Request], Any]:
    """The health route: 200 with what ``look`` found, 503 with the reason where the warehouse cannot be read."""

    def answer(_: Request) -> JSONResponse:
        try:
            found = look()
        except MedsupplyError as error:
            return JSONResponse({"ready": False, "reason": error.reason}, status_code=503)
        return JSONResponse({"ready": True, **json.loads(json.dumps(found, default=str))})

    return answer
