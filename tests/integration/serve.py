#!/usr/bin/env python3
"""A server of the harness for tests in other languages (tests/clients).

    tests/integration/serve.py '{"live.reconnect_s": 2}'

Prints a line of JSON when the server serves: {"url", "adminKey", "rtmp"}. Each line on standard input is a
command, answered with a line: {"do": "restart"}; {"do": "publish", "key"} and {"do": "unpublish"},
which start and end ffmpeg; {"do": "log"}. The end of the input ends the server: exit code 0 says that it
ended well and no sanitizer reported anything.
"""
import json
import sys

from harness import ADMIN_KEY, Server


def do(server, command):
    what = command["do"]
    if what == "restart":
        server.stop()
        server.start()
    elif what == "publish":
        server.publish({"streamKey": command["key"]})
    elif what == "unpublish":
        while server.publishers:
            server.publishers.pop().kill()
    elif what == "log":
        return {"log": server.log()}
    else:
        raise ValueError(f"there is no command {what}")
    return {}


def say(value):
    print(json.dumps(value), flush=True)


def main():
    settings = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    with Server(settings=settings) as server:
        say({"url": f"http://127.0.0.1:{server.ports['http']}", "adminKey": ADMIN_KEY,
             "rtmp": f"rtmp://127.0.0.1:{server.ports['rtmp']}/live"})
        for line in sys.stdin:
            say(do(server, json.loads(line)))


if __name__ == "__main__":
    main()
