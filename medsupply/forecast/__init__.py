"""Demand paths, run-out probability and their scores: frames in, frames out."""
