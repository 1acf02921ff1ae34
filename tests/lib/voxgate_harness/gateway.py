"""The gateway as a process: start on a free port, stop, kill, logs, memory. And `voxgate` run as a command."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import psycopg2

from .metrics import Metrics
from .rest import Rest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
ADMIN_KEY = "vgk_admin_0123456789abcdef0123456789abcdef"
JWT_SECRET = "test-secret-0123456789abcdef0123456789abcdef"

LOOPBACK = {"VOXGATE_STT": "loopback", "VOXGATE_LLM": "loopback", "VOXGATE_TTS": "loopback", "VOXGATE_STT_STREAMS": "200"}


def binary():
    """Path of the program under test: VOXGATE_BIN, else that of the newest preset's build."""
    given = os.environ.get("VOXGATE_BIN")
    if given:
        return os.path.abspath(given)
    built = [os.path.join(ROOT, "build", preset, "bin", "voxgate") for preset in ("release", "dev", "asan")]
    there = [path for path in built if os.access(path, os.X_OK)]
    if not there:
        raise FileNotFoundError("no voxgate was built; set VOXGATE_BIN")
    return max(there, key=os.path.getmtime)


def uuid_of(prefixed):
    """The UUID that the database holds for an id of the surfaces."""
    return str(uuid.UUID(prefixed.split("_", 1)[1]))


class Tenant:
    """What `voxgate admin tenant create` made."""

    def __init__(self, made):
        self.id = made["tenant_id"]
        self.api_key = made["api_key"]
        self.agent_id = made.get("agent_id")


class Gateway:
    """One instance with its own data directory and, unless `database_url` is given, its own database.

    `env` overrides settings. start() returns when it is ready; restart after kill() goes on with the same
    data directory and database, as an operator's restart would.
    """

    def __init__(self, servers, env=None, database_url=None, program=None):
        self.servers = servers
        self.program = program or binary()
        self.database_url = database_url or servers.new_database()
        self.dir = tempfile.mkdtemp(prefix="vgw-", dir="/tmp")
        self.log_path = os.path.join(self.dir, "gateway.log")
        self.port = None
        self.process = None
        self.env = {
            "DATABASE_URL": self.database_url, "REDIS_URL": servers.redis_url, "JWT_SECRET": JWT_SECRET,
            "APP_ENV": "test", "HOST": "127.0.0.1", "PORT": "0", "VOXGATE_DATA_DIR": os.path.join(self.dir, "data"),
            "VOXGATE_ADMIN_KEY": ADMIN_KEY, "LOG_LEVEL": "INFO", "RATE_LIMIT_REQUESTS": "100000",
            "VOXGATE_AUTH_RATE_LIMIT": "100000", "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99"),
            "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "print_stacktrace=1"),
            "TSAN_OPTIONS": os.environ.get(
                "TSAN_OPTIONS", f"history_size=4:suppressions={os.path.join(ROOT, 'tests', 'tsan.supp')}"),
        }
        self.env.update(env or {})
        os.makedirs(self.env["VOXGATE_DATA_DIR"], exist_ok=True)

    def __enter__(self):
        self.migrate()
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    # The process ------------------------------------------------------------------------------------------
    def run(self, *arguments, timeout_s=60, check=True, stdin=None):
        """Runs `voxgate ARGUMENTS` with this instance's settings and gives its CompletedProcess."""
        done = subprocess.run([self.program, *arguments], env=self.env, capture_output=True, text=True,
                              timeout=timeout_s, check=False, cwd=self.dir, input=stdin)
        if check and done.returncode != 0:
            raise AssertionError(f"voxgate {' '.join(arguments)}: exit {done.returncode}\n{done.stderr[-2000:]}")
        return done

    def migrate(self):
        self.run("migrate")

    def start(self, timeout_s=60):
        offset = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", self.program, "serve"],
                                            env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            cwd=self.dir)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for entry in self.log(offset):
                if entry.get("event") == "serve.ready":
                    self.port = int(entry["port"])
                    return self
            if self.process.poll() is not None:
                raise AssertionError(f"gateway ended with {self.process.returncode}: {self.log_text()[-3000:]}")
            time.sleep(0.02)
        raise AssertionError(f"gateway is not ready after {timeout_s} s: {self.log_text()[-3000:]}")

    def terminate(self):
        """SIGTERM, without waiting."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout_s=60):
        """SIGTERM and wait; gives the exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.terminate()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"gateway did not end within {timeout_s} s of SIGTERM") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        """Stops without a long drain and forgets the data; a sanitizer's finding fails the test."""
        try:
            if self.process is not None and self.process.poll() is None:
                self.terminate()
                try:
                    self.process.wait(5)
                except subprocess.TimeoutExpired:
                    self.kill()
            self.check_sanitizers()
        finally:
            keep = os.environ.get("VOXGATE_KEEP_LOGS")
            if keep:
                os.makedirs(keep, exist_ok=True)
                shutil.copy(self.log_path, os.path.join(keep, os.path.basename(self.dir) + ".log"))
            shutil.rmtree(self.dir, ignore_errors=True)

    def check_sanitizers(self):
        text = self.log_text()
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            at = text.find(mark)
            if at >= 0:
                raise AssertionError("sanitizer: " + text[at:at + 4000])

    # What it says -----------------------------------------------------------------------------------------
    def log_text(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def log(self, offset=0):
        """Log entries from byte `offset` on; lines that are no JSON are left out."""
        entries = []
        if not os.path.exists(self.log_path):
            return entries
        with open(self.log_path, "rb") as log:
            log.seek(offset)
            for line in log:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    entries.append(entry)
        return entries

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self):
        return f"ws://127.0.0.1:{self.port}"

    def metrics(self):
        return Metrics(Rest(self.url).get("/metrics").text)

    def memory_bytes(self):
        """Resident anonymous memory of the main process."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon")

    @property
    def pid(self):
        return self.process.pid

    # What it works with -------------------------------------------------------------------------------------
    def new_tenant(self, name="Test"):
        return Tenant(json.loads(self.run("admin", "tenant", "create", "--name", name, "--json").stdout))

    def rest(self, tenant=None):
        """A client; with a tenant it fetches a token first."""
        client = Rest(self.url)
        if tenant is not None:
            client.login(tenant)
        return client

    def admin(self):
        return Rest(self.url, headers={"X-API-Key": ADMIN_KEY})

    def sql(self, query, parameters=()):
        """Rows of a query by the superuser (row-level security does not apply)."""
        connection = psycopg2.connect(self.database_url.replace("//vg_login@", "//postgres@"))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def wait_until(self, condition, timeout_s=10, what="condition"):
        """Polls `condition` until it is true."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {timeout_s} s")
            time.sleep(0.05)
