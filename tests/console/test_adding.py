"""Adding assets: by address and by file, each in a row that says how far it is."""

import base64
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from spark_assets.client import Client
from tests.console.conftest import Check
from tests.console.made import make_file, make_project
from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.media import make_video

_DROP = """([name, type, text]) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, { type }));
    for (const kind of ["dragenter", "dragover", "drop"])
        document.getElementById("drop").dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
}"""
"""A file dropped on the page, as a desktop does it."""


def _rows(page: Page) -> Locator:
    return page.get_by_role("list", name="What is added").get_by_role("listitem")


def _open(page: Page, sdk: Client) -> tuple[str, str]:
    project = make_project(sdk)
    group = sdk.groups.create("Here", project=project).id
    page.goto(f"/console/add?project={project}")
    return project, group


def test_many_addresses_are_added_the_bad_one_says_why_and_what_to_do(
    page: Page, sdk: Client, shelf: Shelf, media: Path, check_accessible: Check
) -> None:
    project, group = _open(page, sdk)
    check_accessible(page)
    good = [shelf.put(f"/add-{number}.png", make_file(media)) for number in range(5)]
    film = shelf.put("/add-film.mp4", make_file(media, "mp4"))
    page.get_by_label("Addresses, one on each line").fill("\n".join([*good, film, shelf.origin.url("/none.jpg"), good[0]]))
    expect(_rows(page)).to_have_count(7)
    expect(_rows(page).nth(5).get_by_label("Type")).to_have_value("Video")
    _rows(page).nth(0).get_by_label("Name").fill("Named by hand")
    check_accessible(page)
    page.get_by_role("button", name="Add 7 assets").click()
    expect(page.locator("#summary")).to_have_text("6 of 7 done, 1 failed", timeout=20_000)
    bad = _rows(page).nth(6)
    expect(bad).to_contain_text("InvalidParameter.DownloadFailed")
    expect(bad).to_contain_text("Open the address in a browser")
    check_accessible(page)
    assert {one.name for one in sdk.assets.list(project=project, group_id=[group], status=["Active"])} == {
        "Named by hand", "add-1", "add-2", "add-3", "add-4", "add-film",
    }  # fmt: skip
    shelf.put("/none.jpg", make_file(media, "jpg"))
    bad.get_by_role("button", name="Try none.jpg again").click()
    expect(page.locator("#summary")).to_have_text("7 of 7 done", timeout=20_000)
    bad.get_by_role("link", name="Open").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("none")


def test_a_wrong_type_is_corrected_in_the_row(page: Page, sdk: Client, shelf: Shelf, media: Path) -> None:
    project, _ = _open(page, sdk)
    address = shelf.put("/what-is-it", make_file(media, "mp3"))
    page.get_by_label("Addresses, one on each line").fill(address)
    page.get_by_role("button", name="Add 1 asset").click()
    expect(_rows(page)).to_contain_text("Choose the type")
    _rows(page).get_by_label("Type").select_option("Image")
    page.get_by_role("button", name="Add 1 asset").click()
    expect(_rows(page)).to_contain_text("TypeMismatch")
    _rows(page).get_by_label("Type").select_option("Audio")
    _rows(page).get_by_role("button", name="Try what-is-it again").click()
    expect(page.locator("#summary")).to_have_text("1 of 1 done")
    assert [one.type for one in sdk.assets.list(project=project, status=["Active"])] == ["Audio"]


