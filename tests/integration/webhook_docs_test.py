"""The examples in docs/webhooks.md, run: they take the vector of the standard and nothing else."""
import json
import os
import re
import subprocess
import types
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The vector of Standard Webhooks.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TIME = 1614265330
BODY = '{"test": 2432232314}'
GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
HEADERS = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(TIME),
           "webhook-signature": GOOD}

# What differs from the vector, and whether the message is to be taken.
CASES = (
    ({}, True),
    ({"signature": f"{OTHER} {GOOD}"}, True),
    ({"signature": f"{GOOD} {OTHER}"}, True),
    ({"now": TIME + 290}, True),
    ({"signature": OTHER}, False),
    ({"signature": "v1,short"}, False),
    ({"signature": GOOD.replace("v1,", "v2,")}, False),
    ({"body": BODY.replace("4", "5")}, False),
    ({"id": "msg_2"}, False),
    ({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"}, False),
    ({"now": TIME + 310}, False),
    ({"now": TIME - 310}, False),
)


def example(language):
    with open(os.path.join(ROOT, "docs", "webhooks.md"), encoding="utf-8") as file:
        return re.search(rf"```{language}\n(.*?)```", file.read(), re.DOTALL).group(1)


def arguments(change):
    headers = dict(HEADERS)
    if "signature" in change:
        headers["webhook-signature"] = change["signature"]
    if "id" in change:
        headers["webhook-id"] = change["id"]
    return {"secret": change.get("secret", SECRET), "headers": headers,
            "body": change.get("body", BODY), "now": change.get("now", TIME)}


class WebhookDocsTest(unittest.TestCase):
    def test_python_example(self):
        module = types.ModuleType("example")
        exec(compile(example("python"), "docs/webhooks.md", "exec"), module.__dict__)
        for change, is_good in CASES:
            given = arguments(change)
            module.time = types.SimpleNamespace(time=lambda given=given: given["now"])
            got = module.is_from_stoa(given["secret"], given["headers"], given["body"].encode())
            self.assertEqual(got, is_good, change)

    def test_node_example(self):
        script = example("js") + """
            const results = JSON.parse(process.argv[1]).map(({ secret, headers, body, now }) => {
              Date.now = () => now * 1000;
              return isFromStoa(secret, headers, Buffer.from(body));
            });
            console.log(JSON.stringify(results));"""
        given = [arguments(change) for change, _ in CASES]
        done = subprocess.run(["node", "--input-type=module", "-e", script, json.dumps(given)],
                              check=False, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        got = json.loads(done.stdout)
        for (change, is_good), result in zip(CASES, got, strict=True):
            self.assertEqual(result, is_good, change)
