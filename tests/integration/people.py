"""People who use the API: a browser with its cookie, a shop that signs tokens, and what they must
keep to themselves.

    ada = Person(server).create(role="seller").sign_in()
    ada.call("POST", "/channels", {"title": "Shoes"})

Each person comes from an address of their own (X-Forwarded-For; the server must trust it), so that
one's wrong passwords do not shut out another. Whatever is secret is noted in server.secrets.
"""
import base64
import glob
import hashlib
import hmac
import itertools
import json
import os
import re
import secrets as random
import subprocess
import time
import unittest

from harness import ADMIN_KEY, Server

numbers = itertools.count(1)


def next_address():
    number = next(numbers)
    return f"198.18.{number >> 8}.{number & 255}"


def note_secret(server, *secrets):
    """For secrets_in(): neither logs nor the database may show them."""
    if not hasattr(server, "secrets"):
        server.secrets = {ADMIN_KEY}
    server.secrets.update(secret for secret in secrets if secret)


def secrets_in(text, server):
    """Those of the noted secrets that stand in a text or in bytes."""
    found = []
    for secret in getattr(server, "secrets", {ADMIN_KEY}):
        needle = secret.encode() if isinstance(text, bytes) else secret
        if needle in text:
            found.append(secret)
    return found


class Person:
    """A browser, or a program with a key, at an address of its own."""

    def __init__(self, server, key=None, cookie=None, csrf=None, address=None, headers=None):
        self.server = server
        self.key = key
        self.cookie = cookie
        self.csrf = csrf
        self.address = address or next_address()
        self.headers = headers or {}
        self.timeout_s = 20
        self.email = None
        self.password = None
        self.id = None
        note_secret(server, key, cookie, csrf)

    def call(self, method, path, value=None, root="/api/v1", **headers):
        sent = {"X-Forwarded-For": self.address, **self.headers}
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        if self.cookie:
            sent["Cookie"] = f"stoa_session={self.cookie}"
        if self.csrf:
            sent["X-CSRF-Token"] = self.csrf
        body = None
        if value is not None:
            sent["Content-Type"] = "application/json"
            body = value if isinstance(value, (str, bytes)) else json.dumps(value)
        sent.update({name.replace("_", "-"): text for name, text in headers.items()})
        return self.server.request(method, root + path, body=body, headers=sent,
                                   timeout_s=self.timeout_s)

    def must(self, method, path, value=None, **options):
        """A call that succeeds; its result."""
        answer = self.call(method, path, value, **options)
        if answer.status not in (200, 201):
            raise AssertionError(f"{method} {path}: {answer.status} {answer.text}")
        result = answer.json()
        if isinstance(result, dict):
            note_secret(self.server, *(result.get(name) for name in
                                       ("key", "token", "streamKey", "password", "secret",
                                        "csrfToken")))
            note_secret(self.server, (result.get("publish") or {}).get("token"))
        return result

    def create(self, role="seller", email=None, password=None):
        """The admin makes an account for this person."""
        self.email = email or f"{role}-{next(numbers)}@shop.example"
        self.password = password or "pass-" + random.token_hex(12)
        note_secret(self.server, self.password)
        made = Person(self.server, key=ADMIN_KEY).must(
            "POST", "/accounts", {"email": self.email, "displayName": role.title(), "role": role,
                                  "password": self.password})
        self.id = made["id"]
        return self

    def elsewhere(self):
        """The same person at another browser, not signed in."""
        other = Person(self.server)
        other.email, other.password, other.id = self.email, self.password, self.id
        return other

    def try_sign_in(self, password=None, **headers):
        """The answer; on success the cookie is kept."""
        answer = self.call("POST", "/auth/sign-in",
                           {"email": self.email, "password": password or self.password}, **headers)
        found = re.match(r"stoa_session=([^;]+)", answer.headers.get("Set-Cookie") or "")
        if found:
            self.cookie = found.group(1)
            self.csrf = answer.json()["csrfToken"]
            note_secret(self.server, self.cookie, self.csrf)
        return answer

    def sign_in(self):
        answer = self.try_sign_in()
        if answer.status != 200:
            raise AssertionError(f"sign-in: {answer.status} {answer.text}")
        return self

    def me(self):
        return self.must("GET", "/auth/me")

    def is_signed_in(self):
        return self.me()["account"] is not None

    def create_key(self, *scopes, **more):
        """A program with an API key of this person's."""
        made = self.must("POST", "/api-keys", {"name": "a key", "scopes": list(scopes), **more})
        program = Person(self.server, key=made["key"])
        program.id = made["id"]
        return program


