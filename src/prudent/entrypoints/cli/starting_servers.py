"""The two servers that a new home may use, looked at once: which models one offers, whether the other lets us in."""

import difflib
from dataclasses import dataclass, replace

from prudent.domain.errors import DeskError, InputError
from prudent.entrypoints.cli.starting_accounts import FAMILIES

SECONDS = 10.0
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What was found. `served` are the server's names of both families, None where it cannot be used: `why_rules`.

    `told` is what a person should read about it, `warnings` what they must.
    """

    llm_url: str = ""
    served: tuple[str, str] | None = None
    why_rules: str = "No model server was given"
    offered: tuple[str, ...] = ()
    ghostfolio_url: str = ""
    told: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


NO_SERVERS = Servers()


def look_at_models(url: str, *, key: str, wanted: tuple[str, str] = ("", "")) -> Servers:
    """Ask a model server what it offers and find both families among it; `wanted` names them where a person did.

    Raises:
        InputError: the URL is none.
    """
    from prudent.llm.openai_compatible import offered_models

    base = _base_url(url)
    try:
        offered = offered_models(base, key=key, seconds=SECONDS)
    except DeskError as error:
        return Servers(
            llm_url=base, why_rules="The model server did not answer when this home was made",
            warnings=(f"{error}; every account runs with the built-in rules (rules, no LLM) until it can be asked",),
        )  # fmt: skip
    served = tuple(
        name or _of_family(family, offered) or _first(offered) for name, family in zip(wanted, FAMILIES.values())
    )
    listed = ", ".join(offered[:SHOWN]) + (" ..." if len(offered) > SHOWN else "")
    found = Servers(llm_url=base, offered=offered, told=(f"{base} offers {listed or 'no model'}",))
    if not offered and "" in wanted:
        return replace(found, why_rules="The model server offers no model")
    warnings = [
        f"{family} is to be answered by {name}, which {base} does not offer; it offers {listed or 'nothing'}"
        for family, name in zip(FAMILIES, served)
        if name not in offered
    ]
    warnings += [
        f"{base} offers no {title} by that name: {name} answers in its place; write another under language.models"
        for title, name, own in zip(FAMILIES.values(), served, wanted)
        if not own and not all(word in name.lower() for word in title.lower().split("-"))
    ]
    if served[0] == served[1]:
        warnings.append(
            f"both families are answered by {served[0]}: a pair would compare the model with itself; name two with "
            "--qwen and --nemotron, or under language.models"
        )
    return replace(found, served=(served[0], served[1]), warnings=tuple(warnings))


def _base_url(url: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from prudent.settings.language import BaseUrl

    try:
        return str(TypeAdapter(BaseUrl).validate_python(url))
    except ValidationError as error:
        said = error.errors()[0]["ctx"]["error"] if "ctx" in error.errors()[0] else error.errors()[0]["msg"]
        raise InputError(f"the model server {said}") from error


def _of_family(title: str, offered: tuple[str, ...]) -> str:
    """The offered model of a family: the one whose name begins with or holds it, the nearest of several."""
    words = title.lower().split("-")
    near = [name for name in offered if all(word in name.lower() for word in words)]
    near = near or [name for name in offered if words[0].rstrip("0123456789") in name.lower()]
    return (difflib.get_close_matches(title.lower(), near, n=1, cutoff=0.0) or [""])[0]


def _first(offered: tuple[str, ...]) -> str:
    return offered[0] if offered else ""


def look_at_ghostfolio(found: Servers, url: str, *, token: str) -> Servers:
    """Add a Ghostfolio that was logged in to; one that cannot be reached is kept with a warning.

    Raises:
        InputError: the URL is none.
    """
    from pydantic import ValidationError

    from prudent.settings.ghostfolio import GhostfolioSettings

    try:
        kept = GhostfolioSettings(url=url).url or ""
    except ValidationError as error:
        raise InputError("the Ghostfolio URL must be an http or https URL such as http://localhost:3333") from error
    told, warning = _ghostfolio(kept, token)
    return replace(
        found, ghostfolio_url=kept, told=(*found.told, *told), warnings=(*found.warnings, *warning)
    )  # fmt: skip


def _ghostfolio(url: str, token: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from prudent.workflows.mirror_link import look_at

    if not token:
        return (), (f"{url} was not looked at: set GHOSTFOLIO_ACCESS_TOKEN, then `invest ghostfolio check`",)
    try:
        seen = look_at(url, token, seconds=SECONDS)
    except DeskError as error:
        return (), (f"{error}; the books are shown there once it answers, see `invest ghostfolio check`",)
    told = f"{url} is Ghostfolio {seen.version or 'of a version that it does not tell'}"
    return (told,), tuple(f"{url} does not let this user {right}" for right in seen.missing)
