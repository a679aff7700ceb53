"""A small SFTP server over a folder, not a test itself."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko

USER = "exporter"


@dataclass
class Server:
    url: str
    zone: Path
    known_hosts: Path
    password: str = "right-word"
    passwords: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serve(zone: Path, known_hosts: Path) -> Iterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    key = paramiko.RSAKey.generate(2048)
    known_hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
    state = Server(f"sftp://{USER}@127.0.0.1:{port}/", zone, known_hosts)
    transports: list[paramiko.Transport] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _files(zone))
            transports.append(transport)
            with contextlib.suppress(paramiko.SSHException, EOFError):
                transport.start_server(event=threading.Event(), server=_Login(state))

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield state
    finally:
        listener.close()
        for transport in transports:
            transport.close()


class _Login(paramiko.ServerInterface):
    def __init__(self, state: Server) -> None:
        self.state = state

    def check_auth_password(self, username: str, password: str) -> int:
        self.state.passwords.append(password)
        right = (username, password) == (USER, self.state.password)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


def _files(zone: Path) -> type[paramiko.SFTPServerInterface]:
    class Files(paramiko.SFTPServerInterface):
        def list_folder(self, path: str) -> Any:
            return [
                paramiko.SFTPAttributes.from_stat(child.stat(), child.name)
                for child in (zone / path[1:]).iterdir()
            ]

        def stat(self, path: str) -> Any:
            try:
                return paramiko.SFTPAttributes.from_stat((zone / path[1:]).stat())
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)

        lstat = stat

        def open(self, path: str, flags: int, attr: Any) -> Any:
            handle = paramiko.SFTPHandle(flags)
            handle.readfile = (zone / path[1:]).open("rb")
            return handle

    return Files
