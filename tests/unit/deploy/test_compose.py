"""What is deployed is valid, starts commands that exist, shows nothing to the network, and keeps secrets in files."""

import json
import re
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator
from tests.architecture.test_docs import commands
from tests.unit.cli.running import invest

from prudent.entrypoints.cli.app import app

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("pod", "paper-gateway", "engine", "web")
SCHEMA = json.loads((Path(__file__).parent / "compose_spec.json").read_text(encoding="utf-8"))


def faults(document: object) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in Draft201909Validator(SCHEMA).iter_errors(document)]


def test_the_file_follows_the_compose_specification() -> None:
    assert faults(COMPOSE) == []


def test_the_schema_finds_what_is_wrong() -> None:
    wrong = {"services": {"engine": {"image": "x", "portz": ["1:1"]}, "web": {"image": 5}}}
    assert len(faults(wrong)) == 2


def test_without_a_profile_only_our_own_services_start() -> None:
    assert {name for name, each in SERVICES.items() if "profiles" not in each} == set(OURS)
    assert SERVICES["ib-gateway"]["profiles"] == ["gateway"]


def test_every_port_is_published_on_the_loopback_address_only() -> None:
    ports = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert ports == {"pod": ["127.0.0.1:8501:8501"], "ib-gateway": ["127.0.0.1:5901:5900"]}


def test_our_services_share_one_loopback_address() -> None:
    assert all(SERVICES[name]["network_mode"] == "service:pod" for name in OURS if name != "pod")


def test_images_are_pinned_and_ours_is_built_here() -> None:
    assert SERVICES["ib-gateway"]["image"] == "ghcr.io/gnzsnz/ib-gateway:10.45.1j"
    assert {SERVICES[name]["image"] for name in OURS} == {"prudent:local"}
    build = SERVICES["pod"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_no_service_of_ours_has_rights_that_it_does_not_need() -> None:
    for name in OURS:
        each = SERVICES[name]
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert not {"privileged", "pid", "ipc", "devices"} & set(each)


def test_passwords_are_files_and_never_values() -> None:
    named = [name for each in SERVICES.values() for name in each.get("environment", {}) if "PASSWORD" in name]
    assert named == ["TWS_PASSWORD_FILE", "VNC_SERVER_PASSWORD_FILE"]
    assert {name: each["file"] for name, each in COMPOSE["secrets"].items()} == {
        name: f"./secrets/{name}" for name in SERVICES["ib-gateway"]["secrets"]
    }
    assert "PASSWORD=" not in (DEPLOY / ".env.example").read_text(encoding="utf-8")
    assert {"secrets/", ".env"} <= set((DEPLOY / ".gitignore").read_text(encoding="utf-8").split())


def test_the_own_gateway_is_a_paper_login_that_takes_no_orders_until_told() -> None:
    told = SERVICES["ib-gateway"]["environment"]
    assert told["TRADING_MODE"] == "paper"
    assert told["READ_ONLY_API"] == "${READ_ONLY_API:-yes}"
    assert "AUTO_LOGOFF_TIME" not in told


def test_the_environment_example_names_every_variable_that_is_read() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    offered = set(re.findall(r"^#?([A-Z_]+)=", (DEPLOY / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert used == offered - {"COMPOSE_PROJECT_NAME"}


def commands_run() -> Iterator[list[str]]:
    """What our program is asked to do, by services and by their looks at health."""
    for name in OURS:
        each = SERVICES[name]
        if "command" in each:
            yield each["command"]
        test = each.get("healthcheck", {}).get("test", [])
        if test[1:2] == ["invest"]:
            yield test[2:]


def test_every_command_and_option_of_the_services_exists() -> None:
    asked = list(commands_run())
    assert len(asked) == 4
    for words in asked:
        options = [word for word in words if word.startswith("--")]
        name = " ".join(words[: next((i for i, word in enumerate(words) if word.startswith("-")), len(words))])
        assert name in commands(app)
        listed = invest(*name.split(), "--help")
        assert listed.code == 0
        assert [each for each in options if each not in listed.out] == []


def test_the_image_holds_the_package_and_runs_as_nobody_in_particular() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert all((ROOT / each).exists() for each in copied)
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {each[1:] for each in kept if each.startswith("!")} == set(copied)
    assert lines[-2:] == ['ENTRYPOINT ["invest"]', 'CMD ["--help"]']
    assert "USER prudent" in lines
    mounted = {mount.split(":")[1] for name in OURS for mount in SERVICES[name].get("volumes", [])}
    assert mounted == {"/var/lib/prudent", "/var/lib/paper-gateway"}
    assert all(f" {each}" in "\n".join(lines) for each in mounted)


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A port that says `answer` to whoever has said hello, and what it was told."""
    told: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as link:
                link.settimeout(5)
                told.append(link.recv(64))
                link.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], told
        thread.join(5)


def health(port: int) -> int:
    """The look at the health of the own gateway, as its container runs it, against another port."""
    words = SERVICES["ib-gateway"]["healthcheck"]["test"]
    assert words[0] == "CMD"
    asked = [word.replace("/4004", f"/{port}").replace("$$", "$") for word in words[1:]]
    return subprocess.run(asked, capture_output=True, check=False, timeout=20).returncode


@pytest.mark.skipif(shutil.which("timeout") is None, reason="the look needs a shell as it is in the container")
def test_the_own_gateway_is_healthy_only_where_the_handshake_is_answered() -> None:
    said = b"176\x0020260102 10:00:00 America/New_York\0"
    with answering(struct.pack(">I", len(said)) + said) as (port, told):
        assert health(port) == 0
    assert told == [b"API\0" + struct.pack(">I", 9) + b"v157..178"]
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (port, _told):
        assert health(port) != 0
    with answering(b"") as (port, _told):
        assert health(port) != 0
    assert health(1) != 0
