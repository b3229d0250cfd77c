# SPDX-License-Identifier: Apache-2.0
"""A small HTTPS server on loopback that answers as told and keeps what it was
asked, and voltseal run against it.  The program is the first argument.
"""
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

VOLTSEAL = sys.argv[1]
TOKEN = "token-of-anna"


class Api(http.server.BaseHTTPRequestHandler):
    """Answers from server.answers, keeps what it was asked and sent."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece

    def told(self, path):
        """What the test said: an answer, or a function of the request."""
        out = self.server.answers.get(
            (self.command, path), (404, {"error": "there is none",
                                         "reason": "not-listed"}))
        return out(self.path) if callable(out) else out

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.asked.append(
            (self.command, self.path, body, self.headers["Authorization"]))
        path = self.path.split("?")[0]
        code, out = self.told(path)
        if isinstance(out, list) and (self.command, path, "pages") in \
                self.server.answers:
            after = int(self.path.split("after=")[1].split("&")[0])
            out = [r for r in out if r["seq"] > after][:2]
        if isinstance(out, Series):
            out = out.next()
        text = out if isinstance(out, bytes) else json.dumps(out).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *args):
        pass


class Series:
    """A different answer each time, the last one for ever."""

    def __init__(self, *values):
        self.values = list(values)

    def next(self):
        return self.values.pop(0) if len(self.values) > 1 else self.values[0]


def make_certificate(folder):
    cert, key = os.path.join(folder, "ca.pem"), os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
         "-days", "2", "-subj", "/CN=test", "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key


class ApiWorld(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="voltseal-tls-")
        cls.ca, key = make_certificate(cls.shared)
        os.mkdir(os.path.join(cls.shared, "other"))
        cls.other_ca, _ = make_certificate(os.path.join(cls.shared, "other"))
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
        cls.server.daemon_threads = True
        cls.server.handle_error = lambda *a: None  # refused handshakes
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cls.ca, key)
        cls.server.socket = tls.wrap_socket(
            cls.server.socket, server_side=True,
            do_handshake_on_connect=False)
        threading.Thread(target=cls.server.serve_forever,
                         daemon=True).start()
        cls.url = "https://127.0.0.1:%d" % cls.server.server_address[1]

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        shutil.rmtree(cls.shared)

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="voltseal-command-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.token = self.write("token", TOKEN + "\n", 0o600)
        self.server.asked = []
        self.server.answers = {}
        self.env = {"HOME": self.dir, "PATH": "/usr/bin:/bin",
                    "VOLTSEAL_SERVER": self.url, "VOLTSEAL_CA": self.ca,
                    "VOLTSEAL_TOKEN_FILE": self.token}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def write(self, name, content, mode=0o644):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes)
                    else content.encode())
        os.chmod(path, mode)
        return path

    def run_voltseal(self, *args, expect=0, env=None):
        done = subprocess.run([VOLTSEAL, *args], capture_output=True,
                              text=True, timeout=60, check=False,
                              env=env or self.env)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        if expect:
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertTrue(done.stderr.startswith("error voltseal: "))
        else:
            self.assertEqual(done.stderr, "")
        return done.stdout if not expect else done.stderr

    def sent(self):
        return json.loads(self.server.asked[-1][2])
