"""The pages and what other sites may do with them: frames, scripts, media of another origin."""
import unittest

from harness import Server

SHOP = "https://shop.example"
STRANGER = "https://stranger.example"


def directive(answer, name):
    """The sources of one directive of the answer's content security policy."""
    for part in answer.headers["Content-Security-Policy"].split(";"):
        words = part.split()
        if words[0] == name:
            return words[1:]
    return None


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"http.cors_origins": f"{SHOP} https://other.example",
                             "public.url": "https://live.example.org:8443"}).start()
        cls.channel = cls.server.create_channel()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def test_only_the_player_may_be_framed(self):
        self.assertEqual(directive(self.server.get("/"), "frame-ancestors"), ["'none'"])
        self.assertEqual(directive(self.server.get("/watch/1"), "frame-ancestors"), ["'none'"])
        answer = self.server.get(f"/embed/{self.channel['id']}")
        self.assertEqual(answer.headers.get_content_type(), "text/html")
        self.assertEqual(directive(answer, "frame-ancestors"), ["*"])
        self.assertIsNone(answer.headers["X-Frame-Options"])

    def test_a_framed_player_gets_no_camera(self):
        answer = self.server.get(f"/embed/{self.channel['id']}")
        self.assertEqual(answer.headers["Permissions-Policy"], "camera=(), microphone=()")

    def test_pages_may_load_from_the_public_origin(self):
        answer = self.server.get("/watch/1")
        self.assertEqual(directive(answer, "connect-src"),
                         ["'self'", "https://live.example.org:8443", "wss://live.example.org:8443"])
        self.assertIn("https://live.example.org:8443", directive(answer, "media-src"))
        self.assertEqual(directive(answer, "script-src"), ["'self'"])

    def assert_shared_with_the_shop_only(self, path):
        allowed = self.server.get(path, headers={"Origin": SHOP})
        self.assertEqual(allowed.headers["Access-Control-Allow-Origin"], SHOP, path)
        self.assertIn("Origin", ", ".join(allowed.headers.get_all("Vary")), path)
        refused = self.server.get(path, headers={"Origin": STRANGER})
        self.assertIsNone(refused.headers["Access-Control-Allow-Origin"], path)

    def test_an_origin_on_the_list_may_read_what_a_player_needs(self):
        number = self.channel["id"]
        for path in (f"/api/v1/channels/{number}/status", f"/api/v1/channels/{number}",
                     f"/hls/{number}/index.m3u8", "/embed/none.js", "/assets/none.js"):
            self.assert_shared_with_the_shop_only(path)
        self.assertIsNone(
            self.server.get("/", headers={"Origin": SHOP}).headers["Access-Control-Allow-Origin"])

    def test_what_is_no_page_is_told_so(self):
        for path in ("/embed/none.js", "/embeds/1", "/embed.html"):
            answer = self.server.get(path)
            self.assertEqual((answer.status, answer.headers.get_content_type()),
                             (404, "application/problem+json"), path)


if __name__ == "__main__":
    unittest.main()
