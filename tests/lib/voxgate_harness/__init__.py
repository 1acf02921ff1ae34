"""The Python harness for the running gateway: servers, process, REST and WebSocket clients, audio, scoring.

Needs Debian's packages only (deploy/packages.test); run it by /usr/bin/python3. See tests/e2e for its use.
"""
from .call import Call, Refused
from .corpus import speech as corpus_speech
from .gateway import ADMIN_KEY, JWT_SECRET, LOOPBACK, ROOT, Gateway, Tenant, binary, uuid_of
from .metrics import Metrics
from .rest import Rest
from .servers import Servers
from .testcase import GatewayTest, main

__all__ = ["ADMIN_KEY", "JWT_SECRET", "LOOPBACK", "ROOT", "Call", "Gateway", "GatewayTest", "Metrics", "Refused", "Rest",
           "Servers", "Tenant", "binary", "corpus_speech", "main", "uuid_of"]
