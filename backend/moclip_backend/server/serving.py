# SPDX-License-Identifier: Apache-2.0
"""A backend from start to end: bind, load the model, say that it is ready, serve, clean up.

Used by `moclip serve` (typer) and by `python -m moclip_backend.builtin` (Blender's own Python, which has no typer).
"""

import gc
import json
import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moclip.errors import MoclipError
from moclip.shipped import DEFAULT_MODEL
from moclip_backend import wire
from moclip_backend.address import DEFAULT_BIND, parse_bind
from moclip_backend.engine import Engine
from moclip_backend.liveness import is_gone, this_process
from moclip_backend.memory import give_back
from moclip_backend.reporting import say
from moclip_backend.state.credentials import launch_token, read_server_keys, take_environment_token
from moclip_backend.state.folders import keys_folder, serve_file, state_folder
from moclip_backend.state.locks import try_lock
from moclip_backend.state.log import LOG, open_log
from moclip_backend.state.private import private_folder, remove, write_private

if TYPE_CHECKING:
    from moclip_backend.server.listener import Wake


@dataclass(frozen=True)
class ServeOptions:
    """bind: tcp://HOST:PORT, port 0 for any free one. token_file: read, or made when missing or empty.

    keys: folder of CURVE keys; needed, and looked for in the usual place, when other machines can reach `bind`.
    parent_stdin: end at the end of standard input. None: do so when it is a pipe that somebody holds open.
    log_json: log to standard error, an object a line, instead of to the log file.
    models: how many models may be in memory at once, the one that is named here and others that requests name.
    """

    bind: str = DEFAULT_BIND
    model: str = DEFAULT_MODEL
    runtime: str = "auto"
    device: str = "auto"
    token_file: Path | None = None
    keys: Path | None = None
    parent_stdin: bool | None = None
    log_json: bool = False
    models: int = 1


def load_engine(options: ServeOptions) -> Engine:
    from moclip.generate.pipeline import TextToMotion

    return TextToMotion.load(options.model, options.runtime, options.device)


def serve(options: ServeOptions, load: Callable[[ServeOptions], Engine] = load_engine) -> int:
    """Run a backend until it is asked to end; the exit code. Raises MoclipError when it cannot start.

    A line of JSON on stdout says that it is ready, or why it is not.
    """
    open_log(options.log_json)
    try:
        return _serve(options, load)
    except MoclipError as error:
        failure = {"ready": False, "code": error.code, "message": error.message}
        _say({**failure, "hint": error.hint, "action": error.action})
        raise


def _serve(options: ServeOptions, load: Callable[[ServeOptions], Engine]) -> int:
    from moclip_backend.server.listener import Wake

    with closing(Wake()) as wake:
        at_rest = _listen(options, load, wake)
    LOG.info("ended")
    if not at_rest:
        # The engine hangs in a call that cannot be cancelled; its thread would keep the process alive for ever.
        LOG.error("the engine did not stop, so the process is ended")
        sys.stdout.flush()
        os._exit(1)
    return 0


def _listen(options: ServeOptions, load: Callable[[ServeOptions], Engine], wake: "Wake") -> bool:
    """Serve until the end; whether the engine came to rest."""
    from moclip_backend.server.batches import best_batch
    from moclip_backend.server.listener import listen
    from moclip_backend.server.models import Models
    from moclip_backend.server.server import Server
    from moclip_backend.server.welcome import model_told

    ended = threading.Event()

    def end() -> None:
        ended.set()
        wake.set()

    # The loop answers while the engine computes: it need not wait for the interpreter for 5 ms each time.
    sys.setswitchinterval(0.0005)
    watch_parent(options.parent_stdin, end)
    remote = not parse_bind(options.bind)[2]
    keys = read_server_keys(options.keys or keys_folder()) if remote or options.keys else None
    # Bound before the model loads: a port in use is said at once, and early clients wait in line.
    with closing(listen(options.bind, keys)) as listener:
        with _token(options, needed=keys is None) as (token, token_file):
            engine = load(options)
            models = Models(engine, lambda path: load(replace(options, model=path)), options.models)
            server = Server(listener, engine, token, wake, ended, models, best_batch(engine))
            # What is there by now stays: the collector need not walk through the vocabulary in the middle of a job.
            gc.freeze()
            give_back()
            address = listener.address
            with _signals(end), _announced(address, token_file, server_key=keys.public if keys else None):
                _say({
                    "ready": True, "address": address, "protocol": wire.PROTOCOL, **model_told(engine),
                    "pid": os.getpid(), "token_file": str(token_file) if token_file else None,
                })  # fmt: skip
                LOG.info("serving %s at %s", engine.name, address)
                return server.run()


