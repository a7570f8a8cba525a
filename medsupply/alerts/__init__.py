"""Alerts: what opens, rises, falls and closes; who is told; whether it was right."""
