"""The server on a port: errors before it starts, and a real connection."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx2
import pytest

from mineral_recog.errors import UserError
from mineral_recog.serve.server import serve


def test_missing_model_and_used_port_are_reported(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trained model"):
        serve(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}"):
            serve(trained, port=port, device="cpu")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_server_prints_its_address_answers_and_stops(
    trained: Path, photo: Path, how: signal.Signals
) -> None:
    command = [sys.executable, "-m", "mineral_recog", "serve", str(trained), "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # Tests in the background of a shell inherit an ignored SIGINT.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        first_line = server.stdout.readline()
        assert re.search(r"threads: network up to \d+, decoding up to \d+\)$", first_line)
        address = first_line.split()[0]
        assert address.startswith("http://127.0.0.1:")
        response = httpx2.post(
            f"{address}/identify", content=photo.read_bytes(), headers={"content-type": "image/png"}
        )
        assert response.status_code == 200
        assert "server" not in response.headers
        server.send_signal(how)
        assert server.wait(30) == 128 + how
        assert server.stderr.read() == "Stopped.\n"
