"""Prompt templates: Markdown with `{{name}}` and `{{#name}}...{{/name}}`, and nothing that could decide or compute."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

_MARK = re.compile(r"\{\{([#/]?)([a-z][a-z0-9_]*)\}\}")
DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Template:
    """The text of one template; `digest` is of its bytes."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()[:DIGEST_LENGTH]

    @property
    def label(self) -> str:
        return f"{self.name}@{self.digest}"

    def render(self, values: Mapping[str, str]) -> str:
        """The text with each `{{name}}` replaced; a section stands only where its name's value is not empty.

        Values are put in as they are: a mark inside a value is text, not a mark.

        Raises:
            KeyError: the template names what is not among `values`.
        """
        out: list[str] = []
        at, hidden = 0, list[str]()
        for match in _MARK.finditer(self.text):
            kind, name = match.groups()
            if not hidden:
                out.append(self.text[at : match.start()])
            at = match.end()
            if kind == "/":
                if hidden and hidden[-1] == name:
                    hidden.pop()
            elif name not in values:
                raise KeyError(f"template {self.name} names {name!r}, which nobody gives")
            elif kind == "#" and (hidden or not values[name].strip()):
                hidden.append(name)
            elif kind == "" and not hidden:
                out.append(values[name])
        out.append(self.text[at:])
        return re.sub(r"\n{3,}", "\n\n", "".join(out)).strip() + "\n"


def read_template(package: str, name: str) -> Template:
    """The template `name`.md in the folder `prompts` of a package."""
    return Template(name, (files(package) / "prompts" / f"{name}.md").read_text(encoding="utf-8"))
