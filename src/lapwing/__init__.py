"""Lapwing: a listening post for public social streams.

records → log → formats → stages → ledger → answers
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
