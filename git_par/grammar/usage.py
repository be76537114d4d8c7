"""How help is written where typer has words of its own: with those of the manual pages."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

_BEHIND = {"with-lock": "-- CMD [ARGUMENT]..."}
"""What stands behind the options of a verb and is not for typer to read."""


class Verb(TyperCommand):
    """One verb."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What stands behind its name; what must be given is in no braces, which mean a choice."""
        pieces = [one[1:-1] if one.startswith("{") else one for one in super().collect_usage_pieces(ctx)]
        return [*pieces, *filter(None, [_BEHIND.get(self.name or "")])]


class Verbs(TyperGroup):
    """All of them."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List them under the name that they have everywhere."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, self.commands[name].get_short_help_str()) for name in self.list_commands(ctx)])
