"""A small S3 server in a thread, not a test itself: objects in memory, conditional writes decided
under one lock.

Its clock can be set, each request can be watched, refused or made the last one, and conditions can
be ignored as older stores do. Requests are logged, so that a test can say what was sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest

KEY = "test-access-key"
SECRET = "test-secret-that-nobody-may-print"


@dataclass
class Stored:
    data: bytes
    etag: str
    modified: datetime


@dataclass
class S3:
    """The server's state. `watch(method, key, moment)` is called before and after each request is
    carried out.
    """

    url: str = ""
    objects: dict[str, Stored] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    ahead: timedelta = timedelta()
    ignores_conditions: bool = False
    denies: bool = False
    watch: Callable[[str, str, str], None] = lambda method, key, moment: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + self.ahead

    def put(self, key: str, data: bytes) -> Stored:
        self.objects[key] = Stored(data, f'"{hashlib.md5(data).hexdigest()}"', self.now())
        return self.objects[key]

    def written(self) -> list[str]:
        """Keys of the objects that were sent, in order."""
        return [key for method, key in self.log if method == "PUT"]


def serve() -> contextlib.AbstractContextManager[S3]:
    return _serve()


@contextlib.contextmanager
def _serve() -> Iterator[S3]:
    state = S3()

    class Handler(_Handler):
        s3 = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def point_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The environment of somebody whose store is at `url`."""
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)


def environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }


class _Handler(BaseHTTPRequestHandler):
    s3: S3
    protocol_version = "HTTP/1.1"
    # A body is not held back until its head is acknowledged, which takes 40 ms.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.s3.now(), usegmt=True)

    def do_GET(self) -> None:
        self._handle(self._get)

    def do_HEAD(self) -> None:
        self._handle(self._get)

    def do_PUT(self) -> None:
        self._handle(self._put)

    def do_POST(self) -> None:
        self._handle(self._delete)

    def _handle(self, act: Callable[[str, dict[str, str], bytes], None]) -> None:
        parts = urlsplit(self.path)
        key = unquote(parts.path).lstrip("/")
        query = {
            name: values[0]
            for name, values in parse_qs(parts.query, keep_blank_values=True).items()
        }
        body = self._body()
        if self.s3.denies:
            return self._fail(403, "AccessDenied")
        try:
            self.s3.watch(self.command, key, "before")
            with self.s3.lock:
                self.s3.log.append((self.command, key))
                self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
                act(key, query, body)
            self.s3.watch(self.command, key, "after")
        except ConnectionAbortedError:
            self.close_connection = True
            return None
        return self._send(*self.answer)

    def _get(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "/" not in key.rstrip("/") or "list-type" in query:
            return self._list(key.rstrip("/"), query)
        held = self.s3.objects.get(key)
        if held is None:
            return self._say(404, "NoSuchKey")
        if (wanted := self.headers.get("If-Match")) and wanted != held.etag:
            return self._say(412, "PreconditionFailed")
        headers = {"ETag": held.etag, "Last-Modified": format_datetime(held.modified, usegmt=True)}
        data, status = held.data, 200
        if span := self.headers.get("Range"):
            first, _, last = span.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(len(data) - int(last), 0)
            end = min(int(last) + 1 if first and last else len(data), len(data))
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
            data, status = data[start:end], 206
        self.answer = (status, headers, data)
        return None

    def _put(self, key: str, query: dict[str, str], body: bytes) -> None:
        held = self.s3.objects.get(key)
        absent, match = self.headers.get("If-None-Match"), self.headers.get("If-Match")
        if not self.s3.ignores_conditions:
            if absent and held:
                return self._say(412, "PreconditionFailed")
            if match and held is None:
                return self._say(404, "NoSuchKey")
            if match and held and match.strip('"') != held.etag.strip('"'):
                return self._say(412, "PreconditionFailed")
        self.answer = (200, {"ETag": self.s3.put(key, body).etag}, b"")
        return None

    def _delete(self, key: str, query: dict[str, str], body: bytes) -> None:
        tree = ElementTree.fromstring(body)
        for name in tree.iter("{http://s3.amazonaws.com/doc/2006-03-01/}Key"):
            self.s3.objects.pop(f"{key.rstrip('/')}/{name.text}", None)
            self.s3.log.append(("DELETE", f"{key.rstrip('/')}/{name.text}"))
        self.answer = (200, {"Content-Type": "application/xml"}, b"<DeleteResult></DeleteResult>")

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        prefix = f"{bucket}/{query.get('prefix', '')}"
        limit = int(query.get("max-keys", 1000))
        after = query.get("continuation-token", "")
        keys = sorted(key for key in self.s3.objects if key.startswith(prefix) and key > after)
        page = keys[: min(limit, 100)]
        items = "".join(
            f"<Contents><Key>{escape(key.removeprefix(bucket + '/'))}</Key><ETag>{escape(held.etag)}</ETag>"
            f"<Size>{len(held.data)}</Size><LastModified>{held.modified.isoformat()}</LastModified></Contents>"
            for key in page
            for held in [self.s3.objects[key]]
        )
        more = len(page) < len(keys)
        token = (
            f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
            if more and page
            else ""
        )
        text = (
            f"<ListBucketResult><Name>{bucket}</Name><KeyCount>{len(page)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{items}</ListBucketResult>"
        )
        self.answer = (200, {"Content-Type": "application/xml"}, text.encode())

    def _body(self) -> bytes:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "x-amz-decoded-content-length" not in self.headers:
            return data
        plain = b""
        while True:
            size, _, data = data.partition(b"\r\n")
            length = int(size.split(b";")[0], 16)
            if not length:
                return plain
            plain, data = plain + data[:length], data[length + 2 :]

    def _say(self, status: int, code: str) -> None:
        self.answer = (status, {"Content-Type": "application/xml"}, _error(code))

    def _fail(self, status: int, code: str) -> None:
        self._send(status, {"Content-Type": "application/xml"}, _error(code))

    def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
