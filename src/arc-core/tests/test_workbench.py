"""The workbench's files, from a folder that stands in for the built one."""

import pytest
from arc_core.web import workbench_routes
from starlette.applications import Starlette
from starlette.testclient import TestClient


@pytest.fixture
def client(tmp_path):
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<html>workbench")
    (dist / "favicon.svg").write_text("<svg/>")
    (dist / "assets" / "app-1a2b.js").write_text("run()")
    (tmp_path / "secret").write_text("secret")
    return TestClient(Starlette(routes=workbench_routes(dist)))


@pytest.mark.parametrize("path", ["/", "/traces/abc", "/traces/abc?span=1", "/any/where"])
def test_every_page_is_the_index(client, path):
    answer = client.get(path)

    assert answer.text == "<html>workbench"
    assert answer.headers["cache-control"] == "no-cache"


def test_assets_are_kept_for_ever_and_missing_ones_are_missing(client):
    assert client.get("/assets/app-1a2b.js").text == "run()"
    assert "immutable" in client.get("/assets/app-1a2b.js").headers["cache-control"]
    assert client.get("/assets/app-old.js").status_code == 404


@pytest.mark.parametrize("length", [300, 5000])
def test_a_path_longer_than_any_file_name_is_a_page_like_others(client, length):
    assert client.get("/" + "a" * length).text == "<html>workbench"
    assert client.get("/assets/" + "a" * length).status_code == 404


def test_other_files_are_served_as_what_they_are(client):
    assert client.get("/favicon.svg").headers["content-type"].startswith("image/svg+xml")


@pytest.mark.parametrize(
    "path", ["/..%2fsecret", "/assets/..%2f..%2fsecret", "/%2e%2e/secret", "/a%00b", "//etc/passwd"]
)
def test_nothing_outside_is_served(client, path):
    assert "secret" not in client.get(path).text
    assert "root:" not in client.get(path).text


def test_without_a_build_the_page_says_how_to_make_one(tmp_path):
    answer = TestClient(Starlette(routes=workbench_routes(tmp_path))).get("/")

    assert "make workbench" in answer.text
