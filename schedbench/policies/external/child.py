"""A child process that is asked line by line, and cannot make its asker wait forever.

Its three pipes are served by one loop, so that neither side waits for the other with
a full pipe. It leads a process group of its own, which is killed as a whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO

from schedbench.errors import PolicyError
from schedbench.policies.external.protocol import encode, quoted

LONGEST_LINE = 64 * 2**20
"""Bytes of an answer; a decision takes some 30."""
LAST_WORDS = 8 * 2**10
"""Bytes of the standard error that are kept."""
LAST_LINES = 5
CHUNK = 2**16
MOST_CHUNKS = 256
"""How much is read of the standard error of a child that has failed."""
LOOK = 0.2
"""Seconds between looks whether a silent child is still there."""
END = encode("end")
"""What a child is told last that speaks the protocol of policies."""
GRACE = 5.0
"""Seconds that a child has to end when it is told to."""


class Child:
    """A running child.

    Attributes
    ----------
    name
        What errors call it.
    """

    def __init__(self, name: str, command: Sequence[str], timeout: float) -> None:
        """Start a program.

        Parameters
        ----------
        timeout
            Seconds of wall time that an answer may take.

        Raises
        ------
        PolicyError
            If the program cannot be run.
        """
        self.name = name
        self._timeout = timeout
        try:
            self._process = subprocess.Popen(  # noqa: S603 (the user's own program)
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            text = f"{name} cannot be started: {error.strerror}"
            if error.errno == errno.ENOEXEC:
                text += "; a script needs a first line such as #!/usr/bin/env python3"
            raise PolicyError(text) from error
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._stdin, self._stdout, self._stderr = (
            process.stdin,
            process.stdout,
            process.stderr,
        )
        self._unsent = memoryview(b"")
        self._received = bytearray()
        self._words = b""
        self._open = True
        self._selector = selectors.DefaultSelector()
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)

    def ask(self, text: bytes, task: str) -> bytes:
        """Send lines and return the line that answers them.

        Parameters
        ----------
        text
            What is sent; empty if what is asked for was sent before.
        task
            What is asked, for errors: "when asked for …".

        Raises
        ------
        PolicyError
            If the child ends, is silent for too long, or writes too long a line.
        """
        deadline = time.monotonic() + self._timeout
        self._unsent = memoryview(text)
        if text:
            self._selector.register(self._stdin, selectors.EVENT_WRITE)
        end = self._received.find(b"\n")
        while end < 0 or self._unsent:
            left = deadline - time.monotonic()
            searched = len(self._received)
            over = self._look(left)
            if end < 0:
                end = self._received.find(b"\n", searched)
            if end < 0 and len(self._received) > LONGEST_LINE:
                raise self.failure(f"wrote a line of more than {LONGEST_LINE} bytes")
            if end < 0 and over:
                raise self.failure(f"{self._ending()} when asked for {task}")
            if (end < 0 or self._unsent) and left <= 0:
                what = "gave no answer" if end < 0 else "did not read the question"
                raise self.failure(
                    f"{what} within {self._timeout:g} s when asked for {task}"
                )
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def failure(self, problem: str) -> PolicyError:
        """Return the error that tells a problem; the child is killed."""
        return PolicyError(f"{self.name} {problem}{self.last_words()}")

    def last_words(self) -> str:
        """Kill the child and return the end of its standard error, to be appended.

        Empty if it has been killed before.
        """
        if not self._open:
            return ""
        self.kill()
        words = self._words.decode("utf-8", errors="replace").strip().splitlines()
        if not words:
            return ""
        shown = " | ".join(quoted(line.strip()) for line in words[-LAST_LINES:])
        return f"; its last words: {shown}"

    def close(self, farewell: bytes = END) -> None:
        """Say that the run is over, and wait a little for the child to end."""
        with contextlib.suppress(OSError):
            self._stdin.write(farewell)
        self._shut(self._stdin)
        self._wait(min(self._timeout, GRACE))

    def _wait(self, seconds: float) -> None:
        """Read on until the child has closed its output and ended, or time is over."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self._look(left):
            self._received.clear()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(deadline - time.monotonic(), 0.0))

    def _look(self, seconds: float) -> bool:
        """Serve the pipes once and return whether the child will say no more.

        A process that it started may hold its output open after its end.
        """
        ready = self._selector.select(min(max(seconds, 0.0), LOOK))
        for key, _ in ready:
            self._serve(key.fileobj)  # type: ignore[arg-type]
        if self._stdout not in self._selector.get_map():
            return True
        return not ready and self._process.poll() is not None

    def _serve(self, pipe: IO[bytes]) -> None:
        """Write or read what can be without waiting."""
        if pipe is self._stdin:
            try:
                self._unsent = self._unsent[os.write(pipe.fileno(), self._unsent) :]
            except BlockingIOError:
                return
            except OSError:  # the child no longer reads: its ending tells more
                self._unsent = memoryview(b"")
            if not self._unsent:
                self._selector.unregister(pipe)
            return
        chunk = _read(pipe)
        if chunk == b"":
            self._selector.unregister(pipe)
        elif chunk is not None and pipe is self._stdout:
            self._received += chunk
        elif chunk is not None:
            self._words = (self._words + chunk)[-LAST_WORDS:]

    def _ending(self) -> str:
        """Return how a child ended that has closed its output."""
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "closed its output"
        if status >= 0:
            return f"exited with status {status}"
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
        return f"was killed by signal {-status}"

    def _shut(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(pipe)
        with contextlib.suppress(OSError):
            pipe.close()

    def kill(self) -> None:
        """Kill the process group, reap the child, close everything."""
        if not self._open:
            return
        self._open = False
        with contextlib.ExitStack() as last:
            last.callback(self._selector.close)
            for pipe in (self._stdin, self._stdout, self._stderr):
                last.callback(self._shut, pipe)
            last.callback(self._read_last_words)
            last.callback(self._reap)
            last.callback(self._kill_group)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _reap(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)

    def _read_last_words(self) -> None:
        for _ in range(MOST_CHUNKS):
            if self._stderr.closed or not (chunk := _read(self._stderr)):
                return
            self._words = (self._words + chunk)[-LAST_WORDS:]


def _read(pipe: IO[bytes]) -> bytes | None:
    """Return what is there, nothing at the end, None if nothing is there yet."""
    try:
        return os.read(pipe.fileno(), CHUNK)
    except BlockingIOError:
        return None
