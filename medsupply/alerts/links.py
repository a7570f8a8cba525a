"""Links of a mail that work without sign-in: confirming a subscription and ending it. Both only ask; a POST decides.

The token in a link is derived from a secret of this warehouse, the address and the purpose: a link that ends cannot
confirm, and one address cannot end another's.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import urlencode

from medsupply.settings import Settings
from medsupply.warehouse.database.secrets import ensure_secret

CONFIRM, END = "confirm", "end"
PATHS = {CONFIRM: "/subscription/confirm", END: "/subscription/end"}


def token_of(settings: Settings, address: str, purpose: str) -> str:
    """The secret part of a link."""
    key = ensure_secret(settings.home, "subscriptions").encode()
    return hmac.new(key, f"{purpose}|{address.lower()}".encode(), sha256).hexdigest()[:32]


def is_valid(settings: Settings, address: str, purpose: str, token: str) -> bool:
    """Whether a token was made for this address and purpose."""
    return hmac.compare_digest(token.encode(), token_of(settings, address, purpose).encode())


def link(settings: Settings, address: str, purpose: str, language: str) -> str:
    """The address of the page that asks."""
    query = {"address": address, "token": token_of(settings, address, purpose), "lang": language}
    return f"{settings.base_url.rstrip('/')}{PATHS[purpose]}?{urlencode(query)}"
