"""Two plain pages beside the dashboard that work without sign-in: confirm a subscription, end it.

A GET shows what the link would do and a button; only a POST does it (RFC 8058: mail programs post
``List-Unsubscribe=One-Click`` when a reader ends a subscription there). The page says what the POST has found to do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from medsupply.alerts import links, subscriptions
from medsupply.dashboard import asking
from medsupply.dashboard.context import current
from medsupply.dashboard.wording import say
from medsupply.errors import InputError, MedsupplyError
from medsupply.settings import LANGUAGES
from medsupply.warehouse.database.connection import Warehouse
from medsupply.words import word

Decide = Callable[..., int]
ASKS = {links.CONFIRM: "subscription.confirm_how", links.END: "subscription.end_ask"}
PAGE = Markup("""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ margin: 0; padding: 24px; font: 18px/1.5 Arial, Helvetica, sans-serif; color: #16202b; background: #f4f5f7; }}
main {{ max-width: 560px; margin: 0 auto; padding: 24px; background: #fff; overflow-wrap: anywhere; }}
h1 {{ font-size: 24px; margin: 0 0 12px; }}
button {{ font: inherit; padding: 10px 18px; border: 0; background: #00468b; color: #fff; }}
</style></head>
<body><main><h1>{title}</h1><p>{told}</p>{form}</main></body>
</html>
""")
FORM = Markup('<form method="post" action="{action}"><button type="submit">{button}</button></form>')


def routes() -> list[Route]:
    """The two pages."""
    decide: dict[str, Decide] = {links.CONFIRM: subscriptions.confirm, links.END: subscriptions.end_by_link}
    return [Route(links.PATHS[purpose], _page(purpose, decide[purpose]), methods=["GET", "POST"]) for purpose in decide]


def _page(purpose: str, decide: Decide) -> Any:
    async def answer(request: Request) -> HTMLResponse:
        return await run_in_threadpool(_answer, request, purpose, decide)

    return answer


def _answer(request: Request, purpose: str, decide: Decide) -> HTMLResponse:
    asked = request.query_params
    language = asked.get("lang", "") if asked.get("lang") in LANGUAGES else current().settings.language
    address, token = asked.get("address", ""), asked.get("token", "")
    if not links.is_valid(current().settings, address, purpose, token):
        return _html(language, purpose, say(language, f"subscription.{purpose}_bad"), status=400)
    if request.method != "POST":
        form = FORM.format(action=f"?{request.url.query}", button=say(language, f"subscription.{purpose}"))
        return _html(language, purpose, say(language, ASKS[purpose], address=address), form)
    try:
        number = _decide(asking.warehouse(), decide, address, token, current().clock())
    except MedsupplyError as error:
        status = 400 if isinstance(error, InputError) else 503
        return _html(language, purpose, say(language, "page.unavailable"), status=status)
    done = "done" if number else "none"
    return _html(language, purpose, say(language, f"subscription.{purpose}_{done}", address=address))


def _decide(wh: Warehouse, decide: Decide, address: str, token: str, at: datetime) -> int:
    return decide(wh, address, token, at=at)


def _html(language: str, purpose: str, told: str, form: str = "", *, status: int = 200) -> HTMLResponse:
    title = say(language, f"subscription.{purpose}")
    body = PAGE.format(title=f"{title} – {word(language, 'product.name')}", told=told, form=form)
    return HTMLResponse(str(body), status_code=status, headers={"cache-control": "no-store"})
