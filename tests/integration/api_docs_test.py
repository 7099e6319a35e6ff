"""The commands in docs/api.md, run in their order against a server, and its tables."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import ADMIN_KEY, ROOT, Server

BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
# KEY=...  # the member of the answer before
TAKEN = re.compile(r"^(\w+)=\.\.\. +# (\w+)$")

# How the document calls who may do what, and how the OpenAPI document does.
WHO = {
    "all": "Anybody.",
    "session": "A signed-in browser.",
    "self": "A session, a JWT, or a key of an admin.",
    "person": "A session, a JWT, an API key or the admin key.",
    "owner": "The channel's owner, or an admin.",
    "host": "The channel's owner, who has a key of the channel, or an admin.",
    "admin": "An admin.",
}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def differences(shown, got, where="$"):
    """What the answer has and the document does not, and the other way round. Null fits all."""
    if shown is None or got is None:
        return
    if isinstance(shown, dict) and isinstance(got, dict):
        for name in sorted(shown.keys() ^ got.keys()):
            yield f"{where}.{name} is {'shown' if name in shown else 'answered'} only"
        for name in shown.keys() & got.keys():
            yield from differences(shown[name], got[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(got, list):
        for one, other in zip(shown, got):
            yield from differences(one, other, f"{where}[]")
    elif isinstance(shown, (int, float)) and isinstance(got, (int, float)):
        if isinstance(shown, bool) != isinstance(got, bool):
            yield f"{where} is {got!r}"
    elif type(shown) is not type(got):
        yield f"{where} is {got!r}"


def is_refusal(shown):
    return "about:blank" in json.dumps(shown) or '"error": {' in json.dumps(shown)


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stoa-docs-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_block(self, block, variables):
        done = subprocess.run(["bash", "-e", "-c", block], cwd=self.folder, check=False,
                              capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], **variables})
        self.assertEqual(done.returncode, 0, f"{block}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def compare(self, block, shown, answer):
        try:
            got = json.loads(answer)
        except ValueError:
            self.fail(f"{block}\nanswered no JSON: {answer}")
        if is_refusal(shown):
            self.assertEqual(shown, got, block)
        self.assertEqual(list(differences(shown, got)), [], f"{block}\n{answer}")

    def test_each_command_answers_what_is_shown(self):
        with Server() as server:
            variables = {"B": f"http://127.0.0.1:{server.ports['http']}", "KEY": ADMIN_KEY}
            answer, block, compared, refused = "", "", 0, 0
            for language, text in BLOCK.findall(read("docs", "api.md")):
                if language == "json":
                    self.compare(block, json.loads(text), answer)
                    compared += 1
                elif language == "sh" and "curl" in text:
                    block = text
                    answer = self.run_block(text, variables)
                    refused += "about:blank" in answer
                elif language == "sh" and (taken := TAKEN.match(text.strip())):
                    value = json.loads(answer)[taken[2]]
                    variables[taken[1]] = str(value)
            self.assertGreater(compared, 15)
            self.assertEqual(refused, 1, "only the example of a problem is one")


class Tables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.docs = read("docs", "api.md")

    def test_each_operation_is_in_the_table(self):
        with Server() as server:
            document = server.get("/api/v1/openapi.json").json()
        rows = {}
        for name, rest, who, scope in re.findall(
                r"^\| `(\w+\.\w+)` \| (?:`(\w+ /[^`]*)`)? ?\| (\w+)(?: \((\w+)\))? \|", self.docs, re.M):
            self.assertNotIn(name, rows)
            rows[name] = (rest, who, scope)
        wanted = {"channel.onStatus": ("", "all", "")}  # has no REST
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                scope = re.search(r"needs the scope (\w+)\.", operation["description"])
                who = re.sub(r" An API key needs .*", "", operation["description"])
                wanted[operation["operationId"]] = (
                    f"{method.upper()} {path}",
                    next(word for word, sentence in WHO.items() if sentence == who),
                    scope.group(1) if scope else "")
        self.assertEqual(rows, wanted)

    def test_each_code_is_in_the_table(self):
        rows = {(int(status), code) for status, codes in
                re.findall(r"^\| (\d{3}) \| (`[^|]*`) \|", self.docs, re.M)
                for code in re.findall(r"`(\w+)`", codes)}
        codes = {(int(status), code) for code, status in
                 re.findall(r'X\(API_\w+, "(\w+)", (\d+),', read("src", "api", "error.h"))}
        self.assertEqual(rows, codes)


if __name__ == "__main__":
    unittest.main()