def admin(server):
    return Person(server, key=ADMIN_KEY)


def stored_bytes(server):
    """Everything that the database wrote."""
    data = b""
    for path in glob.glob(os.path.join(server.folder, "data", "stoa.db*")):
        with open(path, "rb") as file:
            data += file.read()
    return data


class PeopleTest(unittest.TestCase):
    """One server for all tests of a class. What it logged, at the finest level, holds no secret of
    the people who used it."""
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server({"http.trust_forwarded": "yes", "log.level": "debug",
                             **cls.settings}).start()

    @classmethod
    def tearDownClass(cls):
        try:
            output = cls.server.stop()
            stored = stored_bytes(cls.server)
        finally:
            cls.server.remove()
        told = secrets_in(output, cls.server)
        if told:
            raise AssertionError(f"{len(told)} secrets are in the log, one begins {told[0][:6]}")
        cls.check_stored(stored)

    @classmethod
    def check_stored(cls, stored):
        # Stream keys are kept as they are (docs/decisions/0002), all else as a hash.
        kept = [secret for secret in secrets_in(stored, cls.server) if len(secret) != 32]
        if kept:
            raise AssertionError(f"{len(kept)} secrets are in the database, one begins "
                                 + kept[0][:6])

    def person(self, role="seller", **options):
        return Person(self.server).create(role, **options)

    def assert_refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.json().get("code")), (status, code), answer.text)


# ---- tokens of the shop's own sign-in ----

def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_key_pair(folder, name, kind):
    """(private, public) PEM files for RS256 or ES256."""
    private, public = (os.path.join(folder, f"{name}.{part}.pem") for part in ("key", "pub"))
    option = {"RS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
              "ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}[kind]
    subprocess.run(["openssl", "genpkey", "-algorithm", *option, "-out", private], check=True,
                   capture_output=True, timeout=30)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True,
                   capture_output=True, timeout=30)
    return private, public


def raw_ecdsa(der):
    """JWS has r and s of 32 bytes each (RFC 7518 section 3.4), openssl writes them as DER."""
    numbers_at, parts = 2, []
    for _ in range(2):
        length = der[numbers_at + 1]
        parts.append(der[numbers_at + 2:numbers_at + 2 + length].lstrip(b"\0").rjust(32, b"\0"))
        numbers_at += 2 + length
    return b"".join(parts)


def sign(algorithm, key, data):
    """`key`: the secret of HS256, else the path of a private key."""
    if algorithm == "none":
        return b""
    if algorithm == "HS256":
        return hmac.digest(key, data, hashlib.sha256)
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=data, check=True,
                               capture_output=True, timeout=30).stdout
    return raw_ecdsa(signature) if algorithm == "ES256" else signature


def make_jwt(algorithm, key, claims=None, header=None):
    """Good for a minute, unless `claims` say otherwise; a claim that is None is left out."""
    claims = {"sub": "shop-user-1", "exp": int(time.time()) + 60, **(claims or {})}
    header = {"alg": algorithm, "typ": "JWT", **(header or {})}
    parts = [{name: value for name, value in part.items() if value is not None}
             for part in (header, claims)]
    signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    return signed + "." + base64url(sign(algorithm, key, signed.encode()))
