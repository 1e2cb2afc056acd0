"""Two registries differ in what they say, not in how they are written."""

from __future__ import annotations

from infra.handles import diff, parse

BEFORE = """
* `A_B = "x"`
* `C_D`
* `E_F = 1`
* `G_H = {"a":1}`
* `OLD_ONE = true`
* `/fraud-platform/old`
"""


def test_added_removed_and_changed_handles_are_told_apart() -> None:
    after = (
        BEFORE.replace("* `C_D`", "* `C_D = 5`").replace("* `E_F = 1`", "* `E_F = 1.0`").replace("OLD_ONE", "NEW_ONE")
    )
    found = diff(parse(BEFORE, "a.md"), parse(after.replace("/old", "/new"), "b.md"))
    assert [handle.name for handle in found.added] == ["NEW_ONE"]
    assert [handle.name for handle in found.removed] == ["OLD_ONE"]
    assert [(change.before.name, change.before.form, change.after.value) for change in found.changed] == [
        ("C_D", "name only", 5),
        ("E_F", "integer", 1.0),
    ]
    assert (found.paths_added, found.paths_removed) == (("/fraud-platform/new",), ("/fraud-platform/old",))
    assert not found.empty


def test_prose_order_spacing_and_annotations_make_no_difference() -> None:
    lines = BEFORE.replace('{"a":1}', '{ "a": 1 }').replace('"x"`', '"x"` (repinned by hand)').splitlines()
    assert diff(parse(BEFORE, "a.md"), parse("\r\n".join(["# Title", *reversed(lines)]), "b.md")).empty


def test_another_flaw_of_an_open_handle_is_a_change() -> None:
    found = diff(parse('* `A_B = "TO_PIN"`', "a.md"), parse('* `A_B = ""`', "b.md"))
    assert [change.after.form for change in found.changed] == ["blank"]
