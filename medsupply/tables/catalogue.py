"""All tables and views of the warehouse, in the order of the flow."""

from __future__ import annotations

from importlib import import_module

from medsupply.tables.base import Table, View

ROOMS = ("ops", "core", "picture", "picture_views", "forecast", "alerts")
_MODULES = [import_module(f"medsupply.tables.{room}") for room in ROOMS]

TABLES: tuple[Table, ...] = tuple(table for module in _MODULES for table in getattr(module, "TABLES", ()))
VIEWS: tuple[View, ...] = tuple(view for module in _MODULES for view in getattr(module, "VIEWS", ()))
