"""Private PostgreSQL and Redis for tests: Unix sockets in a temporary directory, gone with the process.

Both refuse or dislike root, so where root runs the tests they run as the user `postgres` that Debian's package
makes. They die with this process, also when it is killed.
"""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
import redis

PG_BIN = "/usr/lib/postgresql/15/bin"
SERVER_USER = os.environ.get("VOXGATE_TEST_USER", "postgres")

PG_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{run}'
max_connections = 200
fsync = {fsync}
synchronous_commit = on
full_page_writes = off
shared_buffers = 64MB
timezone = 'UTC'
"""


def unprivileged(command, death_signal):
    """`command`, to be run by an unprivileged user and to end with this process."""
    prefix = ["setpriv", "--pdeathsig", death_signal]
    if os.geteuid() == 0:
        prefix += ["--reuid", SERVER_USER, "--regid", SERVER_USER, "--init-groups"]
    return prefix + ["--"] + command


class Servers:
    """One PostgreSQL cluster and one Redis. `with Servers() as s:` or start()/stop()."""

    def __init__(self, durable=False):
        """`durable`: PostgreSQL syncs its log, for tests that kill it."""
        self.dir = tempfile.mkdtemp(prefix="vgt-", dir="/tmp")
        self.durable = durable
        self._pg = None
        self._redis = None
        self._databases = 0
        os.chmod(self.dir, 0o755)
        if os.geteuid() == 0:
            user = pwd.getpwnam(SERVER_USER)
            os.chown(self.dir, user.pw_uid, user.pw_gid)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._init_postgres()
        self.start_postgres()
        self.start_redis()

    def stop(self):
        self.stop_redis()
        self.stop_postgres()
        shutil.rmtree(self.dir, ignore_errors=True)

    # PostgreSQL -----------------------------------------------------------------------------------------
    @property
    def pg_dir(self):
        return os.path.join(self.dir, "pg")

    def _init_postgres(self):
        command = [f"{PG_BIN}/initdb", "-D", self.pg_dir, "-U", "postgres", "--auth=trust", "--encoding=UTF8",
                   "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(unprivileged(command, "KILL"), check=True, stdout=subprocess.DEVNULL, cwd=self.dir,
                       stderr=subprocess.PIPE)
        with open(os.path.join(self.pg_dir, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write(PG_SETTINGS.format(run=self.dir, fsync="on" if self.durable else "off"))

    def start_postgres(self, timeout_s=30):
        self._pg = self._spawn([f"{PG_BIN}/postgres", "-D", self.pg_dir], "QUIT", "postgres.log")
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                psycopg2.connect(host=self.dir, user="postgres", dbname="postgres").close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline or self._pg.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop_postgres(self):
        """Fast shutdown: connections are cut, nothing is lost."""
        self._end(self._pg, signal.SIGINT)
        self._pg = None

    def new_database(self):
        """Creates an empty database and gives its URL, for a role with no more rights than a managed
        database gives: it owns the database and may create roles."""
        connection = psycopg2.connect(host=self.dir, user="postgres", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            if self._databases == 0:
                cursor.execute("create role vg_login login createrole")
            self._databases += 1
            name = f"vg_{self._databases}"
            cursor.execute(f"create database {name} owner vg_login")
        connection.close()
        return f"postgresql://vg_login@/{name}?host={self.dir}"

    # Redis ----------------------------------------------------------------------------------------------
    @property
    def redis_socket(self):
        return os.path.join(self.dir, "redis.sock")

    @property
    def redis_url(self):
        return f"unix://{self.redis_socket}"

    def start_redis(self, timeout_s=10):
        """Starts an empty one."""
        command = ["redis-server", "--port", "0", "--unixsocket", self.redis_socket, "--unixsocketperm", "777",
                   "--save", "", "--appendonly", "no", "--dir", self.dir, "--daemonize", "no"]
        self._redis = self._spawn(command, "KILL", "redis.log")
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with self.redis_client() as client:
                    client.ping()
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline or self._redis.poll() is not None:
                    raise
                time.sleep(0.02)

    def stop_redis(self):
        self._end(self._redis, signal.SIGTERM)
        self._redis = None

    def redis_client(self):
        return redis.Redis(unix_socket_path=self.redis_socket)

    def _spawn(self, command, death_signal, log_name):
        with open(os.path.join(self.dir, log_name), "ab") as log:
            return subprocess.Popen(unprivileged(command, death_signal), cwd=self.dir, stdout=log, stderr=log,
                                    stdin=subprocess.DEVNULL)

    @staticmethod
    def _end(process, how, timeout_s=20):
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
