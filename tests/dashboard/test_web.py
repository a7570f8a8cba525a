"""What stands around the pages: headers, language of the document, health."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from medsupply.dashboard import context, ready, web
from medsupply.errors import WarehouseUnavailable
from medsupply.settings import Settings

DOCUMENT = '<!DOCTYPE html><html lang="en"><script>var a = 1</script><script src="x.js"></script></html>'


def call(app: Any, path: str = "/", query: str = "", accept: str = "text/html") -> tuple[int, dict[str, str], str]:
    """One request through ASGI; status, headers, body."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(b"accept", accept.encode()), (b"accept-encoding", b"gzip"), (b"host", b"x")],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]).decode()


def shell() -> web.Shell:
    async def document(_: Request) -> Response:
        return HTMLResponse(DOCUMENT)

    async def data(request: Request) -> Response:
        return PlainTextResponse(request.headers.get("accept-encoding", "none"))

    return web.Shell(Starlette(routes=[Route("/", document), Route("/data", data)]), default_language="fi")


@pytest.mark.parametrize(("query", "language"), [("lang=sv", "sv"), ("lang=en", "en"), ("", "fi"), ('lang="><x', "fi")])
def test_the_document_has_the_language_of_the_url(query: str, language: str) -> None:
    _, headers, body = call(shell(), query=query)
    assert f'<html lang="{language}">' in body
    assert int(headers["content-length"]) == len(body)


def test_every_answer_has_the_headers() -> None:
    for path in ("/", "/data", "/nothing"):
        _, headers, _ = call(shell(), path)
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'self'" in headers["content-security-policy"]


def test_only_documents_lose_their_compression() -> None:
    assert call(shell(), "/data", accept="*/*")[2] == "gzip"


def test_the_policy_allows_the_inline_script_of_this_streamlit_and_no_other() -> None:
    hashes = web.script_hashes(web.streamlit_document())
    assert len(hashes) == 1
    assert web.script_hashes(DOCUMENT.encode()) != hashes
    policy = web.content_policy(hashes)
    assert hashes[0] in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def test_ready_tells_what_is_known(filled_settings: Settings) -> None:
    context.configure(filled_settings, lambda: None)  # type: ignore[arg-type, return-value]
    status, _, body = call(Starlette(routes=[Route("/readyz", web.readyz(ready.look))]), "/readyz")
    assert status == 200
    assert '"as_of":"2026-03-10"' in body


def test_not_ready_gives_503_and_no_address_or_password() -> None:
    def down() -> dict[str, Any]:
        raise WarehouseUnavailable("The database cannot be reached", "Check that it runs")

    status, _, body = call(Starlette(routes=[Route("/readyz", web.readyz(down))]), "/readyz")
    assert status == 503
    assert body == '{"ready":false,"reason":"The database cannot be reached"}'
