"""Fenfa: self-hosted app distribution."""

__version__ = "0.1.0"
