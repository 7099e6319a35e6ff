"""People and their credentials from outside: sign-in, keys, the shop's tokens, who guesses, and
that nobody's secret is ever written down."""
import collections
import concurrent.futures
import contextlib
import glob
import http.client
import os
import secrets as random
import shutil
import tempfile
import threading
import time
import unittest
import urllib.parse

from harness import Server, wait_until
from people import (Person, admin, make_jwt, make_key_pair, next_address, note_secret, secrets_in)

# As a browser makes it, shortened; nobody is behind it.
OFFER = "\r\n".join((
    "v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
    "m=video 9 UDP/TLS/RTP/SAVPF 102", "c=IN IP4 0.0.0.0", "a=rtcp-mux", "a=mid:0", "a=sendonly",
    "a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1", "a=setup:actpass",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=ssrc:1001 cname:x", ""))

COOKIE = r"stoa_session=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Lax; Max-Age=\d+"


def stored_bytes(server):
    """Everything that the database wrote."""
    data = b""
    for path in glob.glob(os.path.join(server.folder, "data", "stoa.db*")):
        with open(path, "rb") as file:
            data += file.read()
    return data


class Shared(unittest.TestCase):
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


class SignIn(Shared):
    def test_the_cookie_is_for_the_browser_alone(self):
        ada = self.person()
        answer = ada.try_sign_in()
        self.assertEqual(answer.status, 200, answer.text)
        self.assertRegex(answer.headers["Set-Cookie"], f"^{COOKIE}$")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(answer.json()["account"]["email"], ada.email)
        self.assertNotIn(ada.cookie, answer.text)
        answer = ada.elsewhere().try_sign_in(X_Forwarded_Proto="https")
        self.assertRegex(answer.headers["Set-Cookie"], f"^{COOKIE}; Secure$")
        me = ada.me()
        self.assertEqual((me["via"], me["account"]["id"], me["csrfToken"]),
                         ("session", ada.id, ada.csrf))

    def test_who_fails_learns_nothing(self):
        ada = self.person()
        wrong = ada.try_sign_in(password="not this one")
        unknown = Person(self.server)
        unknown.email, unknown.password = "nobody@shop.example", "whatever it is"
        nobody = unknown.try_sign_in()
        self.assert_refused(wrong, 401, "unauthorized")
        self.assertEqual(wrong.body, nobody.body)
        self.assertIsNone(wrong.headers.get("Set-Cookie"))

    def test_changes_need_the_csrf_token(self):
        ada, bob = self.person().sign_in(), self.person().sign_in()
        good = ada.csrf
        self.assertEqual(bob.csrf == good, False)
        for csrf in (None, "", "x" * 43, bob.csrf, good[:-1], good + "x"):
            ada.csrf = csrf
            for root, path, value in (("/api/v1", "/channels", {"title": "Forged"}),
                                      ("/trpc", "/channel.create", {"title": "Forged"}),
                                      ("/api/v1", "/auth/sign-out", {})):
                with self.subTest(csrf=csrf, path=path):
                    answer = ada.call("POST", path, value, root=root)
                    self.assertEqual(answer.status, 403, answer.text)
                    self.assertIn("X-CSRF-Token", answer.text)
        ada.csrf = None
        self.assertTrue(ada.is_signed_in())
        ada.csrf = good
        self.assertEqual(ada.must("POST", "/channels", {"title": "Meant"})["title"], "Meant")
        self.assertEqual([channel["title"] for channel in
                          ada.must("GET", "/channels?mine=true")["channels"]], ["Meant"])

    def test_signing_out_ends_this_session_alone(self):
        ada = self.person().sign_in()
        other = ada.elsewhere().sign_in()
        answer = ada.call("POST", "/auth/sign-out", {})
        self.assertEqual(answer.status, 200, answer.text)
        self.assertIn("stoa_session=; ", answer.headers["Set-Cookie"])
        self.assertIn("Max-Age=0", answer.headers["Set-Cookie"])
        self.assertFalse(ada.is_signed_in())
        self.assert_refused(ada.call("POST", "/channels", {"title": "Late"}), 401,
                            "session_expired")
        self.assertTrue(other.is_signed_in())

    def test_a_new_password_ends_the_other_sessions(self):
        ada = self.person().sign_in()
        other = ada.elsewhere().sign_in()
        old, new = ada.password, "a much better password"
        note_secret(self.server, new)
        self.assert_refused(ada.call("POST", "/auth/password", {
            "currentPassword": "wrong it is", "newPassword": new}), 400, "invalid_input")
        ada.must("POST", "/auth/password", {"currentPassword": old, "newPassword": new})
        self.assertTrue(ada.is_signed_in())
        self.assertFalse(other.is_signed_in())
        self.assert_refused(other.try_sign_in(), 401, "unauthorized")
        self.assertEqual(other.try_sign_in(password=new).status, 200)

    def test_an_admin_ends_sessions(self):
        ada = self.person().sign_in()
        admin(self.server).must("POST", f"/accounts/{ada.id}/sign-out", {})
        self.assertFalse(ada.is_signed_in())
        ada.sign_in()
        password = "set-by-the-admin-now"
        note_secret(self.server, password)
        admin(self.server).must("PATCH", f"/accounts/{ada.id}", {"password": password})
        self.assertFalse(ada.is_signed_in())
        self.assertEqual(ada.try_sign_in(password=password).status, 200)

    def test_a_disabled_account_may_do_nothing(self):
        ada = self.person().sign_in()
        program = ada.create_key("read", "channels")
        admin(self.server).must("PATCH", f"/accounts/{ada.id}", {"disabled": True})
        self.assert_refused(ada.call("POST", "/channels", {"title": "x"}), 401, "session_expired")
        self.assert_refused(program.call("POST", "/channels", {"title": "x"}), 403,
                            "account_disabled")
        self.assert_refused(ada.elsewhere().try_sign_in(), 403, "account_disabled")
        # Who does not know the password is not told that there is such an account.
        self.assert_refused(ada.elsewhere().try_sign_in(password="not this one"), 401,
                            "unauthorized")
        admin(self.server).must("PATCH", f"/accounts/{ada.id}", {"disabled": False})
        self.assertFalse(ada.is_signed_in())
        self.assertEqual(program.call("POST", "/channels", {"title": "x"}).status, 201)
        ada.sign_in()

    def test_cookies_that_are_none_are_nobody(self):
        ada = self.person().sign_in()
        good = ada.cookie
        for cookie in ("", "x", "A" * 43, good[:-1], good + "A", good.swapcase(), "'; --",
                       f"{good}; stoa_session={good}", "A" * 5000):
            ada.cookie = cookie
            with self.subTest(cookie=cookie[:60]):
                self.assertFalse(ada.is_signed_in())

    def test_another_site_gets_nothing_by_the_cookie(self):
        ada = self.person().sign_in()
        answer = ada.call("POST", "/channels", {"title": "Elsewhere"},
                          Origin="https://evil.example")
        self.assertEqual(answer.status, 401, answer.text)
        self.assertIsNone(answer.headers.get("Access-Control-Allow-Credentials"))


class ShortSessions(Shared):
    settings = {"auth.session_idle_s": 2, "auth.session_life_s": 4, "http.trust_forwarded": "no"}

    def test_sessions_end_by_idling_and_by_age(self):
        ada = self.person().sign_in()
        idle = ada.elsewhere().sign_in()
        started = time.monotonic()
        wait_until(lambda: ada.is_signed_in() and time.monotonic() - started > 3, 10,
                   "a session that is used lives longer than it may idle")
        self.assertFalse(idle.is_signed_in())
        wait_until(lambda: not ada.is_signed_in(), 10, "its longest life ends")
        self.assert_refused(ada.call("POST", "/channels", {"title": "x"}), 401, "session_expired")

    def test_headers_of_a_proxy_that_is_not_trusted_mean_nothing(self):
        answer = self.person().try_sign_in(X_Forwarded_Proto="https")
        self.assertRegex(answer.headers["Set-Cookie"], f"^{COOKIE}$")


class Restart(Shared):
    def test_what_was_given_stays_and_what_was_taken_too(self):
        ada = self.person().sign_in()
        gone, key = ada.elsewhere().sign_in(), ada.create_key("channels")
        revoked = ada.create_key("channels")
        gone.must("POST", "/auth/sign-out", {})
        ada.must("DELETE", f"/api-keys/{revoked.id}")
        self.server.process.kill()
        earlier = self.server.log()
        self.server.start()
        self.assertEqual(secrets_in(earlier, self.server), [])
        self.assertTrue(ada.is_signed_in())
        self.assertFalse(gone.is_signed_in())
        self.assertEqual(key.call("POST", "/channels", {"title": "x"}).status, 201)
        self.assert_refused(revoked.call("POST", "/channels", {"title": "x"}), 401, "unauthorized")
        self.assertEqual(ada.call("POST", "/channels", {"title": "x"}).status, 201)


class Keys(Shared):
    CALLS = {  # what needs the scope, as (method, path, value)
        "read": ("GET", "/channels/{own}/relay", None),
        "channels": ("PATCH", "/channels/{own}", {"title": "Renamed"}),
        "publish": ("POST", "/channels/{own}/publish-tokens", {}),
        "accounts": ("GET", "/accounts", None),
        "admin": ("GET", "/relays", None),
    }

    def test_a_key_may_what_its_scopes_say(self):
        boss = self.person("admin").sign_in()
        own = boss.must("POST", "/channels", {"title": "Own"})["id"]
        for scope in self.CALLS:
            program = boss.create_key(scope)
            self.assertEqual(program.me()["scopes"], [scope])
            for needed, (method, path, value) in self.CALLS.items():
                with self.subTest(scope=scope, needed=needed):
                    answer = program.call(method, path.format(own=own), value)
                    if scope in (needed, "admin"):
                        self.assertIn(answer.status, (200, 201), answer.text)
                    else:
                        self.assert_refused(answer, 403, "forbidden")

    def test_a_key_never_may_more_than_its_account(self):
        ada = self.person("seller").sign_in()
        for scope in ("accounts", "admin"):
            self.assert_refused(ada.call("POST", "/api-keys", {"name": "x", "scopes": [scope]}),
                                400, "invalid_input")
        program = ada.create_key("read", "channels", "publish", "webhooks")
        other = self.person("seller").sign_in().must("POST", "/channels", {"title": "Other's"})
        for method, path, value in (("PATCH", f"/channels/{other['id']}", {"title": "Mine"}),
                                    ("POST", f"/channels/{other['id']}/start", {}),
                                    ("POST", f"/channels/{other['id']}/rotate-key", {}),
                                    ("DELETE", f"/channels/{other['id']}", None),
                                    ("GET", "/accounts", None), ("GET", "/audit", None)):
            with self.subTest(call=f"{method} {path}"):
                self.assert_refused(program.call(method, path, value), 403, "forbidden")
        # An admin who becomes a seller has keys that may what sellers may.
        boss = self.person("admin").sign_in()
        strong = boss.create_key("admin", "accounts")
        self.assertEqual(strong.call("GET", "/accounts").status, 200)
        admin(self.server).must("PATCH", f"/accounts/{boss.id}", {"role": "seller"})
        self.assert_refused(strong.call("GET", "/accounts"), 403, "forbidden")

    def test_a_key_makes_no_keys(self):
        program = self.person().sign_in().create_key("read", "channels", "publish")
        self.assert_refused(program.call("POST", "/api-keys", {"name": "x", "scopes": ["read"]}),
                            403, "forbidden")

    def test_keys_end(self):
        ada = self.person().sign_in()
        program = ada.create_key("channels")
        ada.must("DELETE", f"/api-keys/{program.id}")
        ada.must("DELETE", f"/api-keys/{program.id}")
        answer = program.call("POST", "/channels", {"title": "x"})
        self.assert_refused(answer, 401, "unauthorized")
        self.assertIn("revoked", answer.json()["detail"])
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
        short = ada.create_key("channels", expiresAt=soon)
        self.assertEqual(short.call("POST", "/channels", {"title": "x"}).status, 201)
        answer = wait_until(lambda: (a := short.call("POST", "/channels",
                                                     {"title": "x"})).status != 201 and a, 10,
                            "the key has expired")
        self.assert_refused(answer, 401, "unauthorized")
        self.assertIn("expired", answer.json()["detail"])

    def test_others_keys_cannot_be_seen_or_revoked(self):
        ada, bob = self.person().sign_in(), self.person().sign_in()
        program = ada.create_key("read")
        self.assertEqual(bob.must("GET", "/api-keys")["apiKeys"], [])
        self.assertIn(bob.call("DELETE", f"/api-keys/{program.id}").status, (403, 404))
        listed = ada.call("GET", "/api-keys")
        self.assertNotIn(program.key, listed.text)
        self.assertEqual(program.me()["via"], "apiKey")


ISSUED = {"auth.jwt_issuer": "https://shop.example", "auth.jwt_audience": "stoa",
          "auth.jwt_seller_roles": "vendor, merchant"}


class Tokens(Shared):
    """The shop's JSON Web Tokens; below a class for each kind of key."""
    claims = {"iss": "https://shop.example", "aud": "stoa"}
    header = {}

    def jwt(self, claims=None, header=None, algorithm=None, key=None):
        token = make_jwt(algorithm or self.algorithm, key or self.signing_key,
                         {**self.claims, **(claims or {})}, header or self.header)
        note_secret(self.server, token)
        return Person(self.server, key=token)

    def assert_bad(self, person, word, code="unauthorized"):
        answer = person.call("GET", "/auth/me")
        self.assert_refused(answer, 401, code)
        self.assertIn(word, answer.json()["detail"])

    def test_good_ones_are_who_they_say(self):
        ada = self.person("seller")
        for claims in ({"sub": ada.id, "role": "merchant"},
                       {"email": ada.email.upper(), "role": "merchant"},
                       {"email": ada.email, "role": ["customer", "merchant"]},
                       {"email": ada.email, "aud": ["other", "stoa"]}):
            with self.subTest(claims=claims):
                me = self.jwt(claims).me()
                self.assertEqual((me["via"], me["account"]["id"]), ("jwt", ada.id))
        seller = self.jwt({"email": ada.email, "role": "merchant"})
        made = seller.must("POST", "/channels", {"title": "By token"})
        self.assertEqual(self.jwt({"sub": ada.id}).must("GET", "/channels?mine=true")
                         ["channels"][0]["id"], made["id"])

    def test_the_lower_role_counts(self):
        ada, boss = self.person("seller"), self.person("admin")
        self.assert_refused(self.jwt({"email": ada.email, "role": "admin"}).call(
            "GET", "/accounts"), 403, "forbidden")
        self.assert_refused(self.jwt({"email": ada.email, "role": "customer"}).call(
            "POST", "/channels", {"title": "x"}), 403, "forbidden")
        self.assert_refused(self.jwt({"email": boss.email, "role": "merchant"}).call(
            "GET", "/accounts"), 403, "forbidden")
        self.assertEqual(self.jwt({"email": boss.email, "role": "admin"}).call(
            "GET", "/accounts").status, 200)
        # Whom we do not know is a buyer, whatever the shop says.
        guest = self.jwt({"sub": "stranger\r\nx: y", "email": "new@shop.example", "role": "admin"})
        self.assertEqual(guest.me()["account"], None)
        self.assertEqual(guest.me()["scopes"], ["read"])
        self.assert_refused(guest.call("POST", "/channels", {"title": "x"}), 403, "forbidden")
        # An address that the shop has not verified is nobody's.
        self.assertIsNone(self.jwt({"email": boss.email, "email_verified": False,
                                    "role": "admin"}).me()["account"])

    def test_bad_ones_are_refused_with_the_reason(self):
        now = int(time.time())
        self.assert_bad(self.jwt({"exp": now - 3600}), "expired", "session_expired")
        self.assert_bad(self.jwt({"exp": None}), "exp")
        self.assert_bad(self.jwt({"sub": None}), "sub")
        self.assert_bad(self.jwt({"nbf": now + 3600}), "not valid yet")
        self.assert_bad(self.jwt({"aud": "other"}), "audience")
        self.assert_bad(self.jwt({"aud": None}), "audience")
        self.assert_bad(self.jwt({"iss": "https://evil.example"}), "issuer")
        self.assert_bad(self.jwt(header={**self.header, "crit": ["b64"]}), "malformed")
        self.assert_bad(self.jwt(algorithm="none"), "not known")  # ends with a dot: no token
        for word in ("none", "nOnE", "HS512", ""):
            self.assert_bad(self.jwt(header={**self.header, "alg": word}), "algorithm")

    def test_forged_ones_are_refused(self):
        head, body, signature = self.jwt({"role": "customer"}).key.split(".")
        other = self.jwt({"role": "admin"}).key.split(".")
        for token in (f"{head}.{other[1]}.{signature}", f"{head}.{body}.{other[2]}",
                      f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{signature}.",
                      f"{head}.{body}.{signature}AA", f"{head}.{body}.{'A' * len(signature)}",
                      "..", "e30.e30.e30", "a" * 9000):
            with self.subTest(token=token[-60:]):
                answer = Person(self.server, key=token).call("GET", "/auth/me")
                self.assertIn(answer.status, (401, 431), answer.text)

    def test_who_forges_is_shut_out_and_who_is_late_is_not(self):
        forger = self.jwt(algorithm="none")
        answers = [forger.call("GET", "/auth/me") for _ in range(12)]
        self.assertEqual([a.status for a in answers[:9]], [401] * 9)
        self.assert_refused(answers[-1], 429, "too_many_requests")
        late = self.jwt({"exp": int(time.time()) - 3600})
        self.assertEqual({late.call("GET", "/auth/me").status for _ in range(12)}, {401})

    def test_a_disabled_account_cannot_come_in_by_the_shop(self):
        ada = self.person("seller")
        token = self.jwt({"email": ada.email, "role": "merchant"})
        self.assertEqual(token.me()["account"]["id"], ada.id)
        admin(self.server).must("PATCH", f"/accounts/{ada.id}", {"disabled": True})
        self.assert_refused(token.call("GET", "/auth/me"), 403, "account_disabled")



class SharedSecret(Tokens):
    algorithm = "HS256"
    signing_key = b"the-secret-that-shop-and-stoa-share-0123"
    settings = {**ISSUED, "auth.jwt_algorithm": "HS256",
                "auth.jwt_key": signing_key.decode()}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        note_secret(cls.server, cls.signing_key.decode())

    def test_other_secrets_are_wrong(self):
        for key in (b"", b"\0" * 32, self.signing_key[:-1], self.signing_key + b"0"):
            with self.subTest(key=key):
                self.assert_bad(self.jwt(key=key or b"\0"), "signature")


class KeyFiles(Tokens):
    """Two keys with names: the shop changes keys without an hour of nobody coming in."""
    algorithm = "RS256"
    header = {"kid": "now"}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="stoa-keys-")
        cls.signing_key, cls.public = make_key_pair(cls.folder, "now", cls.algorithm)
        cls.next_key, public = make_key_pair(cls.folder, "next", cls.algorithm)
        cls.settings = {**ISSUED, "auth.jwt_algorithm": cls.algorithm,
                        "auth.jwt_key_files": f"now={cls.public} next={public}"}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def test_the_name_says_which_key(self):
        self.assertEqual(self.jwt(header={"kid": "next"}, key=self.next_key).me()["via"], "jwt")
        self.assert_bad(self.jwt(header={"kid": "next"}), "signature")
        for kid in (None, "", "other", "../../etc/passwd", "now\0", 7):
            with self.subTest(kid=kid):
                self.assertEqual(self.jwt(header={"kid": kid}).call("GET", "/auth/me").status, 401)

    def test_the_public_key_is_no_secret(self):
        with open(self.public, "rb") as file:
            public = file.read()
        for secret in (public, public.strip()):
            self.assert_bad(self.jwt(algorithm="HS256", key=secret), "algorithm")


class EllipticKeyFiles(KeyFiles):
    algorithm = "ES256"

    # What follows from the claims is the same for all keys.
    test_the_lower_role_counts = None
    test_a_disabled_account_cannot_come_in_by_the_shop = None


class TokenSettings(unittest.TestCase):
    def test_keys_that_cannot_be_used_are_told_at_the_start(self):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stoa-keys-"))
            ec_private, ec_public = make_key_pair(folder, "ec", "ES256")
            short = os.path.join(folder, "short")
            with open(short, "w", encoding="ascii") as file:
                file.write("too-short-to-be-good")
            for algorithm, path, word in (("RS256", ec_public, "RSA key"),
                                          ("ES256", ec_private, "public key"),
                                          ("HS256", ec_public, "PEM"),
                                          ("HS256", short, "32 or more"),
                                          ("RS256", folder + "/none.pem", "cannot be opened")):
                server = Server({"auth.jwt_algorithm": algorithm, "auth.jwt_key_files": path})
                stack.callback(server.remove)
                for command in ("serve", "check"):
                    with self.subTest(algorithm=algorithm, path=path, command=command):
                        ended = server.run(command)
                        output = ended.stdout + ended.stderr
                        self.assertEqual(ended.returncode, 1, output)
                        self.assertIn(word, output)
                        self.assertNotIn("too-short-to-be-good", output)
                        self.assertNotIn("PRIVATE KEY", output)

    def test_without_keys_no_token_is_taken(self):
        with Server() as server:
            answer = server.call("GET", "/auth/me", key=make_jwt("HS256", b"k" * 32))
            self.assertEqual(answer.status, 401)
            self.assertIn("jwt_algorithm", answer.json()["detail"])


class PublishTokens(Shared):
    """What a seller gives away so that somebody else can publish one broadcast."""
    settings = {"live.reconnect_s": 30}

    def setUp(self):
        self.ada = self.person().sign_in()
        self.channel = self.ada.must("POST", "/channels", {"title": self.id().rsplit(".", 1)[-1]})
        note_secret(self.server, self.channel["streamKey"])
        self.addCleanup(self.stop_publishers)

    def stop_publishers(self):
        for publisher in self.server.publishers:
            publisher.kill()
        self.server.publishers = []

    def path(self, rest):
        return f"/channels/{self.channel['id']}{rest}"

    def draw(self):
        return self.ada.must("POST", self.path("/publish-tokens"), {})

    def go_live(self, key):
        publisher = self.server.publish(self.channel, key=key)
        self.server.wait_status(self.channel, "active")
        return publisher

    def assert_kept_out(self, key, word):
        publisher = self.server.publish(self.channel, key=key)
        self.assertNotEqual(publisher.wait(20), 0)
        self.assertIn(word, publisher.output())

    def whip(self, key, channel=None):
        return self.server.request("POST", f"/whip/{(channel or self.channel)['id']}", body=OFFER,
                                   headers={"Content-Type": "application/sdp",
                                            "Authorization": f"Bearer {key}"})

    def test_the_token_of_a_start_publishes_this_broadcast_and_no_other(self):
        token = self.ada.must("POST", self.path("/start"), {})["publish"]["token"]
        self.go_live(token).kill()
        self.server.wait_status(self.channel, "reconnecting")
        self.go_live(token)  # as often as the line breaks
        self.ada.must("POST", self.path("/end"), {})
        self.server.wait_status(self.channel, "stopped")
        self.assertEqual(len(self.ada.must("GET", self.path("/broadcasts"))["broadcasts"]), 1)
        self.ada.must("POST", self.path("/start"), {})
        self.assert_kept_out(token, "publish token")
        self.assertEqual(self.server.status(self.channel)["relayStatus"], "starting")
        self.assertIn(self.whip(token).status, (401, 403))

    def test_a_revoked_one_closes_its_connection_and_no_other(self):
        used, unused = self.draw(), self.draw()
        publisher = self.go_live(used["token"])
        listed = self.ada.must("GET", self.path("/publish-tokens"))["publishTokens"]
        self.assertEqual({token["id"] for token in listed}, {used["id"], unused["id"]})
        self.assertNotIn("token", listed[0])
        self.ada.must("DELETE", self.path(f"/publish-tokens/{unused['id']}"))
        self.assertEqual(self.server.status(self.channel)["relayStatus"], "active")
        self.ada.must("DELETE", self.path(f"/publish-tokens/{used['id']}"))
        self.server.wait_status(self.channel, "reconnecting")
        self.assertNotEqual(publisher.wait(20), 0)
        for token in (used, unused):
            self.assert_kept_out(token["token"], "revoked")
        self.go_live(self.channel["streamKey"])
        self.ada.must("POST", self.path("/end"), {})
        self.server.wait_status(self.channel, "stopped")
        self.assertEqual(len(self.ada.must("GET", self.path("/broadcasts"))["broadcasts"]), 1)

    def test_browsers_publish_by_them_too(self):
        token = self.draw()
        answer = self.whip(token["token"])
        self.assertEqual(answer.status, 201, answer.text)
        session = answer.headers["Location"]
        gone = {"Authorization": f"Bearer {token['token']}"}
        self.ada.must("DELETE", self.path(f"/publish-tokens/{token['id']}"))
        wait_until(lambda: self.server.request("DELETE", session, headers=gone).status
                   in (401, 403, 404), 10, "the session is gone")
        answer = self.whip(token["token"])
        self.assertIn(answer.status, (401, 403), answer.text)
        self.assertIn("revoked", answer.text)

    def test_one_channels_token_is_nothing_on_another(self):
        other = self.ada.must("POST", "/channels", {"title": "Other"})
        note_secret(self.server, other["streamKey"])
        token = self.draw()["token"]
        self.assertIn(self.whip(token, other).status, (401, 403))
        self.assertIsNone(self.server.status(other)["relayStatus"])

    def test_it_publishes_and_reads_and_nothing_else(self):
        holder = Person(self.server, key=self.draw()["token"])
        self.assertEqual(holder.me()["via"], "publishToken")
        self.assertEqual(holder.me()["channelId"], self.channel["id"])
        for method, rest in (("POST", "/start"), ("POST", "/end"), ("POST", "/rotate-key"),
                             ("POST", "/leave"), ("POST", "/relay/stop"), ("PATCH", ""),
                             ("POST", "/publish-tokens"), ("GET", "/publish-tokens"),
                             ("DELETE", "")):
            with self.subTest(call=method + rest):
                value = {"title": "x"} if method == "PATCH" else {} if method == "POST" else None
                self.assert_refused(holder.call(method, self.path(rest), value), 403, "forbidden")
        self.assertNotIn("streamKey", holder.call("GET", self.path("")).text)

    def test_others_draw_none(self):
        bob = self.person().sign_in()
        self.assert_refused(bob.call("POST", self.path("/publish-tokens"), {}), 403, "forbidden")
        token = self.draw()
        self.assert_refused(bob.call("DELETE", self.path(f"/publish-tokens/{token['id']}")), 403,
                            "forbidden")
        self.go_live(token["token"])

    def test_what_was_drawn_and_revoked_outlives_a_crash(self):
        good, revoked = self.draw(), self.draw()
        self.ada.must("DELETE", self.path(f"/publish-tokens/{revoked['id']}"))
        self.server.process.kill()
        self.assertEqual(secrets_in(self.server.log(), self.server), [])
        self.server.start()
        self.assert_kept_out(revoked["token"], "not known")
        self.go_live(good["token"])

    def test_the_channel_of_a_disabled_seller_stays_closed(self):
        token = self.draw()["token"]
        admin(self.server).must("PATCH", f"/accounts/{self.ada.id}", {"disabled": True})
        for key in (token, self.channel["streamKey"]):
            self.assert_kept_out(key, "disabled")
            self.assertIn(self.whip(key).status, (401, 403))


class Guessing(Shared):
    """Somebody tries passwords and keys by the thousand."""
    ATTEMPTS = 1000

    def hammer(self, count, attempt, workers=8):
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            return list(pool.map(attempt, range(count)))

    def watch_status(self, stop, channel, times):
        """A viewer who polls on one connection all the while."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.ports["http"], timeout=20)
        with contextlib.closing(connection):
            while not stop.is_set():
                started = time.monotonic()
                connection.request("GET", f"/api/v1/channels/{channel['id']}/status")
                answer = connection.getresponse()
                answer.read()
                times.append((answer.status, time.monotonic() - started))

    def test_a_thousand_attempts_from_one_address(self):
        ada, channel = self.person(), self.server.create_channel()
        guest = ada.elsewhere()
        stop, times = threading.Event(), []
        viewer = threading.Thread(target=self.watch_status, args=(stop, channel, times))
        before = self.server.rss_bytes()
        viewer.start()
        try:
            answers = self.hammer(self.ATTEMPTS, lambda i: guest.call(
                "POST", "/auth/sign-in", {"email": ada.email, "password": f"guess number {i}"}))
        finally:
            stop.set()
            viewer.join()
        refused = [a for a in answers if a.status == 429]
        self.assertLessEqual(len(answers) - len(refused), 10)
        for answer in refused:
            self.assertRegex(answer.headers["Retry-After"], r"^\d+$")
            self.assertLessEqual(int(answer.headers["Retry-After"]), 60)
            self.assertEqual(answer.json()["code"], "too_many_requests")
        self.assertEqual({status for status, _ in times}, {200})
        self.assertLess(max(took for _, took in times), 5)
        self.assertLess(self.server.rss_bytes() - before, 150 << 20)
        # The right password does not help there now; it does elsewhere.
        self.assertEqual(guest.try_sign_in().status, 429)
        self.assertEqual(ada.try_sign_in().status, 200)

    def test_one_account_from_a_thousand_addresses(self):
        ada = self.person().sign_in()
        answers = self.hammer(self.ATTEMPTS, lambda i: ada.elsewhere().try_sign_in("guess it"))
        counts = collections.Counter(answer.status for answer in answers)
        self.assertLessEqual(counts[401], 20)
        self.assertEqual(set(counts) - {401, 429, 503}, set())
        self.assertEqual(ada.elsewhere().try_sign_in().status, 429)
        # Who is signed in there already is not shut out by others.
        self.assertEqual(ada.try_sign_in().status, 200)
        self.assertEqual(self.person().try_sign_in().status, 200)

    def test_many_accounts_from_many_addresses_at_once(self):
        ada, channel = self.person(), self.server.create_channel()
        stop, times = threading.Event(), []
        viewer = threading.Thread(target=self.watch_status, args=(stop, channel, times))

        def attempt(number):
            guest = Person(self.server)
            guest.email, guest.password = f"nobody-{number}@shop.example", "guess it again"
            return guest.try_sign_in().status

        before = self.server.rss_bytes()
        viewer.start()
        try:
            counts = collections.Counter(self.hammer(120, attempt, workers=120))
        finally:
            stop.set()
            viewer.join()
        self.assertEqual(set(counts) - {401, 503}, set(), counts)
        self.assertGreater(counts[401], 0)
        self.assertGreater(counts[503], 0)  # not more than 64 at once
        self.assertEqual({status for status, _ in times}, {200})
        self.assertLess(max(took for _, took in times), 5)
        self.assertLess(self.server.rss_bytes() - before, 150 << 20)
        self.assertEqual(ada.try_sign_in().status, 200)

    def test_wrong_keys_shut_the_address_out_and_no_other(self):
        address = next_address()
        answers = [Person(self.server, key="sk_" + random.token_hex(20), address=address)
                   .call("GET", "/auth/me") for _ in range(12)]
        self.assertEqual([answer.status for answer in answers], [401] * 10 + [429] * 2)
        self.assertTrue(answers[-1].headers["Retry-After"].isdigit())
        good = admin(self.server)
        good.address = address
        self.assertEqual(good.call("GET", "/accounts").status, 429)
        self.assertEqual(admin(self.server).call("GET", "/accounts").status, 200)


class Injection(Shared):
    TEXTS = ("' OR '1'='1", "x'; DROP TABLE accounts; --", "\" OR \"\"=\"", "%s%n%x", "\u2028</script>",
             "${jndi:ldap://x}", "$1", "?1", "a\nlevel=error event=forged", "a\r\nSet-Cookie: x=1",
             "\u0000admin", "\ud800", "../../../etc/passwd", "A" * 5000)

    def test_whatever_people_write_stays_text(self):
        ada = self.person().sign_in()
        for text in self.TEXTS:
            with self.subTest(text=text[:40]):
                answer = ada.call("POST", "/auth/sign-in", {"email": text, "password": text})
                self.assertIn(answer.status, (400, 401, 429), answer.text)
                ada.address = next_address()  # else the guard answers
                answer = ada.call("POST", "/channels", {"title": text})
                self.assertIn(answer.status, (201, 400), answer.text)
                if answer.status == 201:
                    made = answer.json()
                    self.assertEqual(made["title"], text)
                    self.assertEqual(ada.must("GET", f"/channels/{made['id']}")["title"], text)
                path = "/channels?q=" + urllib.parse.quote(text, errors="replace")
                self.assertIn(ada.call("GET", path).status, (200, 400, 414))
        self.assertTrue(ada.is_signed_in())
        self.assertGreaterEqual(len(admin(self.server).must("GET", "/accounts")["accounts"]), 1)

    def test_headers_cannot_bring_others(self):
        ada = self.person().sign_in()
        for line in ("X-Forwarded-For: 1.2.3.4\r\n\tlevel=error", "User-Agent: a\nevent=forged",
                     "User-Agent: a\x00b", "Host: evil\r.example", "Cookie: a=b\rSet-Cookie: c=d",
                     "Idempotency-Key: a\x7fb", "X-Forwarded-For: ' OR 1=1 --"):
            with self.subTest(line=line):
                raw = (f"GET /api/v1/auth/me HTTP/1.1\r\nHost: localhost\r\n{line}\r\n"
                       f"Connection: close\r\n\r\n").encode("latin-1")
                answer = self.server.raw(raw, ends=False)
                self.assertRegex(answer, rb"^HTTP/1\.1 (200|400) ")
                self.assertNotIn(b"Set-Cookie: c=d", answer)
                self.assertNotIn(b"forged", answer)
        answer = ada.call("POST", "/auth/sign-in", {"email": ada.email, "password": ada.password},
                          User_Agent="' OR 1=1; --", Idempotency_Key="'; DROP TABLE sessions")
        self.assertEqual(answer.status, 200, answer.text)
        for line in self.server.log().splitlines():
            self.assertFalse(line.startswith(("level=error", "event=forged")), line)
        entries = admin(self.server).must("GET", "/audit?limit=1000")["entries"]
        self.assertIn(("auth.signIn", ada.id), {(e["action"], e["target"]) for e in entries})


del Tokens  # no test case of its own
