"""Which providers are real and which are played by the mock upstream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from processes import Child, Children

START_SECONDS = 20
# The provider's name in models and in SUPERGATE_<NAME>_URL, and the variable that its own SDK reads the key from.
KEY_VARIABLES = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GEMINI_API_KEY",
    "cohere": "CO_API_KEY",
    "mistral": "MISTRAL_API_KEY",
}
# What the keys of these begin with; the gateway refuses to store others.
KEY_PREFIXES = {"openai": "sk-", "anthropic": "sk-ant-", "google": "AIza"}


@dataclass(frozen=True)
class Provider:
    """One provider as the environment describes it; an empty variable counts as unset."""

    name: str
    key: str | None
    url: str | None

    @property
    def is_mocked(self) -> bool:
        """Neither a key nor an address was given."""
        return self.key is None and self.url is None

    @property
    def description(self) -> str:
        """For the start-up text; never shows the key."""
        if self.is_mocked:
            return f"mocked (set {KEY_VARIABLES[self.name]} for the real one)"
        if self.url:
            return f"at {self.url}"
        return f"real, and billed to your {KEY_VARIABLES[self.name]}"

    @property
    def stored_key(self) -> str:
        """What the gateway is given as the platform's key: a placeholder of the provider's form where the environment has none."""
        return self.key or f"{KEY_PREFIXES.get(self.name, '')}local-key-of-{self.name}"

    def variables(self, mock_url: str | None) -> dict[str, str]:
        """The functions' environment for this provider: where it is. Its key they get sealed, from the database."""
        url = f"{mock_url}/{self.name}" if self.is_mocked else self.url
        return {url_variable(self.name): url} if url else {}


def without_keys(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without the providers' keys: no function reads them there."""
    return {name: value for name, value in env.items() if name not in KEY_VARIABLES.values()}


def load(env: Mapping[str, str]) -> list[Provider]:
    """All five, in the order of the start-up text."""
    return [
        Provider(name, env.get(key_name) or None, env.get(url_variable(name)) or None)
        for name, key_name in KEY_VARIABLES.items()
    ]


def url_variable(name: str) -> str:
    """The variable that overrides a provider's base URL."""
    return f"SUPERGATE_{name.upper()}_URL"


def start_mock(binary: Path, port_file: Path, log: Path, children: Children, env: Mapping[str, str]) -> str:
    """Starts the mock upstream; returns its address, under which each provider has its own first path segment."""
    port_file.unlink(missing_ok=True)
    child = Child("mock-upstream", [binary, "--port", "0", "--port-file", port_file], log, env)
    children.add(child)
    child.wait_until(lambda: port_file.exists() and port_file.read_text().strip() != "", START_SECONDS, "open its port")
    return f"http://127.0.0.1:{port_file.read_text().strip()}"
