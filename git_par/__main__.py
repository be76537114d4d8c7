"""`python -m git_par` is `git par`."""

from git_par.cli import run

if __name__ == "__main__":
    run()
