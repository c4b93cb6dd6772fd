"""X's API v2: the filtered stream with its rules, the sample stream, recent search, and the ways in which they refuse.

Sources: xdevplatform/docs of August 2026 and the OpenAPI descriptions 2.162 and 2.167.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from lapwing.testing.networks import x_posts as posts
from lapwing.testing.networks.fake import SYSTEM_US, Fake
from lapwing.testing.networks.faults import Fault
from lapwing.testing.networks.limits import Limit
from lapwing.testing.networks.posts import Event, Post, Stock, Truth
from lapwing.testing.networks.serving import Route
from lapwing.testing.networks.streams import chunked
from lapwing.testing.networks.x_posts import Fields, Said, problem
from lapwing.testing.networks.x_rules import InvalidRule, Match, read_rule

EPOCH_MS = 1_288_834_974_657
QUARTER_S = 900.0
LIMITS = {"stream": 50, "rules GET": 450, "rules POST": 100, "search": 450}
"""Requests in a quarter of an hour."""
KEEP_ALIVE_S = 20.0
STREAM = "/2/tweets/search/stream"
ODD: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("water in the underpass, cars stuck. " * 20 + "#flood", "", {}),
    ("one line\u2028and the same <line> & more #flood", "", {}),
    ("#flood without an id", "no id", {"id": None}),
    ("#flood dated in another way", "created_at is no date", {"created_at": "Sun Nov 22 2026"}),
)


class XFake(Fake):
    """X for one app with one token. A uid is ``x:`` and the first id of the edit history.

    `generation` is ``tweet`` or ``post``: which names the answers have. With `backfill`, `backfill_minutes` is allowed.
    """

    def __init__(
        self,
        *,
        token: str = "x-token",  # noqa: S107
        generation: str = "tweet",
        seed: int = 0,
        now_us: Callable[[], int] = SYSTEM_US,
        odd_every: int = 0,
    ) -> None:
        """No rules yet, one connection at a time, the limits of pay-per-use."""
        routes = [
            Route("GET", STREAM, self._filtered, streams=True),
            Route("GET", "/2/tweets/sample/stream", self._sample, streams=True),
            Route("GET", "/2/tweets/compliance/stream", self._compliance, streams=True),
            Route("GET", f"{STREAM}/rules", self._rules_get),
            Route("POST", f"{STREAM}/rules", self._rules_post),
            Route("GET", f"{STREAM}/rules/counts", self._rules_counts),
            Route("GET", "/2/tweets/search/recent", self._recent),
            Route("DELETE", "/2/connections/all", self._disconnect_all),
        ]
        super().__init__(routes, Stock(seed, now_us, self._name), self._refuse)
        self.token, self.generation, self.odd_every = token, generation, odd_every
        self.rules: dict[str, tuple[str, str]] = {}
        """Value and tag by id."""
        self.rules_max = 1000
        self.connections_max = 1
        self.backfill = False
        self.entitled = True
        """Whether the app may use what it asks for; otherwise 403."""
        self.posts_cap: int | None = None
        """After so many different posts nothing more is given this month."""
        self.keep_alive_s = KEEP_ALIVE_S
        self.given: set[str] = set()
        """The ids of all posts that were given, each of which costs."""
        self._matches: dict[str, Match] = {}
        self._next_rule = 1_993_000_000_000_000_001
        self._limits = {name: Limit(requests, QUARTER_S, now_us) for name, requests in LIMITS.items()}

    def limit(self, name: str, requests: int, window_s: float = QUARTER_S) -> None:
        """Allow so many requests in each window of ``stream``, ``rules GET``, ``rules POST`` or ``search``."""
        assert name in LIMITS, name
        self._limits[name] = Limit(requests, window_s, self.stock.now_us)

    def rule(self, value: str, tag: str = "") -> str:
        """Add a rule as if it had been there before; its id."""
        match = read_rule(value)
        with self.stock.lock:
            id, self._next_rule = str(self._next_rule), self._next_rule + 1
            self._matches[id] = match
            self.rules[id] = (value, tag)
        return id

    def repost(self, uid: str, author: int = 0) -> str:
        """Pass a post on; the uid of the repost."""
        original = self.stock.posts[uid]
        text = f"RT @{posts.username(original.author)}: {original.text}"
        text = text if len(text) <= posts.RETWEET_CHARACTERS else text[: posts.RETWEET_CHARACTERS - 1] + "…"
        with self.stock.lock:
            notes = {"kind": "repost", "about": uid, "place": original.place}
            post = self._judged(self.stock.add(text, author, notes=notes))
        self.tell()
        return post.uid

    def edit(self, uid: str, text: str | None = None) -> None:
        """Change what a post says: a new post, whose history has the old one."""
        with self.stock.lock:
            post = self.stock.posts[uid]
            post.ids.append(_id_at(self.stock.tick_us(), len(self.stock.events) | 1 << 21))
            post.id = post.ids[-1]
            self._judged(self.stock.edit(uid, text))
        self.tell()

    def disconnect(self, kind: str = "UpstreamOperationalDisconnect") -> None:
        """End all streams with a word why, as X does when it moves house."""
        words = msgspec.json.encode(posts.disconnect(kind)) + b"\r\n"
        self.end_streams(lambda _: words)

    def say_odd(self, which: int) -> Post:
        """Say a hard case: see `ODD`."""
        text, odd, record = ODD[which % len(ODD)]
        return self.stock.add(text, odd=odd, notes={"record": record})

    def truth(self, *, matching: bool = True) -> Truth:
        """Tell what a listener holds in the end: of what matched a rule when it was said or edited, or of everything."""
        return self.stock.truth(lambda post: not matching or bool(post.notes.get("matched")))

    def _say(self, text: str | None, author: int | None, at_us: int | None) -> Post:
        # The stream takes the same lock before it writes an event: it never sees one that was not judged.
        with self.stock.lock:
            return self._judged(super()._say(text, author, at_us))

    def _judged(self, post: Post) -> Post:
        """Write down beside the newest event which rules it matches, as they are now."""
        event = self.stock.events[-1]
        rules = [(id, self.rules[id][1]) for id, match in self._matches.items() if match(post, post.text)]
        event.about |= {"rules": rules, "id": post.ids[-1]}
        post.notes["matched"] = bool(rules) or bool(post.notes.get("matched"))
        return post

    def _name(self, at_us: int, number: int, author: int, kind: str) -> tuple[str, str]:
        del author, kind
        id = _id_at(at_us, number)
        return id, f"x:{id}"

    def _refuse(self, fault: Fault) -> web.Response:
        if fault.kind == "401":
            return _json(problem("about:blank", "Unauthorized", 401), 401)
        headers = {}
        if fault.after_s is not None:
            reset_s = -(-(self.stock.now_us() + round(fault.after_s * 1_000_000)) // 1_000_000)
            headers = {"x-rate-limit-limit": "50", "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset_s)}
        return _json(problem("about:blank", "Too Many Requests", 429), 429, headers)

    def _admit(self, request: web.Request, name: str) -> tuple[web.Response | None, dict[str, str]]:
        """Look at the token and the limit: a refusal if there is one, and the headers that tell what is left."""
        allowance = self._limits[name].take()
        headers = {
            "x-rate-limit-limit": str(allowance.limit),
            "x-rate-limit-remaining": str(allowance.remaining),
            "x-rate-limit-reset": str(-(-allowance.reset_us // 1_000_000)),
        }
        at = f"{request.method} {request.path}"
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _json(problem("about:blank", "Unauthorized", 401), 401), headers
        if not allowance.allowed:
            self.note("429", at, "the limit")
            return _json(problem("about:blank", "Too Many Requests", 429), 429, headers), headers
        if not self.entitled:
            return _json(
                problem("client-forbidden", "Client Forbidden", 403, reason="client-not-enrolled"), 403
            ), headers
        if self._spent():
            self.note("429", at, "usage-capped")
            return _json(problem("usage-capped", "UsageCapExceeded", 429, period="Monthly"), 429), headers
        return None, headers

    def _spent(self) -> bool:
        return self.posts_cap is not None and len(self.given) >= self.posts_cap

    async def _filtered(self, request: web.Request) -> web.StreamResponse:
        refusal, headers = self._admit(request, "stream")
        if refusal is None and not self.rules:
            issue = {"connection_issue": "RuleConfigurationIssue"}
            refusal = _json(problem("streaming-connection", "ConnectionException", 409, **issue), 409)
        return refusal or await self._stream(request, headers, self._matching)

    async def _sample(self, request: web.Request) -> web.StreamResponse:
        refusal, headers = self._admit(request, "stream")
        return refusal or await self._stream(request, headers, lambda event, fields: self._line(event, fields, None))

    async def _compliance(self, request: web.Request) -> web.StreamResponse:
        refusal, headers = self._admit(request, "stream")
        return refusal or await self._stream(request, headers, lambda event, _: _deletion(event))

    async def _stream(
        self, request: web.Request, headers: dict[str, str], write: Callable[[Event, Fields], bytes | None]
    ) -> web.StreamResponse:
        if self.listeners >= self.connections_max:
            self.note("429", f"GET {request.path}", "TooManyConnections")
            issue = {"connection_issue": "TooManyConnections"}
            return _json(problem("streaming-connection", "ConnectionException", 429, **issue), 429)
        minutes = request.query.get("backfill_minutes", "0")
        if minutes != "0" and not (self.backfill and minutes in "12345"):
            return _json(problem("invalid-request", "Invalid Request", 400), 400)
        fields = self._fields(request)
        begin = len(self.stock.events)
        since_us = self.stock.now_us() - int(minutes) * 60_000_000
        while minutes != "0" and begin and self.stock.events[begin - 1].at_us >= since_us:
            begin -= 1
        response = web.StreamResponse(headers=headers | {"Content-Type": "application/json; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        with self.listening(chunked(request, response)) as listener:
            await listener.follow(
                self.stock.events, begin, lambda event: write(event, fields), (b"\r\n", self.keep_alive_s)
            )
        return response

    def _matching(self, event: Event, fields: Fields) -> bytes | None:
        with self.stock.lock:
            rules = event.about.get("rules")
        return self._line(event, fields, rules) if isinstance(rules, list) and rules else None

    def _line(self, event: Event, fields: Fields, rules: list[tuple[str, str]] | None) -> bytes | None:
        if event.post is None or event.kind == "delete":
            return None
        if self._spent():
            self.disconnect("OperationalDisconnect")
            return None
        with self.stock.lock:
            said = Said(event.post, event.text, str(event.about.get("id", event.post.ids[0])))
            line: dict[str, Any] = {"data": posts.data(said, fields)}
            if more := posts.includes([said], self.stock.posts, fields):
                line["includes"] = more
        if rules is not None:
            line["matching_rules"] = [{"id": id, "tag": tag} for id, tag in rules]
        self.given.add(said.id)
        # Not msgspec: X escapes nothing either, but a lone surrogate in a text must not end the fake.
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\r\n"

    def _fields(self, request: web.Request) -> Fields:
        asked = frozenset(request.query.get("tweet.fields", request.query.get("post.fields", "")).split(","))
        return Fields(asked, frozenset(request.query.get("expansions", "").split(",")), self.generation)

    async def _rules_get(self, request: web.Request) -> web.Response:
        refusal, headers = self._admit(request, "rules GET")
        if refusal is not None:
            return refusal
        wanted = [id for id in request.query.get("ids", "").split(",") if id] or list(self.rules)
        found = [self._as_rule(id) for id in wanted if id in self.rules]
        meta = {"sent": posts.time_of(self.stock.now_us()), "result_count": len(found)}
        return _json({"data": found, "meta": meta} if found else {"meta": meta}, 200, headers)

    async def _rules_counts(self, request: web.Request) -> web.Response:
        refusal, headers = self._admit(request, "rules GET")
        count = {"cap_per_client_app": str(self.rules_max), "client_app_rules_count": {"rule_count": len(self.rules)}}
        return refusal or _json({"data": count}, 200, headers)

    async def _rules_post(self, request: web.Request) -> web.Response:
        refusal, headers = self._admit(request, "rules POST")
        if refusal is not None:
            return refusal
        try:
            asked = msgspec.json.decode(await request.read(), type=_RuleChange)
        except msgspec.MsgspecError as error:
            return _json(
                {"errors": [{"message": str(error)}]} | problem("invalid-request", "Invalid Request", 400), 400
            )
        dry = request.query.get("dry_run") == "true"
        answer, status = self._deleted(asked.delete, dry) if asked.delete else self._added(asked.add, dry)
        return _json(answer, status, headers)

    def _deleted(self, wish: _Delete, dry: bool) -> tuple[dict[str, Any], int]:
        by_value = {value: id for id, (value, _) in self.rules.items()}
        wanted = [*wish.ids, *(by_value.get(value, "") for value in wish.values)]
        found = [id for id in wanted if id in self.rules]
        if not dry:
            with self.stock.lock:
                for id in found:
                    del self.rules[id], self._matches[id]
        summary = {"deleted": len(found), "not_deleted": len(wanted) - len(found)}
        return {"meta": {"sent": posts.time_of(self.stock.now_us()), "summary": summary}}, 200

    def _added(self, wishes: list[_Rule], dry: bool) -> tuple[dict[str, Any], int]:
        """Add all that are right, unless one is invalid or they are too many: then none."""
        known = {value: id for id, (value, _) in self.rules.items()}
        errors, fresh = [], []
        for wish in wishes:
            try:
                read_rule(wish.value)
            except InvalidRule as why:
                more = {"value": wish.value, "details": [str(why)]}
                errors.append(problem("invalid-rules", "UnprocessableEntity", 400) | more)
                continue
            if wish.value in known:
                more = {"value": wish.value, "id": known[wish.value]}
                errors.append(problem("duplicate-rules", "DuplicateRule", 400) | more)
                continue
            fresh.append(wish)
        invalid = any(error["type"].endswith("invalid-rules") for error in errors)
        if len(self.rules) + len(fresh) > self.rules_max:
            return {"errors": [problem("rule-cap", "RulesCapExceeded", 400)]}, 400
        made = [] if invalid or dry else [self._as_rule(self.rule(wish.value, wish.tag or "")) for wish in fresh]
        summary = {"created": len(made), "not_created": len(wishes) - len(made)}
        summary |= {"valid": len(fresh), "invalid": len(errors)}
        answer: dict[str, Any] = {"meta": {"sent": posts.time_of(self.stock.now_us()), "summary": summary}}
        answer |= ({"data": made} if made else {}) | ({"errors": errors} if errors else {})
        return answer, 400 if invalid else 201 if made else 200

    def _as_rule(self, id: str) -> dict[str, str]:
        value, tag = self.rules[id]
        return {"id": id, "value": value} | ({"tag": tag} if tag else {})

    async def _recent(self, request: web.Request) -> web.Response:
        refusal, headers = self._admit(request, "search")
        if refusal is not None:
            return refusal
        query = dict(request.query)
        try:
            match = read_rule(query.get("query", ""))
            count = int(query.get("max_results", "10"))
            since_us, until_us = _instant(query.get("start_time"), 0), _instant(query.get("end_time"), 1 << 62)
            above, below = int(query.get("since_id", "0")), int(query.get("next_token", query.get("until_id", 1 << 63)))
        except ValueError as error:
            return _json(problem("invalid-request", "Invalid Request", 400, errors=[{"message": str(error)}]), 400)
        if not 10 <= count <= 100:
            return _json(problem("invalid-request", "max_results is 10 to 100", 400), 400)
        with self.stock.lock:
            found = [
                post
                for post in self.stock.posts.values()
                if not post.deleted and since_us <= post.at_us < until_us and above < int(post.id) < below
                if match(post, post.text)
            ]
            found.sort(key=lambda post: -int(post.id))
            return _json(self._results(request, found, count), 200, headers)

    def _results(self, request: web.Request, found: list[Post], count: int) -> dict[str, Any]:
        fields = self._fields(request)
        several = [Said(post, post.text, post.id) for post in found[:count]]
        meta: dict[str, Any] = {"result_count": len(several)}
        if not several:
            return {"meta": meta}
        meta |= {"newest_id": several[0].id, "oldest_id": several[-1].id}
        if len(found) > count:
            meta["next_token"] = several[-1].id
        if self.page_fault(f"GET {request.path}"):
            several = [several[0], *several]
        self.given.update(said.id for said in several)
        answer = {"data": [posts.data(said, fields) for said in several], "meta": meta}
        more = posts.includes(several, self.stock.posts, fields)
        return answer | ({"includes": more} if more else {})

    async def _disconnect_all(self, request: web.Request) -> web.Response:
        refusal, headers = self._admit(request, "stream")
        self.end_streams()
        return refusal or _json({"data": {"successful_kills": self.listeners, "failed_kills": 0}}, 200, headers)


class _Rule(msgspec.Struct):
    value: str
    tag: str | None = None


class _Delete(msgspec.Struct):
    ids: list[str] = []
    values: list[str] = []


class _RuleChange(msgspec.Struct):
    add: list[_Rule] = []
    delete: _Delete | None = None


def _deletion(event: Event) -> bytes | None:
    if event.kind != "delete" or event.post is None:
        return None
    what = {"id": event.post.id, "author_id": str(4_000_000_000 + event.post.author)}
    said = {"data": {"delete": {"tweet": what, "event_at": posts.time_of(event.at_us)}}}
    return msgspec.json.encode(said) + b"\r\n"


def _id_at(at_us: int, number: int) -> str:
    return str(max(at_us // 1000 - EPOCH_MS, 0) << 22 | number & 0x3FFFFF)


def _instant(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json", charset="utf-8")