def test_files_are_dropped_or_chosen_into_a_new_group(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    project = make_project(sdk)
    page.goto(f"/console/add?project={project}")
    picture = make_file(media)
    page.evaluate(_DROP, ["dropped.png", "image/png", base64.b64encode(picture.read_bytes()).decode()])
    page.get_by_label("Choose files").set_input_files([make_file(media, "mp3")])
    expect(_rows(page)).to_have_count(2)
    page.get_by_role("button", name="Add 2 assets").click()
    dialog = page.get_by_role("dialog", name="New group")
    check_accessible(page)
    dialog.get_by_label("Name").fill("Made on the way")
    dialog.get_by_role("button", name="Make the group").click()
    expect(page.locator("#summary")).to_have_text("2 of 2 done", timeout=20_000)
    (group,) = sdk.groups.list(project=project)
    assert {(one.type, one.group_id) for one in sdk.assets.list(project=project)} == {("Image", group.id), ("Audio", group.id)}


def test_a_folder_is_dropped_or_chosen_with_the_media_that_lie_in_it(page: Page, sdk: Client, media: Path, check_accessible: Check) -> None:
    project, _ = _open(page, sdk)
    folder = media / "scenes"
    (folder / "deep").mkdir(parents=True)
    for place, kind in ((folder, "png"), (folder / "deep", "mp3")):
        make_file(place, kind)
    (folder / "notes.txt").write_text("not media")
    (folder / "nothing.png").touch()
    devtools = page.context.new_cdp_session(page)
    where = page.locator("#drop").bounding_box()
    assert where is not None
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": where["x"] + 20, "y": where["y"] + 20, "data": data})
    expect(_rows(page)).to_have_count(2)
    expect(page.get_by_text("Left out, since they are no media files by their endings or are empty: 2.")).to_be_visible()
    check_accessible(page)
    for row in reversed(_rows(page).all()):
        row.get_by_role("button", name="Remove").click()
    page.get_by_label("Choose a folder").set_input_files(folder)
    expect(_rows(page)).to_have_count(2)
    page.get_by_role("button", name="Add 2 assets").click()
    expect(page.locator("#summary")).to_have_text("2 of 2 done", timeout=20_000)
    assert {one.type for one in sdk.assets.list(project=project, status=["Active"])} == {"Image", "Audio"}


def test_an_upload_goes_on_where_a_broken_line_left_it(page: Page, sdk: Client, media: Path, complaints: list[str]) -> None:
    project, _ = _open(page, sdk)
    film = make_video(media / "long.mp4", seconds=4, codec="mpeg4", width=1280, height=720)
    with film.open("ab") as file:
        file.write(_padding(9 * 2**20))
    broken: list[int] = []

    def pass_or_break(route: Route) -> None:
        """The first slice comes through, the second meets a dead line, and then all is well."""
        offset = int(route.request.headers["upload-offset"])
        if offset and not broken:
            broken.append(offset)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/v1/uploads/tus/*", lambda route: pass_or_break(route) if route.request.method == "PATCH" else route.continue_())
    page.get_by_label("Choose files").set_input_files([film])
    page.get_by_role("button", name="Add 1 asset").click()
    expect(page.locator("#summary")).to_have_text("1 of 1 done", timeout=30_000)
    assert broken == [8 * 2**20]
    (made,) = sdk.assets.list(project=project)
    assert made.size == film.stat().st_size
    assert "ERR_CONNECTION_RESET" in complaints.pop()


def test_a_download_under_way_shows_its_progress_and_is_cancelled(page: Page, sdk: Client, shelf: Shelf, media: Path) -> None:
    project, _ = _open(page, sdk)
    address = shelf.behave("/endless.png", slowly(make_file(media).read_bytes(), 30, parts=60))
    page.get_by_label("Addresses, one on each line").fill(address)
    page.get_by_role("button", name="Add 1 asset").click()
    expect(_rows(page)).to_contain_text("fetching:")
    expect(_rows(page).get_by_role("progressbar")).to_be_visible()
    _rows(page).get_by_role("button", name="Cancel endless.png").click()
    expect(_rows(page)).to_contain_text("Cancelled")
    assert [one.status for one in sdk.tasks.list(project=project)] == ["failed"]


def _padding(size: int) -> bytes:
    """A box of MP4 that every reader passes over."""
    return size.to_bytes(4, "big") + b"free" + bytes(size - 8)
