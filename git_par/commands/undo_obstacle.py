"""What stands in the way of an undo."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Obstacle:
    """Why a step cannot be done, and what to run about it."""

    why: str
    hint: str = ""
