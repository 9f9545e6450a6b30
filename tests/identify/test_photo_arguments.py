"""Which photos arguments name: files, folders, patterns and lists of paths."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mineral_recog.errors import DataError
from mineral_recog.identify import photo_arguments
from mineral_recog.identify.photo_arguments import find_photos
from tests.conftest import write_photos


@pytest.fixture
def field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two photos in each of two folders."""
    for hue, name in enumerate(("agate", "石英")):
        write_photos(tmp_path / name, hue, 2)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def find(*arguments: str, standard_input: bytes = b"") -> list[str]:
    return [path.as_posix() for path in find_photos(arguments, lambda size: standard_input[:size])]


def test_files_folders_and_patterns_are_photos(field: Path) -> None:
    assert find("agate/0.png", "./agate/0.png") == ["agate/0.png"]
    assert find("agate") == ["agate/0.png", "agate/1.png"]
    assert find("*/0.png") == ["agate/0.png", "石英/0.png"]
    with pytest.raises(DataError, match=r"absent.*no photo there"):
        find("absent")


@pytest.mark.parametrize(
    "content",
    [
        "agate/0.png\n石英/1.png",
        "\ufeffagate/0.png\r\n\r\n   \r\n石英/1.png\r\n",
        "agate/0.png\0石英/1.png\0",
    ],
    ids=["plain", "BOM, CRLF and blank lines", "find -print0"],
)
def test_lists_have_a_path_per_line(field: Path, content: str) -> None:
    (field / "list.txt").write_bytes(content.encode())
    assert find("@list.txt") == ["agate/0.png", "石英/1.png"]
    assert find("-", standard_input=content.encode()) == ["agate/0.png", "石英/1.png"]
    both = find("agate/1.png", "@list.txt", "-", standard_input=content.encode())
    assert both == ["agate/1.png", "agate/0.png", "石英/1.png"]


def test_listed_paths_are_taken_as_they_are(field: Path) -> None:
    """Except folders, and photos that do not exist have a row that says so later."""
    lines = ["# a note", "absent.jpg", "*.png", "@list.txt", "-", "a" * 5000, "agate"]
    (field / "list.txt").write_text("\n".join(lines))
    assert find("@list.txt") == [*lines[:-1], "agate/0.png", "agate/1.png"]
    names = b"caf\xe9.png"
    assert find("-", standard_input=names) == ["caf\udce9.png"]


def test_list_is_relative_to_the_current_folder(field: Path) -> None:
    (field / "lists").mkdir()
    (field / "lists" / "list.txt").write_text("agate/0.png")
    assert find("@lists/list.txt") == ["agate/0.png"]
    (field / "lists" / "gbk.txt").write_bytes("玛瑙/1.png".encode("gbk"))
    assert find("@lists/gbk.txt") == ["玛瑙/1.png"]


def test_photo_whose_name_begins_like_a_list_is_given_with_its_folder(field: Path) -> None:
    for name in ("@x", "-"):
        shutil.copy(field / "agate" / "0.png", field / name)
        assert find(f"./{name}") == [name]


@pytest.mark.parametrize(
    ("argument", "content", "reason"),
    [
        ("@list.txt", b"", "the list has no path"),
        ("@list.txt", b"\xef\xbb\xbf\r\n \r\n", "the list has no path"),
        ("@list.txt", b"\xff\x00\xff", "encoding|UTF-8"),
        ("@list.txt", b"a" * 101, "larger than"),
        ("@absent.txt", b"", "absent.txt cannot be read"),
        ("@agate", b"", "agate cannot be read"),
        ("-", b"", "the list has no path"),
        ("-", b"a" * 101, "longer than"),
    ],
)
def test_unusable_list_is_reported(
    field: Path, monkeypatch: pytest.MonkeyPatch, argument: str, content: bytes, reason: str
) -> None:
    monkeypatch.setattr(photo_arguments, "MAX_LIST_BYTES", 100)
    (field / "list.txt").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        find(argument, standard_input=content)


def test_message_says_how_to_give_a_photo_named_like_a_list(field: Path) -> None:
    (field / "@stone.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"stone\.png cannot be read.*give \./@stone\.png"):
        find("@stone.png")
