"""The dashboard, served by ``medsupply serve`` (or ``streamlit run app.py``): pages, health route, headers, language.

The environment and the clock are read here and nowhere else in the dashboard.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from medsupply.dashboard import context, endings, main_script, ready, web
from medsupply.settings import Settings

SETTINGS = Settings.from_environ(os.environ)


def clock() -> datetime:
    return datetime.now(UTC)


context.configure(SETTINGS, clock)
app = st.App(
    main_script(),
    routes=[Route("/readyz", web.readyz(ready.look)), *endings.routes()],
    middleware=[Middleware(web.Shell, default_language=SETTINGS.language)],
)
