"""A data directory behind the whole guarded server, and Debian's Chromium in front of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from lapwing import config
from lapwing.app.serving import application
from source_code import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
DEADLINE_S = 60.0
WAIT_MS = 15_000
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 360, "height": 780}}
WATCH = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.__violations.push(event.violatedDirective + ' ' + event.blockedURI));
window.alert = window.confirm = window.prompt = () => { window.__ran = true; };
"""


class Server(uvicorn.Server):
    """uvicorn in a thread; says when it answers."""

    def __init__(self, app: Any, port: int) -> None:
        super().__init__(uvicorn.Config(app, port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
        self.up = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()


@contextmanager
def served(data: Path, port: int = 0, text: str = '[serve]\nquery_budget = "20s"') -> Iterator[str]:
    """The address of a data directory's server. It has more time for an answer than usual: tests share the machine."""
    with ExitStack() as open_:
        app = application(data, config.parse(text, environment={}), open_)
        server = Server(app, port)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert server.up.wait(DEADLINE_S)
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)


@dataclass
class Seen:
    """A page of the browser, and what went wrong in it or left for elsewhere."""

    page: Any
    address: str
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        """Open a path; the page once its frame is there."""
        self.page.goto(self.address + path)
        self.page.wait_for_selector("main", timeout=WAIT_MS)
        return self.page

    def number(self, selector: str) -> int:
        """The number that stands there."""
        return int("".join(filter(str.isdigit, self.page.locator(selector).first.inner_text())))

    def clean(self) -> None:
        """Nothing ran, nothing was refused by the policy, no error, and nobody else was asked."""
        assert self.page.evaluate("window.__violations") == []
        assert not self.page.evaluate("window.__ran === true")
        assert self.wrong == []
        assert [each for each in self.asked if not each.startswith((self.address, "data:", "blob:"))] == []


def serious(page: Any) -> list[tuple[str, str, str]]:
    """What axe calls serious or critical on a page: rule, element, and what is wrong."""
    page.evaluate(AXE.read_text("utf-8"))
    report = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})"
    )
    found = [each for each in report["violations"] if each["impact"] in ("serious", "critical")]
    return [(each["id"], each["nodes"][0]["html"][:200], each["nodes"][0].get("failureSummary", "")) for each in found]


@contextmanager
def seen(browser: Any, address: str, size: str = "desk", theme: str = "light") -> Iterator[Seen]:
    """A fresh window of the browser."""
    context = browser.new_context(
        viewport=SIZES[size], color_scheme=theme, reduced_motion="reduce", locale="en-GB", timezone_id="Asia/Jakarta"
    )
    context.add_init_script(WATCH)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    found = Seen(page, address)
    page.on("pageerror", lambda error: found.wrong.append(str(error)))
    page.on("request", lambda request: found.asked.append(request.url))
    page.on("dialog", lambda dialog: (found.wrong.append("dialog"), dialog.dismiss()))
    try:
        yield found
    finally:
        context.close()


def until(page: Any, condition: str) -> None:
    """Wait until an asynchronous condition of the page is true."""
    look = f"const look = async () => ((await ({condition})()) ? done() : setTimeout(look, 50));"
    page.evaluate(f"() => new Promise((done) => {{ {look} look(); }})")
