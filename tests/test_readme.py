"""The README tells the truth: its tour, typed as it stands there, answers what stands there."""

import os
import re
from pathlib import Path

from tests.world import PAR, World

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks() -> list[str]:
    """The console blocks of the tour: commands after `$ `, each followed by what it writes."""
    tour = README.partition("## A five-minute tour\n")[2].partition("\n## ")[0]
    return re.findall(r"^```console\n(.*?)^```$", tour, re.M | re.S)


def comparable(text: str, home: str) -> str:
    """Without what differs from run to run: commit ids, ages, and where the home directory lies."""
    text = re.sub(r"\b([0-9a-f]{7,8})\b", lambda found: "x" * len(found[1]), text.replace(home, "/home/ann"))
    return re.sub(r" {2,}", "  ", re.sub(r"\b\d+ (s|min)\b", "1 s", text))


def test_the_tour_answers_what_the_readme_shows(tmp_path: Path) -> None:
    shown = "".join(blocks())
    commands = [line.removeprefix("$ ") for line in shown.splitlines() if line.startswith("$ ")]
    assert len(commands) > 15
    home = tmp_path / "ann"
    (home / "bin").mkdir(parents=True)
    launcher = home / "bin" / "git-par"
    launcher.write_text(f'#!/bin/sh\nexec "{PAR[0]}" -P -m git_par "$@"\n')
    launcher.chmod(0o755)
    script = "exec 2>&1\n" + "".join(f"cat <<'COMMAND'\n$ {command}\nCOMMAND\n{command}\n" for command in commands)
    done = World(tmp_path).process(
        *("bash", "-c", script),
        cwd=home,
        env={
            "HOME": str(home),
            "PATH": f"{launcher.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GIT_CEILING_DIRECTORIES": str(home),
        },
    )
    assert comparable(done.out, str(home)) == comparable(shown, str(home))


def test_what_the_readme_names_is_there() -> None:
    for file in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / file).exists(), file
    for program in re.findall(r"^    ((?:bin|script)/[\w-]+)", README, re.M):
        assert os.access(ROOT / program, os.X_OK), program
