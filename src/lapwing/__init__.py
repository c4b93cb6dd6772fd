"""Lapwing: a listening post for public social streams.

records → log → formats → stages → ledger → answers

What programs use is here: `consume`, `produce`, `report`, `App`, and `Post`, which is what post topics give. Each is
imported when it is first used, so that ``import lapwing`` takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lapwing.app.programs import App
    from lapwing.app.public import Place, Post, consume, produce, report

__version__ = "0.1.0"
__all__ = ["App", "Place", "Post", "__version__", "consume", "produce", "report"]

_WHERE = dict.fromkeys(("Place", "Post", "consume", "produce", "report"), "lapwing.app.public") | {
    "App": "lapwing.app.programs"
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        message = f"module 'lapwing' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