def _say(message: dict[str, Any]) -> None:
    try:
        print(json.dumps(message), flush=True)
    except BrokenPipeError as error:
        raise MoclipError("Nobody reads the output of the backend.", code="no_parent") from error


@contextmanager
def _token(options: ServeOptions, *, needed: bool) -> Iterator[tuple[str | None, Path | None]]:
    """The token and the file that holds it. A file made for this launch goes with it."""
    token = take_environment_token()
    if token is not None or not (needed or options.token_file):
        yield token, None
        return
    path = options.token_file or private_folder(state_folder()) / f"token-{os.getpid()}"
    if options.token_file is None:
        sweep_tokens(path.parent)
        remove(path)
    # A file of the user's stays; one that was not there before is ours to remove.
    ours = not path.exists()
    try:
        token = launch_token(path)
        with _locked(path):
            yield token, path.absolute()
    finally:
        if ours:
            remove(path)


def sweep_tokens(folder: Path) -> None:
    """Remove the tokens of backends that were killed."""
    for path in folder.glob("token-*"):
        pid = path.name.removeprefix("token-")
        # A process of that number may be another's by now, or on another computer that shares the folder.
        if not pid.isdecimal() or not is_gone({**this_process(), "pid": int(pid)}):
            continue
        with suppress(OSError), path.open("a") as file:
            if try_lock(file):
                remove(path)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the lock on a file, made when missing; False when another process has it."""
    with path.open("a") as file:
        yield try_lock(file)


@contextmanager
def _announced(address: str, token_file: Path | None, server_key: bytes | None) -> Iterator[None]:
    """While serving, `serve_file()` tells `moclip status` where; not when the token is the parent's secret.

    The first backend of a folder is the one that is found there; others say so, and how they are reached.
    """
    if token_file is None:
        yield
        return
    content = {"address": address, "pid": os.getpid(), "token_file": str(token_file), "process": this_process()}
    if server_key:
        content["server_key"] = server_key.decode("ascii")
    path = serve_file()
    private_folder(path.parent)
    with _locked(path.with_name("serve.lock")) as first:
        if not first:
            how = f"--address {address} --token-file {token_file}"
            say(f"Another backend is announced in '{path.parent}' already; `moclip status {how}` finds this one.")
            yield
            return
        write_private(path, json.dumps(content) + "\n", replace=True)
        try:
            yield
        finally:
            remove(path)


@contextmanager
def _signals(end: Callable[[], None]) -> Iterator[None]:
    """Ctrl+C and a polite kill end the backend cleanly. A hang-up does, too, unless nohup ignores it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in names}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda *_: end())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch_parent(wanted: bool | None, end: Callable[[], None]) -> bool:
    """Call `end` once standard input ends, from a thread. Returns whether it is watched.

    wanted None: only a pipe or socket whose other end is held open means a parent. A terminal, /dev/null (nohup,
    a service manager) and a pipe that was closed before we started do not.
    """
    # Without a standard input, descriptor 0 belongs to whatever was opened first.
    if sys.stdin is None or wanted is False or (wanted is None and not _held_pipe()):
        return False

    def wait() -> None:
        try:
            # os.read, not sys.stdin: no lock is held when the interpreter ends while this thread still waits.
            while os.read(0, 4096):
                pass
        except OSError:
            LOG.info("standard input cannot be read")
        LOG.info("standard input ended")
        end()

    threading.Thread(target=wait, name="parent", daemon=True).start()
    return True


def _held_pipe() -> bool:
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return False
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(0, select.POLLIN)
    return not any(events & (select.POLLHUP | select.POLLNVAL) for _, events in poll.poll(0))
