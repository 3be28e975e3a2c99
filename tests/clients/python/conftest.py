"""A cluster for the tests: started by `zonemq up --detach`, stopped by `zonemq down`."""

import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]


def program():
    """The built program: what ZONEMQ_BIN names, or else what cargo builds now."""
    if named := os.environ.get("ZONEMQ_BIN"):
        return named
    built = subprocess.run(
        ["cargo", "build", "--package", "zonemq", "--message-format", "json"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    messages = map(json.loads, built.stdout.splitlines())
    return next(filter(None, (message.get("executable") for message in messages)))


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The environment variables that `zonemq up` tells people to export."""
    zonemq = program()
    data = tmp_path_factory.mktemp("cluster") / "data"

    def run(*arguments):
        command = [zonemq, *arguments, "--data", str(data)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = run("up", "--port", "0", "--detach")
    try:
        yield dict(re.findall(r"(AWS_\w+)=(\S+)", told))
    finally:
        run("down")


@pytest.fixture
def name(request):
    """A name for a queue, which no other test has."""
    return re.sub(r"\W", "-", request.node.name)[:60]
