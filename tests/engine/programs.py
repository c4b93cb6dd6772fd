"""Functions as users write them, some of them badly; called in processes of their own."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any


def doubled(frame: Any) -> Any:
    return frame * 2


def misbehave(value: dict[str, str]) -> Any:
    match value["do"]:
        case "exit":
            sys.exit(3)
        case "leave":
            os._exit(7)
        case "block":
            threading.Event().wait()
        case "nonsense":
            return 5
        case "print":
            print("heard", flush=True)
            os.write(1, b"said\n")
    return {"did": value["do"]}
