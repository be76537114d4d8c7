"""Files are replaced whole, and trees deleted without leaving them."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_par import files


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Modes are ours, not the umask's."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    file = tmp_path / "record"
    file.write_text("old")
    file.chmod(0o644)
    inode = file.stat().st_ino
    files.replace(file, b"new")
    assert file.read_bytes() == b"new"
    assert mode(file) == 0o600
    assert file.stat().st_ino != inode
    assert sorted(os.listdir(tmp_path)) == ["home", "record"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "record"
    contents = {bytes([sign]) * 200_000 for sign in b"ab"}
    files.replace(file, b"a" * 200_000)
    done = threading.Event()
    seen = []

    def read() -> None:
        while not done.is_set():
            seen.append(file.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        files.replace(file, (b"a" if number % 2 else b"b") * 200_000)
    done.set()
    reader.join()
    assert seen
    assert set(seen) <= contents


def test_what_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    (directory / "record" / "x").mkdir(parents=True)
    with pytest.raises(OSError):
        files.replace(directory / "record", b"new")
    assert os.listdir(directory) == ["record"]
    with pytest.raises(FileNotFoundError):
        files.replace(tmp_path / "gone" / "record", b"new")


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "record").symlink_to(target)
    files.replace(tmp_path / "record", b"new")
    assert target.read_text() == "precious"
    assert not (tmp_path / "record").is_symlink()


def test_a_file_is_created_once(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    directory.mkdir()
    file = directory / "record"
    files.create(file, b"first")
    assert mode(file) == 0o600
    with pytest.raises(FileExistsError):
        files.create(file, b"second")
    assert file.read_bytes() == b"first"
    (directory / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        files.create(directory / "dangling", b"x")
    assert sorted(os.listdir(directory)) == ["dangling", "record"]
    assert not (tmp_path / "nowhere").exists()


def test_only_one_of_many_creates(tmp_path: Path) -> None:
    won = []

    def create(number: int) -> None:
        try:
            files.create(tmp_path / "record", str(number).encode())
        except FileExistsError:
            return
        won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(number).encode() for number in won] == [(tmp_path / "record").read_bytes()]


def test_private_directories_are_private_with_their_parents(tmp_path: Path) -> None:
    assert files.private_directory(tmp_path / "a" / "b" / "c") == tmp_path / "a" / "b" / "c"
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3
    (tmp_path / "a").chmod(0o755)
    files.private_directory(tmp_path / "a")
    assert mode(tmp_path / "a") == 0o755  # what was there is not ours to change


def test_links_are_deleted_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "directory").symlink_to(outside)
    (tree / "sub" / "file").symlink_to(outside / "precious")
    (tree / "sub" / "up").symlink_to("../..")
    (tree / "dangling").symlink_to("nowhere")
    os.mkfifo(tree / "pipe")
    files.delete_tree(tree)
    assert not tree.exists()
    assert (outside / "precious").read_text() == "precious"
    (tmp_path / "link").symlink_to(outside)
    files.delete_tree(tmp_path / "link")
    assert not (tmp_path / "link").is_symlink()
    assert (outside / "precious").read_text() == "precious"


def test_a_file_or_nothing_is_deleted_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    files.delete_tree(tmp_path / "file")
    files.delete_tree(tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_names_that_are_no_text_are_deleted(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / os.fsdecode(b"caf\xe9\n")).write_text("x")
    files.delete_tree(tree)
    assert not tree.exists()


def test_read_only_directories_are_deleted(tmp_path: Path) -> None:
    """As a user to whom modes apply."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    home = tmp_path / "of-a-user"
    tree = home / "tree"
    (tree / "shut").mkdir(parents=True)
    (tree / "shut" / "file").write_text("x")
    (tree / "closed").mkdir()
    (tree / "closed" / "file").write_text("x")
    if os.getuid() == 0:
        for path in (home, tree, *tree.rglob("*")):
            os.chown(path, 4321, 4321)
    (tree / "shut").chmod(0o500)
    (tree / "closed").chmod(0o000)
    code = (
        "import os, sys; sys.path[:0] = [sys.argv[1]]; import git_par.files as files; from pathlib import Path\n"
        "if os.getuid() == 0: os.setgroups([]); os.setgid(4321); os.setuid(4321)\n"
        "files.delete_tree(Path(sys.argv[2]))"
    )
    root = str(Path(__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", code, root, tree], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert not tree.exists()


def test_trees_deeper_than_python_likes_are_deleted(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(tree)
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        Path("file").write_text("x")
    finally:
        os.fchdir(before)
        os.close(before)
    files.delete_tree(tree)
    assert not tree.exists()


def test_another_file_system_is_not_entered(tmp_path: Path) -> None:
    mount = ["unshare", "--mount", "--map-root-user"] if os.getuid() else ["unshare", "--mount"]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no privilege to mount")
    tree = tmp_path / "a b" / "tree"
    (tree / "disk").mkdir(parents=True)
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]; import git_par.files as files; from pathlib import Path\n"
        "tree = Path(sys.argv[2])\n"
        "print(files.mounts_below(tree), files.mounts_below(tree / 'other'))\n"
        "try: files.delete_tree(tree)\n"
        "except OSError as error: print(error)\n"
        "print((tree / 'disk' / 'precious').read_text())"
    )
    (tree / "other").mkdir()
    text = 'mount -t tmpfs none "$3/disk" && printf precious >"$3/disk/precious" && exec "$0" -c "$1" "$2" "$3"'
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [*mount, "sh", "-c", text, sys.executable, code, root, tree], capture_output=True, text=True, check=False
    )
    if "mount:" in done.stderr:
        pytest.skip("no privilege to mount")
    assert (done.stdout, done.stderr) == (
        f"['{tree}/disk'] []\n'disk' is another file system\nprecious\n",
        "",
    )


def test_walking_does_not_follow_links(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "up").symlink_to("..")
    seen = {
        str(where.relative_to(tree)): sorted(entry.name for entry in found)
        for where, found in files.walk_directories(tree)
    }
    assert seen == {".": ["sub"], "sub": ["up"]}
