"""Tokens from outside: the shop's own (JSON Web Tokens) and those that publish one broadcast."""
import contextlib
import os
import shutil
import tempfile
import time
import unittest

from harness import Server, also_tsan, wait_until
from people import (PeopleTest, Person, admin, make_jwt, make_key_pair, note_secret, secrets_in)

# As a browser makes it, shortened; nobody is behind it.
OFFER = "\r\n".join((
    "v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
    "m=video 9 UDP/TLS/RTP/SAVPF 102", "c=IN IP4 0.0.0.0", "a=rtcp-mux", "a=mid:0", "a=sendonly",
    "a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1", "a=setup:actpass",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=ssrc:1001 cname:x", ""))

ISSUED = {"auth.jwt_issuer": "https://shop.example", "auth.jwt_audience": "stoa",
          "auth.jwt_seller_roles": "vendor, merchant"}


class Tokens(PeopleTest):
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


class PublishTokens(PeopleTest):
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

    @also_tsan
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

    def test_a_disabled_seller_goes_off_the_air_and_stays_off(self):
        token = self.draw()["token"]
        publisher = self.go_live(token)
        other = self.person().sign_in().must("POST", "/channels", {"title": "Other's"})
        note_secret(self.server, other["streamKey"])
        admin(self.server).must("POST", f"/channels/{other['id']}/start", {})
        admin(self.server).must("PATCH", f"/accounts/{self.ada.id}", {"disabled": True})
        self.server.wait_status(self.channel, "stopped")
        self.assertNotEqual(publisher.wait(20), 0)
        self.assertEqual(self.server.status(other)["relayStatus"], "starting")
        for key in (token, self.channel["streamKey"]):
            self.assertIn(self.whip(key).status, (401, 403, 409))
        ended = admin(self.server).must("GET", self.path("/broadcasts"))["broadcasts"][0]
        self.assertIn("disabled", ended["endReason"])
        self.assert_kept_out(self.channel["streamKey"], "disabled")


del Tokens, PeopleTest  # no test cases of their own
